"""Frames in segments: parts of them, appends to them, and what happens when some are missing."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pymongo.monitoring
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import omega_pandas.columnar
import omega_pandas.segments.layout
from omega_core import Omega
from omega_core.errors import (
    IntegrityError,
    ObjectNotFoundError,
    UnsupportedOptionError,
    UnsupportedValueError,
)

Same = Callable[[Any, Any], None]


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after a few rows, so that small frames have many segments and documents."""
    monkeypatch.setattr(omega_pandas.segments.layout, "SEGMENT_ROWS", 7)
    monkeypatch.setattr(omega_pandas.columnar, "SEGMENT_ROWS", 7)
    monkeypatch.setattr(omega_pandas.segments.layout, "GROUP_BYTES", 64)


def sales(rows: int, start: int = 0) -> pd.DataFrame:
    """A frame of many dtypes, whose rows differ."""
    n = np.arange(start, start + rows)
    return pd.DataFrame(
        {
            "n": n,
            "x": np.where(n % 5 == 0, np.nan, n / 7),
            "s": pd.array([f"text {i % 13}" for i in n], dtype="str"),
            "o": np.array([None if i % 3 else int(i) for i in n], dtype=object),
            "t": pd.date_range("2024-10-26", periods=rows, freq="h", tz="Europe/Berlin", unit="us"),
            "c": pd.Categorical.from_codes(n % 3, ["p", "q", "r"]),
            "i": pd.array(np.where(n % 4 == 0, None, n), dtype="Int32"),
        }
    )


