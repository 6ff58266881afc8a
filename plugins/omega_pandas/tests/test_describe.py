"""What is told of a stored frame without reading it is what pandas finds when it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymongo.monitoring
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings

import omega_pandas.segments.layout
from omega_core import ColumnSummary, Omega

from .strategies import frames


def of(om: Omega, name: str, label: Any) -> ColumnSummary:
    return next(c for c in om.datasets.describe(name).columns if c.name == label)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frame=frames())
def test_whatever_is_told_of_any_frame_is_so(
    om: Omega, monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame
) -> None:
    monkeypatch.setattr(omega_pandas.segments.layout, "SEGMENT_ROWS", 2)
    om.datasets.put(frame, "f")
    told = om.datasets.describe("f")
    assert told.rows == len(frame)
    assert [c.dtype for c in told.columns] == [
        str(dtype) if not str(dtype).startswith("category") else "category"
        for dtype in frame.dtypes
    ]
    for position, column in enumerate(told.columns):
        values = frame.iloc[:, position]
        if column.nulls is not None and column.nans is not None:
            missing = int(values.isna().sum())
            # An array with missing values aside may hold NaN, which is a value.
            assert column.nulls <= missing <= column.nulls + column.nans
        there = values.dropna()
        if column.exact and column.min is not None:
            assert column.min == there.min()
        if column.exact and column.max is not None:
            assert column.max == there.max()
    assert repr(told)
    assert told._repr_html_()


def test_columns_are_described_by_the_statistics_of_all_segments(
    om: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(omega_pandas.segments.layout, "SEGMENT_ROWS", 3)
    frame = pd.DataFrame(
        {
            "n": range(10),
            "x": np.array([1.1, np.nan, *range(8)], "f4"),
            "city": ["Rome", None, *"abcdefgh"],
            "grade": pd.Categorical(["a", None, *"aaaaaaab"]),
            "when": pd.date_range("2024-01-01", periods=10, tz="Europe/Rome"),
        }
    )
    om.datasets.put(frame, "f")
    om.datasets.put(frame.assign(n=frame.n - 100), "f", append=True)
    assert om.datasets.describe("f").rows == 20
    number, x = of(om, "f", "n"), of(om, "f", "x")
    assert (number.dtype, number.nulls, number.min, number.max) == ("int64", 0, -100, 9)
    # Of 32 bit floats, the statistics keep bounds one step apart; what is told are the values.
    assert (x.nulls, x.nans, x.min, x.max) == (0, 2, 0.0, 7.0)
    city, grade = of(om, "f", "city"), of(om, "f", "grade")
    assert (city.nulls, city.min, city.max) == (2, "Rome", "h")
    # The order of codes is not that of categories.
    assert (grade.dtype, grade.nulls, grade.min, grade.max) == ("category", 2, None, None)
    assert of(om, "f", "when").min == frame["when"].min()
    assert str(of(om, "f", "when").min.tz) == "Europe/Rome"


def test_of_long_text_bounds_are_told_as_bounds(om: Omega) -> None:
    om.datasets.put(pd.DataFrame({"text": ["a" * 100, "b" * 100]}), "f")
    told = of(om, "f", "text")
    assert not told.exact
    assert told.min <= "a" * 100
    assert told.max >= "b" * 100


def test_describing_reads_no_data(om: Omega) -> None:
    om.datasets.put(pd.DataFrame({"x": np.random.default_rng(0).normal(size=300_000)}), "f")
    replies: list[int] = []

    class Listener(pymongo.monitoring.CommandListener):
        def started(self, event: Any) -> None:
            pass

        def failed(self, event: Any) -> None:
            pass

        def succeeded(self, event: Any) -> None:
            replies.append(len(str(event.reply)))

    listeners = pymongo.monitoring._LISTENERS
    pymongo.monitoring.register(listener := Listener())
    try:
        with Omega(om.config) as again:
            again.datasets.describe("f")
    finally:
        listeners.command_listeners.remove(listener)
    assert sum(replies) < 100_000  # of 2.4 MB


def test_series_arrays_and_sparse_matrices_are_described(om: Omega) -> None:
    om.datasets.put(pd.Series([3, 1, 2], name="qty"), "s")
    [column] = om.datasets.describe("s").columns
    assert (column.name, column.min, column.max) == ("qty", 1, 3)
    om.datasets.put(pd.Index(["a", "b"], name="i"), "i")
    assert om.datasets.describe("i").details["index"].startswith("i: ")
    om.datasets.put(np.zeros((3, 4), "f4"), "a")
    told = om.datasets.describe("a")
    assert (told.rows, told.details["shape"], told.details["bytes in memory"]) == (3, [3, 4], 48)
    om.datasets.put(np.zeros(2, [("a", "i4"), ("b", "f8")]), "struct")
    assert om.datasets.describe("struct").rows == 2
    om.datasets.put(scipy.sparse.csr_array(np.eye(4)), "m")
    assert om.datasets.describe("m").details["density"] == 0.25


def test_rows_and_files_are_described_by_what_is_known(
    om: Omega, make_omega: Callable[..., Omega], tmp_path: Path
) -> None:
    frame = pd.DataFrame({"n": [1, 2, 3], "city": ["x", None, "z"]})
    om.datasets.put(frame, "rows", layout="rows")
    told = om.datasets.describe("rows")
    assert told.rows == 3
    assert [(c.name, c.nulls) for c in told.columns] == [("n", None), ("city", None)]
    there = make_omega(uris={"allow": [tmp_path.as_uri() + "/"]})
    for format in ("parquet", None):
        options = {} if format is None else {"format": format}
        there.datasets.put(frame, "file", uri=f"{tmp_path.as_uri()}/{{key}}", **options)
        told = there.datasets.describe("file")
        assert (told.rows, [c.name for c in told.columns]) == (3, ["n", "city"])
        if format == "parquet":
            assert [(c.nulls, c.min, c.max) for c in told.columns] == [
                (0, 1, 3), (1, "x", "z")
            ]  # fmt: skip
    frame.to_parquet(tmp_path / "theirs.parquet")
    uri = (tmp_path / "theirs.parquet").as_uri()
    there.datasets.put(uri, "ref", reference=True)
    told = there.datasets.describe("ref")
    assert (told.rows, told.columns[0].max, told.columns[1].nulls) == (3, 3, 1)
    frame.to_csv(tmp_path / "theirs.csv")
    there.datasets.put((tmp_path / "theirs.csv").as_uri(), "csv", reference=True)
    assert there.datasets.describe("csv").rows is None


def test_the_index_of_what_was_appended_is_not_that_of_the_first(om: Omega) -> None:
    om.datasets.put(pd.DataFrame({"a": [1, 2]}), "x")
    om.datasets.put(pd.DataFrame({"a": [3]}), "x", append=True)
    details = om.datasets.describe("x").details
    assert details["index"] == "range from 0 to 2, and more in other batches"
    assert (details["batches"], om.datasets.describe("x").rows) == (2, 3)
