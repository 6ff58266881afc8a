"""Whether what was read back is what was written, to the bottom, and where it is not.

Two objects are equal if they have the same class and the same state, as the class itself gives it
away to `pickle`: attributes, slots, items, arguments of the constructor, the state of compiled
types. Arrays are compared by the bytes of their buffers, so that NaN and -0.0 count, without
copies. What was one object must be one object again, and what were two must be two.

Three things are not compared. Memory that is shared by *views* of arrays, since a view comes back
as an array of its own, in C order where it was not contiguous; contiguous arrays keep their order.
The sign and the payload of a NaN that is a plain float. The width of the indices of a sparse
matrix, which scipy chooses.
"""

from __future__ import annotations

import copyreg
import enum
import functools
import math
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any

import numpy as np
import scipy.sparse

from ..object_graph import ATOMS, FUNCTIONS, LEAVES

Place = tuple[Any, str] | None
"""A way through a model: where it went before, and its last step."""


@dataclass(frozen=True)
class Difference:
    """Where two objects differ, what was given there, and what it would be."""

    place: Place
    given: str
    again: str

    @property
    def path(self) -> str:
        """The place as Python would write it."""
        return path(self.place)


class _DiffersError(Exception):
    def __init__(self, given: str, again: str) -> None:
        super().__init__(given, again)
        self.given, self.again = given, again


def path(place: Place) -> str:
    """Return a place as Python would write it, such as ``model.steps[0][1]``."""
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    return "model" + "".join(reversed(steps))


def difference(given: object, again: object) -> Difference | None:
    """Return the first difference between two objects, or None where there is none."""
    twins: dict[int, object] = {}
    taken: dict[int, object] = {}
    kept: list[object] = []
    stack: list[tuple[Any, Any, Place]] = [(given, again, None)]
    while stack:
        one, other, place = stack.pop()
        if type(one) in ATOMS:
            if type(other) is type(one) and _same_atom(one, other):
                continue
            return Difference(place, describe(one), describe(other))
        try:
            if _alone(one, other):
                continue
            if id(one) in twins or id(other) in taken:
                if twins.get(id(one)) is not other or taken.get(id(other)) is not one:
                    raise _DiffersError("one object in several places", "several objects")
                continue
            twins[id(one)], taken[id(other)] = other, one
            # States are made for the comparison: their ids must not come again before it ends.
            kept += (one, other)
            inside = [(a, b, (place, step) if step else place) for a, b, step in _pairs(one, other)]
            # The last is taken first, and the first difference is what people look for.
            stack += reversed(inside)
        except _DiffersError as error:
            return Difference(place, error.given, error.again)
    return None


def describe(value: object) -> str:
    """Return a value in a few words, with its type."""
    if isinstance(value, np.ndarray):
        return f"a {_name(type(value))} of {value.dtype} and shape {value.shape}"
    if isinstance(value, dict):
        return f"a dict with the keys {', '.join(repr(key) for key in list(value)[:5])}"
    if isinstance(value, (type, *FUNCTIONS)):
        return f"{value.__module__}.{value.__name__}"
    if type(value) in ATOMS or isinstance(value, (list, tuple, np.generic, enum.Enum, slice)):
        return f"{reprlib.repr(value)} ({_name(type(value))})"
    return f"a {_name(type(value))}"


def members(value: object) -> Iterator[tuple[object, str]]:
    """Yield what a value is made of, each with the step that leads to it."""
    for part, _, step in _pairs(value, value):
        yield part, step


def _same_atom(one: Any, other: Any) -> bool:
    if isinstance(one, float):
        if math.isnan(one):
            return math.isnan(other)
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, complex):
        return _same_atom(one.real, other.real) and _same_atom(one.imag, other.imag)
    return bool(one == other)


