"""Files in pieces: tables of Arrow as frames of pandas that have the same dtypes, and back."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core.errors import UnsupportedValueError

from .to_pandas import check_names, to_frame

CHUNK_ROWS = 1 << 16
"""Rows of a piece: enough for a segment, and few enough for memory."""

Source = str | os.PathLike[str] | BinaryIO


def place_of(source: Source) -> str:
    """Return what an error calls a file."""
    return f"{os.fspath(source)!r}" if isinstance(source, str | os.PathLike) else "standard input"


@contextmanager
def opened(source: Source) -> Iterator[IO[bytes]]:
    """Open a file that can seek; a stream that cannot is copied to a temporary one on disk."""
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            yield file
    elif source.seekable():
        yield source
    else:
        with tempfile.TemporaryFile() as spooled:
            shutil.copyfileobj(source, spooled, 1 << 20)
            spooled.seek(0)
            yield spooled


def with_nulls(batches: Iterable[pa.RecordBatch]) -> set[str]:
    """Return the columns in which there are nulls, after a look at all batches."""
    found: set[str] = set()
    for batch in batches:
        found.update(n for n in batch.schema.names if batch.column(n).null_count)
    return found


def frames(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    nullable: Collection[str],
    place: str,
    like: Any = None,
) -> Iterator[Any]:
    """Yield a DataFrame for each batch, at least one, of the same dtypes.

    Parameters
    ----------
    nullable
        The columns with nulls somewhere: integers and booleans among them are those of pandas
        that may be missing, in every piece.
    like
        A DataFrame whose dtypes these get, where no value changes by that; or None.

    Raises
    ------
    UnsupportedValueError
        Naming the column whose values pandas, or ``like``, does not take.
    """
    check_names(schema, place)
    dtypes = {
        field.name: dtype
        for field in schema
        if field.name in nullable and (dtype := _nullable_dtype(field.type)) is not None
    }
    start = 0
    for table in _tables(batches, schema):
        frame = to_frame([(place, table)])
        frame = frame.astype({name: d for name, d in dtypes.items() if name in frame.columns})
        if isinstance(frame.index, pd.RangeIndex) and frame.index.name is None:
            frame.index = pd.RangeIndex(start, start + len(frame))
        start += len(frame)
        yield frame if like is None else _conformed(frame, like, place)


def _tables(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield tables of about `CHUNK_ROWS` rows, whatever the size of the batches, at least one."""
    gathered: list[pa.RecordBatch] = []
    empty = True
    for batch in batches:
        if batch.num_rows:
            empty = False
            gathered.append(batch)
        if sum(one.num_rows for one in gathered) >= CHUNK_ROWS:
            yield pa.Table.from_batches(gathered)
            gathered = []
    if gathered or empty:
        yield pa.Table.from_batches(gathered, schema)


def _nullable_dtype(type_: pa.DataType) -> Any:
    if pa.types.is_integer(type_):
        return pd.api.types.pandas_dtype(str(type_).replace("i", "I").replace("u", "U"))
    return pd.BooleanDtype() if pa.types.is_boolean(type_) else None


def _conformed(frame: Any, like: Any, place: str) -> Any:
    """Return the columns in the dtypes of the stored ones; the store compares their labels."""
    made = {}
    for label in frame.columns:
        column = frame[label]
        if label in like.columns and column.dtype != like[label].dtype:
            dtype = like[label].dtype
            try:
                same = _is_category(column, dtype)
                cast = column.astype(dtype) if same else column
                same = same and cast.isna().equals(column.isna()) and _equal(cast, column)
            except (TypeError, ValueError, ArithmeticError):
                same = False
            if not same:
                raise UnsupportedValueError(
                    f"{place}: the column {label!r} is {column.dtype}, and the stored one is "
                    f"{dtype}, which does not hold its values. Correct the file, or put it under "
                    "another name."
                )
            column = cast
        made[label] = column
    return pd.DataFrame(made, index=frame.index)


def _is_category(column: Any, dtype: Any) -> bool:
    known = not isinstance(dtype, pd.CategoricalDtype) or column.dropna().isin(dtype.categories)
    return bool(np.all(known))


def _equal(cast: Any, column: Any) -> bool:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return True
    there = column.notna()
    return bool((cast[there].astype(column[there].dtype) == column[there]).all())


def tables_of(obj: Any, what: str) -> Iterator[pa.Table]:
    """Yield what a store gives, a frame, a series, an array, or pieces of one, as tables.

    They have one schema: as long as a column has nothing but nulls, its type is not known, and
    the pieces wait.

    Raises
    ------
    UnsupportedValueError
        Naming what Arrow does not take; ``what`` is the format.
    """
    waiting: list[pa.Table] = []
    schema: pa.Schema | None = None
    with _refusals(what):
        for piece in obj if isinstance(obj, Iterator) else [obj]:
            table = _table(piece)
            if schema is None:
                waiting.append(table)
                table = pa.concat_tables(waiting, promote_options="permissive")
                if any(pa.types.is_null(field.type) for field in table.schema):
                    continue
                schema, waiting = table.schema, []
            yield table.cast(schema).replace_schema_metadata(schema.metadata)
        if waiting:
            yield pa.concat_tables(waiting, promote_options="permissive")


def frames_of(obj: Any, what: str) -> Iterator[Any]:
    """Yield what a store gives, a frame, a series, an array, or pieces of one, as frames."""
    for piece in obj if isinstance(obj, Iterator) else [obj]:
        yield _frame(piece, what)


def _table(piece: Any) -> pa.Table:
    return piece if isinstance(piece, pa.Table) else pa.Table.from_pandas(_frame(piece, "Arrow"))


def _frame(piece: Any, what: str) -> Any:
    if isinstance(piece, pd.DataFrame):
        return piece
    if isinstance(piece, pd.Series):
        return piece.to_frame("value" if piece.name is None else piece.name)
    if isinstance(piece, pd.Index):
        return piece.to_frame(index=False)
    if type(piece).__module__ == "numpy" and getattr(piece, "ndim", 0) in (1, 2):
        return pd.DataFrame(piece).rename(columns=str)
    rows = piece if isinstance(piece, list) else None
    if rows and all(isinstance(row, dict) for row in rows):
        return pd.DataFrame.from_records(rows)
    raise UnsupportedValueError(
        f"{what} is written of frames, series, arrays of one or two dimensions, and rows, not of "
        f"{type(piece).__module__}.{type(piece).__qualname__}."
    )


def joined(pieces: Iterator[Any]) -> Any:
    """Return one DataFrame of pieces; what are no frames, as a list."""
    found = list(pieces)
    if not all(isinstance(piece, pd.DataFrame) for piece in found):
        return found
    return found[0] if len(found) == 1 else pd.concat(found)


def is_told(index: Any) -> bool:
    """Return whether an index says more than the number of the row."""
    numbers = index.nlevels == 1 and pd.api.types.is_integer_dtype(index.dtype)
    return not (numbers and index.name is None)


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, TypeError) as error:
        raise UnsupportedValueError(
            f"{what} cannot hold this object: {error}. Choose other columns, or another format."
        ) from error


@contextmanager
def misread(place: str, what: str) -> Iterator[None]:
    """Say of which file it is told, and by which format, where Arrow cannot read it."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, pa.ArrowException) or type(error) is OSError:
            raise UnsupportedValueError(f"{place} is no {what}: {error}") from error
        raise


def in_pieces(read: Callable[[IO[bytes]], Iterator[Any]], source: Source) -> Iterator[Any]:
    """Yield what ``read`` yields of an opened file, which is closed at the end."""
    with opened(source) as file:
        yield from read(file)
