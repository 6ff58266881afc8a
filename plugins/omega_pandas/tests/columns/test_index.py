"""Indexes, column labels and frames of every shape come back as they were."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from omega_core.errors import UnsupportedOptionError

RoundTrip = Callable[[Any], Any]

LEVELS = pd.MultiIndex(
    levels=[
        ["b", "unused", "a"],
        pd.Index([1.5, np.nan], dtype=object),
        pd.to_datetime(["2024", "2025"]),
    ],
    codes=[[0, 2, 0, -1], [0, 1, -1, 0], [1, 1, 0, 0]],
    names=["x", ("t", 1), None],
    verify_integrity=False,
)
INDEXES: dict[str, pd.Index[Any]] = {
    "range": pd.RangeIndex(2, 20, 3, name="r"),
    "falling range": pd.RangeIndex(5, -5, -2),
    "empty range": pd.RangeIndex(7, 3, 2),
    "int64": pd.Index([3, 1, 1], dtype="int64"),
    "int8": pd.Index([3, 1], dtype="int8"),
    "uint64": pd.Index([2**64 - 1], dtype="uint64"),
    "float32": pd.Index([1.5, np.nan, -0.0], dtype="float32"),
    "bool": pd.Index([True, False]),
    "complex": pd.Index([1j, 2]),
    "text": pd.Index(["a", None, "a"]),
    "text objects": pd.Index(["a", None, np.nan], dtype=object),
    "integer objects": pd.Index([1, 2], dtype=object),
    "date objects": pd.Index([dt.datetime(2024, 1, 1)], dtype=object),
    "string": pd.Index(["a", None], dtype="string"),
    "Int64": pd.Index([1, None], dtype="Int64"),
    "arrow": pd.Index(["a", None], dtype="string[pyarrow]"),
    "arrow ints": pd.Index([1, None], dtype="int32[pyarrow]"),
    "days": pd.date_range("2024", periods=4, freq="D", name="day"),
    "business days": pd.date_range("2024", periods=4, freq="B"),
    "weeks": pd.date_range("2024", periods=4, freq="W-TUE"),
    "month ends": pd.date_range("2024", periods=4, freq=pd.offsets.MonthEnd(2)),
    "months": pd.date_range("2024", periods=4, freq=pd.DateOffset(months=1, days=0)),
    "holidays": pd.date_range("2024", periods=4, freq=pd.offsets.CDay(holidays=["2024-01-02"])),
    "business hours": pd.date_range("2024", periods=9, freq=pd.offsets.BusinessHour(start="10:00")),
    "zoned hours": pd.date_range("2024-10-26", periods=50, freq="h", tz="Europe/Berlin"),
    "zoned days": pd.date_range("2024-10-26", periods=3, freq="D", tz=ZoneInfo("Europe/Berlin")),
    "seconds": pd.date_range("2024", periods=3, freq="D", unit="s"),
    "no freq": pd.DatetimeIndex(["2024-01-01", None, "2023-01-01"]),
    "one day": pd.date_range("2024", periods=1, freq="D"),
    "no days": pd.date_range("2024", periods=0, freq="D"),
    "durations": pd.timedelta_range("1s", periods=3, freq="90s", name="t"),
    "loose durations": pd.to_timedelta(["1s", None, "1D"]),
    "periods": pd.period_range("2024-01", periods=3, freq="M", name="p"),
    "intervals": pd.interval_range(0, 3, closed="left", name="i"),
    "time intervals": pd.interval_range(pd.Timestamp("2024"), periods=3),
    "missing interval": pd.IntervalIndex.from_tuples([(0.0, 1.0), np.nan]),
    "categories": pd.CategoricalIndex(["b", "a", None], categories=["c", "b", "a"], ordered=True),
    "interval categories": pd.CategoricalIndex(pd.cut([1, 5, 9], 2)),
    "levels": LEVELS,
    "duplicate rows": pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)], names=["k", "k"]),
    "one level": pd.MultiIndex.from_arrays([[1, 2]]),
    "no rows": pd.MultiIndex.from_arrays([[], []], names=["a", "b"]),
    "product": pd.MultiIndex.from_product(
        [pd.date_range("2024", periods=2), pd.Categorical(["x", "y"]), pd.interval_range(0, 2)]
    ),
    "sorted levels": pd.MultiIndex.from_arrays([[1, 1, 2], [3, 4, 0]], sortorder=1),
    "tuples": pd.Index([("a", 1), ("b",)], dtype=object, tupleize_cols=False),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_an_index_survives_alone_as_rows_and_as_labels(
    roundtrip: RoundTrip, index: pd.Index[Any]
) -> None:
    roundtrip(index)
    roundtrip(pd.Series(np.arange(len(index)), index=index))
    roundtrip(pd.DataFrame({"x": np.arange(len(index))}, index=index))
    roundtrip(pd.DataFrame(np.zeros((2, len(index)), dtype="i2"), columns=index))
    roundtrip(pd.DataFrame(index=index))
    roundtrip(pd.DataFrame(columns=index))


NAMES: list[Any] = [
    *("x", "", "a.b", "$x", None, 5, 2.5, np.nan, True, ("a", 1), ("a", None), b"x"),
    *(dt.date(2024, 1, 1), dt.datetime(2024, 1, 1), pd.Timestamp("2024", tz="UTC")),
    *(pd.Timedelta(1), pd.Period("2024", "M"), pd.NaT, Decimal("1.10"), pd.Interval(0, 1)),
    *(np.int64(5), frozenset({1}), "\ud800", 2**70),
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_are_any_hashable(roundtrip: RoundTrip, name: Any) -> None:
    rows = pd.Index([1, 2], dtype="int64")
    rows.name = name
    frame = pd.DataFrame({"x": [1, 2]}, index=rows)
    frame.columns.name = name
    roundtrip(frame)
    series = pd.Series([1, 2], index=rows)
    series.name = name
    roundtrip(series)
    levels = pd.MultiIndex.from_arrays([[1], [2]])
    levels.names = [name, None]
    roundtrip(levels)


def test_labels_are_any_mixture_of_hashables(roundtrip: RoundTrip) -> None:
    labels = np.empty(len(NAMES), dtype=object)
    for position, name in enumerate(NAMES):
        labels[position] = name
    columns = pd.Index(labels, dtype=object, tupleize_cols=False)
    roundtrip(pd.DataFrame(np.zeros((2, len(NAMES))), columns=columns))
    roundtrip(pd.DataFrame(np.zeros((len(NAMES), 1)), index=columns))


def test_one_and_true_and_one_point_zero_stay_three_labels(roundtrip: RoundTrip) -> None:
    columns = pd.Index([1, True, 1.0, "1"], dtype=object)
    roundtrip(pd.DataFrame([[1, 2, 3, 4]], columns=columns))


def test_duplicate_labels_keep_their_columns_apart(roundtrip: RoundTrip) -> None:
    frame = pd.DataFrame([[1, "a", 2.5]])
    frame.columns = pd.Index(["x", "x", "x"])
    roundtrip(frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=range(3)),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame({"a": pd.Series([], dtype="category"), "b": pd.Series([], dtype="Int8")}),
        pd.DataFrame([]),
        pd.DataFrame([[None]]),
    ],
    ids=["nothing", "rows only", "columns only", "no rows", "empty list", "one None"],
)
def test_empty_frames_survive(roundtrip: RoundTrip, frame: pd.DataFrame) -> None:
    roundtrip(frame)


def test_attrs_and_flags_survive(roundtrip: RoundTrip) -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"unit": "kg", 5: [1, (2, None)], "when": dt.date(2024, 1, 1), "n": {"x": 1.0}}
    frame.flags.allows_duplicate_labels = False
    back = roundtrip(frame)
    back.attrs["n"]["x"] = 2.0
    assert frame.attrs["n"]["x"] == 1.0
    series = pd.Series([1], name="s")
    series.attrs = {"unit": "kg"}
    series.flags.allows_duplicate_labels = False
    roundtrip(series)


def test_ten_thousand_columns_survive(decode: Any, encode: Any) -> None:
    frame = pd.DataFrame(np.arange(20_000).reshape(2, -1)).add_prefix("column ")
    back = decode(encode(frame))
    assert back.equals(frame)
    assert back.columns.identical(frame.columns)


def test_a_frame_that_is_a_view_keeps_its_values(roundtrip: RoundTrip) -> None:
    whole = pd.DataFrame({"a": range(10), "b": list("abcdefghij"), "c": [1.5] * 10})
    whole["d"] = pd.array([1, None] * 5, dtype="Int8")
    whole["e"] = pd.Categorical(["x", "y"] * 5)
    whole["f"] = np.arange(10) * 1j
    roundtrip(whole.iloc[7:2:-2, ::-1])
    roundtrip(whole.iloc[3:5])


def test_what_comes_back_is_writable(decode: Any, encode: Any) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": pd.array([1, None], dtype="Int8"), "c": ["x", None]})
    frame["d"] = pd.array([True, None], dtype="boolean")
    frame["e"] = np.array([1j, 2])
    frame["f"] = pd.Categorical(["x", "y"])
    frame["g"] = pd.to_datetime(["2024", None]).tz_localize("UTC")
    frame["h"] = pd.period_range("2024", periods=2, freq="M")
    back = decode(encode(frame))
    for label in frame:
        back.loc[0, label] = back.loc[1, label]
        series = decode(encode(frame[label]))
        series.iloc[0] = series.iloc[1]


# --- columns= --------------------------------------------------------------------------------

PAIRS = pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("a", 2)], names=["x", None])


@pytest.mark.parametrize(
    ("frame", "asked"),
    [
        (pd.DataFrame({"a": [1], "b": ["x"], "c": [2.5]}), ["c", "a"]),
        (pd.DataFrame({"a": [1], "b": ["x"]}), []),
        (pd.DataFrame([[1, 2]], columns=pd.Index([("a", 1), None], tupleize_cols=False)), [None]),
        (pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]), ["b", "a"]),
        (pd.DataFrame([[1, 2, 3]], columns=PAIRS), [PAIRS[2], PAIRS[0]]),
        (pd.DataFrame([[1, 2]], columns=pd.CategoricalIndex(["x", "y"])), ["y"]),
        (pd.DataFrame([[1, 2]], columns=pd.date_range("2024", periods=2)), [pd.Timestamp("2024")]),
    ],
    ids=["order", "none", "any label", "duplicates", "levels", "categories", "dates"],
)
def test_columns_come_in_the_order_asked_for(
    decode: Any, encode: Any, assert_same: Any, frame: pd.DataFrame, asked: list[Any]
) -> None:
    back = decode(encode(frame), asked)
    pd.testing.assert_frame_equal(back, frame[asked], check_column_type=False, check_freq=False)
    assert type(back.columns) is type(frame.columns)


def test_columns_are_read_past_dictionaries_and_nested_ones(decode: Any, encode: Any) -> None:
    words = pa.array(["x", None, "x"]).dictionary_encode()
    structs = pa.StructArray.from_arrays([words, words], names=["a", "b"])
    arrow = pd.arrays.ArrowExtensionArray
    frame = pd.DataFrame(
        {
            "d": arrow(pa.chunked_array([words])),
            "n": [1, 2, 3],
            "s": arrow(pa.chunked_array([structs])),
            "c": pd.Categorical(["a", "b", None]),
        },
        index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("c", 3)]),
    )
    for asked in (["n"], ["s"], ["d", "c"], ["c"], ["s", "n", "d"]):
        back = decode(encode(frame), asked)
        assert list(back) == asked
        assert back.index.equals(frame.index)
        for label in asked:
            assert back[label].tolist() == frame[label].tolist() or label == "c"


def test_a_part_of_a_label_names_all_columns_below_it(decode: Any, encode: Any) -> None:
    back = decode(encode(pd.DataFrame([[1, 2, 3]], columns=PAIRS)), ["a"])
    assert back.columns.tolist() == [("a", 1), ("a", 2)]


def test_an_unknown_column_is_an_error_with_the_closest_one(decode: Any, encode: Any) -> None:
    data = encode(pd.DataFrame({"quantity": [1], "state": ["x"]}))
    with pytest.raises(UnsupportedOptionError) as error:
        decode(data, ["quantty"])
    assert str(error.value) == (
        "The DataFrame 'x' has no column 'quantty'. Did you mean 'quantity'? "
        "It has 2: 'quantity', 'state'."
    )
    with pytest.raises(UnsupportedOptionError, match="takes a list of labels, not 'state'"):
        decode(data, "state")
    with pytest.raises(UnsupportedOptionError, match=r"has no column \['state'\]"):
        decode(data, [["state"]])
