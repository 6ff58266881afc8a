"""The columns of a frame as arrays, and a frame of them; of many columns, block by block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

FEW = 64
"""Up to so many columns are not joined into blocks."""

_MOST_VALUES = 8 * 1024 * 1024
"""Of a frame of many columns: up to so many are copied, so as to take columns together."""


def column_arrays(frame: pd.DataFrame) -> Iterable[Any]:
    """Return the array of each column: that of the frame itself, or a copy."""
    bare = frame.copy(deep=False)
    bare.attrs = {}  # which pandas would copy, deeply, with each column
    bare.columns = pd.RangeIndex(frame.shape[1])  # as numbers, which are looked up at once
    if frame.shape[1] <= FEW or frame.size > _MOST_VALUES:
        return (column.array for _, column in bare.items())
    # Asking pandas for thousands of columns one by one takes longer than storing them.
    found: dict[int, Any] = {}
    for dtype, positions in _by_dtype(frame.dtypes).items():
        if dtype is None:
            found.update((position, bare[position].array) for position in positions)
        else:
            block = bare.iloc[:, positions].to_numpy()
            found.update(zip(positions, block.T, strict=True))
    return [found[position] for position in range(len(found))]


def joined(columns: list[Any], index: Any) -> pd.DataFrame:
    """Return a frame of decoded columns, with numbers for labels."""
    # Blocks hold one byte order: pandas would turn the others around.
    few = len(columns) <= FEW or not all(map(_is_native, columns))
    if not few and len(columns) * len(index) <= _MOST_VALUES:
        return _in_blocks(columns, index)
    values: dict[int, Any] = {}
    for place, column in enumerate(columns):
        # Left to itself, DataFrame would look for a better dtype than object.
        named = column.dtype == object
        values[place] = pd.Series(column, index=index, dtype=object) if named else column
    if few:
        # The caller gets memory of its own; what was read in several pieces is that already.
        values = {
            place: column.copy() if _is_shared(column) else column
            for place, column in values.items()
        }
    # Made with numbers for labels: no label is interpreted, and duplicates are no matter.
    # Joining many columns into blocks pays; of a few, it is but another copy.
    return pd.DataFrame(values, index=index, copy=not few)


def _in_blocks(columns: list[Any], index: Any) -> pd.DataFrame:
    """Make a frame of copies of many columns; DataFrame would take its time over each."""
    alike = _by_dtype(column.dtype for column in columns)
    frames = []
    for dtype, positions in alike.items():
        if dtype is None:
            frames.append(pd.DataFrame({position: columns[position] for position in positions}))
        else:
            block = np.stack([columns[position] for position in positions])
            frames.append(pd.DataFrame(block.T, columns=positions, dtype=dtype, copy=False))
    frame = frames[0]
    if len(frames) > 1:
        order = np.argsort(np.concatenate(list(alike.values())))
        frame = pd.concat(frames, axis=1).take(order, axis=1)
    frame.index = index
    return frame


def _by_dtype(dtypes: Iterable[Any]) -> dict[Any, list[int]]:
    """Return the positions of each dtype of which columns can share a block; of others, as None."""
    alike: dict[Any, list[int]] = {}
    for position, dtype in enumerate(dtypes):
        alike.setdefault(dtype if _is_plain(dtype) else None, []).append(position)
    return alike


def _is_plain(dtype: Any) -> bool:
    return (
        isinstance(dtype, np.dtype)
        and dtype.kind in "biufmMO"
        and dtype.isnative
        and dtype.metadata is None
        # To numpy, the dtypes of C's long and long long are equal.
        and np.dtype(dtype.str).char == dtype.char
    )


def _is_native(column: Any) -> bool:
    return not isinstance(column.dtype, np.dtype) or bool(column.dtype.isnative)


def _is_shared(column: Any) -> bool:
    return not (isinstance(column, np.ndarray) and column.flags.owndata and column.flags.writeable)
