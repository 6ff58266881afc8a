"""A stored array as a file of numpy, and back without loss, some megabytes at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from omega_core.errors import IntegrityError

from ..objects.header import Encoded, Header, intact, make_header
from ..segments.headers import split_header
from ..segments.stored_table import Stored
from ..values.numpy_dtypes import decode_dtype, encode_dtype

FILE = "array.npy"

_PIECE = 32 * 1024 * 1024
_LARGEST_HEADER = 1024 * 1024


def write_npy(stored: Stored, create: Callable[[str], Any]) -> bool:
    """Write a stored array to a file; False for a dtype that such a file changes."""
    header = stored.header
    dtype = decode_dtype(header["dtype"])
    descr: Any = np.lib.format.dtype_to_descr(dtype)
    try:
        if encode_dtype(np.lib.format.descr_to_dtype(descr)) != header["dtype"]:
            return False
    except (TypeError, ValueError):
        return False
    about = {
        "descr": descr,
        "fortran_order": header["order"] == "F",
        "shape": tuple(header["shape"]),
    }
    file = create(FILE)
    np.lib.format.write_array_header_2_0(file, about)
    for start in range(0, stored.rows, _PIECE):
        (data,) = stored.bytes([(start, min(stored.rows, start + _PIECE))])
        for chunk in data.chunks:
            file.write(chunk.to_numpy())
    return True


@intact()
def read_npy(file: BinaryIO, subject: str) -> tuple[Header, Iterator[tuple[Header, pa.Table]]]:
    """Return the header of the array in a file, and its bytes in parts, as they are stored.

    Raises
    ------
    IntegrityError
        It is no such file, or has other bytes than its header says.
    """
    if np.lib.format.read_magic(file) != (2, 0):
        raise IntegrityError(f"{subject}: the file is not of the version that is exported.")
    shape, fortran, dtype = np.lib.format.read_array_header_2_0(
        file, max_header_size=_LARGEST_HEADER
    )
    if dtype.hasobject:
        raise IntegrityError(f"{subject}: the file is of Python objects, which are not read.")
    header = make_header(
        "ndarray",
        [],
        dtype=encode_dtype(dtype),
        shape=[int(size) for size in shape],
        order="F" if fortran else "C",
    )
    size = math.prod(header["shape"]) * dtype.itemsize
    shared, _ = split_header(Encoded(header, pa.table({"bytes": pa.array([], pa.uint8())})))
    return shared, _parts(file, header, size, subject)


def _parts(
    file: BinaryIO, header: Header, size: int, subject: str
) -> Iterator[tuple[Header, pa.Table]]:
    left = size
    first = True
    while left or first:
        data = b"" if not left else _exactly(file, min(left, _PIECE), subject)
        first = False
        left -= len(data)
        table = pa.table({"bytes": pa.array(np.frombuffer(data, dtype=np.uint8))})
        yield split_header(Encoded(header, table))[1], table
    if file.read(1):
        raise IntegrityError(f"{subject}: the file has more than the {size} bytes of its array.")


def _exactly(file: BinaryIO, size: int, subject: str) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            raise IntegrityError(f"{subject}: the file ends in the middle.")
        data += more
    return bytes(data)
