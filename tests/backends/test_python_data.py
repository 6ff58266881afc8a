"""`python.data`: whatever is stored comes back equal, with every type."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import math
import uuid
import zoneinfo
from typing import Any, NamedTuple

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import Omega
from omega_core.errors import IntegrityError, NoBackendError, UnsupportedValueError


def same(a: Any, b: Any) -> bool:
    """Equal, and of the same types all the way down; NaN is itself, and -0.0 is not 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (
            a == b and math.copysign(1, a) == math.copysign(1, b)
        )
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, set | frozenset):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    if isinstance(a, decimal.Decimal):
        return a.as_tuple() == b.as_tuple()
    if isinstance(a, dt.datetime | dt.time):
        return (a.replace(tzinfo=None), a.fold, repr(a.tzinfo)) == (
            b.replace(tzinfo=None),
            b.fold,
            repr(b.tzinfo),
        )
    return bool(a == b)


zones = st.none() | st.sampled_from(
    [
        dt.UTC,
        dt.timezone(dt.timedelta(hours=5, minutes=45)),
        dt.timezone(dt.timedelta(seconds=-1), "odd"),
        zoneinfo.ZoneInfo("Europe/Berlin"),
        zoneinfo.ZoneInfo("America/New_York"),
    ]
)
hashables = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.dates()
    | st.datetimes(timezones=zones, allow_imaginary=True)
    | st.timedeltas(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
values = st.recursive(
    hashables
    | st.floats()
    | st.complex_numbers()
    | st.decimals()
    | st.times(timezones=zones)
    | st.builds(bytearray, st.binary()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(hashables, max_size=3)
    ),
    max_leaves=20,
)


@settings(max_examples=200)
@given(value=values)
def test_any_nesting_comes_back_the_same(om: Omega, value: Any) -> None:
    om.datasets.put(value, "x", kind="python.data")
    assert same(om.datasets.get("x"), value)


@pytest.mark.parametrize(
    "value",
    [
        {"$where": 1, "a.b": 2, "": 3, "x\0y": 4, 5: 6, None: 7, (1, 2): 8},
        {"$tuple": [1, 2]},
        {"$dict": [["a", 1]]},
        2**63,
        -(2**63) - 1,
        True,
        1.0,
        float("nan"),
        -0.0,
        dt.datetime(2020, 1, 1, 0, 0, 0, 1),
        dt.datetime(1, 1, 1),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
        decimal.Decimal("1." + "3" * 60),
        decimal.Decimal("sNaN123"),
        "\ud800 lone",
        uuid.UUID(int=5),
        {"nested": b"bytes"},
    ],
    ids=repr,
)
def test_what_bson_lacks_comes_back_the_same(om: Omega, value: Any) -> None:
    om.datasets.put(value, "x")
    assert same(om.datasets.get("x"), value)


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {1: v}, lambda v: (v,)])
def test_the_deepest_nesting_that_is_taken_is_stored(om: Omega, wrap: Any) -> None:
    value: Any = 1
    for _ in range(40):
        value = wrap(value)
    om.datasets.put(value, "x")
    assert om.datasets.get("x") == value
    with pytest.raises(UnsupportedValueError, match="nested more than 40 levels"):
        om.datasets.put(wrap(value), "y")
    assert om.datasets.list() == ["x"]


def test_what_contains_itself_is_refused(om: Omega) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(UnsupportedValueError, match="contains itself"):
        om.datasets.put(loop, "x")
    assert not om.datasets.exists("x")


class Colour(enum.IntEnum):
    RED = 1


class Point(NamedTuple):
    x: int


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [0, Colour.RED]}, "the object['a'][1] is a"),
        ({"a": {"b": Point(1)}}, "the object['a']['b'] is a"),
        ([object()], "the object[0] is a builtins.object"),
        ({"f": len}, "the object['f'] is a builtins.builtin_function_or_method"),
        ([collections.OrderedDict()], "the object[0] is a collections.OrderedDict"),
        ({(Colour.RED,): 1}, "is a"),
    ],
)
def test_what_would_come_back_as_something_else_is_refused_with_its_path(
    om: Omega, value: Any, path: str
) -> None:
    with pytest.raises(UnsupportedValueError) as caught:
        om.datasets.put(value, "x")
    assert path in str(caught.value)
    assert not om.datasets.exists("x")
    assert om.database.metadata.count_documents({}) == 0


def test_a_subclass_is_refused_rather_than_stored_as_its_base(om: Omega) -> None:
    with pytest.raises((NoBackendError, UnsupportedValueError), match="OrderedDict"):
        om.datasets.put(collections.OrderedDict(a=1), "x")


def test_data_above_the_limit_of_a_document_is_a_file(om: Omega) -> None:
    value = {"blob": "x" * 9_000_000, "n": list(range(10))}
    meta = om.datasets.put(value, "big")
    assert meta.gridfile is not None
    assert om.datasets.get("big") == value


def test_damaged_data_is_an_error_that_names_object_and_version(om: Omega) -> None:
    om.datasets.put({"price": 10}, "x")
    another = bson.encode({"value": {"price": 99}})
    om.database.metadata.update_one({}, {"$set": {"inline": another}})
    with pytest.raises(IntegrityError, match=r"data/'x' in bucket 'default', version 1"):
        om.datasets.get("x")
    om.database.metadata.update_one({}, {"$unset": {"inline": ""}})
    with pytest.raises(IntegrityError, match="its document is missing"):
        om.datasets.get("x")


def test_an_unknown_tag_is_an_error_and_runs_nothing(om: Omega) -> None:
    from omega_core.faithful import decode

    with pytest.raises(IntegrityError, match=r"unknown tag '\$import'"):
        decode({"$import": ["os"]})