def indexes(rows: int) -> list[pd.Index]:
    """An index of every class that a selection treats in a way of its own."""
    return [
        pd.RangeIndex(rows),
        pd.RangeIndex(5, 5 + 3 * rows, 3, name="r"),
        pd.Index(np.arange(rows)[::-1], name="down"),
        pd.date_range("2020", periods=rows, freq="D", name="day"),
        pd.DatetimeIndex(pd.date_range("2020", periods=rows, freq="D").to_numpy()),
        pd.timedelta_range("1h", periods=rows, freq="h"),
        pd.period_range("2020-01", periods=rows, freq="M"),
        pd.CategoricalIndex(["a", "b"] * (rows // 2) + ["a"] * (rows % 2)),
        pd.MultiIndex.from_arrays([np.arange(rows) // 3, np.arange(rows) % 3], names=["u", "v"]),
        pd.Index([b"k%d" % i for i in range(rows)], dtype=object),
        pd.interval_range(0, rows) if rows else pd.IntervalIndex([]),
    ]


@pytest.mark.parametrize("number", range(len(indexes(1))))
@pytest.mark.usefixtures("small_segments")
def test_any_selection_equals_that_of_pandas(om: Omega, assert_same: Same, number: int) -> None:
    frame = sales(40).set_axis(indexes(40)[number])
    om.datasets.put(frame, "f")
    get = om.datasets.get
    assert_same(frame, get("f"))
    assert_same(frame[["c", "n"]], get("f", columns=["c", "n"]))
    for rows in (slice(0, 0), slice(3, 30), slice(14, 21), slice(-5, None), slice(100, 200)):
        assert_same(frame.iloc[rows], get("f", rows=rows))
    for mask, filter in (
        (frame["n"] > 25, {"n__gt": 25}),
        (frame["n"].between(10, 20), {"n__between": (10, 20)}),
        (frame["n"] < 0, {"n__lt": 0}),
        (frame["n"] >= 0, {"n__gte": 0}),
        (frame["s"] == "text 3", {"s": "text 3"}),
        (frame["n"] % 2 == 0, {"n__in": list(range(0, 40, 2))}),
    ):
        assert_same(frame[mask], get("f", filter=filter))
        assert_same(frame[mask][["o"]], get("f", filter=filter, columns=["o"]))
        window = frame.iloc[5:33]
        assert_same(window[mask.iloc[5:33]], get("f", filter=filter, rows=slice(5, 33)))
    for size in (1, 7, 11, 40, 100):
        chunks = list(get("f", chunksize=size))
        for position, chunk in enumerate(chunks):
            assert_same(frame.iloc[position * size : (position + 1) * size], chunk)
        assert sum(map(len, chunks)) == 40


@pytest.mark.parametrize("number", range(len(indexes(1))))
@pytest.mark.usefixtures("small_segments")
def test_an_append_equals_concat(om: Omega, assert_same: Same, number: int) -> None:
    parts = [
        sales(n, start).set_axis(indexes(n)[number]) for n, start in ((10, 0), (3, 10), (9, 13))
    ]
    om.datasets.put(parts[0], "f")
    for part in parts[1:]:
        om.datasets.put(part, "f", append=True)
    whole = pd.concat(parts)
    assert_same(whole, om.datasets.get("f"))
    assert_same(whole[whole["n"] > 11], om.datasets.get("f", filter={"n__gt": 11}))
    assert_same(whole.iloc[8:15], om.datasets.get("f", rows=slice(8, 15)))
    assert_same(whole, pd.concat(om.datasets.get("f", chunksize=4)))


values = st.fixed_dictionaries(
    {
        "a": st.integers(-3, 3),
        "b": st.sampled_from([0.0, -1.5, float("nan"), 2.5]),
        "s": st.sampled_from(["", "x", "xy", None]),
        "k": st.sampled_from([None, 1, 2]),
        "o": st.sampled_from([None, "x", 1, 2.5, b"y"]),
    }
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.usefixtures("small_segments")
@given(
    parts=st.lists(st.lists(values, max_size=20), min_size=1, max_size=4),
    low=st.integers(0, 30),
    size=st.integers(1, 30),
)
def test_any_frames_append_and_read_like_concat(
    om: Omega, assert_same: Same, parts: list[Any], low: int, size: int
) -> None:
    frames = [
        pd.DataFrame(rows, columns=["a", "b", "s", "k", "o"]).astype(
            {"a": "int16", "b": "float32", "s": "str", "k": "Int8", "o": object}
        )
        for rows in parts
    ]
    om.datasets.put(frames[0], "f")
    for frame in frames[1:]:
        om.datasets.put(frame, "f", append=True)
    whole = pd.concat(frames) if len(frames) > 1 else frames[0]
    assert_same(whole, om.datasets.get("f"))
    assert_same(whole[whole["a"] > 0], om.datasets.get("f", filter={"a__gt": 0}))
    assert_same(whole.iloc[low : low + size], om.datasets.get("f", rows=slice(low, low + size)))
    chunks = list(om.datasets.get("f", chunksize=size))
    assert_same(whole.iloc[:size], chunks[0])
    assert sum(map(len, chunks)) == len(whole)


# --- pieces, laziness, time ----------------------------------------------------------------------


def test_a_frame_can_arrive_in_pieces(om: Omega, assert_same: Same) -> None:
    def pieces() -> Iterator[pd.DataFrame]:
        for start in range(0, 30, 10):
            yield sales(10, start)

    meta = om.datasets.put(pieces(), "f")
    assert meta.kind_meta["rows"] == 30
    assert_same(pd.concat(pieces()), om.datasets.get("f"))
    om.datasets.put(pieces(), "f", append=True)
    assert_same(pd.concat([*pieces(), *pieces()]), om.datasets.get("f"))


def test_pieces_that_differ_or_are_none_store_nothing(om: Omega) -> None:
    for pieces, text in (
        ([sales(3), sales(3).drop(columns="x")], "it lacks 'x'"),
        ([sales(3), 5], "it is a int"),
        ([], "the iterator gives no frame"),
    ):
        with pytest.raises(UnsupportedValueError, match=text):
            om.datasets.put(iter(pieces), "f", kind="pandas.dataframe")
    assert om.database.metadata.count_documents({}) == 0
    assert om.datasets.segments.count_documents({}) == 0


@pytest.mark.usefixtures("small_segments")
def test_a_lazy_frame_reads_when_asked_and_stays_with_its_version(
    om: Omega, assert_same: Same
) -> None:
    frame = sales(30)
    om.datasets.put(frame, "f")
    lazy = om.datasets.get("f", lazy=True)
    om.datasets.put(sales(3, 100), "f")
    assert lazy.schema == dict(frame.dtypes)
    assert len(lazy) == 30
    assert_same(frame.head(3), lazy.head(3))
    chosen = lazy.filter({"n__gte": 10}).filter({"n__lt": 20}).select(["s", "n"])
    mask = (frame["n"] >= 10) & (frame["n"] < 20)
    assert len(chosen) == 10
    assert_same(frame[mask][["s", "n"]], chosen.to_pandas())
    assert_same(frame[mask][["s", "n"]].head(2), chosen.head(2))
    assert chosen.to_arrow().column_names[:2] == ["s", "n"]
    assert_same(frame, lazy.to_pandas())


def test_a_frame_can_be_read_as_of_an_append(om: Omega, assert_same: Same) -> None:
    first = om.datasets.put(sales(3), "f")
    second = om.datasets.put(sales(3, 3), "f", append=True)
    om.datasets.put(sales(3, 6), "f", append=True)
    two = pd.concat([sales(3), sales(3, 3)])
    assert_same(sales(3), om.datasets.get("f", as_of=first.rev))
    assert_same(two, om.datasets.get("f", as_of=second.rev))
    assert_same(two, om.datasets.get("f", as_of=second.modified))
    with pytest.raises(ObjectNotFoundError, match="is not kept"):
        om.datasets.get("f", as_of=first.created - dt.timedelta(days=1))
    with pytest.raises(UnsupportedOptionError, match="time zone"):
        om.datasets.get("f", as_of=dt.datetime(2030, 1, 1))


def test_a_series_takes_appends_and_filters(om: Omega) -> None:
    one = pd.Series([1.5, None, 3.0], name="y")
    two = pd.Series([4.0], name="y")
    om.datasets.put(one, "s")
    om.datasets.put(two, "s", append=True)
    whole = pd.concat([one, two])
    pd.testing.assert_series_equal(om.datasets.get("s"), whole)
    pd.testing.assert_series_equal(om.datasets.get("s", filter={"value__gt": 2}), whole[whole > 2])
    pd.testing.assert_series_equal(om.datasets.get("s", rows=slice(1, 3)), whole.iloc[1:3])


# --- appends ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda f: f.drop(columns="x"), "it lacks 'x'"),
        (lambda f: f.assign(new=1), "it has also 'new'"),
        (lambda f: f[f.columns[::-1]], "in another order"),
        (lambda f: f.astype({"n": "float64"}), "column 'n' is float64, and int64 is stored"),
        (lambda f: f.astype({"n": "int32"}), "column 'n' is int32, and int64 is stored"),
        (lambda f: f.assign(c=f["c"].cat.add_categories("z")), "other categories"),
        (lambda f: f.assign(c=f["c"].cat.reorder_categories(["r", "q", "p"])), "other categories"),
        (lambda f: f.assign(t=f["t"].dt.tz_convert("UTC")), "column 't' is"),
        (lambda f: f["n"], "it is a Series, and a DataFrame is stored"),
    ],
)
def test_an_append_of_another_schema_is_refused(
    om: Omega, assert_same: Same, change: Callable[[Any], Any], text: str
) -> None:
    om.datasets.put(sales(5), "f")
    with pytest.raises(UnsupportedValueError) as caught:
        om.datasets.put(change(sales(5)), "f", append=True)
    assert text in str(caught.value) or "it is a Series" in text
    assert_same(sales(5), om.datasets.get("f"))
    assert om.datasets.metadata("f").rev == 1


@pytest.mark.usefixtures("small_segments")
def test_many_small_batches_are_compacted(
    om: Omega, assert_same: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(omega_pandas.columnar, "MAX_SMALL_BATCHES", 4)
    parts = [sales(20)]
    om.datasets.put(parts[0], "f")
    for start in range(20, 60, 2):
        parts.append(sales(2, start))
        om.datasets.put(parts[-1], "f", append=True)
        assert_same(pd.concat(parts), om.datasets.get("f"))
    meta = om.datasets.metadata("f")
    assert len(meta.kind_meta["batches"]) <= 10
    assert meta.kind_meta["batches"][0]["rows"] == 20
    assert_same(parts[0], om.datasets.get("f", as_of=1))
    with pytest.raises(ObjectNotFoundError, match="small batches are compacted in time"):
        om.datasets.get("f", as_of=3)
    om.gc(grace=0)
    assert_same(pd.concat(parts), om.datasets.get("f"))
    payloads = {batch["payload"] for batch in meta.kind_meta["batches"]}
    assert set(om.datasets.segments.distinct("payload")) == payloads
    om.datasets.drop("f")
    om.gc(grace=0)
    assert om.datasets.segments.count_documents({}) == 0


APPENDER = """
import sys
import pandas as pd
import omega_pandas.columnar
from omega_core import Omega

url, worker, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
omega_pandas.columnar.MAX_SMALL_BATCHES = limit
with Omega({"mongo": {"url": url}}) as om:
    for i in range(10):
        om.datasets.put(pd.DataFrame({"w": [worker] * 10, "i": [i] * 10}), "f", append=True)
"""


def test_appends_of_many_processes_all_survive_and_compactions_lose_none(
    om: Omega, mongo_url: str, mongo_database: str
) -> None:
    om.datasets.put(pd.DataFrame({"w": [0], "i": [0]}).iloc[:0], "f")
    # Not multiprocessing: a test module has no name under which a new process could import it.
    command = [sys.executable, "-c", APPENDER, f"{mongo_url}/{mongo_database}"]
    workers = [subprocess.Popen([*command, str(worker), "8"]) for worker in range(4)]
    assert [worker.wait() for worker in workers] == [0] * 4
    whole = om.datasets.get("f")
    assert whole.groupby(["w", "i"]).size().tolist() == [10] * 40
    # What one process appended is in its order.
    assert all(group["i"].is_monotonic_increasing for _, group in whole.groupby("w"))
    assert len(om.datasets.metadata("f").kind_meta["batches"]) < 30
    om.gc(grace=0)
    pd.testing.assert_frame_equal(om.datasets.get("f"), whole)


# --- what is read ----------------------------------------------------------------------------


def wide(kind: str) -> pd.DataFrame:
    """A frame of more columns than are handled one by one."""
    numbers = np.random.default_rng(0).integers(-5, 5, (30, 300))
    frame = pd.DataFrame(numbers, columns=[f"c{k}" for k in range(300)])
    match kind:
        case "floats":
            return frame.where(frame != 0, np.nan).astype("float64")
        case "fragments":
            columns = {label: frame[label].astype("int16") for label in frame}
            return pd.concat(columns, axis=1)
        case "mixed":
            kinds = ["int8", "float32", "str", "Int64", "bool"]
            return frame.astype({label: kinds[k // 70] for k, label in enumerate(frame)})
        case "times":
            return frame.astype("datetime64[us]")
    return frame


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("kind", ["ints", "floats", "fragments", "mixed", "times"])
def test_wide_frames_come_back_and_are_the_callers_own(
    om: Omega, assert_same: Same, kind: str
) -> None:
    frame = wide(kind)
    om.datasets.put(frame, "f")
    back = om.datasets.get("f")
    assert_same(frame, back)
    assert_same(frame.iloc[4:22, 9:290], om.datasets.get("f", columns=list(frame)[9:290],
                                                         rows=slice(4, 22)))  # fmt: skip
    mask = frame["c7"] == frame["c7"].iloc[3]
    assert_same(frame[mask], om.datasets.get("f", filter={"c7": frame["c7"].iloc[3]}))
    om.datasets.put(frame, "f", append=True)
    assert_same(pd.concat([frame, frame]), om.datasets.get("f"))
    back.iloc[0, 0] = back.iloc[1, 0]
    assert_same(frame, wide(kind))


class Counted(pymongo.monitoring.CommandListener):
    def __init__(self) -> None:
        self.documents = 0

    def started(self, event: Any) -> None:
        if event.command_name == "find" and event.command.get("projection", {}).get("data"):
            self.documents += len(event.command["filter"]["_id"]["$in"])

    def succeeded(self, event: Any) -> None: ...
    def failed(self, event: Any) -> None: ...


@pytest.mark.usefixtures("small_segments")
def test_only_the_documents_that_can_match_are_read(
    make_omega: Callable[..., Omega], assert_same: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(omega_pandas.segments.layout, "GROUP_BYTES", 1)
    counted = Counted()
    pymongo.monitoring.register(counted)
    try:
        om = make_omega()
        om.datasets.list()
    finally:
        pymongo.monitoring._LISTENERS.command_listeners.remove(counted)
    frame = sales(70)
    om.datasets.put(frame, "f")

    def documents(**options: Any) -> int:
        counted.documents = 0
        om.datasets.get("f", **options)
        return counted.documents

    assert documents() == 10 * 7
    assert documents(columns=["n"]) == 10
    assert documents(rows=slice(7, 14)) == 7
    # Sorted: one segment matches, of which the filter's column is read, and then the others.
    assert documents(filter={"n__between": (15, 16)}) <= 1 + 7
    assert documents(filter={"n__between": (15, 16)}, columns=["s"]) <= 2
    # Nothing matches: one segment tells the types.
    assert documents(filter={"n__gt": 1000}) <= 1 + 7


# --- damage, bad input -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        lambda segments: segments.delete_one({"segment": 2}),
        lambda segments: segments.update_one({"segment": 2}, {"$set": {"data": b"other"}}),
        lambda segments: segments.update_one({"segment": 2}, {"$set": {"crc": 1}}),
    ],
)
@pytest.mark.usefixtures("small_segments")
def test_damage_is_an_error_that_names_object_and_version(
    om: Omega, damage: Callable[[Any], Any]
) -> None:
    om.datasets.put(sales(30), "f")
    damage(om.datasets.segments)
    with pytest.raises(IntegrityError, match=r"data/'f' in bucket 'default', version 1"):
        om.datasets.get("f")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"chunksize": 0}, "chunksize= takes a number of rows from 1, not 0"),
        ({"chunksize": "many"}, "not 'many'"),
        ({"rows": 5}, "rows= takes a slice"),
        ({"rows": slice(0, 10, 2)}, "without a step"),
        ({"columns": ["z"]}, "has no column 'z'"),
        ({"as_": "numpy"}, "as_= takes"),
        ({"as_of": "yesterday"}, "as_of= takes"),
    ],
)
def test_a_selection_that_makes_no_sense_is_refused(om: Omega, options: Any, text: str) -> None:
    om.datasets.put(sales(5), "f")
    with pytest.raises(UnsupportedOptionError) as caught:
        om.datasets.get("f", **options)
    assert text in str(caught.value)


def test_wide_and_empty_frames_are_frames(om: Omega, assert_same: Same) -> None:
    for frame in (
        pd.DataFrame(np.arange(20_000).reshape(2, 10_000)),
        pd.DataFrame(),
        pd.DataFrame(index=range(5)),
        pd.DataFrame({"a": [], "b": []}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
    ):
        om.datasets.put(frame, "f")
        assert_same(frame, om.datasets.get("f"))


_MEMORY = """
import resource, sys
import numpy as np, pandas as pd
from omega_core import Omega
om = Omega(url=sys.argv[1])
om.datasets.put(pd.DataFrame({"a": [1.0]}), "warm"); om.datasets.get("warm")
# Column by column: of the rows of one array, pandas 2.2 makes columns that Arrow has to copy.
frame = pd.DataFrame({n: np.random.default_rng(n).random(4_000_000) for n in range(10)})
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
om.datasets.put(frame, "f")
put = peak() - before
rows = len(frame); total = float(frame[3].sum()); del frame
found = 0.0
for chunk in om.datasets.get("f", chunksize=200_000):
    found += float(chunk[3].sum()); rows -= len(chunk)
assert rows == 0 and abs(found - total) < 1e-3
print(put, peak() - before)
"""


@pytest.mark.slow
def test_a_put_and_chunks_take_little_memory_beside_the_frame(
    mongo_url: str, mongo_database: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, f"{mongo_url}/{mongo_database}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    put, chunks = map(int, done.stdout.split())
    assert put < 256, f"putting 320 MB took {put} MB beside them"
    assert chunks < 256, f"reading in chunks took {chunks} MB"
