"""A DataFrame as a table of Parquet, whose columns other tools find by their labels; and back."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from omega_core.errors import IntegrityError, UnsupportedValueError

from ..columns.arrow_types import parse_type
from ..objects.header import Encoded, Header, dump_header, load_header

_KEY = b"omega_pandas"
_ROW_GROUP = 1 << 17
"""Rows: small enough for the statistics of a group to tell."""


def parquet_table(encoded: Encoded, labels: list[Any], subject: str) -> pa.Table:
    """Return the table to write, under the column labels where those can be names.

    Raises
    ------
    UnsupportedValueError
        Naming the column that Parquet cannot hold.
    """
    table = encoded.table
    plain = all(type(label) is str and label.isprintable() for label in labels)
    names = {field: field for field in table.column_names}
    if plain and len(set(labels)) == len(labels):
        names |= {f"c{position}": label for position, label in enumerate(labels)}
        levels = [field for field in names if field.startswith("i")]
        names |= {field: f"__index_level_{field[1:]}__" for field in levels}
    if len(set(names.values())) < len(names):
        names = {field: field for field in table.column_names}
    types: dict[str, str] = {}
    for field in table.schema:
        at = int(field.name[1:])
        what = f"column {labels[at]!r}" if field.name[0] == "c" else "the row index"
        column = table.select([field.name])
        sink = pa.BufferOutputStream()
        try:
            write_parquet(column, sink)
            back = pq.read_schema(pa.BufferReader(sink.getvalue())).field(0).type
            if back != field.type:
                types[field.name] = str(field.type)
                parse_type(types[field.name])
                # Checked here, since not all versions of Arrow do so when they write.
                column.column(0).cast(back)
        except (pa.ArrowException, OSError, IntegrityError) as error:
            raise UnsupportedValueError(
                f"{subject} was not stored as Parquet: {what} is {field.type}, which Parquet "
                f"cannot hold as it is ({error}). Without uri= it is stored in MongoDB."
            ) from None
    header = {**encoded.header, "names": names, "types": types}
    renamed = table.rename_columns([names[name] for name in table.column_names])
    return renamed.replace_schema_metadata({_KEY: dump_header(header)})


def write_parquet(table: pa.Table, sink: Any) -> None:
    """Write a table to a file of Arrow, or to one for which Arrow has an interface."""
    with pq.ParquetWriter(sink, table.schema, compression="zstd", version="2.6") as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP)


def stored_header(schema: pa.Schema) -> Header:
    """Return the header that `parquet_table` left in the metadata of the file."""
    return load_header((schema.metadata or {}).get(_KEY))


def header_among(schema: pa.Schema) -> Header | None:
    """Return the header in the metadata of a file, if we wrote it; None for that of others."""
    data = (schema.metadata or {}).get(_KEY)
    return None if data is None else load_header(data)


def encoded_table(header: Header, table: pa.Table, names: dict[str, str]) -> pa.Table:
    """Return some columns of a stored table as `parquet_table` took them.

    Parameters
    ----------
    names
        Of the columns to return, as they are called in the header: those in the file.
    """
    return pa.table(
        {field: _retyped(table.column(name), field, header) for field, name in names.items()}
    )


def _retyped(column: Any, field: str, header: Header) -> Any:
    """Return a column in the unit of time that Parquet lacks."""
    kind = header["types"].get(field)
    return column if kind is None else column.cast(parse_type(kind))
