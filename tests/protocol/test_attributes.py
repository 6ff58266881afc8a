"""Attributes come back as they were given, to the type, or are refused before all else."""

from __future__ import annotations

import datetime as dt
import enum
import re
import uuid
import zoneinfo
from collections import OrderedDict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from bson import ObjectId, Regex
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import Omega
from omega_core.errors import ConflictError, UnsupportedValueError


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 1


class Point(NamedTuple):
    x: int
    y: int


class Name(str):
    __slots__ = ()


EXACT = {
    "text": "ann",
    "odd text": "\ud800",
    "number": 3,
    "large": 2**70,
    "int64": 2**63 - 1,
    "float": 0.1,
    "nan": float("nan"),
    "complex": 1j,
    "flag": True,
    "nothing": None,
    "bytes": b"\0",
    "bytearray": bytearray(b"x"),
    "naive": dt.datetime(2024, 2, 29, 12, 0, 0, 123456),
    "naive, whole": dt.datetime(2024, 2, 29),
    "utc": dt.datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=dt.UTC),
    "utc, whole": dt.datetime(2024, 2, 29, tzinfo=dt.UTC),
    "offset": dt.datetime(2024, 2, 29, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "zone": dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "first": dt.datetime.min,
    "last": dt.datetime.max.replace(tzinfo=dt.UTC),
    "date": dt.date(2024, 2, 29),
    "time": dt.time(1, 2, 3, 4),
    "delta": dt.timedelta(days=-1, microseconds=1),
    "decimal": Decimal("1.10"),
    "uuid": uuid.UUID(int=7),
    "object id": ObjectId("0123456789abcdef01234567"),
    "tuple": (1, (2, [3])),
    "set": {1, 2},
    "frozenset": frozenset({"a"}),
    "int keys": {1: "a", "1": "b"},
    "operators": {"$gt": 3, "a.b": {"$tuple": [1]}},
    "list": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC), {"a": (1,)}],
    "empty": {},
}


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal and of the same types, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dt.datetime):
        return a.isoformat() == b.isoformat() and a.tzinfo == b.tzinfo and a.fold == b.fold
    return bool(a == b or (a != a and b != b))


@pytest.mark.parametrize("value", EXACT.values(), ids=EXACT.keys())
def test_an_attribute_comes_back_the_same(om: Omega, value: Any) -> None:
    given = {"before": 1, "value": value, "after": [2]}
    put = om.datasets.put(1, "x", attributes=given)
    assert same(put.attributes, given)
    found = om.datasets.metadata("x")
    assert found is not None
    assert same(found.attributes, given)


def test_whatever_happens_to_the_object_its_attributes_stay_the_same(om: Omega) -> None:
    om.datasets.put([{"a": 1}], "x", kind="python.rows", attributes=EXACT)
    kept = om.datasets.put([{"a": 2}], "x", kind="python.rows")
    appended = om.datasets.put([{"a": 3}], "x", append=True)
    (listed,) = om.datasets.list(raw=True)
    versions = om.datasets.versions("x")
    restored = om.datasets.restore("x", versions[0].version or 0)
    restored.attributes["more"] = (1,)
    saved = restored.save()
    assert same(saved.attributes, {**EXACT, "more": (1,)})
    reread = om.datasets.metadata("x")
    assert reread is not None
    assert same(reread.attributes, {**EXACT, "more": (1,)})
    for meta in (kept, appended, listed, *versions):
        assert same(meta.attributes, EXACT)


@given(
    st.dictionaries(
        st.text(max_size=8) | st.integers() | st.sampled_from(["$tagged", "$tuple", "a.b", "_id"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=8)
            | st.binary(max_size=8)
            | st.datetimes()
            | st.datetimes(timezones=st.just(dt.UTC))
            | st.decimals(allow_nan=False),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.lists(inner, max_size=3).map(tuple)
                | st.dictionaries(
                    st.sampled_from(["a", "b", "$a", "a.b", "", "$tagged"]), inner, max_size=3
                )
            ),
            max_leaves=8,
        ),
        max_size=4,
    )
)
@settings(max_examples=300)
def test_attributes_of_any_shape_survive_the_document(attributes: dict[Any, Any]) -> None:
    import bson
    from bson.codec_options import CodecOptions

    from omega_core.mongo.database import EXACT_TYPES
    from omega_core.protocol.attributes import from_document, to_document

    codec: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, type_registry=EXACT_TYPES)
    stored = bson.decode(bson.encode({"attributes": to_document(attributes, "x")}), codec)
    assert same(from_document(stored["attributes"]), attributes)


def test_plain_attributes_are_plain_in_the_document(om: Omega) -> None:
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    plain = {"owner": "ann", "size": 3, "tags": ["a", "b"], "run": {"ok": True}, "at": moment}
    om.datasets.put(1, "x", attributes=plain)
    om.datasets.put(1, "y", attributes={**plain, "a.b": 1, "span": dt.timedelta(1)})
    metadata = om.database.metadata
    x, y = sorted(metadata.find({"attributes.owner": "ann"}), key=lambda found: found["name"])
    assert x["attributes"] == plain
    assert plain.items() <= y["attributes"].items()
    assert metadata.count_documents({"attributes.tags": "a", "attributes.at": moment}) == 2


