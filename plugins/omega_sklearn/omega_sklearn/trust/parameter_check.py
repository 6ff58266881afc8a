"""What the attributes of a stored estimator may say: a grammar of values, beside that of types.

Trusted classes still do what their parameters tell them, long after loading: a `Pipeline` with a
``memory`` writes files and unpickles those that it finds, a `CountVectorizer` whose ``input`` is
``"filename"`` opens what the data name. And an attribute need not come from a constructor: one that
a payload adds can stand in front of a method, or be handed on as a parameter. Therefore

- a parameter that names a file, a module, a method or an expression has a rule (`RULES`), wherever
  an attribute of that name is found, and wherever a grid of a search would set it;
- a function may be the value of those attributes only whose purpose it is (`FUNCTIONS_AT`);
- no attribute stands in front of a method of its class, or has a double underscore in its name;
- a parameter that nobody has looked at (`reviewed_parameters`) has its default.

Other classes are here by the reader's own ``trusted_types`` alone, and are the reader's: only the
parameters that they inherit from scikit-learn are held to the rules. So are other functions.
"""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Collection, Iterator
from types import MethodType, ModuleType
from typing import Any

import numpy as np
import scipy.interpolate
from scipy.interpolate import BSpline
from sklearn.utils import Bunch

from ..object_graph import ATOMS, LEAVES, parts
from .parameter_rules import DTYPE, GRIDS, KEYWORDS, ONLY_READ, RULES, may_call
from .reviewed_parameters import REVIEWED

_NUMBERS = (bool, int, float)

# Since scipy 1.18 a BSpline holds one of another class, which does the work.
SPLINES = (BSpline, getattr(scipy.interpolate._bsplines, "_BSpline", BSpline))


class ParameterError(Exception):
    """Says which value of which estimator is refused, why, and what to do."""


def check(model: object, own: Collection[str]) -> None:
    """Raise `ParameterError` where an attribute of ``model`` says what it must not.

    Parameters
    ----------
    own
        The names that the reader trusts beyond those of this package.
    """
    for part in parts(model):
        check_part(part, own)


def check_part(part: object, own: Collection[str]) -> None:
    """Raise `ParameterError` where an attribute of this one object says what it must not."""
    cls: Any = type(part)
    if isinstance(part, Bunch):
        # Its keys are attributes, whatever its values are.
        for key, value in part.items():
            _check_functions(cls, str(key), value, own)
    if isinstance(part, LEAVES) or not isinstance(getattr(part, "__dict__", None), dict):
        return
    attributes = vars(part)
    if not (cls.__module__.startswith("sklearn.") or cls in SPLINES):
        for name in _inherited(cls).intersection(attributes):
            _check_value(cls, name, attributes[name], own)
        return
    for name, value in attributes.items():
        _check_name(cls, name)
        _check_value(cls, name, value, own)
        _check_functions(cls, name, value, own)
    for name in _parameters(cls).keys() - REVIEWED.get(cls.__name__, frozenset()):
        if name in attributes and not _is_default(attributes[name], _parameters(cls)[name]):
            raise _refusal(
                cls, name, attributes[name], "at its default", "nobody has looked at what it does"
            )


def _check_name(cls: type, name: Any) -> None:
    if not isinstance(name, str) or ("__" in name and not _is_private(cls, name)):
        raise ParameterError(
            f"has an attribute {name!r} at a {cls.__name__}, which scikit-learn does not write. "
            "Remove it, or fit the model again."
        )
    before = inspect.getattr_static(cls, name, None)
    # A property is asked before the attribute; a plain number is there to be replaced.
    if before is not None and not hasattr(before, "__set__") and type(before) not in _NUMBERS:
        raise ParameterError(
            f"has an attribute {name!r} at a {cls.__name__}, in front of the one of its class. "
            "Remove it, or derive a class and trust that by [security] trusted_types."
        )


def _is_private(cls: type, name: str) -> bool:
    """Return whether this is how Python writes ``self.__name`` in the code of the class."""
    owners = (base.__name__.lstrip("_") for base in cls.__mro__)
    return not name.endswith("__") and any(name.startswith(f"_{owner}__") for owner in owners)