def _alone(one: Any, other: Any) -> bool:
    """Compare what has no parts; return whether it was that."""
    if type(one) is not type(other):
        raise _DiffersError(describe(one), describe(other))
    if isinstance(one, np.generic):
        if one.dtype != other.dtype or one.tobytes() != other.tobytes():
            raise _DiffersError(describe(one), describe(other))
        return True
    if isinstance(one, np.dtype):
        if one != other or one.metadata != other.metadata:
            raise _DiffersError(f"{one!r} with metadata {one.metadata}", repr(other))
        return True
    if isinstance(one, (*LEAVES, enum.Enum)):
        if one is not other:
            raise _DiffersError(describe(one), "another of that name")
        return True
    return one is other


def _pairs(one: Any, other: Any) -> Iterator[tuple[Any, Any, str]]:
    """Yield the parts of two objects of the same class; raise where one has what one lacks."""
    if isinstance(one, np.ndarray):
        yield from _arrays(one, other)
    elif isinstance(one, (scipy.sparse.spmatrix, scipy.sparse.sparray)):
        yield from _sparse(one, other)
    elif isinstance(one, np.random.RandomState):
        # What seeded it is not part of its state, though pickle keeps it.
        yield one.get_state(legacy=False), other.get_state(legacy=False), ".get_state()"
    elif isinstance(one, slice):
        for field in ("start", "stop", "step"):
            yield getattr(one, field), getattr(other, field), f".{field}"
    elif type(one) is functools.partial:
        for field in ("func", "args", "keywords", "__dict__"):
            yield getattr(one, field), getattr(other, field), f".{field}"
    elif isinstance(one, MethodType):
        yield one.__func__, other.__func__, ".__func__"
        yield one.__self__, other.__self__, ".__self__"
    elif type(one) is dict:
        yield from _dicts(one, other)
    elif type(one) in (list, tuple):
        yield from _sequences(one, other)
    elif isinstance(one, (set, frozenset)):
        yield from _sets(one, other)
        if type(one) not in (set, frozenset):
            yield getattr(one, "__dict__", None), getattr(other, "__dict__", None), ".__dict__"
    elif type(one) is bytearray:
        if one != other:
            raise _DiffersError(describe(one), describe(other))
    else:
        yield from _states(one, other)


def _sequences(one: Any, other: Any) -> Iterator[tuple[Any, Any, str]]:
    if len(one) != len(other):
        raise _DiffersError(f"{len(one)} items", f"{len(other)} items")
    for number, (a, b) in enumerate(zip(one, other, strict=True)):
        # Most are: nothing to remember, no string to make.
        if not (type(a) is str and type(b) is str and a == b):
            yield a, b, f"[{number}]"


def _dicts(one: Any, other: Any, attributes: bool = False) -> Iterator[tuple[Any, Any, str]]:
    kinds, others = [type(key) for key in one], [type(key) for key in other]
    same = kinds == others and all(
        _same_atom(a, b) if type(a) in ATOMS else a == b for a, b in zip(one, other, strict=True)
    )
    if not same:
        raise _DiffersError(describe(one), describe(other))
    for (key, a), b in zip(one.items(), other.values(), strict=True):
        if not (type(a) is int and type(b) is int and a == b):
            named = attributes and isinstance(key, str) and key.isidentifier()
            yield a, b, f".{key}" if named else f"[{key!r}]"


def _sets(one: Any, other: Any) -> Iterator[tuple[Any, Any, str]]:
    # A NaN is in no set but by its identity.
    mine = [item for item in one if item == item]
    twins = {(type(item), item): item for item in other if item == item}
    lost = [item for item in mine if (type(item), item) not in twins]
    if lost or len(one) != len(other) or len(mine) != len(twins):
        raise _DiffersError(describe(one), describe(other))
    for item in mine:
        if type(item) not in ATOMS:
            yield item, twins[type(item), item], f"{{{reprlib.repr(item)}}}"


