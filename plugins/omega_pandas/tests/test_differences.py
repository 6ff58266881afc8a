"""Which rows differ between two versions is what a comparison of the two frames finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import omega_pandas.row_changes
from omega_core import Omega, RowChanges

from .strategies import frames

KEYS = st.lists(st.integers(0, 12), unique=True, max_size=8)


def changes(om: Omega, one: Any, two: Any) -> dict[str, RowChanges]:
    versions = [om.datasets.put(frame, "x").version for frame in (one, two)]
    return {change.by: change for change in om.datasets.diff("x", *versions).changes}


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(one=KEYS, two=KEYS, salt=st.integers(1, 3))
def test_rows_are_counted_by_position_and_by_index(
    om: Omega, one: list[int], two: list[int], salt: int
) -> None:
    def frame(keys: list[int], salt: int) -> pd.DataFrame:
        values = [key % salt if key % 3 else None for key in keys]
        return pd.DataFrame(
            {"v": np.array(values, float), "t": [str(key // salt) for key in keys]}, index=keys
        )

    before, after = frame(one, 1), frame(two, salt)
    before.index = before.index.astype("int64")
    after.index = after.index.astype("int64")
    before["t"], after["t"] = before["t"].astype("str"), after["t"].astype("str")

    def differ(left: Any, right: Any) -> bool:
        return not left.equals(right)

    found = changes(om, before, after)
    shared = min(len(one), len(two))
    if not found:
        assert before.equals(after)
        return
    unlike = sum(
        differ(before.iloc[n], after.iloc[n].rename(before.index[n])) for n in range(shared)
    )
    position = found["position"]
    assert (position.changed, position.same) == (unlike, shared - unlike)
    assert (position.added, position.removed) == (len(two) - shared, len(one) - shared)
    if "index" in found:
        both = [key for key in one if key in two]
        unlike = sum(differ(before.loc[key], after.loc[key]) for key in both)
        index = found["index"]
        assert (index.changed, index.same) == (unlike, len(both) - unlike)
        assert (index.added, index.removed) == (len(two) - len(both), len(one) - len(both))
    else:
        assert one == two


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frame=frames())
def test_any_frame_is_as_it_was(om: Omega, monkeypatch: pytest.MonkeyPatch, frame: Any) -> None:
    monkeypatch.setattr(omega_pandas.row_changes, "_CELLS", 4)
    for way in changes(om, frame, frame).values():
        assert (way.added, way.removed, way.changed, way.same) == (0, 0, 0, len(frame))
    versions = [meta.version for meta in om.datasets.versions("x")]
    assert not om.datasets.diff("x", *versions[-2:])


def test_a_sample_shows_the_values_that_differ_alone(om: Omega) -> None:
    one = pd.DataFrame({"qty": [1, 2, 3], "city": ["a", "b", "c"]}, index=[10, 20, 30])
    two = pd.DataFrame({"qty": [1, 5, 3], "city": ["a", "b", "c"]}, index=[10, 20, 40])
    found = changes(om, one, two)
    [change, gone, new] = found["index"].sample
    assert (change.at, change.before, change.after) == (20, {"qty": 2}, {"qty": 5})
    assert (gone.at, gone.before) == (30, {"qty": 3, "city": "c"})
    assert (new.at, new.after) == (40, {"qty": 3, "city": "c"})
    assert type(change.at) is int
    assert type(change.after["qty"]) is int


def test_columns_that_came_went_changed_or_moved_are_told(om: Omega) -> None:
    om.datasets.put(pd.DataFrame({"a": [1], "b": [2], "c": ["x"]}), "x")
    om.datasets.put(pd.DataFrame({"b": [2.0], "a": [1], "d": ["x"]}), "x")
    told = om.datasets.diff("x", 1)
    assert (told.columns.added, told.columns.removed, told.columns.reordered) == (
        ("d",),
        ("c",),
        True,
    )
    assert [(c.at, c.before, c.after) for c in told.columns.dtypes] == [("b", "int64", "float64")]
    # The values are the same, whatever their dtype.
    assert [(c.by, c.changed) for c in told.changes] == [("position", 0)]
    assert "order of the columns" in repr(told)
    assert told._repr_html_()


def test_labels_that_match_no_rows_are_part_of_them(om: Omega) -> None:
    one = pd.DataFrame({"a": [1, 2, 3]}, index=["x", "x", "y"])
    two = pd.DataFrame({"a": [1, 2, 3]}, index=["x", "z", "z"])
    found = changes(om, one, two)
    assert found.keys() == {"position"}
    assert (found["position"].changed, found["position"].same) == (2, 1)


def test_what_is_missing_inside_of_a_label_is_the_same(om: Omega) -> None:
    labels = pd.MultiIndex.from_tuples([(float("nan"), 0)] * 2)
    frame = pd.DataFrame({"a": [1, 2]}, index=labels)
    found = changes(om, frame, frame.copy())["position"]
    assert (found.changed, found.same) == (0, 2)


def test_columns_of_one_label_are_compared_in_their_order(om: Omega) -> None:
    one = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    two = pd.DataFrame([[1, 2], [3, 5]], columns=["a", "a"])
    assert changes(om, one, two)["position"].changed == 1


def test_series_arrays_and_sparse_matrices_differ_by_row(om: Omega) -> None:
    found = changes(om, pd.Series([1, 2, None]), pd.Series([1, 3, None, 4]))
    assert (found["position"].changed, found["position"].added) == (1, 1)
    one, two = np.array([[1.0, np.nan], [3, 4]]), np.array([[1.0, np.nan], [3, 5], [6, 7]])
    found = changes(om, one, two)
    assert (found["position"].changed, found["position"].same, found["position"].added) == (1, 1, 1)
    assert changes(om, np.zeros((2, 2)), np.zeros((2, 3))) == {}
    assert changes(om, np.zeros(2), np.array(["a", "b"])).keys() <= {"position"}
    found = changes(om, scipy.sparse.csr_array(np.eye(3)), scipy.sparse.csr_array(np.eye(3) * 2))
    assert found["position"].changed == 3


def test_values_that_compare_with_difficulty_are_compared_all_the_same(om: Omega) -> None:
    nested = [[1, {"k": [float("nan")]}], (1, np.array([1.0, np.nan])), None]
    same = [[1, {"k": [float("nan")]}], (1, np.array([1.0, np.nan])), None]
    differs = omega_pandas.row_changes.differs
    one, two = (pd.Series(values, dtype=object).array for values in (nested, same))
    assert differs(one, two).tolist() == [False, False, False]
    other = [[1, {"j": [float("nan")]}], (1, np.array([1.0, 2.0])), "text"]
    assert differs(one, pd.Series(other, dtype=object).array).tolist() == [True, True, True]
    floats, more = (pd.array([1.5, None, value], dtype="Float64") for value in (2.5, 3.5))
    assert differs(floats, more).tolist() == [False, False, True]
    assert differs(floats, floats.copy()).tolist() == [False, False, False]


def test_shapes_that_do_not_go_together_have_no_rows_to_compare() -> None:
    arrays, sparse = omega_pandas.row_changes.array_changes, omega_pandas.row_changes.sparse_changes
    assert arrays(np.array(1), np.array(2)) == []
    assert arrays(np.zeros((2, 2)), np.zeros((2, 3))) == []
    times = np.array(["2024-01-01", "NaT"], "M8[s]")
    [found] = arrays(times, times.copy())
    assert (found.changed, found.same) == (0, 2)
    assert sparse(scipy.sparse.csr_array(np.eye(2)), scipy.sparse.csr_array(np.eye(3))) == []
