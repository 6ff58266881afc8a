"""Parts of a frame of rows, in slices, in chunks, lazily, as of a time: each as pandas makes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pymongo.monitoring
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import omega_pandas.row_documents.stored_rows
from omega_core import Q
from omega_core.errors import IntegrityError, ObjectNotFoundError, UnsupportedOptionError
from omega_pandas.segments.selection import LazyFrame

if TYPE_CHECKING:
    from omega_core import Omega

Same = Callable[[Any, Any], None]


def sales(rows: int, start: int = 0) -> pd.DataFrame:
    numbers = np.arange(start, start + rows)
    frame = pd.DataFrame(
        {
            "n": numbers,
            "x": np.where(numbers % 4 == 0, np.nan, numbers / 2).astype("f4"),
            "s": pd.array([None if n % 5 == 0 else f"text {n % 7}" for n in numbers], "str"),
            "i": pd.array([None if n % 3 == 0 else n % 100 for n in numbers], "Int8"),
            "c": pd.Categorical.from_codes(numbers % 2, categories=["p", "q"]),
            "t": pd.to_datetime(numbers * 3600, unit="s").tz_localize("Europe/Berlin"),
        },
        index=pd.RangeIndex(start, start + rows),
    )
    frame.attrs = {"unit": "kg"}
    return frame


def put(om: Omega, *pieces: pd.DataFrame) -> pd.DataFrame:
    """Put and append frames as rows under ``rows``, and as columns under ``columns``."""
    for number, piece in enumerate(pieces):
        om.datasets.put(piece, "rows", layout="rows", append=number > 0)
        om.datasets.put(piece, "columns", append=number > 0)
    return pieces[0] if len(pieces) == 1 else pd.concat(pieces)


# --- any frame ----------------------------------------------------------------------------------


INDEXES: list[Callable[[int, int], Any]] = [
    lambda start, stop: pd.RangeIndex(start, stop, name="n"),
    lambda start, stop: pd.RangeIndex(2 * start, 2 * stop, 2),
    lambda start, stop: pd.Index(range(start, stop)).astype("int16"),
    lambda start, stop: pd.Index([f"row {n % 3}" for n in range(start, stop)], dtype="str"),
    lambda start, stop: pd.date_range("2024", periods=stop, freq="D", tz="UTC")[start:],
    lambda start, stop: pd.CategoricalIndex(["ab"[n % 2] for n in range(start, stop)], ["b", "a"]),
    lambda start, stop: pd.MultiIndex.from_arrays(
        # Of no labels at all, pandas could not tell that they are text.
        [np.arange(start, stop) // 2, pd.Index(["x"] * (stop - start), dtype="str")],
        names=["k", None],
    ),
]
VALUES = st.fixed_dictionaries(
    {
        "a": st.integers(-3, 3),
        "b": st.sampled_from([0.0, -0.0, -1.5, float("nan"), 2.5]),
        "s": st.sampled_from(["", "x", "xy", None]),
        "k": st.sampled_from([None, 1, 2]),
        "o": st.sampled_from([None, "x", "y"]),
        "c": st.sampled_from([None, "p", "q"]),
        "t": st.none() | st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)),
    }
)
FILTERS: list[tuple[Any, Callable[[pd.DataFrame], Any]]] = [
    (None, lambda f: np.ones(len(f), dtype=bool)),
    ({"a__gt": 0}, lambda f: f.a > 0),
    ({"a": 99}, lambda f: f.a == 99),
    (~Q(k=1) & Q(b__lte=0), lambda f: ~(f.k == 1).fillna(False) & (f.b <= 0)),
    (Q(s="x") | Q(c="p"), lambda f: (f.s == "x") | (f.c == "p")),
    ({"o__isnull": True}, lambda f: f.o.isna()),
    (pc.field("a") < 0, lambda f: f.a < 0),
]


def framed(rows: list[dict[str, Any]], index: Any) -> pd.DataFrame:
    columns = {name: [row[name] for row in rows] for name in "absko"}
    frame = pd.DataFrame(columns, columns=list("absko")).astype(
        {"a": "int16", "b": "float32", "s": "str", "k": "Int8", "o": object}
    )
    frame["c"] = pd.Categorical([row["c"] for row in rows], categories=["q", "p", "z"])
    moments = pd.DatetimeIndex(pd.Series([row["t"] for row in rows], dtype="M8[us]"))
    frame["t"] = moments.floor("ms").as_unit("ns")
    return frame.set_axis(index)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    parts=st.lists(st.lists(VALUES, max_size=12), min_size=1, max_size=4),
    make_index=st.sampled_from(INDEXES),
    chosen=st.sampled_from(FILTERS),
    columns=st.none() | st.lists(st.sampled_from("absk"), unique=True),
    window=st.tuples(st.none() | st.integers(-25, 25), st.none() | st.integers(-25, 25)),
    size=st.integers(1, 20),
)
def test_any_part_of_any_frame_is_that_of_pandas_and_of_the_columns_layout(
    om: Omega,
    monkeypatch: pytest.MonkeyPatch,
    assert_same: Same,
    parts: list[list[dict[str, Any]]],
    make_index: Callable[[int, int], Any],
    chosen: tuple[Any, Callable[[pd.DataFrame], Any]],
    columns: list[str] | None,
    window: tuple[int | None, int | None],
    size: int,
) -> None:
    monkeypatch.setattr(omega_pandas.row_documents.stored_rows, "_RANGES", 2)
    monkeypatch.setattr(omega_pandas.row_documents.stored_rows, "_ROUND_TRIP", 15)
    pieces, start = [], 0
    for rows in parts:
        pieces.append(framed(rows, make_index(start, start + len(rows))))
        start += len(rows)
    whole = put(om, *pieces)
    filter, mask = chosen
    low, high, _ = slice(*window).indices(len(whole))
    rows = slice(low, max(low, high))
    options = {"columns": columns, "filter": filter, "rows": rows}

    def selected(part: pd.DataFrame) -> pd.DataFrame:
        found = part if filter is None else part[np.asarray(mask(part), dtype=bool)]
        return found if columns is None else found[columns]

    found = om.datasets.get("rows", **options)
    assert_same(selected(whole.iloc[rows]), found)
    pd.testing.assert_frame_equal(om.datasets.get("columns", **options), found)

    lazy = om.datasets.get("rows", lazy=True, rows=rows)
    lazy = lazy if filter is None else lazy.filter(filter)
    lazy = lazy if columns is None else lazy.select(columns)
    assert_same(found, lazy.to_pandas())
    assert_same(found.head(3), lazy.head(3))
    assert len(lazy) == len(found)
    assert lazy.schema == dict(found.dtypes)
    assert lazy.to_arrow().equals(pa.Table.from_pandas(found))

    chunks = list(om.datasets.get("rows", chunksize=size, **options))
    within = whole.iloc[rows]
    expected = [selected(within.iloc[low : low + size]) for low in range(0, len(within), size)]
    expected = [chunk for chunk in expected if filter is None or len(chunk)]
    for one, other in zip(expected or [selected(within.iloc[:0])], chunks, strict=True):
        assert_same(one, other)


# --- chunks -------------------------------------------------------------------------------------


class Fetched(pymongo.monitoring.CommandListener):
    """How many rows each answer of the server has."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def started(self, event: Any) -> None: ...

    def succeeded(self, event: Any) -> None:
        cursor = event.reply.get("cursor", {})
        if ".omega.rows." in cursor.get("ns", ""):
            self.rows.append(len(cursor.get("firstBatch", cursor.get("nextBatch"))))

    def failed(self, event: Any) -> None: ...


