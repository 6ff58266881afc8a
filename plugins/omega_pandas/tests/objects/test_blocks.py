"""A frame of many columns, whose columns are taken together, is as faithful as a narrow one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omega_core import Omega
from omega_core.errors import UnsupportedValueError
from omega_pandas.objects import blocks

Same = Callable[[Any, Any], None]

DTYPES = [
    "float64", "int8", "bool", "M8[ns]", "m8[us]", "str", "Int64", "category", ">i4", "complex64",
    "datetime64[s, Europe/Berlin]", "float16", "longdouble", "period[D]", "M8[s]", "uint64",
]  # fmt: skip
OBJECTS = [
    dt.date(2024, 1, 1), pd.Timestamp(5), None, 7, 2**70, "x", b"y", np.nan, pd.NaT, True, -0.0,
]  # fmt: skip


def interleaved(dtypes: list[str], rows: int = 4, columns: int = 200) -> pd.DataFrame:
    """Columns of all dtypes in turn, and between them such of objects."""
    made: dict[Any, Any] = {}
    for k in range(columns):
        name = dtypes[k % len(dtypes)]
        numbers = pd.Series((np.arange(rows) * (k + 1)) % 100)
        if name.startswith("period"):
            made[k] = pd.PeriodIndex.from_ordinals(numbers, freq="D")
        elif "Europe" in name:
            made[k] = numbers.astype("M8[s]").dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
        else:
            made[k] = numbers.astype(name)
        if k % 5 == 0:
            values = np.empty(rows, dtype=object)
            values[:] = [OBJECTS[(k // 5 + row * (k % 3)) % len(OBJECTS)] for row in range(rows)]
            made[f"objects of {k}"] = pd.Series(values, dtype=object)
    return pd.DataFrame(made)


@pytest.fixture(params=["taken together", "one by one"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "one by one":
        monkeypatch.setattr(blocks, "_MOST_VALUES", 0)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("rows", [4, 1, 0])
@pytest.mark.parametrize("native", [True, False])
def test_columns_of_any_dtype_in_any_order_come_back(
    om: Omega, assert_same: Same, rows: int, native: bool
) -> None:
    frame = interleaved([name for name in DTYPES if not native or name[0] != ">"], rows)
    om.datasets.put(frame, "f")
    back = om.datasets.get("f")
    assert_same(frame, back)
    assert list(map(str, frame.dtypes)) == list(map(str, back.dtypes))


@pytest.mark.usefixtures("_way")
def test_labels_may_occur_twice_and_the_index_is_any(om: Omega, assert_same: Same) -> None:
    frame = interleaved(["float64", "int8", "Int64"])
    frame.index = pd.date_range("2024-01-01", periods=4, freq="D", name="day")
    frame.columns = pd.MultiIndex.from_arrays([["a", "b"] * 120, range(240)], names=["x", None])
    frame.attrs = {"unit": "m"}
    om.datasets.put(frame, "f")
    assert_same(frame, om.datasets.get("f"))
    frame.columns = pd.Index(["a", "b", "c", np.nan] * 60, dtype=object, name="twice")
    om.datasets.put(frame, "f")
    assert_same(frame, om.datasets.get("f"))


@pytest.mark.usefixtures("_way")
def test_what_comes_back_is_the_callers_to_change(om: Omega, assert_same: Same) -> None:
    frame = interleaved(["float64", "int8", "Int64", "M8[ns]", "category", "bool"])
    before = frame.copy(deep=True)
    om.datasets.put(frame, "f")
    back = om.datasets.get("f")
    for position in range(back.shape[1]):
        back.iloc[0, position] = back.iloc[3, position]
    back["new"] = 1
    assert_same(before, frame)
    assert_same(before, om.datasets.get("f"))


@pytest.mark.usefixtures("_way")
def test_a_wide_frame_of_views_and_fragments_comes_back(om: Omega, assert_same: Same) -> None:
    numbers = np.arange(2000.0).reshape(20, 100)
    whole = pd.DataFrame(numbers, columns=[f"c{k}" for k in range(100)])
    for frame in (whole.iloc[::2, ::-1], pd.DataFrame(numbers.T), pd.DataFrame(numbers[::-3])):
        om.datasets.put(frame, "f")
        assert_same(frame, om.datasets.get("f"))
    fragments = pd.concat([whole[[label]].astype("float32") for label in whole], axis=1)
    om.datasets.put(fragments, "f")
    assert_same(fragments, om.datasets.get("f"))


@pytest.mark.usefixtures("_way")
def test_a_refusal_names_the_one_column_of_many(om: Omega) -> None:
    frame = interleaved(["float64", "int8"])
    frame.insert(137, "odd", pd.Series([1, 2, object(), 4], dtype=object))
    with pytest.raises(UnsupportedValueError, match=r"column 'odd' \(position 137\): row 2 "):
        om.datasets.put(frame, "f")
    assert not om.datasets.exists("f")


def test_a_dtype_that_numpy_cannot_restore_is_refused_beside_its_equal(om: Omega) -> None:
    twin = "q" if np.dtype("q").char != np.dtype("int64").char else "l"
    for columns in (1, 100):
        frame = pd.DataFrame({k: np.arange(3) for k in range(columns)})
        om.datasets.put(frame, "same")
        frame["twin"] = np.arange(3).astype(np.dtype(twin))
        with pytest.raises(UnsupportedValueError, match=r"column 'twin'.*numpy cannot restore"):
            om.datasets.put(frame, "twin")
