"""The objects that a model is made of."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType

import numpy as np

ATOMS = frozenset({str, bytes, int, float, bool, complex, type(None)})
"""The types of what has no parts and no identity."""

FUNCTIONS = (FunctionType, BuiltinFunctionType, np.ufunc, type(np.mean))
"""The types of functions; numpy has two of its own."""

LEAVES = (type, ModuleType, *FUNCTIONS)
"""The types of what is known by its name, and is not looked into."""


def parts(model: object) -> Iterator[object]:
    """Yield ``model`` and every object that it refers to, each once, in no particular order."""
    # The garbage collector's view covers what an object keeps in slots and compiled fields, too.
    seen: set[int] = set()
    stack: list[object] = [model]
    while stack:
        part = stack.pop()
        if type(part) in ATOMS or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, np.ndarray):
            if part.dtype == object:
                # Of the whole array: what a mask hides is there as well.
                stack.extend(part.view(np.ndarray).ravel().tolist())
            stack.append(getattr(part, "__dict__", None))
        elif not isinstance(part, (*LEAVES, np.generic, np.dtype)):
            stack.extend(gc.get_referents(part))
