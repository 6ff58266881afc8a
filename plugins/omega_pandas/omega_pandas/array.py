"""The backend of `numpy.ndarray`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa

from omega_core import BaseDataBackend
from omega_core.errors import UnsupportedOptionError, UnsupportedValueError

from .archived.npy_files import FILE, read_npy, write_npy
from .columnar import ColumnarBackend
from .listed_columns import described_array
from .objects.header import FORMAT, Header, intact
from .objects.numpy_arrays import Array, decode_ndarray, encode_ndarray, rows_of
from .previews import array_preview
from .row_changes import Read, array_changes
from .segments.headers import split_header
from .segments.selection import window
from .segments.stored_table import Stored
from .values.numpy_dtypes import decode_dtype
from .values.unfaithful import type_name

if TYPE_CHECKING:
    from omega_core import Metadata, Preview, RowChanges, Summary


class ArrayBackend(ColumnarBackend):
    """Stores an array: dtype, shape, values and memory order."""

    kind = "numpy.ndarray"
    called = "array"
    encode = staticmethod(encode_ndarray)

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether ``obj`` is an array itself, neither masked, matrix nor recarray."""
        return type(obj) is np.ndarray

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Store an array; or, with ``kind="numpy.ndarray"``, those of an iterator as one.

        Of an iterator, one array at a time is in memory; they are concatenated.

        Raises
        ------
        UnsupportedValueError
            Before anything is visible, for a dtype that would not come back equal, and for arrays
            that cannot be concatenated as they are.
        """
        if isinstance(obj, Iterator):
            if uri is not None:
                raise UnsupportedOptionError(
                    f"put of {name!r}: only an array goes to a uri, not a {type_name(obj)}."
                )
            whole = _Concatenation(f"The array {name!r}")
            return self.put_bytes(map(whole.add, obj), name, attributes, whole.finish)
        encoded = encode_ndarray(obj, f"The array {name!r}")
        return self.put_encoded(encoded, name, _shown(encoded.header), attributes, uri=uri)

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return shape and dtype, and of a sparse matrix its class and how many entries it has."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        return described_array(BaseDataBackend.describe(self, name), meta)

    def preview(self, summary: Summary, read: Read) -> Preview | None:
        """Return the first values, and some of others."""
        return array_preview(summary, read)

    def changed_rows(self, one: Read, two: Read) -> list[RowChanges]:
        """Return which rows differ, by position."""
        return array_changes(one(), two())

    def get(self, name: str, rows: Any = None, **kwargs: Any) -> Array:
        """Return the array, writable and in memory of its own.

        Parameters
        ----------
        rows
            A slice of the first dimension, or its two ends: only these are read.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        if meta.uri is not None:
            if rows is not None:
                raise UnsupportedOptionError(
                    f"get of {name!r}: an array at a uri is read whole; it has no option 'rows'."
                )
            payload = self.read_payload(meta)
            return decode_ndarray(payload.header, payload.table())
        stored = Stored(self.data_store.segments, meta)
        header = stored.header
        ranges = [(0, stored.rows)]
        if rows is not None:
            with intact():
                if not header["shape"]:
                    raise UnsupportedOptionError(
                        f"get of {name!r}: an array of no dimension has no rows."
                    )
                start, stop = window(rows, header["shape"][0], name)
                header, ranges = rows_of(header, start, stop)
        chunks = [chunk for found in stored.bytes(ranges) for chunk in found.chunks]
        return decode_ndarray(header, pa.table({"bytes": pa.chunked_array(chunks, pa.uint8())}))

    def export_payload(self, meta: Metadata, create: Callable[[str], BinaryIO]) -> bool:
        """Write an array to a file of numpy; one at a URI is a file already."""
        if meta.uri is not None:
            return False
        return write_npy(Stored(self.data_store.segments, meta), create)

    def import_payload(
        self,
        name: str,
        open: Callable[[str], BinaryIO],
        kind_meta: dict[str, Any],
        attributes: dict[str, Any] | None = None,
    ) -> Metadata:
        """Store the array of such a file."""
        with open(FILE) as file:
            header, parts = read_npy(file, f"The array {name!r}")
            return self.put_bytes(parts, name, attributes, lambda: (header, _shown(header)))


class _Concatenation:
    """Arrays one after the other: what they have in common, and what they add up to."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._header: Header | None = None
        self._length = 0

    def add(self, part: Any) -> tuple[Header, pa.Table]:
        """Return what to write of the next one."""
        ordered = np.ascontiguousarray(part) if type(part) is np.ndarray and part.ndim else part
        header, own = split_header(encoded := encode_ndarray(ordered, self._subject))
        if self._header is None:
            self._header = {**header, "order": "C"}
        first = self._header
        if not header["shape"] or not first["shape"]:
            raise UnsupportedValueError(
                f"{self._subject} was not stored: an array of no dimension is no part of another."
            )
        for key, alike in (
            ("dtype", header["dtype"] == first["dtype"]),
            ("shape", header["shape"][1:] == first["shape"][1:]),
        ):
            if not alike:
                raise UnsupportedValueError(
                    f"{self._subject} was not stored: one of its parts has the {key} "
                    f"{getattr(part, key)}, and the first {first[key]}. Give parts that are alike."
                )
        self._length += header["shape"][0]
        return own, encoded.table

    def finish(self) -> tuple[Header, dict[str, Any]]:
        """Return the header of the whole, and what a list of objects shows."""
        if self._header is None:
            raise UnsupportedValueError(
                f"{self._subject} was not stored: the iterator gives no array, so that its dtype "
                "is unknown. Give at least one, which may be empty."
            )
        header = {**self._header, "shape": [self._length, *self._header["shape"][1:]]}
        return header, _shown(header)


def _shown(header: Header) -> dict[str, Any]:
    dtype = str(decode_dtype(header["dtype"]))
    return {"format": FORMAT, "shape": header["shape"], "dtype": dtype}
