"""The objects that a model is made of, and those among them that skops would not bring back."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType

import numpy as np

_ATOMS = frozenset({str, bytes, int, float, bool, complex, type(None)})
_LEAVES = (type, ModuleType, FunctionType, BuiltinFunctionType, np.generic, np.dtype)
_LOSSY_KEYS = frozenset({bool, np.bool_, type(None)})


def parts(model: object) -> Iterator[object]:
    """Yield ``model`` and every object that it refers to, each once, in no particular order."""
    # The garbage collector's view covers what an object keeps in slots and compiled fields, too.
    seen: set[int] = set()
    stack: list[object] = [model]
    while stack:
        part = stack.pop()
        if type(part) in _ATOMS or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, np.ndarray):
            if part.dtype == object:
                stack.extend(part.ravel().tolist())
        elif not isinstance(part, _LEAVES):
            stack.extend(gc.get_referents(part))


def unnamed_functions(model: object) -> set[str]:
    """Return the functions in ``model`` that an import by name does not bring back.

    Lambdas, functions inside functions, and those whose name now means something else; as
    ``module.name``, which is how skops would write them down.
    """
    return {
        f"{part.__module__}.{part.__name__}"
        for part in parts(model)
        if isinstance(part, FunctionType)
        and getattr(sys.modules.get(part.__module__), part.__name__, None) is not part
    }


def lossy_values(model: object) -> list[str]:
    """Return what in ``model`` skops would change without saying so, in words.

    Its schema is JSON: the keys of a dict become strings, and are converted back by calling their
    type; an instance of a subclass of int, float or str becomes the plain number or string.
    """
    found = []
    for part in parts(model):
        if isinstance(part, dict):
            types = {type(key) for key in part}
            if types & _LOSSY_KEYS:
                found.append(f"a dict with the keys {_some(part)}: True, False or None as a key")
            elif len(types) > 1 and len({str(key) for key in part}) < len(part):
                found.append(f"a dict with the keys {_some(part)}: a number and its own text")
        elif isinstance(part, (int, float, str)) and not isinstance(part, np.generic):
            found.append(f"{part!r}: a {type(part).__module__}.{type(part).__qualname__}")
    return found


def _some(keys: dict[object, object]) -> str:
    return ", ".join(repr(key) for key in list(keys)[:5])
