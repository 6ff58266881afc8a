"""DataFrame, Series and Index <-> header and Arrow table.

Everything is encoded before anything is written, so an object that cannot come back equal is
refused here, with the place and the remedy, and the store never hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core.errors import (
    IntegrityError,
    UnsupportedOptionError,
    UnsupportedValueError,
    suggestion,
)

from ..columns.concatenation import is_settled
from ..columns.header_arrays import Parts
from ..columns.index import decode_column, decode_index, encode_column, encode_index
from ..values.tagged_json import decode_value, encode_value
from ..values.unfaithful import Unfaithful, type_name
from .header import Encoded, intact, make_header

Json = Any

FEW = 64
"""Up to so many columns are not joined into blocks."""

_MOST_VALUES = 8 * 1024 * 1024
"""Of a frame of many columns: up to so many are copied, so as to take columns together."""


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
    checked = _Checked(subject)
    rows = checked("the row index", encode_index, frame.index, parts.placer("i"), parts)
    labels = checked("the column labels", encode_index, frame.columns, parts.side, parts)
    specs = []
    for position, values in enumerate(_values(frame)):
        try:
            spec, array = encode_column(values, parts)
        except Unfaithful as verdict:
            place = f"column {frame.columns[position]!r} (position {position})"
            raise checked.refusal(place, verdict) from None
        parts.column(f"c{position}", array)
        specs.append(spec)
    header = make_header(
        "frame",
        parts.sides,
        rows=len(frame),
        index=rows,
        labels=labels,
        columns=specs,
        attrs=checked("attrs", encode_value, dict(frame.attrs)),
        duplicates=frame.flags.allows_duplicate_labels,
        settled=is_settled(frame.index),
    )
    return Encoded(header, pa.table(parts.columns))


def _values(frame: pd.DataFrame) -> Iterable[Any]:
    """Return the array of each column: that of the frame itself, or a copy."""
    bare = frame.copy(deep=False)
    bare.attrs = {}  # which pandas would copy, deeply, with each column
    bare.columns = pd.RangeIndex(frame.shape[1])  # as numbers, which are looked up at once
    if frame.shape[1] <= FEW or frame.size > _MOST_VALUES:
        return (column.array for _, column in bare.items())
    # Asking pandas for thousands of columns one by one takes longer than storing them.
    found: dict[int, Any] = {}
    for dtype, positions in _by_dtype(frame.dtypes).items():
        if dtype is None:
            found.update((position, bare[position].array) for position in positions)
        else:
            block = bare.iloc[:, positions].to_numpy()
            found.update(zip(positions, block.T, strict=True))
    return [found[position] for position in range(len(found))]


def _by_dtype(dtypes: Iterable[Any]) -> dict[Any, list[int]]:
    """Return the positions of each dtype of which columns can share a block; of others, as None."""
    alike: dict[Any, list[int]] = {}
    for position, dtype in enumerate(dtypes):
        alike.setdefault(dtype if _is_plain(dtype) else None, []).append(position)
    return alike


def _is_plain(dtype: Any) -> bool:
    return (
        isinstance(dtype, np.dtype)
        and dtype.kind in "biufmMO"
        and dtype.isnative
        and dtype.metadata is None
        # To numpy, the dtypes of C's long and long long are equal.
        and np.dtype(dtype.str).char == dtype.char
    )


def encode_series(series: Any, subject: str = "the Series") -> Encoded:
    """Encode a Series; the rest is as `encode_frame` says."""
    check_class(series, (pd.Series,), subject)
    parts = Parts()
    checked = _Checked(subject)
    rows = checked("the row index", encode_index, series.index, parts.placer("i"), parts)
    spec, array = checked("the Series", encode_column, series.array, parts)
    parts.column("c0", array)
    header = make_header(
        "series",
        parts.sides,
        rows=len(series),
        index=rows,
        values=spec,
        name=checked(f"the name {series.name!r}", encode_value, series.name),
        attrs=checked("attrs", encode_value, dict(series.attrs)),
        duplicates=series.flags.allows_duplicate_labels,
        settled=is_settled(series.index),
    )
    return Encoded(header, pa.table(parts.columns))


def encode_lone_index(index: Any, subject: str = "the Index") -> Encoded:
    """Encode an Index that is stored by itself; the rest is as `encode_frame` says."""
    parts = Parts()
    spec = _Checked(subject)("the Index", encode_index, index, parts.placer("i"), parts)
    header = make_header("index", parts.sides, rows=len(index), index=spec)
    return Encoded(header, pa.table(parts.columns))


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


class _Checked:
    """Turns the verdict on a value into the error that people see."""

    def __init__(self, subject: str) -> None:
        self.subject = subject

    def __call__(self, place: str, encode: Callable[..., Any], *values: Any) -> Any:
        try:
            return encode(*values)
        except Unfaithful as verdict:
            raise self.refusal(place, verdict) from None

    def refusal(self, place: str, verdict: Unfaithful) -> UnsupportedValueError:
        return UnsupportedValueError(
            f"{self.subject} was not stored: {place}: {verdict.what}, and would not come "
            f"back equal. To store it, {verdict.remedy}."
        )


def field_names(names: list[str], positions: list[int]) -> list[str]:
    """Return the names of the fields of a table that the columns at ``positions`` need."""
    wanted = {f"c{position}" for position in positions}
    return [name for name in names if not name.startswith("c") or name in wanted]


def select(header: dict[str, Json], columns: Any, subject: str) -> tuple[list[int], Any]:
    """Return positions and labels of the columns asked for, in the order asked for.

    Raises
    ------
    UnsupportedOptionError
        For a column that the frame does not have, with the closest one that it has.
    """
    with intact():
        labels = decode_index(header["labels"], Parts(sides=header["sides"]))
    if columns is None:
        return list(range(len(labels))), labels
    if isinstance(columns, str | bytes) or not pd.api.types.is_list_like(columns):
        raise UnsupportedOptionError(
            f"columns= takes a list of labels, not {columns!r}. Ask {subject} for [{columns!r}]."
        )
    asked = list(columns)
    positions: list[int] = []
    for label in asked:
        found = _positions(labels, label)
        if not found:
            raise UnsupportedOptionError(
                f"{subject} has no column {label!r}.{suggestion(str(label), labels)} "
                f"It has {len(labels)}: {', '.join(map(repr, labels[:10]))}"
                f"{', ...' if len(labels) > 10 else ''}."
            )
        positions.extend(found)
    return positions, labels.take(positions)


def _positions(labels: Any, label: Any) -> list[int]:
    try:
        found = labels.get_loc(label)
    except (KeyError, TypeError, ValueError, pd.errors.InvalidIndexError):
        return []
    everything = list(range(len(labels)))
    if isinstance(found, slice):
        return everything[found]
    if isinstance(found, int):
        return [found]
    return [position for position, hit in enumerate(found) if hit]


@intact()
def decode_frame(
    header: dict[str, Json], table: pa.Table, positions: list[int], labels: Any
) -> Any:
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
    header: dict[str, Json], index: Any, columns: list[Any] | np.ndarray[Any, Any], labels: Any
) -> Any:
    """Make a frame of decoded columns: an array for each, or the rows of a single one."""
    if isinstance(columns, np.ndarray):
        frame = pd.DataFrame(columns.T, index=index, copy=False)
    else:
        frame = _joined(columns, index)
    frame.columns = labels
    return _annotate(frame, header)


def _joined(columns: list[Any], index: Any) -> pd.DataFrame:
    # Blocks hold one byte order: pandas would turn the others around.
    few = len(columns) <= FEW or not all(map(_is_native, columns))
    if not few and len(columns) * len(index) <= _MOST_VALUES:
        return _in_blocks(columns, index)
    values: dict[int, Any] = {}
    for place, column in enumerate(columns):
        # Left to itself, DataFrame would look for a better dtype than object.
        named = column.dtype == object
        values[place] = pd.Series(column, index=index, dtype=object) if named else column
    if few:
        # The caller gets memory of its own; what was read in several pieces is that already.
        values = {
            place: column.copy() if _is_shared(column) else column
            for place, column in values.items()
        }
    # Made with numbers for labels: no label is interpreted, and duplicates are no matter.
    # Joining many columns into blocks pays; of a few, it is but another copy.
    return pd.DataFrame(values, index=index, copy=not few)


def _in_blocks(columns: list[Any], index: Any) -> pd.DataFrame:
    """Make a frame of copies of many columns; DataFrame would take its time over each."""
    alike = _by_dtype(column.dtype for column in columns)
    frames = []
    for dtype, positions in alike.items():
        if dtype is None:
            frames.append(pd.DataFrame({position: columns[position] for position in positions}))
        else:
            block = np.stack([columns[position] for position in positions])
            frames.append(pd.DataFrame(block.T, columns=positions, dtype=dtype, copy=False))
    frame = frames[0]
    if len(frames) > 1:
        order = np.argsort(np.concatenate(list(alike.values())))
        frame = pd.concat(frames, axis=1).take(order, axis=1)
    frame.index = index
    return frame


@intact()
def decode_series(header: dict[str, Json], table: pa.Table) -> Any:
    """Make the Series of a header and a table."""
    parts = _parts(header, table, "series")
    index = decode_index(header["index"], parts)
    values = decode_column(header["values"], parts.fetch("c0"), parts)
    _check_rows(header, len(index), len(values))
    return make_series(header, index, values)


def _is_native(column: Any) -> bool:
    return not isinstance(column.dtype, np.dtype) or bool(column.dtype.isnative)


def _is_shared(column: Any) -> bool:
    return not (isinstance(column, np.ndarray) and column.flags.owndata and column.flags.writeable)


def make_series(header: dict[str, Json], index: Any, values: Any) -> Any:
    """Make a Series of decoded values."""
    name = decode_value(header["name"])
    # A copy gives the caller memory of its own, where Arrow's is read-only. Series(copy=True) of
    # pandas 2.2 would not make it.
    series = pd.Series(values.copy(), index=index, dtype=values.dtype, name=name, copy=False)
    return _annotate(series, header)


@intact()
def decode_lone_index(header: dict[str, Json], table: pa.Table) -> Any:
    """Make the Index of a header and a table."""
    index = decode_index(header["index"], _parts(header, table, "index"))
    _check_rows(header, len(index))
    return index


def _parts(header: dict[str, Json], table: pa.Table, kind: str) -> Parts:
    if header["object"] != kind:
        raise IntegrityError(f"The payload holds a {header['object']!r}, not a {kind!r}.")
    return Parts(table, header["sides"])


def _annotate(obj: Any, header: dict[str, Json]) -> Any:
    obj.attrs = decode_value(header["attrs"])
    # Columns may have been asked for twice; and of two that append at once, neither can know.
    if not header["duplicates"] and all(axis.is_unique for axis in obj.axes):
        obj.flags.allows_duplicate_labels = False
    return obj


def _check_rows(header: dict[str, Json], *lengths: int) -> None:
    if set(lengths) != {header["rows"]}:
        raise IntegrityError(
            f"The payload holds {sorted(set(lengths))} rows where {header['rows']} were written."
        )
