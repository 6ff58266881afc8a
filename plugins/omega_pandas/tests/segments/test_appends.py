"""A frame of any dtypes, index and labels, appended piece by piece: what concat makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import omega_pandas.segments.layout
from omega_core import Omega
from omega_core.errors import UnsupportedValueError

from ..equality import is_kept
from ..strategies import frames

Same = Callable[[Any, Any], None]

some = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CUTS = st.lists(st.integers(0, 4), min_size=1, max_size=3)


def cut(frame: pd.DataFrame, cuts: list[int]) -> list[pd.DataFrame]:
    ends = [0, *sorted(cuts), len(frame)]
    return [frame.iloc[start:stop] for start, stop in itertools.pairwise(ends)]


def native(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with numbers in the byte order of the machine, as concat makes them."""
    found = frame.copy()
    for position, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, np.dtype) and not dtype.isnative:
            found.isetitem(position, frame.iloc[:, position].astype(dtype.newbyteorder("=")))
    return found


def check(om: Omega, assert_same: Same, pieces: list[pd.DataFrame], size: int) -> None:
    """Read what was put and appended in all ways, and compare with what concat makes of it."""
    whole = pd.concat(pieces)
    found = om.datasets.get("f")
    assert found.dtypes.tolist() == pieces[0].dtypes.tolist()
    assert_same(whole, native(found))
    assert_same(found, om.datasets.get("f", lazy=True).to_pandas())
    for position, chunk in enumerate(om.datasets.get("f", chunksize=size)):
        assert_same(whole.iloc[position * size : (position + 1) * size], native(chunk))


def is_concatenated(frame: pd.DataFrame) -> bool:
    """Return whether pandas 2.2 can concatenate parts of it: not those of a range of one row."""
    return len(frame) != 1 or not isinstance(frame.index, pd.RangeIndex)


@some
@given(frame=frames().filter(is_concatenated), cuts=CUTS, size=st.integers(1, 5))
def test_any_frame_in_pieces_is_what_concat_makes_of_them_or_concat_changes_a_label(
    om: Omega,
    monkeypatch: pytest.MonkeyPatch,
    assert_same: Same,
    frame: pd.DataFrame,
    cuts: list[int],
    size: int,
) -> None:
    monkeypatch.setattr(omega_pandas.segments.layout, "SEGMENT_ROWS", 2)
    pieces = cut(frame, cuts)
    for number, piece in enumerate(pieces):
        try:
            om.datasets.put(piece, "f", append=number > 0)
        except UnsupportedValueError:
            tried = pieces[: number + 1]
            assert not is_kept([piece.index for piece in tried], pd.concat(tried).index)
            return
    check(om, assert_same, pieces, size)


@some
@given(frame=frames().filter(is_concatenated), cuts=CUTS, size=st.integers(1, 5))
def test_any_frame_in_pieces_of_rows_is_what_concat_makes_of_them_or_refused(
    om: Omega, assert_same: Same, frame: pd.DataFrame, cuts: list[int], size: int
) -> None:
    frame.columns = [f"column {position}" for position in range(frame.shape[1])]
    pieces = cut(frame, cuts)
    try:
        for number, piece in enumerate(pieces):
            om.datasets.put(piece, "f", layout="rows", append=number > 0)
    except UnsupportedValueError:
        return
    check(om, assert_same, pieces, size)


@pytest.mark.parametrize("layout", ["columns", "rows"])
def test_labels_that_may_not_repeat_are_not_appended(
    om: Omega, assert_same: Same, layout: str
) -> None:
    frame = pd.DataFrame({"n": [1, 2, 3]}, index=["a", "b", "c"]).set_flags(
        allows_duplicate_labels=False
    )
    options = {"layout": "rows"} if layout == "rows" else {}
    om.datasets.put(frame.iloc[:1], "f", **options)
    om.datasets.put(frame.iloc[1:], "f", append=True, **options)
    with pytest.raises(UnsupportedValueError, match="label 'b' is in the stored index"):
        om.datasets.put(frame.iloc[1:2], "f", append=True, **options)
    assert_same(frame, om.datasets.get("f"))
    twice = om.datasets.get("f", columns=["n", "n"])
    assert list(twice.columns) == ["n", "n"]


@pytest.mark.parametrize(
    "labels", [[np.nan, "a"], [np.nan, 1.5], pd.to_datetime(["1700-01-01", None])]
)
def test_labels_that_are_missing_are_no_other_labels(
    om: Omega, assert_same: Same, labels: Any
) -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=labels)
    om.datasets.put(frame, "f")
    om.datasets.put(frame, "f", append=True)
    assert_same(pd.concat([frame, frame]), om.datasets.get("f"))
