"""Tables in files of other people as pandas holds them; what pandas cannot hold, by its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from omega_core.errors import UnsupportedValueError

from ..columns.arrow_types import is_text

_FAILURES = (
    pa.ArrowException,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
)


def to_frame(tables: Sequence[tuple[str, pa.Table]]) -> Any:
    """Make a DataFrame of tables of one schema.

    Parameters
    ----------
    tables
        Each with what an error calls its file.

    Raises
    ------
    UnsupportedValueError
        Naming the file, the column and its type, where pandas or Python has no such value: of a
        year beyond 9999, an hour beyond 23, a text that is no Unicode, categories that repeat.
    """
    try:
        return _as_pandas(pa.concat_tables([table for _, table in tables]))
    except _FAILURES as error:
        if isinstance(error, MemoryError):
            raise
        raise _explained(tables, error) from error


def index_columns(schema: pa.Schema, place: str) -> list[str]:
    """Return the columns in which pandas keeps the index of the frame that it wrote.

    Raises
    ------
    UnsupportedValueError
        Where what pandas noted in the file cannot be read.
    """
    try:
        noted = (schema.pandas_metadata or {}).get("index_columns", [])
        return [name for name in noted if isinstance(name, str) and name in schema.names]
    except _FAILURES as error:
        raise _unusable_note(place, error) from error


def check_names(schema: pa.Schema, place: str) -> None:
    """Refuse names that are there twice, of which pandas would show one alone.

    Raises
    ------
    UnsupportedValueError
        Naming the columns, or the fields inside of one.
    """
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise UnsupportedValueError(
                f"{place} has several columns of the name {name!r}. Rename them in the file."
            )
    for field in schema:
        twice = next(_repeated(field.type), None)
        if twice is not None:
            raise UnsupportedValueError(
                f"{place}: the column {field.name!r} has several fields of the name {twice!r}. "
                "Rename them in the file."
            )


def _repeated(kind: pa.DataType) -> Iterator[str]:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        yield from _repeated(kind.value_type)
    fields = [kind.field(position) for position in range(kind.num_fields)]
    names = [field.name for field in fields]
    if pa.types.is_struct(kind):
        yield from (name for name in names if names.count(name) > 1)
    for field in fields:
        yield from _repeated(field.type)


def _as_pandas(table: pa.Table) -> Any:
    for column in table.columns:
        # pandas takes any bytes for text, and fails when somebody looks at them.
        if is_text(column.type):
            column.validate(full=True)
    frame = table.to_pandas()
    frame.columns = pd.Index([str(label) for label in frame.columns])
    for name in frame.columns:
        column = table.column(name)
        # Left to itself, it becomes float64, which is not exact for large integers.
        if column.null_count and pa.types.is_integer(column.type):
            dtype = pd.api.types.pandas_dtype(str(column.type).replace("i", "I").replace("u", "U"))
            frame[name] = column.to_pandas(types_mapper={column.type: dtype}.get).array
    return frame


def _explained(
    tables: Sequence[tuple[str, pa.Table]], error: BaseException
) -> UnsupportedValueError:
    """Look for the column that cannot be converted; if each can, it is what pandas noted."""
    for place, table in tables:
        for name in table.column_names:
            try:
                _as_pandas(table.select([name]).replace_schema_metadata())
            except _FAILURES as cause:
                return UnsupportedValueError(
                    f"{place}: the column {name!r} of type {table.schema.field(name).type} holds "
                    f"what pandas cannot: {cause}. Convert it in the file, or read the other "
                    "columns: columns=[...]."
                )
    return _unusable_note(tables[0][0], error)


def _unusable_note(place: str, error: BaseException) -> UnsupportedValueError:
    return UnsupportedValueError(
        f"{place}: what pandas noted in the file of its index and dtypes cannot be used "
        f"({type(error).__name__}: {error}). Write the file anew, or without that note: "
        "table.replace_schema_metadata()."
    )
