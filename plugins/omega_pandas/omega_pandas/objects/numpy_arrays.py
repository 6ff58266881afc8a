"""An array as a header and an Arrow table of its bytes, in its memory order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from omega_core.errors import IntegrityError, UnsupportedValueError

from ..values.numpy_dtypes import array_bytes, decode_dtype, empty_array, encode_dtype, memory_order
from ..values.unfaithful import Refused, type_name
from .header import Encoded, Header, intact, make_header

Array = np.ndarray[Any, Any]


def encode_ndarray(array: Array, subject: str = "the array") -> Encoded:
    """Encode an array of any dtype but object; it is not changed.

    Raises
    ------
    UnsupportedValueError
        For a dtype that holds Python objects, or that numpy cannot restore by its description.
    """
    if type(array) is not np.ndarray:
        raise UnsupportedValueError(
            f"{subject} was not stored: it is a {type_name(array)}, and would come back as a "
            "numpy.ndarray. To store it, make it one with numpy.asarray."
        )
    with Refused(f"{subject} was not stored: it"):
        dtype = encode_dtype(array.dtype)
    header = make_header(
        "ndarray", [], dtype=dtype, shape=list(array.shape), order=memory_order(array)
    )
    return Encoded(header, pa.table({"bytes": pa.array(array_bytes(array))}))


@intact()
def decode_ndarray(header: Header, table: pa.Table) -> Array:
    """Make the array of a header and a table."""
    if header["object"] != "ndarray":
        raise IntegrityError(f"The payload holds a {header['object']!r}, not an 'ndarray'.")
    dtype = decode_dtype(header["dtype"])
    shape = tuple(map(int, header["shape"]))
    data = table.column("bytes")
    if math.prod(shape) * dtype.itemsize != len(data) or data.type != pa.uint8():
        raise IntegrityError(f"The payload has {len(data)} bytes, too many or too few for {shape}.")
    array, view = empty_array(dtype, shape, header["order"])
    position = 0
    for chunk in data.chunks:
        view[position : position + len(chunk)] = chunk.to_numpy()
        position += len(chunk)
    return array


def rows_of(header: Header, start: int, stop: int) -> tuple[Header, list[tuple[int, int]]]:
    """Return the header of some rows of an array, and where their bytes are, in their order."""
    height, *others = map(int, header["shape"])
    size = decode_dtype(header["dtype"]).itemsize
    part = {**header, "shape": [stop - start, *others]}
    if header["order"] == "C":
        row = math.prod(others) * size
        return part, [(start * row, stop * row)]
    # Column by column, each of which has the rows side by side.
    return part, [
        ((column * height + start) * size, (column * height + stop) * size)
        for column in range(math.prod(others))
    ]
