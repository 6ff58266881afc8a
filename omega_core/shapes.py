"""Shapes: what a stored document has to look like, said once, and where it does not.

A reader that knows the shape of what it reads needs no guesses behind it. A backend says what its
``kind_meta`` looks like; see `omega_core.BaseDataBackend.misshapen`.

Examples
--------
>>> rows = fields({"rows": integer(), "batches": each(fields({"gen": text()}))})
>>> rows({"rows": 3, "batches": [{"gen": 7}]}, "kind_meta")
"kind_meta['batches'][0]['gen'] is 7, and should be a text"
"""

from __future__ import annotations

import datetime as dt
import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any, str], str | None]
"""Takes a value and where it is; returns what is wrong with it, or None."""

LARGEST = 2**53
"""What counts things stays below: a double of another tool holds it exactly."""


def _is(accepts: Callable[[Any], bool], wanted: str) -> Shape:
    def shape(value: Any, where: str) -> str | None:
        if accepts(value):
            return None
        return f"{where} is {reprlib.repr(value)}, and should be {wanted}"

    return shape


anything: Shape = _is(lambda value: True, "anything")
nothing: Shape = _is(lambda value: value is None, "None")
flag: Shape = _is(lambda value: type(value) is bool, "true or false")
binary: Shape = _is(lambda value: type(value) is bytes, "bytes")
moment: Shape = _is(lambda value: isinstance(value, dt.datetime), "a time")


def integer(least: int = 0, most: int = LARGEST) -> Shape:
    """A whole number in a range, both ends included."""
    wanted = f"a whole number from {least}" + (f" to {most}" if most != LARGEST else "")
    return _is(lambda value: type(value) is int and least <= value <= most, wanted)


def text(pattern: str | None = None) -> Shape:
    """A string, which a regular expression matches as a whole where one is given."""
    if pattern is None:
        return _is(lambda value: type(value) is str, "a text")
    whole = re.compile(pattern)
    wanted = f"a text like {pattern}"
    return _is(lambda value: type(value) is str and whole.fullmatch(value) is not None, wanted)


DIGEST: Shape = text("[0-9a-f]{64}")
GENERATION: Shape = text("[0-9a-f]{32}")


def one_of(*values: Any) -> Shape:
    """One of some values, of the same type."""
    wanted = " or ".join(map(repr, values))
    return _is(lambda value: any(type(v) is type(value) and v == value for v in values), wanted)


def either(*shapes: Shape) -> Shape:
    """Whatever has one of the shapes; the fault is told by the last."""

    def shape(value: Any, where: str) -> str | None:
        fault = None
        for each_shape in shapes:
            fault = each_shape(value, where)
            if fault is None:
                return None
        return fault

    return shape


def each(item: Shape, least: int = 0) -> Shape:
    """A list of at least so many items, each of the shape."""
    is_list = _is(
        lambda value: isinstance(value, list) and len(value) >= least,
        f"a list of {least} or more" if least else "a list",
    )

    def shape(value: Any, where: str) -> str | None:
        fault = is_list(value, where)
        if fault is not None:
            return fault
        faults = (item(part, f"{where}[{number}]") for number, part in enumerate(value))
        return next((fault for fault in faults if fault is not None), None)

    return shape


def pair(first: Shape, second: Shape) -> Shape:
    """A list of two."""
    is_pair = _is(lambda value: isinstance(value, list) and len(value) == 2, "a list of two")

    def shape(value: Any, where: str) -> str | None:
        return (
            is_pair(value, where)
            or first(value[0], f"{where}[0]")
            or second(value[1], f"{where}[1]")
        )

    return shape


def mapping(item: Shape = anything) -> Shape:
    """A document of any keys, of which each value has the shape."""
    is_mapping = _is(lambda value: isinstance(value, dict), "a document")

    def shape(value: Any, where: str) -> str | None:
        fault = is_mapping(value, where)
        if fault is not None:
            return fault
        faults = (item(part, f"{where}[{key!r}]") for key, part in value.items())
        return next((fault for fault in faults if fault is not None), None)

    return shape


def fields(
    required: Mapping[str, Shape],
    optional: Mapping[str, Shape] | None = None,
    *,
    only: bool = False,
) -> Shape:
    """A document with some keys.

    Parameters
    ----------
    only
        Other keys are a fault. Otherwise they are a later version's, and left alone.
    """
    known = {**required, **(optional or {})}
    is_mapping = mapping()

    def shape(value: Any, where: str) -> str | None:
        fault = is_mapping(value, where)
        if fault is not None:
            return fault
        missing = next((key for key in required if key not in value), None)
        if missing is not None:
            return f"{where}[{missing!r}] is missing" if where else f"{missing} is missing"
        for key, part in value.items():
            place = f"{where}[{key!r}]" if where else key
            if key not in known and only:
                return f"{place} is unknown"
            fault = known.get(key, anything)(part, place)
            if fault is not None:
                return fault
        return None

    return shape


CHECKSUM: Shape = fields({"length": integer(), "sha256": DIGEST})
"""The ``integrity`` of whatever was written with ``create_file``."""