REFUSED = {
    "enum": Color.RED,
    "int enum": Level.HIGH,
    "regex": re.compile("a"),
    "driver's regex": Regex("a"),
    "named tuple": Point(1, 2),
    "subclass of str": Name("a"),
    "subclass of dict": OrderedDict(a=1),
    "range": range(3),
    "object": object(),
    "function": len,
    "class": int,
    "zone of its own": dt.datetime(2024, 1, 1, tzinfo=type("Z", (dt.tzinfo,), {})()),
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED.keys())
def test_what_would_change_is_refused_and_names_the_key(om: Omega, value: Any) -> None:
    where = r"put of 'x': attributes\['a'\]\['b'\]\[1\]"
    with pytest.raises(UnsupportedValueError, match=where):
        om.datasets.put(1, "x", attributes={"a": {"b": [0, value]}})
    assert om.database.metadata.count_documents({}) == 0
    meta = om.datasets.put(1, "x", attributes={"kept": 1})
    meta.attributes["a"] = value
    with pytest.raises(UnsupportedValueError, match=r"data/'x' in bucket 'default'.*\['a'\]"):
        meta.save()
    found = om.datasets.metadata("x")
    assert found is not None
    assert found.attributes == {"kept": 1}


def test_attributes_that_contain_themselves_are_refused(om: Omega) -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(UnsupportedValueError, match="contains itself"):
        om.datasets.put(1, "x", attributes={"a": loop})
    with pytest.raises(UnsupportedValueError, match="attributes are a dict, not a list"):
        om.datasets.put(1, "x", attributes=[("a", 1)])  # type: ignore[arg-type]
    assert om.datasets.list() == []


def test_the_deepest_attributes_that_are_taken_are_stored_and_kept(om: Omega) -> None:
    deep: Any = 1
    for _ in range(40):
        deep = {1: deep}
    for _ in range(2):
        om.datasets.put(1, "x", attributes={"deep": deep})
    assert [meta.attributes for meta in om.datasets.versions("x")] == [{"deep": deep}] * 2


def test_attributes_that_are_too_large_are_refused_before_anything_is_written(om: Omega) -> None:
    with pytest.raises(UnsupportedValueError, match=r"'x': its attributes have 17,\d+,\d+ bytes"):
        om.datasets.put(1, "x", attributes={"owner": "ann", "log": "x" * 17_000_000})
    assert om.database.metadata.count_documents({}) == 0
    om.datasets.put(1, "x", attributes={"a": "x" * 600_000})
    with pytest.raises(UnsupportedValueError, match=r"the largest is 'b' with 700,\d+"):
        om.datasets.put(2, "x", attributes={"b": "x" * 700_000})
    assert om.datasets.get("x") == 1


def test_numbers_of_numpy_are_taken_as_those_of_python(om: Omega) -> None:
    np = pytest.importorskip("numpy")
    scalars = {
        np.bool_(True): True,
        np.str_("a"): "a",
        np.bytes_(b"b"): b"b",
        np.complex64(2j): 2j,
        **{np.dtype(code).type(3): 3 for code in "bBhHiIlLqQ"},
        **{np.dtype(code).type(0.5): 0.5 for code in "efd"},
    }
    for scalar, plain in scalars.items():
        meta = om.datasets.put(1, "x", attributes={"a": [scalar], np.str_("key"): 1})
        assert same(meta.attributes, {"a": [plain], "key": 1})
    for other in (np.longdouble(0.1), np.datetime64("2024-01-01"), np.array(1), np.void(b"a")):
        with pytest.raises(UnsupportedValueError, match=r"attributes\['a'\] is a numpy\."):
            om.datasets.put(1, "x", attributes={"a": other})


def test_an_attribute_that_changes_its_type_alone_is_changed(om: Omega) -> None:
    om.datasets.put(1, "x", attributes={"a": 1, "b": float("nan")})
    for value in (True, 1.0, 1):
        om.datasets.put(1, "x", attributes={"a": value})
        meta = om.datasets.metadata("x")
        assert meta is not None
        assert same(meta.attributes["a"], value)


def test_attributes_of_earlier_releases_come_back_as_they_did(om: Omega) -> None:
    om.datasets.put(1, "x")
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    old = {"at": moment, "query": {"$gt": 3}, "$tuple": [1], "a.b": 1, "match": Regex("a")}
    om.database.metadata.update_one({}, [{"$set": {"attributes": {"$literal": old}}}])
    meta = om.datasets.metadata("x")
    assert meta is not None
    assert meta.attributes == old
    assert same(meta.attributes["at"], moment)
    # And they are kept, also those that could not be given any more.
    assert om.datasets.put(2, "x").attributes == old
    with pytest.raises(UnsupportedValueError, match=r"attributes\['match'\] is a bson.regex.Regex"):
        om.datasets.put(3, "x", attributes={"new": 1})
    assert om.datasets.get("x") == 2


def test_saving_attributes_that_are_tagged_notices_whoever_came_first(om: Omega) -> None:
    first = om.datasets.put(1, "x", attributes={"a": (1,), "a.b": {2}})
    second = om.datasets.metadata("x")
    assert second is not None
    first.attributes["a"] = (2,)
    first.save()
    second.attributes["a"] = (3,)
    with pytest.raises(ConflictError):
        second.save()
    found = om.datasets.metadata("x")
    assert found is not None
    assert found.attributes == {"a": (2,), "a.b": {2}}
