"""Frames as a document per row: exact where BSON can, refused where it cannot."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from bson import Int64
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from omega_core import errors
from omega_core.query import Q

if TYPE_CHECKING:
    from omega_core import Omega

Same = Callable[[Any, Any], None]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
NULLABLE = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")


def wide() -> pd.DataFrame:
    """A column of each type that BSON can hold exactly."""
    columns: dict[str, Any] = {
        **{name: np.array([np.iinfo(name).min, 0, np.iinfo(name).max], name) for name in INTEGERS},
        "uint64": np.array([0, 1, 2**63 - 1], "uint64"),
        **{name: pd.array([1, None, 3], dtype=name) for name in NULLABLE},
        **{name: np.array([np.nan, -np.inf, 0.1], name) for name in ("f2", "f4", "f8", ">f8")},
        "Float64": pd.array([1.5, None, -0.0], dtype="Float64"),
        "zeros": [0.0, -0.0, 1e-320],
        "bool": [True, False, True],
        "boolean": pd.array([True, None, False], dtype="boolean"),
        "str": pd.array(["a", None, "ü\0\U0001f600"], dtype="str"),
        "string": pd.array(["$where", pd.NA, ""], dtype="string"),
        "object": np.array(["a", None, "b"], dtype=object),
        "bytes": np.array([b"\0", None, b""], dtype=object),
        "dates": np.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], dtype=object),
        "category": pd.Categorical(["x", None, "y"], categories=["y", "x", "unused"], ordered=True),
        "numbers": pd.Categorical([3, 1, 3]),
        "s": np.array(["-9999-01-01", "NaT", "9999-01-01"], "M8[s]"),
        "ms": np.array(["1969-12-31T23:59:59.999", "NaT", "2024-01-01"], "M8[ms]"),
        "us": np.array(["1969-12-31T23:59:59.999", "NaT", "2024-01-01"], "M8[us]"),
        "ns": np.array(["1969-12-31T23:59:59.999", "NaT", "2024-01-01"], "M8[ns]"),
        "zoned": pd.date_range("2024-10-27", periods=3, freq="h", tz="Europe/Berlin"),
        "delta": np.array([1, "NaT", -(2**62)], "m8[ns]"),
        "arrow": pd.array([1, None, 3], dtype=pd.ArrowDtype(pa.int16())),
    }
    frame = pd.DataFrame(columns)
    frame.attrs = {"unit": ("kg", 1)}
    return frame


def put(om: Omega, frame: Any, **options: Any) -> Any:
    return om.datasets.put(frame, "rows", layout="rows", **options)


def documents(om: Omega) -> list[dict[str, Any]]:
    return list(om.datasets.collection("rows").find({}, {"_id": 0}).sort("_id", 1))


# --- what comes back --------------------------------------------------------------------------


def test_every_type_of_bson_comes_back_equal_and_the_callers_frame_stays(
    om: Omega, assert_same: Same
) -> None:
    frame = wide()
    assert put(om, frame).kind == "pandas.dfrows"
    assert_same(frame, om.datasets.get("rows"))
    assert_same(wide(), frame)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(5, 11, 2, name="n"),
        pd.Index(["x", None, "x"], name="key", dtype=object),
        pd.Index([1.5, np.nan, 2]),
        pd.date_range("2024", periods=3, freq="2D", name="day", tz="Europe/Berlin"),
        pd.CategoricalIndex(["b", "a", "b"], categories=["b", "a", "z"]),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("a", 2)], names=["k", None]),
        pd.MultiIndex.from_arrays([["a", None, "b"]], names=["a"]),
        pd.Index([1, 2, 3], name="a"),
        pd.Index([1, 2, 3], name=("no", "key")),
    ],
)
def test_the_index_comes_back_also_of_a_selection(
    om: Omega, assert_same: Same, index: pd.Index
) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "_index": ["x", "y", "z"]}, index=index)
    put(om, frame)
    assert_same(frame, om.datasets.get("rows"))
    for wanted in ([1], [1, 3], [2, 3], [], [1, 2, 3]):
        assert_same(frame[frame.a.isin(wanted)], om.datasets.get("rows", filter={"a__in": wanted}))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": np.array([], "int8"), "c": pd.Categorical([])}),
        pd.DataFrame(index=["x", "y"]),
        pd.DataFrame({"a": []}, index=pd.DatetimeIndex([], freq="D")),
        pd.DataFrame({"a": [1]}, columns=pd.Index(["a"], name="labels")),
    ],
)
def test_frames_without_rows_or_columns_come_back(
    om: Omega, assert_same: Same, frame: pd.DataFrame
) -> None:
    put(om, frame)
    assert_same(frame, om.datasets.get("rows"))


def test_other_tools_see_fields_with_native_values(om: Omega) -> None:
    frame = pd.DataFrame(
        {
            "qty": [1],
            "state": pd.Categorical(["NY"]),
            "at": pd.to_datetime(["2024-01-01 12:00"]).tz_localize("Europe/Berlin"),
        },
        index=pd.MultiIndex.from_tuples([("a", 1)], names=["store", None]),
    )
    put(om, frame)
    at = dt.datetime(2024, 1, 1, 11)
    assert documents(om) == [{"store": "a", "_index1": 1, "qty": 1, "state": "NY", "at": at}]
    put(om, frame.reset_index(drop=True)[["qty"]])
    assert documents(om) == [{"qty": 1}]


def test_columns_come_in_the_order_asked_for(om: Omega, assert_same: Same) -> None:
    frame = wide()
    put(om, frame)
    asked = ["zoned", "int8", "category"]
    assert_same(frame[asked], om.datasets.get("rows", columns=asked))
    assert_same(frame[[]], om.datasets.get("rows", columns=[]))
    found = om.datasets.get("rows", columns=["str"], filter={"int64__gt": 0})
    assert_same(frame.loc[frame.int64 > 0, ["str"]], found)
    with pytest.raises(errors.UnsupportedOptionError, match="no column 'int'"):
        om.datasets.get("rows", columns=["int"])


def test_indexes_are_made_on_request(om: Omega) -> None:
    frame = wide()
    frame.index = pd.Index([1, 2, 3], name="key")
    put(om, frame, index=["int8", "-str", "key"])
    keys = [index["key"] for index in om.datasets.collection("rows").index_information().values()]
    assert keys == [[("_id", 1)], [("int8", 1)], [("str", -1)], [("key", 1)]]
    with pytest.raises(errors.UnsupportedOptionError, match=r"no column 'int9'\. Did you mean"):
        put(om, frame, index="int9")


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["_id", "$x", "a.b", "", "a\0b", 5, ("a", "b"), None, "\ud800"])
def test_a_label_that_cannot_be_a_key_is_refused_with_the_remedy(om: Omega, label: Any) -> None:
    labels = pd.Index(["fine", label], dtype=object, tupleize_cols=False)
    frame = pd.DataFrame([[1, 2]], columns=labels)
    with pytest.raises(errors.UnsupportedValueError, match="leave layout='rows' out") as caught:
        put(om, frame)
    assert repr(label) in str(caught.value)
    assert om.database.metadata.count_documents({}) == 0


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.array([0, 1500], "M8[us]"), "at row 1 a time that is no whole number"),
        (np.array([1, 0], "M8[ns]"), "at row 0 a time"),
        (np.array([2**62, 0], "M8[s]"), "beyond those of BSON"),
        (np.array([0, 2**63], "uint64"), "holds 9223372036854775808"),
        ([decimal.Decimal(1), decimal.Decimal("1.0")], "decimal"),
        ([dt.time(1), dt.time(2)], "time"),
        (np.array([1, "a"], dtype=object), "objects of several types"),
        (np.array([1j, 2]), "dtype <c16"),
        (pd.period_range("2024", periods=2, freq="M"), "periods"),
        (pd.interval_range(0, 2), "intervals"),
        (pd.arrays.SparseArray([0, 1]), "is sparse"),
        (pd.Categorical([decimal.Decimal(1), None]), "has categories, of which each holds"),
        (pd.array([[1], [2]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))), "the Arrow type list"),
    ],
)
def test_what_bson_would_change_is_refused_before_anything_is_written(
    om: Omega, values: Any, what: str
) -> None:
    with pytest.raises(errors.UnsupportedValueError, match=what) as caught:
        put(om, pd.DataFrame({"good": [1, 2], "bad": values}))
    assert "column 'bad'" in str(caught.value)
    assert om.database.metadata.count_documents({}) == 0
    with pytest.raises(errors.UnsupportedValueError, match=f"the index.*{what}"):
        put(om, pd.DataFrame({"good": [1, 2]}, index=pd.Index(values)))


def test_a_row_beyond_the_size_of_a_document_is_refused(om: Omega) -> None:
    with pytest.raises(errors.UnsupportedValueError, match="larger than a document"):
        put(om, pd.DataFrame({"a": ["small", "x" * (17 << 20)]}))
    assert not om.datasets.exists("rows")


def test_a_row_that_is_missing_is_an_error(om: Omega) -> None:
    put(om, wide())
    om.datasets.collection("rows").delete_one({"int8": 0})
    with pytest.raises(errors.IntegrityError, match="2 of the 3 rows"):
        om.datasets.get("rows")


# --- rows that were changed -------------------------------------------------------------------


def change(values: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda rows: rows.update_one({"n": 1}, {"$set": values})


def swap(rows: Any) -> None:
    first, second = rows.find({"n": {"$in": [0, 1]}}).sort("n")
    rows.replace_one({"_id": first["_id"]}, {k: v for k, v in second.items() if k != "_id"})
    rows.replace_one({"_id": second["_id"]}, {k: v for k, v in first.items() if k != "_id"})


CHANGES: dict[str, Callable[[Any], Any]] = {
    "value": change({"s": "b"}),
    "float for an integer": change({"n": 1.0}),
    "wider integer": change({"n": Int64(1)}),
    "truth for an integer": change({"n": True}),
    "missing value": change({"s": None}),
    "category": change({"c": "q"}),
    "sign of zero": change({"x": -0.0}),
    "moment": change({"t": dt.datetime(2024, 1, 1, 0, 0, 0, 1000)}),
    "label of the index": change({"day": dt.datetime(2025, 1, 1)}),
    "key removed": lambda rows: rows.update_one({"n": 1}, {"$unset": {"s": 1}}),
    "two rows swapped": swap,
}


def watched(start: int) -> pd.DataFrame:
    numbers = range(start, start + 4)
    return pd.DataFrame(
        {
            "n": numbers,
            "s": "a",
            "x": 0.0,
            "c": pd.Categorical(["p"] * 4, categories=["p", "q"]),
            "t": pd.Timestamp("2024").as_unit("ms"),
        },
        index=pd.DatetimeIndex([f"2024-01-{n + 1:02}" for n in numbers], name="day").as_unit("ms"),
    )


@pytest.mark.parametrize("damage", CHANGES.values(), ids=CHANGES.keys())
def test_a_row_that_was_changed_is_an_error_that_names_it(
    om: Omega, assert_same: Same, damage: Callable[[Any], Any]
) -> None:
    put(om, watched(0))
    put(om, watched(4), append=True)
    gen = om.datasets.metadata("rows").gen
    damage(om.datasets.collection("rows"))
    what = rf"data/'rows' in bucket 'default', version 1: row [01] of the batch {gen} is not the"
    for options in (
        {},
        {"filter": {"n__lt": 3}},
        {"rows": slice(0, 2)},
        {"columns": ["t", "c", "x", "s", "n"]},
        {"as_": "arrow"},
    ):
        with pytest.raises(errors.IntegrityError, match=what):
            om.datasets.get("rows", **options)
    with pytest.raises(errors.IntegrityError, match=what):
        list(om.datasets.get("rows", chunksize=3))
    whole = pd.concat([watched(0), watched(4)])
    assert_same(whole[whole.n > 5], om.datasets.get("rows", filter={"n__gt": 5}))


def test_a_label_that_was_changed_is_an_error_also_where_all_of_the_index_is_looked_at(
    om: Omega,
) -> None:
    put(om, watched(0).asfreq("D"))
    change({"day": dt.datetime(2024, 1, 2, 1)})(om.datasets.collection("rows"))
    with pytest.raises(errors.IntegrityError, match="row 1 of the batch"):
        om.datasets.get("rows")


def test_fields_and_rows_of_other_tools_are_none_of_the_frames(
    om: Omega, assert_same: Same
) -> None:
    put(om, watched(0))
    rows = om.datasets.collection("rows")
    rows.update_many({}, {"$set": {"tag": "theirs"}})
    rows.insert_one({"n": 5, "s": "a"})
    assert_same(watched(0), om.datasets.get("rows"))


def test_rows_that_were_stored_without_checksums_are_read_and_appended_to(
    om: Omega, assert_same: Same
) -> None:
    put(om, watched(0))
    rows = om.datasets.collection("rows")
    for row in list(rows.find()):
        rows.delete_one({"_id": row["_id"]})
        rows.insert_one({**row, "_id": row["_id"].rpartition("-")[0]})
    # Nor were there seals.
    unset = {"seal": 1, "kind_meta.batches.0.seal": 1, "kind_meta.batches.0.crc": 1}
    om.database.metadata.update_one({}, {"$unset": unset})
    assert_same(watched(0), om.datasets.get("rows"))
    put(om, watched(4), append=True)
    whole = pd.concat([watched(0), watched(4)])
    assert_same(whole, om.datasets.get("rows"))
    assert_same(whole[whole.n > 2], om.datasets.get("rows", filter={"n__gt": 2}))
    rows.update_one({"n": 5}, {"$set": {"s": "b"}})
    with pytest.raises(errors.IntegrityError, match="row 1 of the batch"):
        om.datasets.get("rows")


# --- appends ----------------------------------------------------------------------------------


def test_an_append_is_what_concat_makes(om: Omega, assert_same: Same) -> None:
    # Of which concat makes native numbers; what is stored stays as it is.
    swapped = pd.DataFrame({">f8": np.array([1.5, np.nan], ">f8")})
    pieces = [frame.drop(columns=">f8") for frame in (wide(), wide().iloc[1:], wide().iloc[:0])]
    for number, piece in enumerate(pieces):
        piece.index = pd.RangeIndex(number, number + len(piece))
        om.datasets.put(piece, "rows", append=True, **({} if number else {"layout": "rows"}))
    whole = pd.concat(pieces)
    assert_same(whole, om.datasets.get("rows"))
    assert_same(whole[whole.int8 >= 0], om.datasets.get("rows", filter={"int8__gte": 0}))
    put(om, swapped)
    put(om, swapped, append=True)
    assert om.datasets.get("rows").dtypes.tolist() == [np.dtype(">f8")]


def test_an_append_continues_the_frequency_of_the_index(om: Omega, assert_same: Same) -> None:
    days = pd.date_range("2024", periods=6, freq="D", name="day")
    frame = pd.DataFrame({"n": range(6)}, index=days)
    for piece in (frame[:2], frame[2:4], frame[4:]):
        put(om, piece, append=True)
    assert_same(frame, om.datasets.get("rows"))
    assert_same(frame[frame.n >= 3], om.datasets.get("rows", filter={"n__gte": 3}))
    assert_same(frame[frame.n == 9], om.datasets.get("rows", filter={"n": 9}))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda f: f.astype({"int8": "int16"}), "column 'int8'"),
        (lambda f: f.assign(new=1), "'new'"),
        (lambda f: f.drop(columns="int8"), "lacks 'int8'"),
        (lambda f: f.assign(category=f.category.cat.add_categories(["more"])), "categories"),
        (lambda f: f[[*f.columns[1:], f.columns[0]]], "order"),
    ],
)
def test_an_append_of_another_schema_is_refused_and_adds_nothing(
    om: Omega, assert_same: Same, change: Any, what: str
) -> None:
    put(om, wide())
    changed = change(wide())
    changed.attrs = wide().attrs
    with pytest.raises(errors.UnsupportedValueError, match=what):
        put(om, changed, append=True)
    assert om.datasets.collection("rows").count_documents({}) == 3
    assert_same(wide(), om.datasets.get("rows"))


def test_versions_and_drop_concern_their_own_rows(om: Omega, assert_same: Same) -> None:
    put(om, wide())
    put(om, wide()[["int8"]])
    put(om, wide()[["int8"]], append=True)
    assert_same(wide(), om.datasets.get("rows", version=1))
    om.datasets.drop("rows")
    om.datasets.gc(grace=0)
    left = [name for name in om.database.mongodb.list_collection_names() if "rows" in name]
    assert left == []
    assert om.datasets.segments.count_documents({}) == 0


def test_the_layouts_replace_each_other(om: Omega, assert_same: Same) -> None:
    put(om, wide())
    assert om.datasets.put(wide(), "rows").kind == "pandas.dataframe"
    assert_same(wide(), om.datasets.get("rows"))
    with pytest.raises(errors.UnsupportedOptionError, match="layout 'rows', not 'columns'"):
        om.datasets.put(wide(), "rows", kind="pandas.dfrows", layout="columns")


# --- filters ----------------------------------------------------------------------------------


def test_operators_of_mongodb_are_errors_and_unknown_columns_have_a_suggestion(om: Omega) -> None:
    put(om, wide())
    for filter in ({"int8": {"$gt": 0}}, {"int8__in": [{"$gt": 0}]}):
        with pytest.raises(errors.StoreError, match="takes a value"):
            om.datasets.get("rows", filter=filter)
    with pytest.raises(errors.StoreError, match="no column"):
        om.datasets.get("rows", filter={"$where": "1"})
    with pytest.raises(errors.UnsupportedOptionError, match="Did you mean 'int8'"):
        om.datasets.get("rows", filter={"int88": 1})
    with pytest.raises(errors.UnsupportedValueError, match="int8"):
        om.datasets.get("rows", filter={"int8__gt": "a"})


VALUES: dict[str, Any] = {
    "i": st.integers(-3, 3),
    "x": st.sampled_from([-1.5, 0.0, 0.1, 1.0, float("inf")]),
    "f": st.sampled_from([0.1, 0.5, 1.0]),
    "n": st.integers(-3, 3),
    "s": st.sampled_from(["", "a", "ab", "b", "$", ".*"]),
    "t": st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 0, 0, 1)),
    "c": st.sampled_from(["a", "b"]),
}


def conditions() -> st.SearchStrategy[Q]:
    def leaf(label: str) -> st.SearchStrategy[Q]:
        value = VALUES[label]
        operators = ["eq", "ne"] if label == "c" else ["eq", "ne", "gt", "gte", "lt", "lte"]
        ordered = st.builds(
            lambda op, v: Q({f"{label}__{op}": v}),
            st.sampled_from(operators),
            value,
        )
        listed = st.builds(
            lambda op, v: Q({f"{label}__{op}": v}),
            st.sampled_from(["in", "nin"]),
            st.lists(value, max_size=3),
        )
        null = st.builds(lambda v: Q({f"{label}__isnull": v}), st.booleans())
        return ordered | listed | null

    leaves = st.sampled_from(sorted(VALUES)).flatmap(leaf)
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(lambda a, b: a & b, inner, inner)
            | st.builds(lambda a, b: a | b, inner, inner)
            | st.builds(lambda a: ~a, inner)
        ),
        max_leaves=6,
    )


@example(condition=~Q(n__ne=0))
@example(condition=~Q(n__nin=[0]))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(condition=conditions())
def test_any_condition_selects_what_the_columns_layout_does(
    om: Omega, assert_same: Same, condition: Q
) -> None:
    if not om.datasets.exists("rows"):
        random = np.random.default_rng(0)
        some = random.integers(-3, 4, 200)
        frame = pd.DataFrame(
            {
                "i": some.astype("int8"),
                "x": random.choice([-1.5, 0.0, -0.0, 0.1, 1.0, np.nan, np.inf], 200),
                "f": random.choice([0.1, 0.5, 1.0, np.nan], 200).astype("f4"),
                "n": pd.array(np.where(some > 1, None, some), dtype="Int64"),
                "s": random.choice(np.array(["", "a", "ab", "b", "$", None], dtype=object), 200),
                "t": pd.to_datetime(random.integers(0, 1000, 200), unit="ms").as_unit("ns")
                + (pd.Timestamp("2024") - pd.Timestamp(0)),
                "c": pd.Categorical(random.choice(["a", "b"], 200), categories=["b", "a"]),
            }
        )
        put(om, frame)
        om.datasets.put(frame, "columns")
    found = om.datasets.get("rows", filter=condition)
    expected = om.datasets.get("columns", filter=condition)
    for frame in (expected, found):
        # Whether numbers are a range depends on the version of pandas; see the test of indexes.
        frame.index = pd.Index(list(frame.index), dtype="int64")
    assert_same(expected, found)
