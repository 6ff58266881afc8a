"""The backend of scipy's sparse matrices and arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omega_core import BaseDataBackend
from omega_core.errors import IntegrityError, UnsupportedOptionError, UnsupportedValueError

from .columnar import ColumnarBackend
from .listed_columns import described_array
from .objects.header import FORMAT, Encoded, Header, intact
from .objects.sparse_arrays import (
    UNSTORED,
    Arrays,
    ArraySpec,
    Misfit,
    bytes_of,
    described,
    is_sparse,
    put_together,
    specs_of,
    take_apart,
)
from .row_changes import Read, sparse_changes
from .segments.selection import window
from .segments.stored_table import Stored
from .values.unfaithful import Refused, type_name

if TYPE_CHECKING:
    from omega_core import Metadata, RowChanges, Summary


class SparseBackend(ColumnarBackend):
    """Stores a sparse matrix or array: class, format, dtypes, indices as they come.

    Explicit zeros, duplicates and the order of indices stay, and so does what scipy has found out
    about them. `get(rows=)` of csr reads these rows only.

    An iterator of csr, with ``kind="scipy.sparse"``, is stored as what `scipy.sparse.vstack` makes
    of its parts, of which one at a time is in memory.
    """

    kind = "scipy.sparse"
    called = "sparse matrix"

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether ``obj`` is of scipy's own classes, neither of subclasses."""
        return is_sparse(obj) or type(obj) in UNSTORED

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Store a sparse matrix.

        Parameters
        ----------
        uri
            Where to write it, as one Arrow file, instead of in MongoDB.

        Raises
        ------
        UnsupportedValueError
            Before anything is visible: for lil and dok, which are of Python objects; for a matrix
            whose arrays do not fit together; for dtypes that scipy does not compute with.
        """
        subject = f"The sparse matrix {name!r}"
        if isinstance(obj, Iterator):
            if uri is not None:
                raise UnsupportedOptionError(
                    f"put of {name!r}: only a matrix goes to a uri, not a {type_name(obj)}."
                )
            return self._put_parts(obj, name, attributes)
        header, arrays, table = _encoded(obj, subject)
        shown = _shown(header, arrays["data"].dtype, len(arrays["data"]))
        if uri is not None:
            encoded = Encoded({**header, "arrays": described(arrays)}, table)
            return self.put_encoded(encoded, name, shown, attributes, uri=uri)
        return self.put_bytes([(_own(arrays), table)], name, attributes, lambda: (header, shown))

    def _put_parts(
        self, parts: Iterator[Any], name: str, attributes: dict[str, Any] | None
    ) -> Metadata:
        """Store parts of a csr, one below the other."""
        whole = _Stack(f"The sparse matrix {name!r}")
        return self.put_bytes(map(whole.add, parts), name, attributes, whole.finish)

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return shape and dtype, and of a sparse matrix its class and how many entries it has."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        return described_array(BaseDataBackend.describe(self, name), meta)

    def changed_rows(self, one: Read, two: Read) -> list[RowChanges]:
        """Return which rows differ, by position."""
        return sparse_changes(one(), two())

    def get(self, name: str, rows: Any = None, **kwargs: Any) -> Any:
        """Return the matrix, in memory of its own.

        Parameters
        ----------
        rows
            Of csr: a slice of row numbers, or the first and the one after the last; only these
            are read.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        if rows is not None and (meta.uri is not None or not _has_rows(meta.kind_meta)):
            raise UnsupportedOptionError(
                f"get of {name!r}: rows= reads a part of csr of two dimensions in MongoDB, and "
                f"this is a {meta.kind_meta.get('class')}{' at a uri' if meta.uri else ''}. "
                "Store it as csr: x.tocsr()."
            )
        with intact():
            try:
                if meta.uri is not None:
                    payload = self.read_payload(meta)
                    column = payload.table().column("bytes")
                    specs = specs_of(payload.header["arrays"], len(column))
                    return put_together(payload.header, _filled(specs, column))
                stored = Stored(self.data_store.segments, meta)
                if rows is None:
                    return _whole(stored)
                return _rows(stored, *window(rows, stored.header["shape"][0], name))
            except Misfit as error:
                raise IntegrityError(f"The sparse matrix {name!r} is malformed: {error}") from error


