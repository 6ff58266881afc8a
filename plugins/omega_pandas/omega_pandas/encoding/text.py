"""Text and bytes without offsets, where each has the same length: as codes, hashes and dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .integers import Numbers


def fixed(array: Any) -> tuple[Any, Any] | None:
    """Return text, of which each has the same length in bytes, without offsets.

    Returns
    -------
    fixed, extremes
        Of a type of fixed size; and some of the values, the least and the greatest among them,
        or None where it would be many. None alone for other text.
    """
    if array.null_count:
        return None
    offsets = _offsets(array)
    size = int(offsets[1] - offsets[0])
    if not 0 < size < 2**31 or not np.array_equal(np.diff(offsets), np.full(len(array), size)):
        return None
    letters = array.buffers()[2].slice(int(offsets[0]), size * len(array))
    same = pa.Array.from_buffers(pa.binary(size), len(array), [None, letters])
    return same, _extremes(array, letters, size)


def _extremes(array: Any, letters: Any, size: int) -> Any:
    # Comparing their first eight bytes as a number takes a fifth of the time of comparing text.
    if size < 8:
        return None
    starts = np.ndarray(len(array), dtype=">u8", buffer=letters, strides=(size,)).astype("u8")
    [found] = np.nonzero((starts == starts.min()) | (starts == starts.max()))
    return array.take(pa.array(found)) if len(found) * 4 < len(array) else None


def varied(array: Any, type_: pa.DataType) -> Any:
    """Undo `fixed`, for the type that the text had."""
    size = array.type.byte_width
    dtype = _offset_dtype(type_)
    start = array.offset * size
    offsets = np.arange(start, start + size * len(array) + 1, size, dtype=dtype)
    buffers = [None, pa.py_buffer(offsets), array.buffers()[1]]
    text = pa.Array.from_buffers(type_, len(array), buffers)
    text.validate(full=True)  # of bytes it was not asked whether they are text
    return text


def _offsets(array: Any) -> Numbers:
    dtype = _offset_dtype(array.type)
    start = array.offset * dtype.itemsize
    return np.frombuffer(array.buffers()[1], dtype=dtype, count=len(array) + 1, offset=start)


def _offset_dtype(type_: pa.DataType) -> np.dtype[Any]:
    large = pa.types.is_large_string(type_) or pa.types.is_large_binary(type_)
    return np.dtype("i8" if large else "i4")
