"""An append changes no label: an index has the stored dtypes, or the append is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import omega_pandas.columnar
import omega_pandas.segments.append_checks
from omega_core import Omega
from omega_core.errors import UnsupportedValueError

from ..equality import is_kept
from ..samples import object_array

Same = Callable[[Any, Any], None]

BIG = 2**53 + 1


# pandas 2.2 calls it by another name.
NAN_TEXT = (
    pd.StringDtype("pyarrow_numpy")
    if pd.__version__.startswith("2.")
    else pd.StringDtype("pyarrow", na_value=np.nan)
)


def objects(*labels: Any) -> pd.Index:
    return pd.Index(object_array(*labels), dtype=object, tupleize_cols=False)


def pairs(*levels: Any, names: Any = (None, None)) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays(levels, names=names)


# --- any two indexes ----------------------------------------------------------------------------


def numbered(*dtypes: str) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(dtypes), st.lists(st.integers(0, 3), max_size=3)).map(
        lambda it: pd.Index(np.array(it[1], dtype=it[0]))
    )


def days(zone: Any, unit: str, freq: str) -> Callable[[int], Any]:
    return lambda n: pd.date_range("2024", periods=n, freq=freq, unit=unit).tz_localize(zone)


BUILDERS: list[Callable[[int], Any]] = [
    *(
        days(zone, unit, "D")
        for zone in (None, "UTC", dt.UTC, ZoneInfo("Europe/Berlin"), dateutil.tz.gettz("UTC"))
        for unit in ("ns", "s")
    ),
    days(None, "ns", "h"),
    lambda n: pd.timedelta_range("1h", periods=n, freq="h"),
    lambda n: pd.period_range("2024", periods=n, freq="M"),
    lambda n: pd.period_range("2024", periods=n, freq="Q"),
    lambda n: pd.interval_range(0, n) if n else pd.IntervalIndex([], dtype="interval[int64]"),
    lambda n: pd.IntervalIndex.from_breaks(np.arange(n + 1), closed="left"),
    lambda n: pd.IntervalIndex.from_breaks(np.arange(n + 1) / 2),
    lambda n: pd.CategoricalIndex(["a"] * n, categories=["a", "b"]),
    lambda n: pd.CategoricalIndex(["a"] * n, categories=["b", "a"]),
    lambda n: pd.CategoricalIndex(["a"] * n, categories=["a", "b"], ordered=True),
    lambda n: pd.Index(["a"] * n, dtype=pd.StringDtype("python")),
    lambda n: pd.Index(["a"] * n, dtype=pd.StringDtype("pyarrow")),
    lambda n: pd.Index(["a"] * n, dtype="str"),
    lambda n: pd.Index([1] * n, dtype="Int64"),
    lambda n: pd.Index([1] * n, dtype="int64[pyarrow]"),
    lambda n: pd.Index(pd.arrays.SparseArray([0] * n, fill_value=0)),
    lambda n: pd.Index(pd.arrays.SparseArray([1] * n, fill_value=1, dtype="int64")),
    lambda n: pd.RangeIndex(n),
    lambda n: pd.RangeIndex(3, 3 + n),
]
ODD = st.sampled_from(
    [None, True, 1, 1.0, BIG, "a", np.nan, np.str_("a"), dt.date(2024, 1, 1), b"a", 2**70, pd.NaT]
)


def level(rows: int) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(BUILDERS).map(lambda build: build(rows)),
        st.lists(ODD, min_size=rows, max_size=rows).map(lambda labels: objects(*labels)),
        st.lists(st.sampled_from([1, 2, BIG]), min_size=rows, max_size=rows).map(pd.Index),
    )


@st.composite
def levels(draw: st.DrawFn) -> Any:
    rows = draw(st.integers(0, 3))
    parts = [draw(level(rows)) for _ in range(draw(st.integers(1, 3)))]
    index = pd.MultiIndex.from_arrays(parts)
    if draw(st.booleans()):
        codes = [np.where(np.arange(rows) == 1, -1, code) for code in index.codes]
        index = pd.MultiIndex(levels=index.levels, codes=codes, verify_integrity=False)
    return index


@st.composite
def indexes(draw: st.DrawFn) -> Any:
    index = draw(
        st.one_of(
            numbered("int64", "int64", "int32", "uint64", "float64", "bool", ">i8", "complex128"),
            st.integers(0, 3).flatmap(level),
            levels(),
        )
    )
    names = [draw(st.sampled_from([None, None, None, "k", np.nan])) for _ in index.names]
    return index.set_names(names)


def concatenated(parts: list[Any]) -> Any:
    """Return what pandas makes of them, or None where it cannot."""
    try:
        return pd.concat(parts)
    except (TypeError, ValueError):
        return None


@pytest.mark.filterwarnings("ignore:.*sort order is undefined:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:The behavior of array concatenation:FutureWarning")
@example(indexes=[pd.Index([BIG]), pd.Index([0.5])], way="columns")
@example(indexes=[pairs([1], [2]), pd.MultiIndex.from_tuples([(1, 2, 3)])], way="columns")
@example(indexes=[pairs([1, "a"], [1, 2]), pairs([True, "b"], [1, 2])], way="columns")
@example(indexes=[objects("a", 1), objects(None), objects(1.0)], way="columns")
@example(
    indexes=[
        pairs([BIG], ["a"]),
        pd.MultiIndex(levels=[pd.Index([1]), pd.Index(["a"])], codes=[[0, -1], [0, 0]]),
    ],
    way="pieces",
)
@example(indexes=[pd.Index([1], dtype=">i8")] * 2, way="series")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    indexes=st.lists(indexes(), min_size=2, max_size=3)
    | st.tuples(indexes(), st.integers(2, 3)).map(lambda it: [it[0]] * it[1]),
    way=st.sampled_from(["columns", "pieces", "rows", "series"]),
)
def test_of_any_indexes_every_label_comes_back_as_concat_has_it_or_the_append_is_refused(
    om: Omega, assert_same: Same, indexes: list[Any], way: str
) -> None:
    frames: list[Any] = [pd.DataFrame({"n": range(len(i))}, index=i) for i in indexes]
    if way == "series":
        frames = [frame["n"] for frame in frames]
    options = {"layout": "rows"} if way == "rows" else {}
    stored: list[Any] = []
    try:
        if way == "pieces":
            om.datasets.drop("f", missing_ok=True)
            om.datasets.put(iter(frames), "f", kind="pandas.dataframe")
            stored = frames
        else:
            for number, frame in enumerate(frames):
                om.datasets.put(frame, "f", append=number > 0, **options)
                stored.append(frame)
    except UnsupportedValueError as error:
        told = str(error)
        if "was not appended" in told:
            tried = len(frames) if way == "pieces" else len(stored) + 1
            whole = concatenated(frames[:tried])
            assert whole is None or not is_kept(indexes[:tried], whole.index)
            assert "index" in told
        elif way != "rows":
            raise
    if not stored:
        assert "f" not in om.datasets or way == "rows"
        return
    found = om.datasets.get("f")
    if len(stored) > 1:
        assert is_kept(indexes[: len(stored)], found.index)
        assert_same(pd.concat(stored), found)
    else:
        assert_same(stored[0], found)


# --- what is refused, and how it is said ----------------------------------------------------------


@pytest.mark.parametrize("layout", ["columns", "rows"])
@pytest.mark.parametrize(
    ("stored", "more", "told"),
    [
        (pd.Index([BIG]), pd.Index([0.5]), "the index is float64, and int64 is stored"),
        (pd.RangeIndex(1), pd.Index([0.5]), "the index is float64, and int64 is stored"),
        (pd.RangeIndex(1), pd.Index(["a"], dtype="string"), "is string, and int64 is stored"),
        (pd.Index([1], dtype="Int64"), pd.RangeIndex(1), "is int64, and Int64 is stored"),
        (
            pairs([1], ["x"]),
            pd.MultiIndex.from_tuples([(1, "x", 3)], names=["a", "b", "c"]),
            "its index has 3 levels ['a', 'b', 'c'], and one with 2 levels [None, None] is stored",
        ),
        (
            pairs([1], [2]),
            pd.Index([1]),
            "its index has one level, without a MultiIndex, and one with 2 levels [None, None] is",
        ),
        (
            pairs([1], [2], names=["k", None]),
            pairs([0.5], [2], names=["k", None]),
            "level 0 'k' of the index is float64, and int64 is stored",
        ),
        (
            pd.date_range("2024", periods=1, tz="UTC", unit="ms"),
            pd.date_range("2024", periods=1, tz="Europe/Berlin", unit="ms"),
            "the index is datetime64[ms, Europe/Berlin], and datetime64[ms, UTC] is stored "
            "(time zone Europe/Berlin, not UTC)",
        ),
        (
            pd.DatetimeIndex(["2024"]).as_unit("ms").tz_localize(dateutil.tz.gettz("Europe/Berlin")),
            pd.date_range("2024", periods=1, tz=ZoneInfo("Europe/Berlin"), unit="ms"),
            "time zone ",
        ),
        (
            pd.CategoricalIndex(["a"], categories=["a", "b"]),
            pd.CategoricalIndex(["a"], categories=["a"]),
            "the index is category, and category is stored "
            "(categories ['a'], not ['a', 'b'])",
        ),
        (
            pairs([BIG, 1], [1, 2])[:1],
            pd.MultiIndex(levels=[pd.Index([7]), pd.Index([1])], codes=[[-1], [0]]),
            "the labels of level 0 of the index are int64, of which pandas.concat would make "
            "float64, since some are missing",
        ),
        (pd.Index([1], name="a"), pd.Index([1], name="b"), "the index has the name 'b', and the"),
        (objects(1), objects(2), "the index is object, of which pandas.concat would make int64"),
    ],
)  # fmt: skip
def test_an_append_that_would_change_a_label_names_the_level_and_both_dtypes(
    om: Omega, assert_same: Same, layout: str, stored: Any, more: Any, told: str
) -> None:
    first = pd.DataFrame({"n": [1]}, index=stored)
    om.datasets.put(first, "f", layout=layout)
    with pytest.raises(UnsupportedValueError) as caught:
        om.datasets.put(pd.DataFrame({"n": [1]}, index=more), "f", layout=layout, append=True)
    assert str(caught.value).startswith("The DataFrame 'f' was not appended: ")
    assert told in str(caught.value)
    assert_same(first, om.datasets.get("f"))
    assert om.datasets.metadata("f").rev == 1
    pieces = (pd.DataFrame({"n": [1]}, index=index) for index in (stored, more))
    with pytest.raises(UnsupportedValueError, match="was not appended"):
        om.datasets.put(pieces, "g", kind="pandas.dataframe")
    assert "g" not in om.datasets


@pytest.mark.parametrize(
    ("stored", "more", "told"),
    [
        ("int64", "Int64", "is Int64, and int64 is stored."),
        ("datetime64[ns]", "datetime64[s]", "is datetime64[s], and datetime64[ns] is stored."),
        (
            "datetime64[ns, UTC]",
            "datetime64[ns, Europe/Berlin]",
            "is datetime64[ns, Europe/Berlin], and datetime64[ns, UTC] is stored "
            "(time zone Europe/Berlin, not UTC).",
        ),
        ("period[M]", "period[D]", "is period[D], and period[M] is stored (freq D, not M)."),
        (
            "interval[int64, right]",
            "interval[int64, left]",
            "is interval[int64, left], and interval[int64, right] is stored "
            "(closed left, not right).",
        ),
        (
            "interval[int64, right]",
            "interval[float64, right]",
            "(subtype float64, not int64).",
        ),
        (
            pd.SparseDtype("int64", 0),
            pd.SparseDtype("int64", 1),
            "is Sparse[int64, 1], and Sparse[int64, 0] is stored (fill value 1, not 0).",
        ),
        (pd.SparseDtype("float64", 0.0), pd.SparseDtype("float64", -0.0), "(fill value -0.0, not"),
        (pd.StringDtype("python"), pd.StringDtype("pyarrow"), "(storage pyarrow, not python)."),
        (pd.StringDtype("pyarrow"), NAN_TEXT, "NA value nan, not <NA>"),
        ("int64[pyarrow]", "double[pyarrow]", "is double[pyarrow], and int64[pyarrow] is stored."),
        ("object", "int64", "is int64, and object is stored."),
        ("category", "int64", "is int64, and category is stored."),
        (
            pd.CategoricalDtype([1, 2]),
            pd.CategoricalDtype([1, 2], ordered=True),
            "(ordered True, not False).",
        ),
        (
            pd.CategoricalDtype([1, 2]),
            pd.CategoricalDtype([1.0, 2.0]),
            "(categories [1.0, 2.0], not [1, 2]).",
        ),
        (
            pd.CategoricalDtype(range(9)),
            pd.CategoricalDtype([0, 1, 2, 3, 4, 8, 7]),
            "(other categories).",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_refused_column_is_told_by_both_dtypes_and_what_differs(
    om: Omega, stored: Any, more: Any, told: str
) -> None:
    def frame(dtype: Any) -> pd.DataFrame:
        return pd.DataFrame({"x": pd.Series([], dtype=dtype)})

    om.datasets.put(frame(stored), "f")
    with pytest.raises(UnsupportedValueError) as caught:
        om.datasets.put(frame(more), "f", append=True)
    assert "The DataFrame 'f' was not appended: column 'x'" in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(("kept", "given"), [(1, True), (1, 1.0), (0.0, -0.0), (0, False)])
def test_names_and_attrs_that_are_equal_and_of_another_type_are_others(
    om: Omega, kept: Any, given: Any
) -> None:
    def series(name: Any, attrs: Any, columns: Any) -> Any:
        made = pd.Series([1], name=name)
        made.attrs = {"a": [attrs]}
        return made if columns is None else made.to_frame("x").rename_axis(columns, axis="columns")

    for one, other, told in (
        (
            series(kept, 5, None),
            series(given, 5, None),
            f"its name is {given!r}, and {kept!r} is stored",
        ),
        (series("s", kept, None), series("s", given, None), "its attrs differ"),
        (series("s", 5, kept), series("s", 5, given), "of another type"),
    ):
        om.datasets.put(one, "s")
        with pytest.raises(UnsupportedValueError, match=told):
            om.datasets.put(other, "s", append=True)


# --- what stays welcome -------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["columns", "rows"])
@pytest.mark.parametrize(
    "parts",
    [
        [pd.RangeIndex(2), pd.RangeIndex(2, 4)],
        [pd.RangeIndex(2), pd.RangeIndex(2)],
        [pd.RangeIndex(2), pd.Index([7, BIG]), pd.RangeIndex(2)],
        [pd.date_range("2024", periods=2), pd.date_range("2025", periods=2, freq="h")],
        [objects("a", 1), objects("b", "c"), objects(2, 3)],
        [pairs([1, 2], ["x", "y"]), pairs([BIG, 1], ["z", "x"])],
    ],
    ids=["continued", "restarted", "loose", "freq", "objects", "levels"],
)
def test_an_append_of_the_stored_dtypes_is_welcome(
    om: Omega, assert_same: Same, layout: str, parts: list[Any]
) -> None:
    if layout == "rows" and parts[0].dtype == object and parts[0].nlevels == 1:
        # Rows of BSON hold no mixed objects, and so there is nothing to append to.
        with pytest.raises(UnsupportedValueError, match="not stored in rows"):
            om.datasets.put(pd.DataFrame({"n": [1, 2]}, index=parts[0]), "f", layout=layout)
        return
    parts = [part.as_unit("ms") if hasattr(part, "as_unit") else part for part in parts]
    frames = [pd.DataFrame({"n": [1, 2]}, index=part) for part in parts]
    for number, frame in enumerate(frames):
        om.datasets.put(frame, "f", layout=layout, append=number > 0)
    assert_same(pd.concat(frames), om.datasets.get("f"))


def test_labels_are_looked_at_again_when_small_batches_have_become_one(
    om: Omega, assert_same: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(omega_pandas.columnar, "MAX_SMALL_BATCHES", 2)
    first = pairs([1, "a"], [1, 2])
    texts = [
        pd.MultiIndex(levels=[objects("b", "c"), pd.Index([k, 9])], codes=[[0, 1], [0, 1]])
        for k in range(4)
    ]
    frames = [pd.DataFrame({"n": [1, 2]}, index=index) for index in (first, *texts)]
    for number, frame in enumerate(frames):
        om.datasets.put(frame, "f", append=number > 0)
    assert len(om.datasets.metadata("f").kind_meta["batches"]) <= 2
    with pytest.raises(UnsupportedValueError, match=r"would make the label 1 of True"):
        om.datasets.put(
            pd.DataFrame({"n": [1, 2]}, index=pairs([True, "d"], [1, 2])), "f", append=True
        )
    assert_same(pd.concat(frames), om.datasets.get("f"))


# --- what was stored when nobody looked -----------------------------------------------------------


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Append as it was done before labels were compared."""

    def append(self: Any, own: Any, table: Any, *, unique: bool) -> None:
        own.pop("settled", None)

    monkeypatch.setattr(omega_pandas.segments.append_checks.Labels, "append", append)
    return monkeypatch


