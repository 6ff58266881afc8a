"""Pieces of segments, and what they hold put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..encoding.encoded_columns import Column
from ..values.numpy_dtypes import decode_dtype
from .documents import Columns
from .threads import overlapped

Json = Any


@dataclass(frozen=True)
class Piece:
    """Some rows of one segment of one batch."""

    batch: int
    segment: int
    start: int
    stop: int


Segments = dict[tuple[int, int], Columns]
"""The fields of segments, by batch and segment."""

NOTHING = Piece(0, 0, 0, 0)
"""No rows, of a segment that is there: an empty selection has types too."""


def joined(
    name: str, pieces: Sequence[Piece], segments: Segments, *, parallel: bool = False
) -> Any:
    """Return one field over the pieces, as Arrow holds it; decoded in threads where asked to."""
    columns = cut(name, pieces, segments)
    arrays = list(overlapped(Column.decoded, columns, parallel=parallel))
    return pa.chunked_array(arrays, type=columns[0].type)


def cut(name: str, pieces: Sequence[Piece], segments: Segments) -> list[Column]:
    """Return one field over the pieces, as it is stored."""
    return [
        segments[piece.batch, piece.segment][name].part(piece.start, piece.stop) for piece in pieces
    ]


def number_dtype(spec: Json) -> np.dtype[Any] | None:
    """Return the dtype of a column that is stored as the numbers that it holds; else None."""
    if spec["dtype"] != "numpy" or spec.get("raw"):
        return None
    dtype = decode_dtype(spec["numpy"])
    return dtype if dtype.kind in "iufmM" and dtype.isnative else None


def numbers(dtype: np.dtype[Any], columns: Sequence[Column], out: Any) -> Any:
    """Decode straight into memory of the caller's own, where the columns allow it; else None."""
    stored = pa.from_numpy_dtype(dtype)
    if any(column.null_count or column.type != stored for column in columns):
        return None
    values = np.empty(sum(map(len, columns)), dtype) if out is None else out
    start = 0
    for column in columns:
        stop = start + len(column)
        column.decode_into(values[start:stop])
        start = stop
    return values