def _check_value(cls: type, name: str, value: Any, own: Collection[str]) -> None:
    rule = RULES.get(name)
    if rule is not None and not rule.holds(value):
        raise _refusal(cls, name, value, rule.allowed, rule.why)
    if name in GRIDS:
        for parameter, candidates in _settings(cls, name, value):
            last = str(parameter).rpartition("__")[2]
            if last in RULES or last in GRIDS:
                # Of anything else that has items, scikit-learn would take them as well.
                if not isinstance(candidates, (list, tuple, np.ndarray)):
                    raise _refusal(
                        *(cls, name, value, "lists of values"), f"it sets the {last} of another"
                    )
                if isinstance(candidates, np.ndarray):
                    # Of the whole array: what a mask hides is there as well.
                    candidates = candidates.view(np.ndarray).ravel().tolist()
                for candidate in candidates:
                    _check_value(cls, last, candidate, own)
            _check_functions(cls, last, candidates, own)
    elif name in KEYWORDS and isinstance(value, dict) and not DTYPE.holds(value.get("dtype")):
        raise _refusal(cls, name, value, "one whose dtype has a plain name", DTYPE.why)


def _check_functions(cls: type, name: str, value: Any, own: Collection[str]) -> None:
    if name in GRIDS or name in ONLY_READ:
        return
    if cls is BSpline and isinstance(value, ModuleType) and name in ("_xp", "_xp_internal"):
        return  # no part of what is stored: scipy finds it anew by the type of the knots
    for leaf in _leaves(value):
        # Nothing but the reader's own list brings a method in.
        if not isinstance(leaf, MethodType) and _name(leaf) not in own and not may_call(name, leaf):
            raise ParameterError(
                f"holds a {cls.__name__} whose {name} is {_name(leaf)}, and could call it: that is "
                "neither stored nor read. Call it in a function of a module of your own, and trust "
                "that function by [security] trusted_types."
            )


def _refusal(cls: type, name: str, value: Any, allowed: str, why: str) -> ParameterError:
    shown = repr(value)
    if len(shown) > 100:
        shown = f"{shown[:100]}..."
    remedy = (
        f"Use set_params({name}=...) before the put; who gets the model can set it again."
        if name in _parameters(cls)
        else "Change it, or fit the model again."
    )
    return ParameterError(
        f"holds {cls.__name__}({name}={shown}), which is neither stored nor read: {name} must be "
        f"{allowed}, since {why}. {remedy}"
    )


def _leaves(value: Any) -> Iterator[Any]:
    """Yield the functions, methods and classes in a value, looking into containers alone."""
    stack, seen = [value], set()
    while stack:
        item = stack.pop()
        if isinstance(item, (*LEAVES, MethodType)):
            yield item
            continue
        if isinstance(item, functools.partial):
            inside: Any = (item.func, item.args, item.keywords, vars(item))
        elif isinstance(item, dict):
            inside = item.values()
        elif isinstance(item, (list, tuple, set, frozenset, deque)):
            inside = item
        elif isinstance(item, np.ndarray) and item.dtype.hasobject:
            inside = item.view(np.ndarray).ravel().tolist()
        else:
            continue
        # Most containers are of numbers or strings, and are long.
        if id(item) not in seen and not ATOMS.issuperset(map(type, inside)):
            seen.add(id(item))
            stack.extend(inside)


def _settings(cls: type, name: str, grid: Any) -> Iterator[tuple[Any, Any]]:
    for settings in grid if isinstance(grid, (list, tuple)) else [grid]:
        if not isinstance(settings, dict):
            raise _refusal(cls, name, grid, "a dict or a list of dicts", "it sets parameters")
        yield from settings.items()


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (
        type(value) is type(default) and type(value) in ATOMS and bool(value == default)
    )


@functools.cache
def _parameters(cls: type) -> dict[str, Any]:
    """Return the parameters of a class of scikit-learn, with their defaults."""
    if not cls.__module__.startswith("sklearn."):
        return {}
    try:
        signature = inspect.signature(cls)
    except ValueError:
        # Compiled: it has no attributes of its own.
        return {}
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {p.name: p.default for p in signature.parameters.values() if p.kind not in kinds}


@functools.cache
def _inherited(cls: type) -> frozenset[str]:
    """Return the names of the parameters that a class has from scikit-learn."""
    return frozenset(name for base in cls.__mro__ for name in _parameters(base))


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', None)}.{getattr(value, '__name__', None)}"