def _arrays(one: Any, other: Any) -> Iterator[tuple[Any, Any, str]]:
    if one.dtype != other.dtype or one.shape != other.shape:
        raise _DiffersError(describe(one), describe(other))
    if one.dtype.metadata != other.dtype.metadata:
        raise _DiffersError(f"dtype metadata {one.dtype.metadata}", f"{other.dtype.metadata}")
    if one.flags.f_contiguous and not (one.flags.c_contiguous or other.flags.f_contiguous):
        raise _DiffersError("an array in Fortran order", "one in C order")
    if isinstance(one, np.ma.MaskedArray):
        yield np.asarray(one.data), np.asarray(other.data), ".data"
        yield np.ma.getmaskarray(one), np.ma.getmaskarray(other), ".mask"
        yield one.fill_value, other.fill_value, ".fill_value"
        yield one.hardmask, other.hardmask, ".hardmask"
        return
    mine, others = one.view(np.ndarray), other.view(np.ndarray)
    if one.dtype.hasobject:
        for place, a, b in zip(np.ndindex(one.shape), mine.flat, others.flat, strict=True):
            if not (type(a) is str and type(b) is str and a == b):
                yield a, b, f"[{', '.join(map(str, place))}]"
    elif not _same_bits(mine, others):
        raise _DiffersError(describe(one), "one with other values")
    if type(one) is not np.ndarray:
        yield getattr(one, "__dict__", {}), getattr(other, "__dict__", {}), ".__dict__"


def _same_bits(one: Any, other: Any) -> bool:
    if one.nbytes == 0 or np.array_equal(_bits(one), _bits(other)):
        return True
    # The bytes between the fields of a record say nothing, and need not come back.
    return one.dtype.names is not None and all(
        _same_bits(one[name], other[name]) for name in one.dtype.names
    )


def _bits(array: Any) -> Any:
    contiguous = np.ascontiguousarray(array.T if array.flags.f_contiguous else array)
    return contiguous.reshape(-1).view(np.uint8)


def _sparse(one: Any, other: Any) -> Iterator[tuple[Any, Any, str]]:
    if one.format != other.format or one.shape != other.shape:
        raise _DiffersError(describe(one), describe(other))
    yield one.data, other.data, ".data"
    for field in ("indices", "indptr", "row", "col", "offsets"):
        if hasattr(one, field) and not np.array_equal(getattr(one, field), getattr(other, field)):
            raise _DiffersError(describe(one), "one with its values at other places")


def _states(one: Any, other: Any) -> Iterator[tuple[Any, Any, str]]:
    mine, others = _reduced(one), _reduced(other)
    if isinstance(mine, str):
        # It is known by its name, and there is no other of it: pandas.NA, for one.
        raise _DiffersError(f"{mine}, which there is once", "another of that type")
    if mine[0] is not others[0] or len(mine) != len(others):
        raise _DiffersError(describe(one), describe(other))
    # The class itself, which is the same, is the first argument of most.
    arguments = 1 if mine[0] is copyreg.__newobj__ else 0  # type: ignore[attr-defined]
    if len(mine[1]) > arguments or len(others[1]) > arguments:
        yield mine[1][arguments:], others[1][arguments:], ".__reduce__()[1]"
    for number, (a, b) in enumerate(zip(mine[2:], others[2:], strict=True)):
        if (a is None) != (b is None):
            raise _DiffersError(f"state {describe(a)}", f"state {describe(b)}")
        if number == 0:
            yield from _state(a, b)
        elif number == 1 and a is not None:
            yield from _sequences(list(a), list(b))
        elif number == 2 and a is not None:
            yield from _dicts(dict(a), dict(b))


def _state(one: Any, other: Any) -> Iterator[tuple[Any, Any, str]]:
    if type(one) is dict and type(other) is dict:
        yield from _dicts(one, other, attributes=True)
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) == 2:
        # The attributes and the slots, where a class has both.
        yield from _state(one[0], other[0])
        yield from _state(one[1], other[1])
    else:
        yield one, other, ".__getstate__()"


def _reduced(value: Any) -> Any:
    reduce = copyreg.dispatch_table.get(type(value))
    try:
        return reduce(value) if reduce is not None else value.__reduce_ex__(4)
    except Exception as error:
        # Objects raise here what they like.
        raise _DiffersError(describe(value), f"nothing that can be compared ({error})") from error


def _name(cls: type) -> str:
    return cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