@pytest.fixture
def fetched() -> Iterator[Fetched]:
    listener = Fetched()
    pymongo.monitoring.register(listener)
    yield listener
    pymongo.monitoring._LISTENERS.command_listeners.remove(listener)


def test_chunks_are_fetched_when_they_are_asked_for_and_no_more_rows_than_they_have(
    fetched: Fetched, make_omega: Callable[..., Omega], assert_same: Same
) -> None:
    om = make_omega()
    whole = put(om, sales(2500), sales(500, 2500))
    fetched.rows.clear()
    chunks = om.datasets.get("rows", chunksize=700)
    assert fetched.rows == []
    assert_same(whole.iloc[:700], next(chunks))
    assert fetched.rows == [700]
    assert_same(whole.iloc[700:1400], next(chunks))
    assert fetched.rows == [700, 700]
    assert_same(whole.iloc[1400:], pd.concat(chunks))
    assert fetched.rows == [700, 700, 700, 700, 200]


def test_the_server_leaves_out_of_chunks_what_does_not_match(
    fetched: Fetched, make_omega: Callable[..., Omega], assert_same: Same
) -> None:
    om = make_omega()
    whole = put(om, sales(300))
    mask = whole.n.isin([5, 150, 160, 299])
    fetched.rows.clear()
    chunks = list(om.datasets.get("rows", chunksize=100, filter={"n__in": [5, 150, 160, 299]}))
    assert_same(whole[mask], pd.concat(chunks))
    # Of each chunk, the rows that match, and one row that shows that the others are there.
    assert fetched.rows == [1, 1, 2, 1, 1, 1]


def test_many_small_appends_are_read_in_few_round_trips(
    fetched: Fetched, make_omega: Callable[..., Omega], assert_same: Same
) -> None:
    om = make_omega()
    pieces = [sales(2, 2 * number) for number in range(120)]
    for number, piece in enumerate(pieces):
        om.datasets.put(piece, "rows", layout="rows", append=number > 0)
    whole = pd.concat(pieces)
    fetched.rows.clear()
    assert_same(whole, om.datasets.get("rows"))
    assert fetched.rows == [200, 40]
    fetched.rows.clear()
    assert_same(whole[whole.n >= 90], om.datasets.get("rows", filter={"n__gte": 90}))
    assert fetched.rows == [110, 40, 1]


