"""Text and bytes: without offsets where each has the same length, as codes, hashes and dates have.

And selected by position where Arrow has no way to: text that is stored as views.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

Numbers = np.ndarray[Any, np.dtype[Any]]


def is_text(type_: pa.DataType) -> bool:
    """Return whether values of a type are strings, of characters or of bytes."""
    types = pa.types
    return bool(
        types.is_string(type_)
        or types.is_large_string(type_)
        or types.is_binary(type_)
        or types.is_large_binary(type_)
    )


def taken(array: Any, positions: Numbers) -> Any:
    """Return the values of an array at some positions, also of types that Arrow cannot select."""
    plain = _without_views(array.type)
    if plain == array.type:
        return array.take(pa.array(positions))
    return array.cast(plain).take(pa.array(positions)).cast(array.type)


def _without_views(type_: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_string_view(type_):
        return pa.large_string()
    if types.is_binary_view(type_):
        return pa.large_binary()
    if types.is_list(type_) or types.is_large_list(type_):
        field = type_.value_field.with_type(_without_views(type_.value_type))
        return pa.large_list(field) if types.is_large_list(type_) else pa.list_(field)
    if types.is_struct(type_):
        fields = [type_.field(position) for position in range(type_.num_fields)]
        return pa.struct([field.with_type(_without_views(field.type)) for field in fields])
    return type_


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
