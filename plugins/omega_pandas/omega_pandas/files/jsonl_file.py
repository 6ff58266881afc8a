"""Files of JSON lines: an object a line, as frames or as rows."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any, BinaryIO, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.json as pa_json

from omega_core import FileFormat
from omega_core.errors import UnsupportedValueError

from .frames import (
    CHUNK_ROWS,
    Source,
    frames,
    frames_of,
    in_pieces,
    is_told,
    joined,
    opened,
    place_of,
    with_nulls,
)

_BLOCK = 1 << 23


class JsonLinesFormat(FileFormat):
    """An object of JSON a line: the rows of a table, or those of ``--kind python.rows``."""

    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pandas.dataframe": {"chunksize": CHUNK_ROWS},
        "pandas.dfrows": {"chunksize": CHUNK_ROWS},
        "pandas.parquet": {},
        "python.rows": {},
    }
    text = True

    def read(self, source: Source, *, kind: str | None = None, like: Any = None) -> Iterator[Any]:
        """Yield DataFrames, or the rows as they are for a kind that is none of frames."""
        place = place_of(source)
        if kind is not None and not kind.startswith("pandas."):
            return _rows(source, place)
        return in_pieces(lambda file: _frames(file, place, like), source)

    def joined(self, pieces: Iterator[Any]) -> Any:
        return joined(pieces)

    def write(self, obj: Any, target: BinaryIO, *, index: bool | None = None) -> None:
        """Write a line for each row.

        Parameters
        ----------
        index
            Write the index among the columns: by default, unless it is row numbers.
        """
        if isinstance(obj, list) and all(isinstance(row, Mapping) for row in obj):
            _write(obj, target)
            return
        for frame in frames_of(obj, "JSON lines"):
            index = is_told(frame.index) if index is None else index
            named = (frame.reset_index() if index else frame).rename(columns=str)
            # Of python objects, so that what is missing is known as such.
            columns = [
                named[name].astype(object).where(named[name].notna(), None) for name in named
            ]
            names = list(named.columns)
            rows = zip(*columns, strict=True) if columns else iter([()] * len(named))
            _write((dict(zip(names, row, strict=True)) for row in rows), target)


def _rows(source: Source, place: str) -> Iterator[Any]:
    with opened(source) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UnsupportedValueError(
                    f"{place}, line {number}, is no JSON: {error}."
                ) from error


def _frames(file: IO[bytes], place: str, like: Any) -> Iterator[Any]:
    start = file.tell()
    schema = pa.schema([])
    for block, line in _blocks(file):
        found = _texts(_table(block, line, place).schema)
        try:
            schema = pa.unify_schemas([schema, found], promote_options="permissive")
        except pa.ArrowException as error:
            raise _no_table(place, line, error) from error
    usual = [(f.name, pa.float64() if pa.types.is_null(f.type) else f.type) for f in schema]
    schema = pa.schema(usual)

    def batches() -> Iterator[pa.RecordBatch]:
        file.seek(start)
        for block, line in _blocks(file):
            yield from _table(block, line, place, schema).combine_chunks().to_batches()

    yield from frames(batches(), schema, with_nulls(batches()), place, like)


def _blocks(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield whole lines, and the number of the first of them."""
    line = 1
    while block := file.read(_BLOCK):
        block += file.readline()
        yield block, line
        line += block.count(b"\n")


def _table(block: bytes, line: int, place: str, schema: pa.Schema | None = None) -> pa.Table:
    parse = pa_json.ParseOptions(explicit_schema=schema)
    read = pa_json.ReadOptions(block_size=len(block) + 1)
    if not block.strip():
        return (schema or pa.schema([])).empty_table()
    try:
        return pa_json.read_json(io.BytesIO(block), read, parse)
    except pa.ArrowException as error:
        raise _no_table(place, line, error) from error


def _no_table(place: str, line: int, error: Exception) -> UnsupportedValueError:
    return UnsupportedValueError(
        f"{place}, in the lines from {line} on, is no table of JSON lines: {error}. Each line is "
        "an object, and a key has values of one type. As they are, rows are stored with "
        "--kind python.rows."
    )


def _texts(schema: pa.Schema) -> pa.Schema:
    """Return the schema without times, which JSON does not have: some would be, others not."""
    return pa.schema(
        [(f.name, pa.string() if pa.types.is_timestamp(f.type) else f.type) for f in schema]
    )


def _write(rows: Any, target: BinaryIO) -> None:
    for row in rows:
        line = json.dumps(_plain(row), ensure_ascii=False)
        target.write(line.encode("utf-8", "surrogatepass") + b"\n")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; text, where JSON has no such value."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)
