"""Filters on frames: the mask that pandas makes by hand, whatever the segments."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import bson
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import Q
from omega_core.errors import UnsupportedOptionError, UnsupportedValueError
from omega_pandas.columns.pandas_dtypes import encode_array
from omega_pandas.encoding.statistics import Stats, column_stats, is_telling, pack, unpack
from omega_pandas.filters.predicates import compile

SUBJECT = "The DataFrame 'x'"


def mask_of(frame: pd.DataFrame, filter: Any) -> list[bool]:
    """Return the mask of a filter, after a check that it does not depend on segments."""
    predicate = compile(filter, frame.columns, SUBJECT)
    whole = segment_mask(predicate, frame, 0, len(frame))
    for size in (1, 2, 3):
        cuts = range(0, len(frame), size)
        assert whole == [m for low in cuts for m in segment_mask(predicate, frame, low, low + size)]
    for low in range(0, len(frame), 2):
        stats = [stats_of(frame.iloc[low : low + 2, i].array) for i in range(frame.shape[1])]
        if not predicate.may_match(stats.__getitem__):
            assert not any(whole[low : low + 2])
    return whole


def segment_mask(predicate: Any, frame: pd.DataFrame, low: int, high: int) -> list[bool]:
    part = frame.iloc[low:high]
    columns = {
        i: pd.Series(part.iloc[:, i].array, dtype=frame.dtypes.iloc[i]) for i in predicate.positions
    }
    mask = predicate.mask(columns, len(part))
    assert (type(mask), mask.dtype, mask.shape) == (np.ndarray, np.dtype(bool), (len(part),))
    return list(mask.tolist())


def stats_of(array: Any) -> Stats | None:
    """Return what a store knows of a column, after a round trip through BSON."""
    if isinstance(array.dtype, pd.CategoricalDtype):
        return None
    spec, arrow = encode_array(array)
    if not is_telling(spec):
        return None
    stats = column_stats(arrow)
    again = unpack({**bson.decode(bson.encode(pack({"c0": stats}))), "rows": stats.rows})["c0"]
    assert again == stats
    assert type(again.min) is type(stats.min)
    return again


# --- any frame, any filter -------------------------------------------------------------------

BY_HAND: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda series, values: series.isin(list(values)),
    "nin": lambda series, values: ~series.isin(list(values)),
    "between": lambda series, ends: series.between(*ends),
    "contains": lambda series, text: series.str.contains(text, regex=False, na=False),
    "startswith": lambda series, text: series.str.startswith(text, na=False),
    "endswith": lambda series, text: series.str.endswith(text, na=False),
    "isnull": lambda series, yes: series.isna() if yes else series.notna(),
}
ORDER = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "between", "isnull"]
EQUALITY = ["eq", "ne", "in", "nin", "isnull"]
TEXTUAL = ["contains", "startswith", "endswith"]


def by_hand(series: Any, name: str, value: Any) -> Any:
    mask = BY_HAND[name](series, value)
    if isinstance(mask.dtype, pd.SparseDtype):
        mask = mask.sparse.to_dense()
    return np.asarray(mask.astype("boolean").fillna(False), dtype=bool)


INTS = st.sampled_from([-2, 0, 1, 2, 3, 2**53, 2**53 + 1])
SMALL = st.integers(-3, 3)
FLOATS = st.sampled_from([0.0, -0.0, 0.1, 1.0, 1.5, -2.0, float("inf"), float(2**53)])
TEXTS = st.sampled_from(["", "a", "ab", "b", ".*", "A", "é", "\U0010ffff", "x" * 70, "x" * 64])
NUMBERS = st.one_of(INTS, FLOATS, st.booleans(), FLOATS.map(np.float64), SMALL.map(np.int8))
TIMES = st.sampled_from(
    [
        *map(pd.Timestamp, ("2020-01-01", "2020-01-01 00:00:00.5", "2020-01-01 00:00:01")),
        *map(pd.Timestamp, ("1677-12-01", 2**60)),
    ]
)
DAYS = st.integers(18262, 18265).map(lambda day: pd.Timestamp(day, unit="D"))
SPANS = st.integers(-3, 3).map(lambda n: pd.Timedelta(n, unit="h"))
PERIODS = st.integers(500, 503).map(lambda n: pd.Period(ordinal=n, freq="M"))
INTERVALS = st.integers(0, 3).map(lambda n: pd.Interval(n, n + 1))
ZONED = st.sampled_from([dt.UTC, "Europe/Berlin"])


def zoned(times: Any) -> Any:
    return st.tuples(times, ZONED).map(lambda it: it[0].tz_localize("UTC").tz_convert(it[1]))


class Column:
    """How to make a column of some dtype, and what to compare it with."""

    def __init__(self, dtype: Any, values: Any, others: Any = None, names: Any = ORDER) -> None:
        self.dtype = dtype
        self.values = values
        self.others = values if others is None else others
        self.names = names

    def build(self, items: list[Any]) -> Any:
        if isinstance(self.dtype, np.dtype):
            if self.dtype.kind == "f":
                items = [np.nan if item is None else item for item in items]
            elif self.dtype.kind in "biu":
                items = [0 if item is None else item for item in items]
        return pd.Series(items, dtype=self.dtype)


COLUMNS = [
    Column(np.dtype("i8"), INTS, NUMBERS),
    Column(np.dtype("u8"), st.sampled_from([0, 1, 2**63, 2**64 - 1]), NUMBERS | st.just(2**63)),
    Column(np.dtype("i1"), SMALL, st.one_of(SMALL, FLOATS)),
    Column(np.dtype("f8"), st.none() | FLOATS, NUMBERS),
    Column(np.dtype("f4"), st.none() | FLOATS, NUMBERS),
    Column(np.dtype("f2"), st.none() | SMALL, SMALL),
    Column(np.dtype("?"), st.booleans(), st.booleans() | SMALL),
    Column("Int64", st.none() | INTS, NUMBERS),
    Column("Float32", st.none() | FLOATS, FLOATS),
    Column("Float64", st.none() | FLOATS, NUMBERS),
    Column("boolean", st.none() | st.booleans(), st.booleans()),
    Column("int32[pyarrow]", st.none() | SMALL, SMALL),
    Column("double[pyarrow]", st.none() | FLOATS, FLOATS),
    Column("string[pyarrow]", st.none() | TEXTS, TEXTS, ORDER + TEXTUAL),
    Column("string[python]", st.none() | TEXTS, TEXTS, ORDER + TEXTUAL),
    Column(pd.ArrowDtype(pa.string()), st.none() | TEXTS, TEXTS, ORDER + TEXTUAL),
    Column(object, st.none() | TEXTS, TEXTS, ORDER + TEXTUAL),
    Column(object, st.none() | TEXTS | FLOATS, TEXTS | FLOATS, EQUALITY),
    Column(object, st.none() | INTS, NUMBERS),
    Column("M8[ns]", st.none() | TIMES, TIMES),
    Column("M8[s]", st.none() | DAYS, TIMES | DAYS | st.just("2020-01-02")),
    Column("M8[ns, Europe/Berlin]", st.none() | zoned(DAYS), zoned(DAYS) | st.just("2020-01-02")),
    Column("M8[ms, UTC]", st.none() | zoned(DAYS), zoned(DAYS)),
    Column("m8[ns]", st.none() | SPANS, SPANS | st.just("2h")),
    Column("period[M]", st.none() | PERIODS, PERIODS | st.just("2011-09")),
    Column("interval[int64]", INTERVALS, INTERVALS, EQUALITY),
    Column(
        pd.CategoricalDtype(["b", "a", "ab", ".*"], ordered=True),
        st.none() | st.sampled_from(["b", "a", ".*"]),
        st.sampled_from(["b", "a", "ab"]),
        ORDER + TEXTUAL,
    ),
    Column(
        pd.CategoricalDtype([3, 1, 2]),
        st.none() | st.sampled_from([1, 2, 3]),
        st.integers(0, 4),
        EQUALITY,
    ),
    Column(pd.SparseDtype("f8", 0.0), st.sampled_from([0.0, 1.0, 2.0]), SMALL, EQUALITY),
]
Case = tuple[Q, Callable[[pd.DataFrame], Any]]


@st.composite
def leaves(draw: Any, chosen: list[Column]) -> Case:
    label = draw(st.integers(0, len(chosen) - 1))
    column = chosen[label]
    name = draw(st.sampled_from(column.names))
    value: Any
    if name in TEXTUAL:
        value = draw(TEXTS)
    elif name == "isnull":
        value = draw(st.booleans())
    elif name in ("in", "nin"):
        # pandas takes no text for a time there.
        others = column.others
        if column.dtype != object and not isinstance(column.dtype, np.dtype):
            others = column.values.filter(lambda item: item is not None)
        value = draw(st.lists(others, max_size=3))
    elif name == "between":
        value = (draw(column.others), draw(column.others))
    else:
        value = draw(column.others)
    return Q.where(label, name, value), lambda frame: by_hand(frame[label], name, value)


def nested(inner: Any) -> Any:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda two: (two[0][0] & two[1][0], lambda f: two[0][1](f) & two[1][1](f))),
        pairs.map(lambda two: (two[0][0] | two[1][0], lambda f: two[0][1](f) | two[1][1](f))),
        inner.map(lambda one: (~one[0], lambda f: ~one[1](f))),
    )


@st.composite
def cases(draw: Any) -> tuple[pd.DataFrame, list[Case]]:
    chosen = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3))
    rows = draw(st.integers(0, 7))
    frame = pd.DataFrame(
        {
            label: column.build(draw(st.lists(column.values, min_size=rows, max_size=rows)))
            for label, column in enumerate(chosen)
        },
        index=range(rows),
    )
    conditions = st.recursive(leaves(chosen), nested, max_leaves=5)
    return frame, draw(st.lists(conditions, min_size=1, max_size=4))


@given(case=cases())
@settings(max_examples=100, deadline=None)
def test_any_filter_is_the_mask_by_hand_in_any_segments(
    case: tuple[pd.DataFrame, list[Case]],
) -> None:
    frame, conditions = case
    for q, expected in conditions:
        assert mask_of(frame, q) == expected(frame).tolist(), (q, frame, frame.dtypes)


# --- what is refused -------------------------------------------------------------------------

FRAME = pd.DataFrame(
    {
        "qty": [1, 2, 3],
        "state": ["NY", "CA", None],
        "naive": pd.to_datetime(["2020", "2021", None]),
        "aware": pd.to_datetime(["2020", "2021", None]).tz_localize("UTC"),
        "kind": pd.Categorical(["a", "b", None]),
        "mixed": pd.Series([1, "a", None], dtype=object),
        "span": pd.to_timedelta([1, 2, 3], unit="h"),
        "month": pd.period_range("2020", periods=3, freq="M"),
        "twice__in": [1, 2, 3],
    }
)


@pytest.mark.parametrize(
    ("filter", "text"),
    [
        ({"qyt": 1}, "The DataFrame 'x' has no column 'qyt'. Did you mean 'qty'? It has 9: 'qty',"),
        ({"qty__gtt": 1}, "it has the unknown operator 'gtt'. Did you mean 'gt'?"),
        ({"twice__in": [1]}, "For column 'twice__in', use Q.where('twice__in', 'eq', value)"),
        ({"$where": "1"}, "has no column '$where'"),
        (Q.where("qty__gtt", "eq", 1), "has no column 'qty__gtt'"),
        ("qty > 1", "filter takes a mapping"),
        (~Q(qty=1) & (Q(state="NY") | Q(nope=1)), "has no column 'nope'"),
        (pc.field(0) > 1, "refers to a column by its number"),
    ],
)
def test_a_filter_that_names_no_column_is_refused(filter: Any, text: str) -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        compile(filter, FRAME.columns, SUBJECT)
    assert text in str(caught.value)


@pytest.mark.parametrize("value", [{"$gt": 0}, [{"$gt": 0}], [[1]], np.array([1]), pd.Series([1])])
@pytest.mark.parametrize("key", ["qty", "qty__gt", "qty__in", "qty__between"])
def test_operators_and_arrays_are_no_values(key: str, value: Any) -> None:
    with pytest.raises((UnsupportedOptionError, UnsupportedValueError), match="takes"):
        compile({key: value}, FRAME.columns, SUBJECT)


@pytest.mark.parametrize("name", ["eq", "ne", "gt", "lte", "in", "nin", "between"])
@pytest.mark.parametrize(
    ("label", "value", "text"),
    [
        ("qty", "3", "column 'qty' of dtype int64 cannot be compared by"),
        ("qty", pd.Timedelta(1), "Timedelta): the column holds numbers"),
        ("naive", pd.Timestamp("2020", tz="UTC"), "holds times without a zone"),
        ("naive", dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "(datetime.datetime)"),
        ("naive", dt.date(2020, 1, 1), "Compare it with a pandas.Timestamp"),
        ("naive", "never", "'never'"),
        ("naive", 5, "(int)"),
        ("aware", pd.Timestamp("2020"), "Compare it with a pandas.Timestamp with a time zone"),
        ("aware", np.datetime64("2020"), "(numpy.datetime64)"),
        ("span", 3, "Compare it with a pandas.Timedelta"),
        ("month", pd.Period("2020", "Y"), "of the frequency"),
        ("month", pd.Timestamp("2020"), "the column holds periods"),
    ],
)
def test_types_that_can_never_be_equal_are_an_error_also_of_no_rows(
    label: str, name: str, value: Any, text: str
) -> None:
    asked = (value, value) if name in ("in", "nin", "between") else value
    predicate = compile(Q.where(label, name, asked), FRAME.columns, SUBJECT)
    for rows in (3, 0):
        columns = {i: FRAME.iloc[:rows, i] for i in predicate.positions}
        with pytest.raises(UnsupportedValueError) as caught:
            predicate.mask(columns, rows)
        for part in (SUBJECT, repr(label), str(FRAME[label].dtype), text):
            assert part in str(caught.value)


@pytest.mark.parametrize(
    ("filter", "text"),
    [
        ({"kind__gt": "a"}, "Unordered Categoricals can only compare equality"),
        ({"mixed__gt": 0}, "not supported between instances"),
        ({"qty__contains": "1"}, "holds no text"),
        ({"naive__startswith": "2020"}, "holds no text"),
        (Q(qty__gt=100) & Q(mixed__gt=0), "not supported between instances"),
        (pc.field("qty") > "x", "no kernel"),
        (pc.field("mixed") == 1, "Arrow cannot hold column 'mixed'"),
    ],
)
def test_values_that_cannot_be_compared_are_an_error(filter: Any, text: str) -> None:
    with pytest.raises(UnsupportedValueError, match="The DataFrame 'x': ") as caught:
        mask_of(FRAME, filter)
    assert text in str(caught.value)


# --- labels and missing values ---------------------------------------------------------------


def test_labels_of_any_type_are_found_and_duplicates_are_not_guessed() -> None:
    labels = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")])
    frame = pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=labels)
    assert mask_of(frame, {("a", "y"): 5}) == [False, True]
    with pytest.raises(UnsupportedOptionError, match="has 2 columns 'a', at the positions 0, 1"):
        compile({"a": 1}, labels, SUBJECT)
    odd = pd.DataFrame([[1, 2, 3, 4]], columns=[None, "odd label", "a", "a"])
    assert mask_of(odd, Q({"odd label__gte": 2}) & Q.where(None, "lt", 2)) == [True]
    with pytest.raises(UnsupportedOptionError, match="has 2 columns 'a', at the positions 2, 3"):
        compile(Q(a=3), odd.columns, SUBJECT)
    with pytest.raises(UnsupportedOptionError, match="several columns 'a'"):
        mask_of(odd, pc.field("a") == 3)


def test_only_the_columns_of_the_filter_are_read() -> None:
    predicate = compile(Q(state="NY") | ~Q(qty__gt=1) & Q(state="CA"), FRAME.columns, SUBJECT)
    assert predicate.positions == [1, 0]
    assert compile({}, FRAME.columns, SUBJECT).positions == []
    assert mask_of(FRAME, {}) == [True] * 3
    assert mask_of(FRAME, ~Q()) == [False] * 3


def test_a_negation_is_the_complement_where_a_value_is_missing() -> None:
    frame = pd.DataFrame({"f": [1.0, np.nan], "i": pd.array([1, None], "Int64")})
    assert mask_of(frame, {"f__ne": 1}) == [False, True]  # NaN != 1
    assert mask_of(frame, {"i__ne": 1}) == [False, False]  # NA
    assert mask_of(frame, ~Q(i=1)) == mask_of(frame, ~Q(f=1)) == [False, True]
    assert mask_of(frame, {"i__nin": [1]}) == [False, True]


def test_text_of_objects_is_matched_one_by_one_and_literally() -> None:
    frame = pd.DataFrame({"o": pd.Series(["a.b", 1, None, b"a.b", "axb"], dtype=object)})
    assert mask_of(frame, {"o__contains": "a.b"}) == [True, False, False, False, False]
    assert mask_of(frame, {"o__endswith": "b"}) == [True, False, False, False, True]


def test_a_decimal_compares_with_numbers_and_decimals() -> None:
    frame = pd.DataFrame({"d": [Decimal("1.5"), Decimal(2)], "f": [1.5, 2.0]})
    assert mask_of(frame, {"d__gt": Decimal("1.5")}) == [False, True]
    assert mask_of(frame, {"f__gte": Decimal("1.5")}) == [True, True]


# --- Arrow expressions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (pc.field("qty") > 1, [False, True, True]),
        (pc.field("state") == "NY", [True, False, False]),
        (~(pc.field("state") == "NY"), [False, True, False]),
        (pc.field("state").isin(["CA"]) | (pc.field("qty") == 1), [True, True, False]),
        (pc.match_substring(pc.field("state"), "Y"), [True, False, False]),
        (pc.field("state").is_null(), [False, False, True]),
        (pc.field("naive") > pd.Timestamp("2020-06-01"), [False, True, False]),
        (pc.scalar(True), [True, True, True]),
        (pc.scalar(None), [False, False, False]),
    ],
)
def test_an_arrow_expression_is_evaluated_and_null_is_no_match(
    expression: Any, expected: list[bool]
) -> None:
    assert mask_of(FRAME, expression) == expected
    objects = FRAME.astype({"state": object})
    assert mask_of(objects, expression) == expected
    assert mask_of(objects.iloc[:0], expression) == []


@pytest.mark.parametrize("label", ["odd label", "a.b", "ü", "x'y\"", "a\\b", "a\nb", "mask", ""])
def test_an_arrow_expression_finds_odd_names(label: str) -> None:
    frame = pd.DataFrame({"other": [5, 6], label: [1, 2]})
    assert mask_of(frame, pc.field(label) > 1) == [False, True]


def test_an_arrow_expression_has_to_be_a_condition_on_known_columns() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"no column 'qyt'\. Did you mean 'qty'"):
        mask_of(FRAME, pc.field("qyt") > 1)
    with pytest.raises(UnsupportedOptionError, match="gives int64, not true or false"):
        mask_of(FRAME, pc.field("qty") + 1)


# --- statistics ------------------------------------------------------------------------------


def may_match(array: Any, q: Q) -> bool:
    return compile(q, pd.Index(["x"]), SUBJECT).may_match(lambda position: stats_of(array))


@pytest.mark.parametrize(
    ("values", "out", "possible"),
    [
        (pd.array([3, 5], "int64"), [Q(x__gt=5), Q(x__lt=3), ~Q(x__between=(3, 5))], Q(x=4)),
        (pd.array([3.0, np.nan]), [Q(x__gt=3), Q(x__between=(4, 9))], Q(x__ne=3)),
        (pd.array([3.0, 3.0]), [Q(x__ne=3), ~Q(x__gte=3), Q(x__isnull=True), ~Q(x=3)], Q(x=3)),
        (pd.array([3, None], "Int64"), [Q(x__in=[4, 5]), Q(x=2)], Q(x__isnull=True)),
        (pd.array([None, None], "Int64"), [Q(x=0), Q(x__isnull=False)], ~Q(x=0)),
        (pd.array(["b", "bz"], "string"), [Q(x__startswith="c"), Q(x="a")], Q(x__contains="z")),
        (
            pd.array(pd.to_datetime(["2020-01-01", "2020-02-01"])),
            [Q(x__lt=pd.Timestamp("2020")), Q(x="2021-01-01"), Q(x__in=[pd.Timestamp("2021")])],
            Q(x__gte="2020-02-01"),
        ),
        (
            pd.array(pd.to_datetime(["2020-01-01", "2020-02-01"]).tz_localize("Asia/Tokyo")),
            [Q(x__lt=pd.Timestamp("2019-12-31 15:00", tz="UTC"))],
            Q(x__lte=pd.Timestamp("2019-12-31 15:00", tz="UTC")),
        ),
        (pd.array([True, True]), [Q(x=False), ~Q(x=True)], Q(x=True)),
        (pd.array([], "int64"), [Q(x=1), ~Q(x=1)], Q()),
    ],
)  # fmt: skip
def test_segments_without_a_match_are_left_out(values: Any, out: list[Q], possible: Q) -> None:
    for q in out:
        assert not may_match(values, q), q
        assert not may_match(values, q & ~Q(x__isnull=True) & possible)
        assert may_match(values, q | possible)
    assert may_match(values, possible)


def test_what_is_not_known_is_not_left_out() -> None:
    predicate = compile(Q(x=1), pd.Index(["x"]), SUBJECT)
    assert predicate.may_match(lambda position: None)
    assert predicate.may_match(lambda position: Stats(min=None, max=None, nulls=0, rows=3))
    assert may_match(pd.array([3, 5], "int64"), Q(x__gt="a"))
    assert may_match(pd.array(pd.to_datetime(["2020"])), Q(x__gt=pd.Timestamp("2030", tz="UTC")))


def test_codes_and_descriptions_are_no_values() -> None:
    columns: list[Any] = [
        pd.array(["a", 1], "object"),
        pd.array([Decimal(1)], "object"),
        pd.array(pd.period_range("2020", periods=2, freq="M")),
        pd.array(pd.interval_range(0, 2)),
        pd.arrays.SparseArray([0.0, 1.0]),
        pd.array(np.array([1 + 2j])),
    ]
    for array in columns:
        assert not is_telling(encode_array(array)[0]), array
    assert not is_telling({"dtype": "category"})


def test_long_text_is_bounded_by_its_beginning() -> None:
    long = "a" * 100
    stats = column_stats(pa.array([long, long + "b"]))
    assert len(stats.min) == 64
    assert len(stats.max) == 65
    assert stats.min <= long <= long + "b" <= stats.max
    last = column_stats(pa.array(["a" * 64 + "\U0010ffff" * 2]))
    assert (last.min, last.max) == ("a" * 64, None)


def test_chunks_are_one_column() -> None:
    column = pa.chunked_array([[1, None], [3]])
    assert column_stats(column) == Stats(min=1, max=3, nulls=1, rows=3)
    floats = column_stats(pa.chunked_array([[1.0, float("nan")], [3.0]]))
    assert floats == Stats(min=1.0, max=3.0, nulls=0, rows=3, nans=1)