class _Stack:
    """Parts of a csr, one below the other: what they have in common, and what they add up to."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._header: Header | None = None
        self._dtype: Any = None
        self._height = self._entries = 0
        self._index = np.dtype(np.int32)

    def add(self, part: Any) -> tuple[Header, pa.Table]:
        """Return what to write of the next part."""
        header, arrays, table = _encoded(part, self._subject)
        dtype = arrays["data"].dtype
        if self._header is None:
            self._header, self._dtype = header, dtype
            if not _has_rows(header):
                raise UnsupportedValueError(
                    f"{self._subject} was not stored: its parts are {header['class']}. Give csr of "
                    "two dimensions: x.tocsr()."
                )
        common = ("class", self._header["class"], self._header["shape"][1], self._dtype)
        if common != ("class", header["class"], header["shape"][-1], dtype):
            raise UnsupportedValueError(
                f"{self._subject} was not stored: one of its parts is a {header['class']} of "
                f"{header['shape'][-1]} columns and {dtype}, the first a {common[1]} of "
                f"{common[2]} columns and {common[3]}. Give parts that are alike."
            )
        self._height += header["shape"][0]
        self._entries += len(arrays["data"])
        self._index = max(self._index, arrays["indices"].dtype, arrays["indptr"].dtype)
        return _own(arrays), table

    def finish(self) -> tuple[Header, dict[str, Any]]:
        """Return the header of the whole, and what a list of objects shows."""
        if self._header is None:
            raise UnsupportedValueError(
                f"{self._subject} was not stored: the iterator has no matrix, so that the columns "
                "are unknown. Give at least one, which may be empty."
            )
        wide = max(self._height, self._entries) > np.iinfo(np.int32).max
        header = {
            **self._header,
            "shape": [self._height, self._header["shape"][1]],
            "flags": {},
            "index": (np.dtype(np.int64) if wide else self._index).str,
        }
        return header, _shown(header, self._dtype, self._entries)


def _encoded(obj: Any, subject: str) -> tuple[Header, Arrays, pa.Table]:
    """Take a matrix apart; an error says what is not stored."""
    if not is_sparse(obj):
        lists = type(obj) in UNSTORED
        what = "is of Python objects, which scipy keeps for building a matrix" if lists else (
            "is not of a class of scipy.sparse itself, and would come back as another"
        )  # fmt: skip
        raise UnsupportedValueError(
            f"{subject} was not stored: a {type_name(obj)} {what}. Convert it: x.tocsr()."
        )
    with Refused(f"{subject} was not stored: it"):
        header, arrays = take_apart(obj)
        described(arrays)
    chunks = [pa.array(data) for data in bytes_of(arrays)]
    return header, arrays, pa.table({"bytes": pa.chunked_array(chunks, type=pa.uint8())})


def _own(arrays: Arrays) -> Header:
    """Return the header of a batch: the arrays that are its bytes."""
    return {"format": FORMAT, "levels": 0, "rows": None, "sides": [], "arrays": described(arrays)}


def _shown(header: Header, dtype: Any, entries: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "class": header["class"],
        "shape": header["shape"],
        "dtype": str(dtype),
        "entries": entries,
    }


def _has_rows(shown: Mapping[str, Any]) -> bool:
    return str(shown.get("class")).startswith("csr_") and len(shown["shape"]) == 2


# --- reading -------------------------------------------------------------------------------------


def _specs(stored: Stored, number: int) -> dict[str, ArraySpec]:
    own = stored.batch_header(number)
    return specs_of(own["arrays"], stored.batches[number].layout.rows)


def _filled(specs: Mapping[str, ArraySpec], column: Any) -> Arrays:
    return {
        name: spec.filled(column.slice(spec.start, spec.stop - spec.start))
        for name, spec in specs.items()
    }


def _whole(stored: Stored) -> Any:
    """Return a matrix; of several batches, the rows of one below those of another."""
    (column,) = stored.bytes([(0, stored.rows)])
    blocks = [
        _filled(_specs(stored, number), column.slice(batch.start, batch.layout.rows))
        for number, batch in enumerate(stored.batches)
    ]
    return put_together(stored.header, _stacked(stored.header, blocks))


def _rows(stored: Stored, start: int, stop: int) -> Any:
    """Return some rows of a csr, of which alone the entries are read."""
    parts: list[tuple[int, dict[str, ArraySpec], int, int]] = []
    first = 0
    for number in range(len(stored.batches)):
        specs = _specs(stored, number)
        last = first + specs["indptr"].shape[0] - 1
        low, high = max(start, first) - first, min(stop, last) - first
        if low < high:
            parts.append((number, specs, low, high))
        first = last
    # The types of an empty selection come from somewhere.
    parts = parts or [(0, _specs(stored, 0), 0, 0)]

    def read(name: str, ranges: list[tuple[int, int]]) -> list[Any]:
        places = []
        for (number, specs, _, _), rows in zip(parts, ranges, strict=True):
            base = stored.batches[number].start
            low, high = specs[name].bytes_of(*rows)
            places.append((base + low, base + high))
        found = stored.bytes(places)
        return [
            specs[name].filled(data, rows)
            for (_, specs, _, _), rows, data in zip(parts, ranges, found, strict=True)
        ]

    pointers = read("indptr", [(low, high + 1) for _, _, low, high in parts])
    entries = [(int(pointer[0]), int(pointer[-1])) for pointer in pointers]
    for (_, specs, _, _), (low, high) in zip(parts, entries, strict=True):
        if not 0 <= low <= high <= specs["indices"].shape[0]:
            raise Misfit("indptr is out of bounds")
    blocks = [
        {"data": data, "indices": indices, "indptr": pointer - pointer[0]}
        for data, indices, pointer in zip(
            read("data", entries), read("indices", entries), pointers, strict=True
        )
    ]
    # What holds for all rows holds for some; what does not may.
    flags = {name: True for name, holds in stored.header["flags"].items() if holds}
    shape = [stop - start, stored.header["shape"][1]]
    header = {**stored.header, "shape": shape, "flags": flags}
    return put_together(header, _stacked(stored.header, blocks))


def _stacked(header: Header, blocks: Iterable[Arrays]) -> Arrays:
    """Return the arrays of a csr whose parts lie one below the other."""
    parts = list(blocks)
    if "index" not in header:
        if len(parts) != 1:
            raise Misfit(f"it is in {len(parts)} parts")
        return parts[0]
    index = np.dtype(np.int64 if header["index"] == np.dtype(np.int64).str else np.int32)
    pointers = [np.zeros(1, index)]
    entries = 0
    for part in parts:
        pointers.append((part["indptr"][1:] + np.int64(entries)).astype(index))
        entries += len(part["indices"])
    return {
        "data": np.concatenate([part["data"] for part in parts]),
        "indices": np.concatenate([part["indices"] for part in parts]).astype(index, copy=False),
        "indptr": np.concatenate(pointers),
    }
