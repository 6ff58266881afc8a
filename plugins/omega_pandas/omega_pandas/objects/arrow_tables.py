"""Tables of Arrow and its friends: taken as they are, and given back as they were.

A table becomes a frame of Arrow columns (`pandas.ArrowDtype`), since that alone changes no value
and no type: without asking for Arrow again, it comes back as such a frame. The header keeps the
schema besides, so that who asks for Arrow gets an equal table.
"""

from __future__ import annotations

import base64
from typing import Any

import pandas as pd
import pyarrow as pa

from omega_core.errors import UnsupportedOptionError, UnsupportedValueError

from ..columns.header_arrays import Parts
from ..columns.index import encode_index
from ..values.tagged_json import encode_value
from ..values.unfaithful import type_name
from .column_labels import select
from .header import Encoded, Header, intact, make_header
from .pandas_objects import decode_frame, encode_columns


def is_tabular(obj: Any) -> bool:
    """Return whether ``obj`` is a table of another library than pandas, or offers itself as one."""
    if isinstance(obj, pa.Table | pa.RecordBatch | pa.RecordBatchReader):
        return True
    own = isinstance(obj, pd.DataFrame | pd.Series | pd.Index)
    return not own and hasattr(type(obj), "__arrow_c_stream__")


def to_table(obj: Any, subject: str) -> pa.Table:
    """Return a table of Arrow, without a copy where the library allows it.

    Raises
    ------
    UnsupportedValueError
        ``obj`` offers no columns of equal length.
    """
    if isinstance(obj, pa.Table):
        return obj
    if isinstance(obj, pa.RecordBatch):
        return pa.Table.from_batches([obj])
    try:
        reader = pa.RecordBatchReader.from_stream(obj)
    except (pa.ArrowException, TypeError) as error:
        raise UnsupportedValueError(
            f"{subject} was not stored: it is a {type_name(obj)}, which is no table ({error}). "
            "To store it, make it a pyarrow.Table."
        ) from error
    return reader.read_all()


def to_encoded(obj: Any, subject: str, start: int = 0) -> Encoded:
    """Encode a table such that `decode_frame` makes a frame of it.

    Parameters
    ----------
    obj
        For which `is_tabular` holds. A reader is read to its end.
    start
        The label of its first row.

    Raises
    ------
    UnsupportedValueError
        Naming the column of a type that another package defines.
    """
    table = to_table(obj, subject)
    parts = Parts()
    arrays = map(pd.arrays.ArrowExtensionArray, table.columns)
    specs = encode_columns(arrays, table.column_names, parts, subject)
    rows = encode_index(pd.RangeIndex(start, start + table.num_rows), parts.placer("i"), parts)
    labels = encode_index(pd.Index(table.column_names), parts.side, parts)
    header = make_header(
        "frame",
        parts.sides,
        rows=table.num_rows,
        index=rows,
        labels=labels,
        columns=specs,
        attrs=encode_value({}),
        duplicates=True,
        arrow=base64.b64encode(table.schema.serialize()).decode("ascii"),
    )
    return Encoded(header, pa.table(parts.columns))


@intact()
def to_arrow(header: Header, table: pa.Table, positions: list[int] | None = None) -> Any:
    """Return the columns at ``positions``, all by default, as a table of Arrow.

    What was put as a table is equal to that table: names, types, nullability, metadata. What was
    put as a DataFrame becomes what `pyarrow.Table.from_pandas` makes of it.
    """
    if positions is None:
        positions = list(range(len(header["columns"])))
    if "arrow" not in header:
        labels = select(header, None, "the DataFrame")[1]
        frame = decode_frame(header, table, positions, labels.take(positions))
        return pa.Table.from_pandas(frame)
    data = base64.b64decode(header["arrow"], validate=True)
    schema = pa.ipc.read_schema(pa.py_buffer(data))
    fields = [schema.field(position) for position in positions]
    columns = [table.column(f"c{position}") for position in positions]
    chosen = pa.schema(fields, metadata=schema.metadata)
    if not fields:
        # A table without columns has rows no more, except in the index of a frame.
        return chosen.empty_table()
    return pa.Table.from_arrays(columns, schema=chosen)


def to_polars(table: pa.Table) -> Any:
    """Return a table as a DataFrame of polars.

    Raises
    ------
    UnsupportedOptionError
        polars is not installed.
    """
    try:
        import polars
    except ImportError:
        raise UnsupportedOptionError(
            "as_='polars' needs polars, which is not installed: pip install polars. "
            "as_='arrow' needs nothing."
        ) from None
    return polars.from_arrow(table)


def check_library(as_: str) -> None:
    """Refuse a library that nothing can be given as."""
    if as_ not in ("pandas", "arrow", "polars"):
        raise UnsupportedOptionError(f"as_= takes 'pandas', 'arrow' or 'polars', not {as_!r}.")


def converted(obj: Any, as_: str) -> Any:
    """Return a DataFrame or Series as another library holds it."""
    check_library(as_)
    if as_ == "pandas":
        return obj
    table = pa.Table.from_pandas(obj.to_frame() if isinstance(obj, pd.Series) else obj)
    return to_polars(table) if as_ == "polars" else table
