"""`python.rows`: items as documents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from bson import Int64

from omega_core import Omega
from omega_core.errors import IntegrityError, UnsupportedOptionError, UnsupportedValueError

Change = Callable[[Any], Any]

ROWS = [{"i": i, "s": f"row {i}", "f": i / 3, "t": (i,)} for i in range(2500)]


def put(om: Omega, rows: Any, **options: Any) -> Any:
    return om.datasets.put(rows, "rows", kind="python.rows", **options)


def test_items_come_back_in_their_order_with_their_types(om: Omega) -> None:
    put(om, iter(ROWS))
    assert om.datasets.get("rows") == ROWS
    put(om, [])
    assert om.datasets.get("rows") == []


def test_append_adds_and_keeps_the_version(om: Omega) -> None:
    put(om, ROWS[:3])
    meta = om.datasets.put(ROWS[3:5], "rows", append=True, attributes={"n": 5})
    assert (meta.version, meta.rev, meta.attributes) == (1, 2, {"n": 5})
    put(om, ROWS[5:6], append=True)
    assert om.datasets.get("rows") == ROWS[:6]


def test_append_to_nothing_is_a_first_put(om: Omega) -> None:
    put(om, ROWS[:2], append=True)
    assert om.datasets.get("rows") == ROWS[:2]


def test_append_to_another_kind_is_refused(om: Omega) -> None:
    om.datasets.put([1], "rows")
    with pytest.raises(UnsupportedOptionError, match="holds another kind"):
        put(om, ROWS[:1], append=True)
    assert om.datasets.get("rows") == [1]


def test_an_append_that_fails_adds_nothing(om: Omega) -> None:
    put(om, ROWS[:3])
    with pytest.raises(
        UnsupportedValueError, match=r"item 1 of 'rows'\['x'\] is a builtins\.object"
    ):
        put(om, [{"x": 1}, {"x": object()}], append=True)
    assert om.datasets.get("rows") == ROWS[:3]
    assert om.datasets.collection("rows").count_documents({}) == 3


def test_indexes_are_made_on_request(om: Omega) -> None:
    put(om, ROWS[:10], index=["i", "-s"])
    keys = [index["key"] for index in om.datasets.collection("rows").index_information().values()]
    assert keys == [[("_id", 1)], [("i", 1)], [("s", -1)]]


@pytest.mark.parametrize(
    "key", ["_id", "$x", "a.b", "", "a\0b", 5],
)  # fmt: skip
def test_a_key_that_other_tools_could_not_query_is_refused(om: Omega, key: Any) -> None:
    with pytest.raises(UnsupportedValueError, match="item 0 of 'rows' has the key"):
        put(om, [{key: 1}])
    assert om.database.metadata.count_documents({}) == 0


@pytest.mark.parametrize("obj", [{"a": 1}, "text", 5, [1], [("a", 1)]])
def test_what_is_no_iterable_of_mappings_is_refused(om: Omega, obj: Any) -> None:
    with pytest.raises(UnsupportedValueError, match=r"python\.rows takes"):
        put(om, obj)
    assert not om.datasets.exists("rows")


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({}, lambda r: True),
        ({"i": 5}, lambda r: r["i"] == 5),
        ({"i__eq": 5}, lambda r: r["i"] == 5),
        ({"i__ne": 5}, lambda r: r["i"] != 5),
        ({"i__gt": 5, "f__lt": 3}, lambda r: r["i"] > 5 and r["f"] < 3),
        ({"i__gte": 5, "i__lte": 7}, lambda r: 5 <= r["i"] <= 7),
        (
            {"i__between": (5, 7), "f__between": (0, 2)},
            lambda r: 5 <= r["i"] <= 7 and 0 <= r["f"] <= 2,
        ),
        ({"i__in": [1, 2, 99999]}, lambda r: r["i"] in (1, 2)),
        ({"i__nin": list(range(2490))}, lambda r: r["i"] >= 2490),
        ({"s__contains": "w 99"}, lambda r: "w 99" in r["s"]),
        ({"s__contains": ".*"}, lambda r: False),
        ({"s__startswith": "row 24"}, lambda r: r["s"].startswith("row 24")),
        ({"s__endswith": "99"}, lambda r: r["s"].endswith("99")),
        ({"nothing__isnull": True}, lambda r: True),
        ({"i__isnull": True}, lambda r: False),
        ({"i__isnull": False}, lambda r: True),
    ],
)  # fmt: skip
def test_filters_select_what_python_would(om: Omega, filter: Any, expected: Any) -> None:
    put(om, ROWS[:1000])
    put(om, ROWS[1000:], append=True)
    assert om.datasets.get("rows", filter=filter) == [row for row in ROWS if expected(row)]


@pytest.mark.parametrize(
    ("filter", "text"),
    [
        ({"$where": "sleep(1000)"}, "never operators"),
        ({"i": {"$gt": 0}}, "takes a value, not a dict"),
        ({"i": [{"$gt": 0}]}, "takes a value, not a list"),
        ({"i__in": [{"$gt": 0}]}, "takes a value, not a dict"),
        ({"i__between": ({"$gt": 0}, 3)}, "takes a value, not a dict"),
        ({"i__gtt": 3}, "unknown operator 'gtt'. Did you mean 'gt'?"),
        ({"i__in": 3}, "takes a list"),
        ({"i__between": [3]}, "takes (low, high)"),
        ({"s__contains": 3}, "takes a string"),
        ({"i__isnull": "yes"}, "takes True or False"),
        ([("i", 3)], "filter takes a mapping"),
    ],
)
def test_a_filter_takes_values_never_operators(om: Omega, filter: Any, text: str) -> None:
    put(om, ROWS[:5])
    with pytest.raises((UnsupportedOptionError, UnsupportedValueError)) as caught:
        om.datasets.get("rows", filter=filter)
    assert text in str(caught.value)


def test_missing_rows_are_an_error(om: Omega) -> None:
    put(om, ROWS[:5])
    om.datasets.collection("rows").delete_one({"i": 3})
    with pytest.raises(IntegrityError, match="4 of the 5 rows"):
        om.datasets.get("rows")


# --- rows that were changed -----------------------------------------------------------------------


def change(field: str, value: Any) -> Change:
    return lambda rows: rows.update_one({"i": 1}, {"$set": {field: value}})


def swap(rows: Any) -> None:
    first, second = rows.find({"i": {"$in": [0, 1]}}).sort("i")
    rows.replace_one({"_id": first["_id"]}, {k: v for k, v in second.items() if k != "_id"})
    rows.replace_one({"_id": second["_id"]}, {k: v for k, v in first.items() if k != "_id"})


def reorder_the_keys(rows: Any) -> None:
    row = rows.find_one({"i": 1})
    rows.replace_one({"_id": row["_id"]}, dict(reversed(row.items())))


def write_under_another_id(rows: Any) -> None:
    row = rows.find_one_and_delete({"i": 1})
    rows.insert_one({**row, "_id": row["_id"].replace("-000000000001-", "-000000000009-")})


def write_under_an_id_without_checksum(rows: Any) -> None:
    row = rows.find_one_and_delete({"i": 1})
    rows.insert_one({**row, "_id": row["_id"].rpartition("-")[0]})


def take_from_another_batch(rows: Any) -> None:
    gone, other = rows.find_one_and_delete({"i": 1}), rows.find_one({"i": 5})
    start = gone["_id"].rpartition("-")[0]
    rows.insert_one({**other, "i": 1, "_id": start + other["_id"][-9:]})


CHANGES: dict[str, Change] = {
    "value": change("s", "another"),
    "letter": change("s", "row 7"),
    "float for an integer": change("i", 1.0),
    "wider integer": change("i", Int64(1)),
    "truth for an integer": change("one", True),
    "null for a value": change("s", None),
    "time": change("t", dt.datetime(2024, 1, 1, 0, 0, 0, 1000)),
    "sign of zero": change("zero", -0.0),
    "new key": change("new", 1),
    "nested value": change("d.a", 2),
    "element of a list": change("l.0", 2),
    "key removed": lambda rows: rows.update_one({"i": 1}, {"$unset": {"s": 1}}),
    "key renamed": lambda rows: rows.update_one({"i": 1}, {"$rename": {"s": "S"}}),
    "order of keys": reorder_the_keys,
    "two rows swapped": swap,
    "another id": write_under_another_id,
    "id without a checksum": write_under_an_id_without_checksum,
    "row of another batch": take_from_another_batch,
}


def watched(i: int) -> dict[str, Any]:
    return {
        "i": i, "s": f"row {i}", "one": 1, "zero": 0.0, "t": dt.datetime(2024, 1, 1),
        "d": {"a": 1}, "l": [1],
    }  # fmt: skip


@pytest.mark.parametrize("damage", CHANGES.values(), ids=CHANGES.keys())
def test_a_row_that_was_changed_is_an_error_that_names_it(om: Omega, damage: Change) -> None:
    put(om, map(watched, range(4)))
    put(om, map(watched, range(4, 8)), append=True)
    gen = om.datasets.metadata("rows").gen
    damage(om.datasets.collection("rows"))
    what = rf"data/'rows' in bucket 'default', version 1: row [019] of the batch {gen} is not the"
    with pytest.raises(IntegrityError, match=what):
        om.datasets.get("rows")
    # A filter that lets the row through sees it as well; one that does not, does not.
    with pytest.raises(IntegrityError, match=what):
        om.datasets.get("rows", filter={"i__lte": 1})
    assert om.datasets.get("rows", filter={"i__gt": 5}) == [watched(6), watched(7)]


def test_a_row_too_many_or_too_few_is_an_error(om: Omega) -> None:
    put(om, map(watched, range(4)))
    rows = om.datasets.collection("rows")
    row = rows.find_one({"i": 1})
    rows.insert_one({**row, "_id": row["_id"].replace("-000000000001-", "-000000000004-")})
    with pytest.raises(IntegrityError, match="row 4 of the batch"):
        om.datasets.get("rows")
    rows.delete_many({"i": 1})
    with pytest.raises(IntegrityError, match="3 of the 4 rows"):
        om.datasets.get("rows")


def test_rows_that_were_stored_without_checksums_are_read_and_appended_to(om: Omega) -> None:
    put(om, map(watched, range(3)))
    rows = om.datasets.collection("rows")
    for row in list(rows.find()):
        rows.delete_one({"_id": row["_id"]})
        rows.insert_one({**row, "_id": row["_id"].rpartition("-")[0]})
    # Nor were there seals.
    unset = {"seal": 1, "kind_meta.batches.0.seal": 1, "kind_meta.batches.0.crc": 1}
    om.database.metadata.update_one({}, {"$unset": unset})
    assert om.datasets.get("rows") == [watched(i) for i in range(3)]
    put(om, [watched(3)], append=True)
    assert om.datasets.get("rows") == [watched(i) for i in range(4)]
    assert om.datasets.get("rows", filter={"i__in": [0, 3]}) == [watched(0), watched(3)]
    rows.update_one({"i": 3}, {"$set": {"s": "another"}})
    with pytest.raises(IntegrityError, match="row 0 of the batch"):
        om.datasets.get("rows")


def test_other_tools_see_plain_documents(om: Omega) -> None:
    meta = put(om, [{"city": "Oslo", "n": 3}])
    (document,) = om.datasets.mongodb[meta.collection].find({"city": "Oslo"}, {"_id": 0})
    assert document == {"city": "Oslo", "n": 3}


def test_large_rows_come_back_and_are_compared(om: Omega) -> None:
    rows = [{"n": n, "text": "x" * 1_000_000} for n in range(20)]
    meta = om.datasets.put(rows, "x", kind="python.rows")
    assert om.datasets.get("x") == rows
    om.database.data(meta.collection).update_one({"n": 19}, {"$set": {"n": 0}})
    with pytest.raises(IntegrityError, match="row 19"):
        om.datasets.get("x")