# --- lazily -------------------------------------------------------------------------------------


def test_a_lazy_frame_reads_when_asked_and_stays_with_its_version(
    om: Omega, assert_same: Same
) -> None:
    frame = put(om, sales(20), sales(10, 20))
    lazy = om.datasets.get("rows", lazy=True)
    om.datasets.put(sales(3, 100), "rows", layout="rows", append=True)
    om.datasets.put(sales(3, 200), "rows", layout="rows")
    assert isinstance(lazy, LazyFrame)
    assert len(lazy) == 30
    chosen = lazy.filter({"n__gte": 10}).filter({"n__lt": 20}).select(["s", "n"])
    mask = (frame["n"] >= 10) & (frame["n"] < 20)
    assert_same(frame[mask][["s", "n"]], chosen.to_pandas())
    assert_same(frame[mask][["s", "n"]].head(2), chosen.head(2))
    assert chosen.to_arrow().equals(pa.Table.from_pandas(frame[mask][["s", "n"]]))
    assert_same(frame, lazy.to_pandas())
    assert repr(lazy) == "<LazyFrame of data/'rows' in bucket 'default', version 1>"


def test_a_lazy_frame_goes_to_polars(om: Omega) -> None:
    polars = pytest.importorskip("polars")
    frame = put(om, sales(6))
    lazy = om.datasets.get("rows", lazy=True).select(["n", "s"])
    assert lazy.to_polars().equals(polars.from_arrow(pa.Table.from_pandas(frame[["n", "s"]])))
    assert om.datasets.get("rows", as_="polars", columns=["n"])["n"].to_list() == [*range(6)]


def test_what_is_read_lazily_after_its_version_was_collected_is_an_error(om: Omega) -> None:
    put(om, sales(20), sales(10, 20))
    lazy = om.datasets.get("rows", lazy=True)
    chunks = om.datasets.get("rows", chunksize=15, filter={"n__gt": 12})
    assert next(chunks).n.tolist() == [13, 14]
    om.datasets.drop("rows")
    om.gc(grace=0)
    for read in (lazy.to_pandas, lazy.filter({"n__gt": 25}).to_pandas, lambda: next(chunks)):
        with pytest.raises(IntegrityError, match="If it was replaced meanwhile, get it again"):
            read()
    with pytest.raises(IntegrityError, match=r"data/'rows' in bucket 'default', version 1: 0 of"):
        len(lazy.filter({"n": 25}))


# --- as of a time -------------------------------------------------------------------------------


def test_a_frame_can_be_read_as_of_an_append(om: Omega, assert_same: Same) -> None:
    metas = [
        om.datasets.put(sales(3, start), "rows", layout="rows", append=start > 0)
        for start in (0, 3, 6)
    ]
    two = pd.concat([sales(3), sales(3, 3)])
    assert_same(sales(3), om.datasets.get("rows", as_of=metas[0].rev))
    assert_same(two, om.datasets.get("rows", as_of=metas[1].rev))
    assert_same(two, om.datasets.get("rows", as_of=metas[1].modified))
    assert_same(two.iloc[2:5], om.datasets.get("rows", as_of=metas[1].rev, rows=slice(2, 5)))
    assert_same(two[two.n > 1], om.datasets.get("rows", as_of=metas[1].rev, filter={"n__gt": 1}))
    assert len(om.datasets.get("rows", as_of=metas[1].rev, lazy=True)) == 6
    assert_same(two, pd.concat(om.datasets.get("rows", as_of=metas[1].rev, chunksize=4)))
    with pytest.raises(ObjectNotFoundError, match="is not kept"):
        om.datasets.get("rows", as_of=metas[0].created - dt.timedelta(days=1))


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"chunksize": 0},
        {"chunksize": True},
        {"chunksize": "many"},
        {"rows": 5},
        {"rows": slice(0, 10, 2)},
        {"rows": slice(0, 10, -1)},
        {"columns": ["z"]},
        {"columns": "n"},
        {"filter": {"z": 1}},
        {"filter": {"n__gtt": 1}},
        {"as_": "numpy"},
        {"as_of": "yesterday"},
        {"as_of": dt.datetime(2030, 1, 1)},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_as_in_the_columns_layout(om: Omega, options: Any) -> None:
    put(om, sales(5))
    told = []
    for name in ("rows", "columns"):
        with pytest.raises(UnsupportedOptionError) as caught:
            om.datasets.get(name, **options)
        told.append(str(caught.value).replace(repr(name), "'it'"))
    assert told[0] == told[1]
