"""The Arrow arrays that a header refers to."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa

from omega_core.errors import IntegrityError

Json: TypeAlias = Any
Arrow: TypeAlias = "pa.Array[Any]"
Chunked: TypeAlias = "pa.ChunkedArray[Any]"
Place: TypeAlias = Callable[[Arrow], Json]
"""Keeps an array, and returns the reference to it that goes into the header."""


class Parts:
    """Arrays of the object's own length (columns of a table), and others (the sides).

    Categories, the levels of a MultiIndex and the column labels have a length of their own. They
    travel inside the header, so that the header and the table are all there is to store.
    """

    def __init__(self, table: pa.Table | None = None, sides: list[str] | None = None) -> None:
        self.columns: dict[str, Arrow] = {}
        self.sides: list[str] = [] if sides is None else sides
        self._stored: dict[str, Chunked] = (
            {} if table is None else dict(zip(table.column_names, table.columns, strict=True))
        )

    def column(self, name: str, array: Arrow) -> str:
        """Keep an array of the object's length as the column ``name``."""
        self.columns[name] = array
        return name

    def side(self, array: Arrow) -> int:
        """Keep an array of any length."""
        self.sides.append(base64.b64encode(_stream(array, "zstd")).decode("ascii"))
        return len(self.sides) - 1

    def placer(self, prefix: str) -> Place:
        """Return a function that keeps arrays as columns ``prefix0``, ``prefix1``, ..."""
        count = iter(range(2**31))
        return lambda array: self.column(f"{prefix}{next(count)}", array)

    def fetch(self, reference: Json) -> Chunked:
        """Return the array that a header refers to."""
        if isinstance(reference, str) and reference in self._stored:
            return self._stored[reference]
        if isinstance(reference, int) and 0 <= reference < len(self.sides):
            data = base64.b64decode(self.sides[reference], validate=True)
            with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
                table = reader.read_all()
            table.validate(full=True)
            return table.column(0)
        raise IntegrityError(f"The header refers to the array {reference!r}, which is not there.")


def whole(array: Arrow | Chunked) -> Any:
    """Return an array in one piece."""
    if not isinstance(array, pa.ChunkedArray):
        return array
    if array.num_chunks == 1:
        return array.chunk(0)
    return pa.concat_arrays(array.chunks) if array.chunks else array.combine_chunks()


def array_bits(array: Arrow | Chunked) -> bytes:
    """Return bytes that are equal for arrays of the same type and the same bits."""
    return _stream(whole(array), None)


def _stream(array: Arrow, compression: str | None) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"side": array})
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def mapped_references(spec: Json, change: Callable[[int], Json]) -> Json:
    """Return the description of a column or an index with its references to sides changed."""
    if isinstance(spec, list):
        return [mapped_references(item, change) for item in spec]
    if not isinstance(spec, dict) or spec.get("dtype") == "numpy":
        return spec
    found = {key: mapped_references(value, change) for key, value in spec.items()}
    if isinstance(spec.get("at"), int):
        found["at"] = change(spec["at"])
    if spec.get("index") == "multi":
        found["codes"] = [change(c) if isinstance(c, int) else c for c in spec["codes"]]
    return found
