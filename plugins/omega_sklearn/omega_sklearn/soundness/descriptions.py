"""How the contents of an object are described: one short line for each attribute.

``float64[vectors, n_features_in_]``
    An array of exactly this dtype and this shape. ``int``, ``float`` and ``number`` stand for any
    dtype of the kind, ``a|b`` for either.
``int32[classes] 0..``, ``int[rows] 0..len(classes_)``
    The same, whose values lie in this range, without its end.
``int 1..``
    A number by itself.
``csr:float64[vectors, n_features_in_]``
    A sparse array or matrix of this layout.
``?``
    In front of any of these: or None, or absent.

A length is a number, a name, ``len(name)`` or ``sum(name)``, or a sum, difference or product of
those. A name is an attribute of the object that holds an integer; any other name stands for the
length that is found where it is first used, and must be the same wherever it is used again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

Description = Mapping[str, str]
"""What each attribute of an object must be."""

Descriptions = Mapping[type, Description | Callable[[Any], Description]]
"""What the objects of each class must be; of some, it depends on the object."""

Checks = tuple[tuple[type | tuple[type, ...], Callable[[Any], None]], ...]
"""What else holds for the objects of some classes."""

_KINDS = {"int": "iu", "float": "f", "number": "iufb", "bool": "b", "any": "iufbcOSUmMV"}
_FORM = re.compile(
    r"(?P<optional>\?)?(?:(?P<layout>\w+):)?(?P<dtypes>[\w|]+)"
    r"(?:\[(?P<shape>.+)\])?(?: (?P<low>-?\d+)\.\.(?P<high>.*))?"
)


class UnsoundError(Exception):
    """Says which part of a model does not fit together, and how."""


class UndescribedError(UnsoundError):
    """Says which honest use of an estimator cannot be told from a crafted one, and the remedy."""


def require(holds: bool, problem: str) -> None:
    """Raise `UnsoundError` with ``problem`` unless it holds."""
    if not holds:
        raise UnsoundError(problem)


class _Form(NamedTuple):
    text: str
    optional: bool
    layout: str | None
    dtypes: tuple[str, ...]
    shape: tuple[ast.expr, ...] | None
    low: int | None
    high: ast.expr | None


def match(part: Any, description: Description) -> None:
    """Raise `UnsoundError` where the attributes of ``part`` are not as they are described.

    An object that has none of them is taken for one that has not been fitted.
    """
    own = vars(part)
    forms = {name: _form(text) for name, text in description.items()}
    if not any(name in own for name, form in forms.items() if not form.optional):
        return
    what = type(part).__name__
    lengths: dict[str, int] = {}
    for name, form in forms.items():
        value = own.get(name)
        if value is None and form.optional:
            continue
        require(name in own, f"a {what} without {name}")
        _match(value, form, _Scope(own, lengths), f"{name} of a {what}")


def is_integer(value: object) -> bool:
    """Return whether this is an integer, and neither a bool nor an array."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))


class _Scope:
    """What the names in a description mean."""

    def __init__(self, own: Mapping[str, Any], lengths: dict[str, int]) -> None:
        self.own = own
        self.lengths = lengths

    def value(self, expression: ast.expr, found: int | None = None) -> int:
        """Return what an expression comes to; ``found`` is what a new name is to stand for."""
        match expression:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name) if name in self.lengths:
                return self.lengths[name]
            case ast.Name(id=name) if is_integer(self.own.get(name)):
                return int(self.own[name])
            case ast.Name(id=name) if found is not None:
                return self.lengths.setdefault(name, found)
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]):
                return len(self.own[name])
            case ast.Call(func=ast.Name(id="sum"), args=[ast.Name(id=name)]):
                return sum(np.asarray(self.own[name]).tolist())
            case ast.BinOp(left=left, op=operator, right=right):
                return _OPERATORS[type(operator)](self.value(left), self.value(right))
        raise UnsoundError(f"there is no {ast.unparse(expression)}")


_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.FloorDiv: lambda left, right: left // right,
}


@cache
def _form(text: str) -> _Form:
    found = _FORM.fullmatch(text)
    assert found is not None, text
    shape, low, high = found["shape"], found["low"], found["high"]
    return _Form(
        text,
        found["optional"] is not None,
        found["layout"],
        tuple(found["dtypes"].split("|")),
        None if shape is None else tuple(map(_expression, shape.split(", "))),
        None if low is None else int(low),
        _expression(high) if high else None,
    )


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _match(value: Any, form: _Form, scope: _Scope, where: str) -> None:
    problem = f"{where} is not {form.text.removeprefix('?')}"
    if form.shape is None:
        scalar = isinstance(value, (bool, int, float, np.generic))
        require(scalar and _is_of(np.dtype(type(value)), form.dtypes), problem)
        content = np.asarray(value)
    elif form.layout is not None:
        require(scipy.sparse.issparse(value) and value.format == form.layout, problem)
        content = value.data
    else:
        # Exactly: a mask or a subclass has ways of its own to index.
        require(type(value) is np.ndarray, problem)
        content = value
    if form.shape is not None:
        require(_is_of(value.dtype, form.dtypes) and value.ndim == len(form.shape), problem)
        lengths = [scope.value(e, n) for e, n in zip(form.shape, value.shape, strict=True)]
        require(lengths == list(value.shape), f"{problem}: it is {value.dtype}{list(value.shape)}")
    if form.low is not None and content.size:
        low, high = content.min(), content.max()
        # Written so that a NaN is outside of any range.
        require(bool(low >= form.low), problem)
        require(form.high is None or bool(high < scope.value(form.high)), problem)


def _is_of(dtype: np.dtype[Any], names: tuple[str, ...]) -> bool:
    return any(
        dtype.kind in _KINDS[name] if name in _KINDS else dtype == np.dtype(name) for name in names
    )
