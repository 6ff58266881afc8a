"""Any frame comes back equal, or is refused: searched for with Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import omega_pandas.segments.layout
from omega_core import Omega

from .samples import object_array
from .strategies import LABELS, NESTED, frames


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frame=frames())
def test_any_frame_comes_back_as_it_was(
    roundtrip: Callable[[Any], Any], frame: pd.DataFrame
) -> None:
    roundtrip(frame)


@settings(max_examples=100, deadline=None)
@given(values=st.lists(NESTED, max_size=4), name=LABELS)
def test_any_column_of_objects_comes_back_as_it_was(
    roundtrip: Callable[[Any], Any], values: list[Any], name: Any
) -> None:
    roundtrip(pd.Series(object_array(*values), dtype=object, name=name))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frame=frames(), size=st.integers(1, 5))
def test_any_frame_of_any_dtype_comes_back_whole_and_in_chunks(
    om: Omega,
    monkeypatch: pytest.MonkeyPatch,
    assert_same: Callable[[Any, Any], None],
    frame: pd.DataFrame,
    size: int,
) -> None:
    monkeypatch.setattr(omega_pandas.segments.layout, "SEGMENT_ROWS", 2)
    om.datasets.put(frame, "f")
    assert_same(frame, om.datasets.get("f"))
    assert_same(frame, om.datasets.get("f", lazy=True).to_pandas())
    for position, chunk in enumerate(om.datasets.get("f", chunksize=size)):
        assert_same(frame.iloc[position * size : (position + 1) * size], chunk)
