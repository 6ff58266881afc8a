"""Files of Parquet and Arrow: their types are those of the columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any, BinaryIO, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from omega_core import FileFormat

from .arrow_stream import writable
from .frames import (
    CHUNK_ROWS,
    Source,
    frames,
    in_pieces,
    joined,
    misread,
    place_of,
    tables_of,
    with_nulls,
)
from .to_pandas import check_names

_KINDS: Mapping[str, Mapping[str, Any]] = {
    "pandas.dataframe": {"chunksize": CHUNK_ROWS, "as_": "arrow"},
    "pandas.dfrows": {"chunksize": CHUNK_ROWS},
    "pandas.series": {"chunksize": CHUNK_ROWS},
    "pandas.parquet": {},
    "numpy.ndarray": {},
}
_MAGIC = b"ARROW1"


class ParquetFormat(FileFormat):
    """A file of Parquet, with what pandas notes in it of index and dtypes."""

    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = _KINDS

    def read(self, source: Source, *, kind: str | None = None, like: Any = None) -> Iterator[Any]:
        """Yield DataFrames; ``like`` is the stored one to which they are appended."""
        place = place_of(source)

        def read(file: IO[bytes]) -> Iterator[Any]:
            with misread(place, "file of Parquet"), pq.ParquetFile(file) as parquet:
                schema = parquet.schema_arrow
                nullable = with_nulls(
                    parquet.iter_batches(CHUNK_ROWS, columns=_doubtful(schema, place))
                )
                batches = parquet.iter_batches(CHUNK_ROWS)
                yield from frames(batches, schema, nullable, place, like)

        return in_pieces(read, source)

    def joined(self, pieces: Iterator[Any]) -> Any:
        return joined(pieces)

    def write(self, obj: Any, target: BinaryIO, *, compression: str = "zstd") -> None:
        """Write frames; ``compression`` is a codec of Parquet."""
        writer = None
        try:
            for table in tables_of(obj, "Parquet"):
                if writer is None:
                    writer = pq.ParquetWriter(
                        writable(target), table.schema, compression=compression
                    )
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()


class ArrowFormat(FileFormat):
    """A file of Arrow, which is what Feather is; streams of Arrow are read as well."""

    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = _KINDS

    def read(self, source: Source, *, kind: str | None = None, like: Any = None) -> Iterator[Any]:
        """Yield DataFrames; ``like`` is the stored one to which they are appended."""
        place = place_of(source)

        def read(file: IO[bytes]) -> Iterator[Any]:
            with misread(place, "file of Arrow"):
                schema, batches = _opened(file)
                doubtful = _doubtful(schema, place)
                nullable = with_nulls(batch.select(doubtful) for batch in batches)
                schema, batches = _opened(file)
                yield from frames(batches, schema, nullable, place, like)

        return in_pieces(read, source)

    def joined(self, pieces: Iterator[Any]) -> Any:
        return joined(pieces)

    def write(self, obj: Any, target: BinaryIO, *, compression: str = "zstd") -> None:
        """Write frames; ``compression`` is zstd, lz4 or uncompressed."""
        codec = None if compression == "uncompressed" else compression
        options = pa.ipc.IpcWriteOptions(compression=codec)
        writer = None
        try:
            for table in tables_of(obj, "Arrow"):
                if writer is None:
                    writer = pa.ipc.new_file(writable(target), table.schema, options=options)
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()


def _doubtful(schema: pa.Schema, place: str) -> list[str]:
    """Return the columns whose dtype depends on whether there are nulls."""
    check_names(schema, place)
    types = pa.types
    return [f.name for f in schema if types.is_integer(f.type) or types.is_boolean(f.type)]


def _opened(file: IO[bytes]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the schema of a file from its beginning, and its batches, one at a time."""
    file.seek(0)
    whole = file.read(len(_MAGIC)) == _MAGIC
    file.seek(0)
    if not whole:
        stream = pa.ipc.open_stream(file)
        return stream.schema, iter(stream)
    reader = pa.ipc.open_file(file)
    batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    return reader.schema, batches
