"""A column of every dtype comes back as it was, or its refusal says why."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ..samples import object_array

RoundTrip = Callable[[Any], Any]
NAT = np.iinfo(np.int64).min


def nan_bits(bits: int) -> float:
    return float(np.array([bits], dtype="u8").view("f8")[0])


INTEGERS = [f"{sign}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_keep_their_width_and_their_bounds(roundtrip: RoundTrip, dtype: str) -> None:
    info = np.iinfo(dtype)
    roundtrip(pd.Series([info.min, 0, info.max], dtype=dtype).to_frame("x"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_floats_keep_signed_zero_infinity_and_nan(roundtrip: RoundTrip, dtype: str) -> None:
    roundtrip(pd.Series(np.array([-0.0, 0.0, np.inf, -np.inf, np.nan, 1.1], dtype=dtype)))


def test_the_bits_of_a_nan_survive(roundtrip: RoundTrip) -> None:
    roundtrip(pd.Series(np.array([0x7FF8000000000001, 0xFFF8000000000000], "u8").view("f8")))


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "clongdouble", "bool", ">i8", ">f4"])
def test_the_rest_of_numpy_survives(roundtrip: RoundTrip, dtype: str) -> None:
    roundtrip(pd.Series(np.array([0, 1, 1], dtype=dtype)))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_moments_and_durations_keep_unit_nat_and_extremes(roundtrip: RoundTrip, unit: str) -> None:
    counts = np.array([NAT, NAT + 1, -1, 0, 1, np.iinfo(np.int64).max])
    roundtrip(pd.DataFrame({"t": counts[:-1].view(f"m8[{unit}]")}))
    if unit in ("us", "ns"):
        roundtrip(pd.DataFrame({"t": counts.view(f"M8[{unit}]")}))
    else:
        roundtrip(pd.Series(np.array(["0001-01-01", "NaT", "9999-12-31"], f"M8[{unit}]")))


ZONES = [
    dt.UTC,
    dt.timezone(dt.timedelta(hours=-3, minutes=-30)),
    dt.timezone(dt.timedelta(hours=2), "CEST"),
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("UTC"),
    dateutil.tz.gettz("America/New_York"),
    dateutil.tz.tzutc(),
    dateutil.tz.tzoffset("X", 3600),
]


@pytest.mark.parametrize("tz", ZONES, ids=str)
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_zoned_times_keep_zone_and_unit_across_a_fold(
    roundtrip: RoundTrip, tz: dt.tzinfo, unit: str
) -> None:
    # Both passes of the hour that Berlin and New York repeat in autumn.
    hours = pd.date_range("2024-10-26", "2024-11-05", freq="30min", tz="UTC", unit=unit)
    back = roundtrip(pd.Series(hours.tz_convert(tz)))
    assert back.dt.tz == tz
    roundtrip(pd.Series([pd.NaT], dtype=pd.DatetimeTZDtype(unit, tz)))


def test_pytz_zones_survive_where_pytz_is_installed(roundtrip: RoundTrip) -> None:
    pytz = pytest.importorskip("pytz")
    berlin = pytz.timezone("Europe/Berlin")
    for tz in (berlin, pytz.utc, pytz.FixedOffset(90)):
        roundtrip(pd.Series(pd.date_range("2024-10-27", periods=6, freq="h", tz=tz)))
    twice = [berlin.localize(dt.datetime(2024, 10, 27, 2), is_dst=dst) for dst in (True, False)]
    back = roundtrip(pd.Series(object_array(*twice), dtype=object))
    assert [value.utcoffset() for value in back] == [value.utcoffset() for value in twice]


@pytest.mark.parametrize(
    "dtype", ["Int8", "Int64", "UInt8", "UInt64", "Float32", "Float64", "boolean"]
)
def test_nullable_columns_keep_what_is_missing(roundtrip: RoundTrip, dtype: str) -> None:
    roundtrip(pd.Series([1, None, 0], dtype=dtype))
    roundtrip(pd.Series([None, None], dtype=dtype))
    roundtrip(pd.Series([], dtype=dtype))


def test_nullable_integers_keep_64_bits(roundtrip: RoundTrip) -> None:
    roundtrip(pd.Series([2**63 - 1, -(2**63), None], dtype="Int64"))
    roundtrip(pd.Series([2**64 - 1, 0, None], dtype="UInt64"))


def test_nan_in_a_nullable_float_is_not_na(roundtrip: RoundTrip) -> None:
    values = pd.arrays.FloatingArray(
        np.array([1.0, np.nan, 0.0]), mask=np.array([False, False, True])
    )
    back = roundtrip(pd.Series(values))
    assert np.isnan(back.array[1])
    assert back.array[2] is pd.NA


STRINGS: list[Any] = [pd.StringDtype("python"), pd.StringDtype("pyarrow")]
if int(pd.__version__.split(".")[0]) >= 3:
    STRINGS += [pd.StringDtype(storage, na_value=np.nan) for storage in ("python", "pyarrow")]
else:
    STRINGS += [pd.StringDtype("pyarrow_numpy")]


@pytest.mark.parametrize("dtype", STRINGS, ids=repr)
def test_strings_keep_storage_and_missing_value(roundtrip: RoundTrip, dtype: Any) -> None:
    back = roundtrip(pd.Series(["a", "", None, "ünï\0x", "😀"], dtype=dtype))
    assert back.dtype.storage == dtype.storage
    assert back.dtype.na_value is dtype.na_value
    roundtrip(pd.Series([], dtype=dtype))
    roundtrip(pd.DataFrame({"s": pd.Series([None], dtype=dtype)}).set_index("s"))


CATEGORIES = [
    pd.Categorical(["b", "a", None], categories=["c", "b", "a"], ordered=True),
    pd.Categorical(["b", "a"], categories=["b", "a", "unused"]),
    pd.Categorical([], categories=[]),
    pd.Categorical([1, 2], categories=pd.Index([2, 1], dtype="int8", name="named")),
    pd.Categorical([0.5, None]),
    pd.Categorical(pd.to_datetime(["2024-01-01", None])),
    pd.Categorical(pd.date_range("2024", periods=3, tz="Europe/Berlin")),
    pd.Categorical(pd.period_range("2024", periods=3, freq="Q")),
    pd.Categorical([pd.Timedelta(1, "s")]),
    pd.cut([1, 5, 9], 3),
    pd.Categorical(
        object_array("a", 1, (2, 3)),
        categories=pd.Index(object_array("a", 1, (2, 3)), dtype=object),
    ),
    pd.Categorical([True, False]),
    pd.Categorical.from_codes([0, 299, -1], categories=pd.RangeIndex(300)),
    pd.Categorical(pd.array(["x", None], dtype="string")),
    pd.Categorical(pd.array([1, None], dtype="Int64")),
]


@pytest.mark.parametrize("values", CATEGORIES, ids=lambda value: str(value.dtype))
def test_categories_keep_order_dtype_and_the_unused(roundtrip: RoundTrip, values: Any) -> None:
    roundtrip(pd.Series(values).to_frame("x"))


@pytest.mark.parametrize(
    "freq", ["D", "2D", "B", "W-WED", "M", "Q-FEB", "3Y", "h", "90min", "s", "ms", "us", "ns"]
)
@pytest.mark.filterwarnings("ignore:Period with BDay freq:FutureWarning")
@pytest.mark.filterwarnings("ignore:PeriodDtype.B:FutureWarning")
def test_periods_keep_their_frequency(roundtrip: RoundTrip, freq: str) -> None:
    roundtrip(pd.Series(pd.PeriodIndex.from_ordinals([0, 5, NAT], freq=freq)))


@pytest.mark.parametrize("closed", ["left", "right", "both", "neither"])
@pytest.mark.parametrize(
    "breaks",
    [
        [1, 2, 3],
        [0.5, np.inf],
        np.array([1, 2], dtype="u8"),
        pd.date_range("2024", periods=3),
        pd.date_range("2024", periods=3, tz="Asia/Tokyo", unit="s"),
        pd.timedelta_range("1s", periods=3),
    ],
    ids=["int", "float", "uint", "datetime", "zoned", "timedelta"],
)
def test_intervals_keep_subtype_and_closed_side(
    roundtrip: RoundTrip, breaks: Any, closed: Any
) -> None:
    roundtrip(pd.Series(pd.arrays.IntervalArray.from_breaks(breaks, closed=closed)))


def test_missing_intervals_stay_missing(roundtrip: RoundTrip) -> None:
    roundtrip(pd.Series(pd.arrays.IntervalArray.from_tuples([(0.0, 1.0), np.nan])))
    stamps = pd.to_datetime(["2024", "2025"])
    roundtrip(pd.Series(pd.arrays.IntervalArray.from_arrays(stamps, stamps)).reindex([0, 5]))


SPARSE = [
    pd.arrays.SparseArray([0, 0, 1, 2]),
    pd.arrays.SparseArray([0, 0, 1, 2], fill_value=1, kind="block"),
    pd.arrays.SparseArray([np.nan, 1.0, np.nan, -0.0]),
    pd.arrays.SparseArray([0.0, np.nan, 1.0], fill_value=0.0),
    pd.arrays.SparseArray([True, False, True], fill_value=False),
    pd.arrays.SparseArray(np.array([1, 0], dtype="int8"), fill_value=np.int8(0)),
    pd.arrays.SparseArray(
        np.array(["2024", "NaT"], "M8[ns]"), fill_value=np.datetime64("NaT", "ns")
    ),
    pd.arrays.SparseArray(object_array("a", None, "b", 1), fill_value=None),
    pd.arrays.SparseArray(np.array([1j, 0]), fill_value=0j),
    pd.arrays.SparseArray([0.0, 0.0], fill_value=0.0),
    pd.arrays.SparseArray(np.array([], dtype="f4")),
]


@pytest.mark.parametrize("values", SPARSE, ids=lambda value: str(value.dtype))
def test_sparse_columns_keep_fill_value_and_layout(roundtrip: RoundTrip, values: Any) -> None:
    roundtrip(pd.Series(values).to_frame("x"))


ARROW = [
    pa.array([1, None], pa.int32()),
    pa.array([1.5, None, float("nan")], pa.float32()),
    pa.array([True, None]),
    pa.array([None, None], pa.null()),
    pa.array(["a", None], pa.string()),
    pa.array(["a", None], pa.large_string()),
    pa.array([b"a", None], pa.binary()),
    pa.array([b"ab", None], pa.binary(2)),
    pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
    pa.array([Decimal("1.10"), None], pa.decimal256(50, 2)),
    pa.array([dt.date(2024, 1, 1), None], pa.date32()),
    pa.array([dt.date(2024, 1, 1), None], pa.date64()),
    pa.array([dt.time(1, 2, 3), None], pa.time32("s")),
    pa.array([1, None], pa.time64("ns")),
    pa.array([1, None], pa.timestamp("us")),
    pa.array([1, None], pa.timestamp("ns", "Europe/Berlin")),
    pa.array([1, None], pa.duration("ms")),
    pa.array([[1, None], None, []], pa.list_(pa.int64())),
    pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
    pa.array([{"a": 1, "b": ["x"]}, None]),
    pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    pa.array(["x", None, "x"]).dictionary_encode(),
]


@pytest.mark.parametrize("values", ARROW, ids=lambda value: str(value.type))
def test_arrow_columns_keep_their_type(roundtrip: RoundTrip, values: Any) -> None:
    roundtrip(pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([values]))).to_frame("x"))


def test_arrow_columns_may_come_in_pieces(roundtrip: RoundTrip) -> None:
    pieces = pa.chunked_array([pa.array(["x"]), pa.array(["y", None])])
    roundtrip(pd.Series(pd.arrays.ArrowExtensionArray(pieces)))
    codes = pa.chunked_array([piece.dictionary_encode() for piece in pieces.chunks])
    roundtrip(pd.Series(pd.arrays.ArrowExtensionArray(codes)))
    empty = pa.chunked_array([], type=pa.list_(pa.string()))
    roundtrip(pd.Series(pd.arrays.ArrowExtensionArray(empty)))


def test_a_numpy_extension_array_is_the_array_it_wraps(roundtrip: RoundTrip) -> None:
    roundtrip(pd.Series(pd.arrays.NumpyExtensionArray(np.array([1, 2], dtype="i2"))))


OBJECTS = {
    "text": ["a", "", "ünï"],
    "text and None": ["a", None],
    "text and nan": ["a", np.nan],
    "text and NA": ["a", pd.NA],
    "text and NaT": ["a", pd.NaT],
    "text and every missing value": ["a", None, np.nan, pd.NA, pd.NaT],
    "only None": [None, None],
    "only nan": [np.nan],
    "only NA": [pd.NA],
    "only NaT": [pd.NaT, pd.NaT],
    "None and nan": [None, np.nan, None],
    "NA and NaT": [pd.NA, pd.NaT],
    "nothing": [],
    "bool and None": [True, None, False],
    "int": [1, -(2**63), 2**63 - 1],
    "int and None": [1, None],
    "int and nan": [1, np.nan],
    "int beyond 64 bits": [2**64, -(2**70), 1, 10**5000],
    "float": [1.0, -0.0, np.nan, np.inf],
    "float and None": [1.5, None, np.nan],
    "float and NA": [1.5, pd.NA, np.nan],
    "unusual nans": ["a", nan_bits(0xFFF8000000000000), nan_bits(0x7FF8000000000001)],
    "unusual nans alone": [nan_bits(0xFFF8000000000000), None],
    "int, float and bool": [1, 1.0, True, 0, False, 0.0, -0.0],
    "bytes": [b"a", b"\0\xff", None],
    "bytes and text": [b"a", "a", bytearray(b"a")],
    "date": [dt.date(1, 1, 1), dt.date(9999, 12, 31), None],
    "datetime": [dt.datetime(2024, 1, 1, 1, 2, 3, 4), dt.datetime.min, dt.datetime.max, None],
    "date and datetime": [dt.date(2024, 1, 1), dt.datetime(2024, 1, 1), pd.Timestamp("2024")],
    "datetime and NaT": [dt.datetime(2024, 1, 1), pd.NaT],
    "folded datetime": [dt.datetime(2024, 10, 27, 2, fold=1)],
    "zoned datetime": [
        dt.datetime(2024, 10, 27, 2, fold=f, tzinfo=tz) for tz in ZONES for f in (0, 1)
    ],
    "time": [dt.time(1, 2, 3, 4), dt.time.max, None],
    "zoned time": [dt.time(1, tzinfo=dt.UTC), dt.time(2, fold=1)],
    "timedelta": [dt.timedelta(-1, 5), None],
    "huge timedelta": [dt.timedelta.max, dt.timedelta.min],
    "decimal": [
        Decimal("1.0"),
        Decimal("1.00"),
        Decimal("-0"),
        Decimal("NaN"),
        Decimal("1e999"),
        None,
    ],
    "decimal and nan": [Decimal("1.5"), np.nan],
    "uuid": [uuid.UUID(int=5), None],
    "complex": [1j, complex(-0.0, np.nan)],
    "lists": [[1, "a", None], [], [[1.0]]],
    "lists of one length": [[1, 2], [3, 4]],
    "dicts": [{"a": 1, 2: [None]}, {}],
    "tuples and sets": [(1, (2,)), {1}, frozenset({"a"})],
    "arrays": [
        np.array([1.5, 2]),
        np.zeros((2, 0), "i2"),
        np.asfortranarray(np.eye(3)),
        np.array(5),
    ],
    "arrays of objects": [object_array("a", None, 1), np.array([[None]])],
    "numpy scalars": [
        np.int64(1),
        np.float32(1.5),
        np.bool_(True),
        np.float64("nan"),
        np.longdouble(1),
    ],
    "more numpy scalars": [
        np.str_("a\0"),
        np.bytes_(b"a\0"),
        np.datetime64(1, "ns"),
        np.timedelta64(1, "D"),
    ],
    "timestamps": [pd.Timestamp("2024"), pd.Timestamp("9999-01-01").as_unit("s"), pd.Timestamp(1)],
    "zoned timestamps": [
        pd.Timestamp("2024-10-27 00:30", tz="UTC").tz_convert("Europe/Berlin"),
        pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert(ZoneInfo("Europe/Berlin")),
    ],
    "timedeltas": [pd.Timedelta(1), pd.Timedelta(5, "D").as_unit("s")],
    "periods": [pd.Period("2024", "Y"), pd.Period("2024-01", "M")],
    "intervals": [pd.Interval(0, 1), pd.Interval(0.5, 1.5, "both")],
    "offsets": [
        pd.offsets.MonthEnd(2),
        pd.DateOffset(months=1),
        pd.offsets.CDay(holidays=["2024-01-01"]),
    ],
    "zones": [dt.UTC, ZoneInfo("Asia/Tokyo")],
    "lone surrogates": ["\ud800", "\ud83d\ude00", "a"],
}


@pytest.mark.parametrize("values", OBJECTS.values(), ids=OBJECTS.keys())
def test_objects_keep_value_and_exact_type(roundtrip: RoundTrip, values: list[Any]) -> None:
    series = pd.Series(object_array(*values), dtype=object)
    back = roundtrip(series)
    assert back.dtype == object
    roundtrip(pd.DataFrame({"x": series}))
    if not any(isinstance(v, list | dict | set | np.ndarray | bytearray) for v in values):
        roundtrip(pd.Index(object_array(*values), dtype=object, tupleize_cols=False))
