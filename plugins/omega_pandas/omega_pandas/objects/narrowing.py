"""Some columns of a decoded frame, in an order of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from .pandas_objects import make_frame

Json = Any


def narrowed(header: dict[str, Json], frame: Any, positions: list[int], labels: Any) -> Any:
    """Return the columns at ``positions`` of a frame whose labels are positions.

    Not by pandas' own selection: a copy of a frame takes big-endian columns for native ones.
    """
    columns = [_values(frame[position]) for position in positions]
    return make_frame(header, frame.index, columns, labels)


def _values(column: Any) -> Any:
    return column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array
