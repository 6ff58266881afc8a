"""DataFrame, Series and Index <-> header and Arrow table.

Everything is encoded before anything is written, so an object that cannot come back equal is
refused here, with the place and the remedy, and the store never hears of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core.errors import IntegrityError, UnsupportedValueError

from ..columns.concatenation import is_settled
from ..columns.header_arrays import Parts
from ..columns.index import decode_column, decode_index, encode_column, encode_index
from ..values.tagged_json import decode_value, encode_value
from ..values.unfaithful import Refused, Unfaithful, type_name
from .blocks import column_arrays, joined
from .header import Encoded, Header, intact, make_header


def encode_frame(frame: pd.DataFrame, subject: str = "the DataFrame") -> Encoded:
    """Encode a DataFrame.

    Parameters
    ----------
    frame
        Exactly a `pandas.DataFrame`. It is not changed.
    subject
        What a refusal calls the object.

    Raises
    ------
    UnsupportedValueError
        Naming the column, index level, label or key that would not come back equal.
    """
    check_class(frame, (pd.DataFrame,), subject)
    parts = Parts()
    with _refused(subject, "the row index"):
        rows = encode_index(frame.index, parts.placer("i"), parts)
    with _refused(subject, "the column labels"):
        labels = encode_index(frame.columns, parts.side, parts)
    specs = encode_columns(column_arrays(frame), frame.columns, parts, subject)
    header = make_header(
        "frame",
        parts.sides,
        rows=len(frame),
        index=rows,
        labels=labels,
        columns=specs,
        **_annotations(frame, subject),
    )
    return Encoded(header, pa.table(parts.columns))


def encode_columns(arrays: Iterable[Any], labels: Any, parts: Parts, subject: str) -> list[Any]:
    """Return the descriptions of columns, after a check of all values; ``parts`` takes these."""
    specs = []
    for position, values in enumerate(arrays):
        try:
            spec, array = encode_column(values, parts)
        except Unfaithful as verdict:
            place = f"column {labels[position]!r} (position {position})"
            raise verdict.refusal(f"{subject} was not stored: {place}:") from None
        parts.column(f"c{position}", array)
        specs.append(spec)
    return specs


def encode_series(series: Any, subject: str = "the Series") -> Encoded:
    """Encode a Series; the rest is as `encode_frame` says."""
    check_class(series, (pd.Series,), subject)
    parts = Parts()
    with _refused(subject, "the row index"):
        rows = encode_index(series.index, parts.placer("i"), parts)
    with _refused(subject, "the Series"):
        spec, array = encode_column(series.array, parts)
    parts.column("c0", array)
    with _refused(subject, f"the name {series.name!r}"):
        name = encode_value(series.name)
    header = make_header(
        "series",
        parts.sides,
        rows=len(series),
        index=rows,
        values=spec,
        name=name,
        **_annotations(series, subject),
    )
    return Encoded(header, pa.table(parts.columns))


def _annotations(obj: Any, subject: str) -> Header:
    with _refused(subject, "attrs"):
        attrs = encode_value(dict(obj.attrs))
    unsettled = {"duplicates": obj.flags.allows_duplicate_labels, "settled": is_settled(obj.index)}
    return {"attrs": attrs, **unsettled}


def encode_lone_index(index: Any, subject: str = "the Index") -> Encoded:
    """Encode an Index that is stored by itself; the rest is as `encode_frame` says."""
    parts = Parts()
    with _refused(subject, "the Index"):
        spec = encode_index(index, parts.placer("i"), parts)
    header = make_header("index", parts.sides, rows=len(index), index=spec)
    return Encoded(header, pa.table(parts.columns))


def _refused(subject: str, place: str) -> Refused:
    return Refused(f"{subject} was not stored: {place}:")


def check_class(obj: Any, classes: tuple[type, ...], subject: str) -> None:
    """Refuse an object that is of none of the classes itself; routing does, unless by ``kind=``."""
    if type(obj) not in classes:
        wanted = " or ".join(
            f"{cls.__module__.partition('.')[0]}.{cls.__name__}" for cls in classes
        )
        raise UnsupportedValueError(
            f"{subject} was not stored: it is a {type_name(obj)}, and would come back as a "
            f"{wanted}. To store it, make it one, or use a plugin for its class."
        )


@intact()
def decode_frame(header: Header, table: pa.Table, positions: list[int], labels: Any) -> Any:
    """Make the frame of the columns at ``positions``, which are called ``labels``."""
    parts = _parts(header, table, "frame")
    index = decode_index(header["index"], parts)
    specs = header["columns"]
    columns = [
        decode_column(specs[position], parts.fetch(f"c{position}"), parts) for position in positions
    ]
    _check_rows(header, len(index), *map(len, columns))
    return make_frame(header, index, columns, labels)


def make_frame(
    header: Header, index: Any, columns: list[Any] | np.ndarray[Any, Any], labels: Any
) -> Any:
    """Make a frame of decoded columns: an array for each, or the rows of a single one."""
    if isinstance(columns, np.ndarray):
        frame = pd.DataFrame(columns.T, index=index, copy=False)
    else:
        frame = joined(columns, index)
    frame.columns = labels
    return _annotate(frame, header)


@intact()
def decode_series(header: Header, table: pa.Table) -> Any:
    """Make the Series of a header and a table."""
    parts = _parts(header, table, "series")
    index = decode_index(header["index"], parts)
    values = decode_column(header["values"], parts.fetch("c0"), parts)
    _check_rows(header, len(index), len(values))
    return make_series(header, index, values)


def make_series(header: Header, index: Any, values: Any) -> Any:
    """Make a Series of decoded values."""
    name = decode_value(header["name"])
    # A copy gives the caller memory of its own, where Arrow's is read-only. Series(copy=True) of
    # pandas 2.2 would not make it.
    series = pd.Series(values.copy(), index=index, dtype=values.dtype, name=name, copy=False)
    return _annotate(series, header)


@intact()
def decode_lone_index(header: Header, table: pa.Table) -> Any:
    """Make the Index of a header and a table."""
    index = decode_index(header["index"], _parts(header, table, "index"))
    _check_rows(header, len(index))
    return index


def _parts(header: Header, table: pa.Table, kind: str) -> Parts:
    if header["object"] != kind:
        raise IntegrityError(f"The payload holds a {header['object']!r}, not a {kind!r}.")
    return Parts(table, header["sides"])


def _annotate(obj: Any, header: Header) -> Any:
    obj.attrs = decode_value(header["attrs"])
    # Columns may have been asked for twice; and of two that append at once, neither can know.
    if not header["duplicates"] and all(axis.is_unique for axis in obj.axes):
        obj.flags.allows_duplicate_labels = False
    return obj


def _check_rows(header: Header, *lengths: int) -> None:
    if set(lengths) != {header["rows"]}:
        raise IntegrityError(
            f"The payload holds {sorted(set(lengths))} rows where {header['rows']} were written."
        )