@pytest.mark.parametrize("layout", ["columns", "rows"])
def test_an_object_of_converted_labels_is_read_and_takes_what_it_has_become(
    om: Omega, assert_same: Same, unwatched: pytest.MonkeyPatch, layout: str
) -> None:
    parts = [pd.Index([5, 6], name="n"), pd.Index([1.5])]
    frames = [pd.DataFrame({"n": range(len(part))}, index=part) for part in parts]
    for number, frame in enumerate(frames):
        om.datasets.put(frame, "f", layout=layout, append=number > 0)
    unwatched.undo()
    whole = pd.concat(frames)
    for rows in (slice(0, 1), slice(2, 3), slice(0, 0)):
        assert_same(whole.iloc[rows], om.datasets.get("f", rows=rows))
    assert_same(whole[whole.n == 1], om.datasets.get("f", filter={"n": 1}))
    with pytest.raises(UnsupportedValueError, match="is int64, and float64 is stored"):
        om.datasets.put(frames[0].rename_axis(None), "f", layout=layout, append=True)
    for _ in range(2):
        om.datasets.put(frames[1], "f", layout=layout, append=True)
    assert_same(pd.concat([*frames, frames[1], frames[1]]), om.datasets.get("f"))


def test_objects_stay_objects_whatever_another_version_of_pandas_makes_of_them(
    om: Omega, unwatched: pytest.MonkeyPatch
) -> None:
    for number, labels in enumerate((objects(1, 2), objects(3))):
        frame = pd.DataFrame({"n": range(len(labels))}, index=labels)
        om.datasets.put(frame, "f", append=number > 0)
    unwatched.undo()
    found = om.datasets.get("f").index
    assert (found.dtype, found.tolist()) == (np.dtype(object), [1, 2, 3])
    assert om.datasets.get("f", rows=slice(1, 3)).index.tolist() == [2, 3]
