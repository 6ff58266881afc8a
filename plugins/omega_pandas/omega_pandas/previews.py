"""Some rows of a stored frame, series or array: the first ones, and some further on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from omega_core import Preview
from omega_core.errors import UnsupportedOptionError

from .values.python_scalars import python_scalar

if TYPE_CHECKING:
    from omega_core import Summary

Read = Any

_WINDOWS, _ROWS = 20, 50
_COLUMNS = 40


def frame_preview(summary: Summary, read: Read) -> Preview:
    """Return rows of a frame: a few windows, of the first columns; what has no parts is read."""
    labels = [column.name for column in summary.columns[:_COLUMNS]]
    whole = len(labels) == len(summary.columns) or len(set(labels)) < len(labels)
    options = {} if whole else {"columns": labels}
    try:
        parts = [read(rows=slice(*window), **options) for window in _windows(summary.rows)]
    except UnsupportedOptionError:
        frame = read(**options)
        parts = [frame.iloc[slice(*window)] for window in _windows(len(frame))]
    columns = tuple(parts[0].columns[:_COLUMNS])
    rows = [row for part in parts for row in _rows(part)]
    return Preview(columns, rows)


def series_preview(summary: Summary, read: Read) -> Preview:
    """Return values of a series, or of an index."""
    try:
        parts = [read(rows=slice(*window)) for window in _windows(summary.rows)]
    except UnsupportedOptionError:
        values = read()
        parts = [values[slice(*window)] for window in _windows(len(values))]
    frames = [pd.DataFrame({"value": part.array}) for part in parts]
    return Preview(("value",), [row for frame in frames for row in _rows(frame)])


def array_preview(summary: Summary, read: Read) -> Preview | None:
    """Return rows of an array of one dimension, or two."""
    if not 1 <= len(summary.details.get("shape") or []) <= 2:
        return None
    try:
        parts = [read(rows=slice(*window)) for window in _windows(summary.rows)]
    except UnsupportedOptionError:
        array = read()
        parts = [array[slice(*window)] for window in _windows(len(array))]
    tables = [part.reshape(len(part), -1)[:, :_COLUMNS] for part in parts if part.size]
    if not tables:
        return None
    rows = [tuple(row) for part in tables for row in part.tolist()]
    return Preview(tuple(range(tables[0].shape[1])), rows)


def _windows(rows: int | None) -> list[tuple[int, int]]:
    """Return which rows to read: the first ones, and as many at each of a few places further on."""
    count = _WINDOWS * _ROWS if rows is None else rows
    if count <= _WINDOWS * _ROWS:
        return [(0, count)]
    starts = np.linspace(0, count - _ROWS, _WINDOWS).astype(int).tolist()
    return [(start, start + _ROWS) for start in starts]


def _rows(frame: Any) -> list[tuple[Any, ...]]:
    arrays = [frame.iloc[:, place].array for place in range(min(_COLUMNS, frame.shape[1]))]
    if not arrays:
        return [() for _ in range(len(frame))]
    columns = [
        [None if pd.api.types.is_scalar(v) and pd.isna(v) else python_scalar(v) for v in array]
        for array in arrays
    ]
    return list(zip(*columns, strict=True))
