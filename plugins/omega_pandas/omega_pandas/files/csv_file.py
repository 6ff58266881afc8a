"""Files of CSV: their types are found in a first look at all of them, then they are read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, BinaryIO, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from omega_core import FileFormat
from omega_core.errors import UnsupportedOptionError, UnsupportedValueError

from .frames import (
    CHUNK_ROWS,
    Source,
    frames,
    frames_of,
    in_pieces,
    is_told,
    joined,
    misread,
    place_of,
)

# Arrow reads some of these ahead, and each is in memory several times.
_BLOCK = 1 << 21
_MISFIT = re.compile(r"In CSV column #(\d+): .*?conversion error to ([^\s:]+)", re.S)


class CsvFormat(FileFormat):
    """A table with a header. CSV has no types: they are guessed from all of the file.

    A column is whole numbers, numbers, times, true and false, or else text. Where it is empty,
    the value is missing; where it says NA, NaN or null, in numbers and times alone.
    """

    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pandas.dataframe": {"chunksize": CHUNK_ROWS},
        "pandas.dfrows": {"chunksize": CHUNK_ROWS},
        "pandas.series": {"chunksize": CHUNK_ROWS},
        "pandas.parquet": {},
        "numpy.ndarray": {},
    }
    text = True

    def read(
        self,
        source: Source,
        *,
        kind: str | None = None,
        like: Any = None,
        delimiter: str = ",",
        encoding: str = "utf-8",
        text: str = "",
    ) -> Iterator[Any]:
        """Yield DataFrames.

        Parameters
        ----------
        like
            The stored DataFrame to which it is appended: its columns say how to read these.
        delimiter
            One character; ``tab`` for a tabulator.
        encoding
            As Python has it: ``latin-1``.
        text
            Columns that are text whatever they look like, with commas between: ``zip,code``.
        """
        place = place_of(source)
        delimiter = _delimiter(delimiter)
        as_text = {name: pa.string() for name in filter(None, text.split(","))}
        if like is not None:
            as_text |= {str(label): pa.string() for label in like.columns if _is_text(like[label])}

        def read(file: IO[bytes]) -> Iterator[Any]:
            table = _Table(file, place, delimiter, encoding)
            schema, nullable = table.look(as_text)
            types = {field.name: field.type for field in schema}
            plain = pa.schema([(field.name, _usual(field.type)) for field in schema])
            batches = (_usual_batch(batch, plain) for batch in table.batches(types))
            yield from frames(batches, plain, nullable, place, like)

        return in_pieces(read, source)

    def joined(self, pieces: Iterator[Any]) -> Any:
        return joined(pieces)

    def write(
        self, obj: Any, target: BinaryIO, *, delimiter: str = ",", index: bool | None = None
    ) -> None:
        """Write frames, with a header.

        Parameters
        ----------
        delimiter
            One character; ``tab`` for a tabulator.
        index
            Write the index before the columns: by default, unless it is row numbers.
        """
        text = io.TextIOWrapper(target, encoding="utf-8", newline="")
        try:
            header = True
            for frame in frames_of(obj, "CSV"):
                index = is_told(frame.index) if index is None else index
                frame.to_csv(
                    text,
                    sep=_delimiter(delimiter),
                    index=index,
                    header=header,
                    lineterminator="\n",
                )
                header = False
            text.flush()
        finally:
            text.detach()


class _Table:
    """A file of CSV, read from its beginning as often as asked."""

    def __init__(self, file: IO[bytes], place: str, delimiter: str, encoding: str) -> None:
        self._file = file
        self._start = file.tell()
        self._place = place
        self._parse = pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        self._read = pa_csv.ReadOptions(block_size=_BLOCK, encoding=encoding)

    def look(self, types: dict[str, pa.DataType]) -> tuple[pa.Schema, set[str]]:
        """Return the schema that all rows have, and the columns in which something is missing."""
        types = dict(types)
        while True:
            reader = None
            nullable: set[str] = set()
            try:
                reader = self._reader(types)
                for batch in reader:
                    for name in batch.schema.names:
                        if name not in nullable and batch.column(name).null_count:
                            nullable.add(name)
                return reader.schema, nullable
            except pa.ArrowInvalid as error:
                misfit = _MISFIT.search(str(error))
                if misfit is None or reader is None:
                    raise self._told(error) from error
                field = reader.schema.field(int(misfit[1]))
                wider = _wider(field.type)
                if wider is None or types.get(field.name) == wider:
                    raise self._told(error) from error
                types[field.name] = wider

    def batches(self, types: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        with misread(self._place, "CSV"):
            yield from self._reader(types)

    def _reader(self, types: dict[str, pa.DataType]) -> Any:
        self._file.seek(self._start)
        convert = pa_csv.ConvertOptions(column_types=types)
        reader = pa_csv.open_csv(_Unclosed(self._file), self._read, self._parse, convert)
        twice = {name for name in reader.schema.names if reader.schema.names.count(name) > 1}
        if twice:
            raise UnsupportedValueError(
                f"{self._place} has several columns of the name {min(twice)!r}. Rename them."
            )
        for field in reader.schema:
            if pa.types.is_binary(field.type):
                raise UnsupportedValueError(
                    f"{self._place}: the column {field.name!r} is no text in the encoding of the "
                    "file. Say which that is: --option encoding=latin-1"
                )
        return reader

    def _told(self, error: Exception) -> UnsupportedValueError:
        return UnsupportedValueError(f"{self._place} is no CSV: {error}")


class _Unclosed(io.RawIOBase):
    """Lets a reader close what it reads, and keeps the file for the next one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def _wider(type_: pa.DataType) -> pa.DataType | None:
    """Return the next type that may hold a column of which a value did not fit, or None."""
    if pa.types.is_null(type_):
        return pa.int64()
    if pa.types.is_integer(type_):
        return pa.float64()
    if pa.types.is_date(type_) or (pa.types.is_timestamp(type_) and type_.unit == "s"):
        return pa.timestamp("ns")
    return None if pa.types.is_string(type_) else pa.string()


def _usual(type_: pa.DataType) -> pa.DataType:
    """Return the type that pandas has a dtype for."""
    if pa.types.is_null(type_):
        return pa.float64()
    return pa.timestamp("s") if pa.types.is_date(type_) else type_


def _usual_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        if pa.types.is_string(field.type):
            missing = pc.equal(column, "")
            columns.append(pc.if_else(missing, pa.scalar(None, field.type), column))
        else:
            columns.append(column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _is_text(column: Any) -> bool:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    return bool(dtype.kind == "O" or pd.api.types.is_string_dtype(dtype))


def _delimiter(given: str) -> str:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(given, given)
    if len(delimiter) != 1:
        raise UnsupportedOptionError(
            f"--option delimiter={given}: a delimiter is one character, or tab."
        )
    return delimiter
