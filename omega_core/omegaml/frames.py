"""Rows of omega|ml, one document each, as frames and series: in pieces, whatever their number.

The server says first which fields there are, and of which types over all rows; so each piece has
the columns and dtypes of the whole, and only one piece at a time is in memory.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from .columns import Column, Found, planned
from .source import Document, Entry, Source

_INDEX = re.compile(r"_idx#(\d+)_(.*)", re.S)
_ROWID = "_om#rowid"
_OWN = re.compile(r"_om#|_id$")
_REVISION = ("_delete_",)
_PIECE_BYTES = 16 * 1024 * 1024
_PIECE_ROWS = 65_536
_MOST_CATEGORIES = 100_000
_SHOWN = 20

_GROUPED: list[Document] = [
    {"$unwind": "$_data"},
    {"$replaceRoot": {"newRoot": {"$mergeObjects": ["$$ROOT", "$_data"]}}},
    {"$project": {"_data": 0}},
]


@dataclass
class Rows:
    """The rows of one object: their columns, and what was found out about them.

    Attributes
    ----------
    columns, levels : list of Column
        Those of the frame, and those of its index.
    names : list
        Of the levels.
    count : int
    changed : list of str
        What is not as it was put.
    """

    entry: Entry
    columns: list[Column]
    levels: list[Column]
    names: list[Any]
    count: int
    piece: int
    changed: list[str] = field(default_factory=list)

    def widened(self, column: Column) -> None:
        """Take a dtype that all values fit, where one of them showed that the planned does not."""
        for found in (self.columns, self.levels):
            for i, old in enumerate(found):
                if old.field == column.field:
                    found[i] = column


def examine(source: Source, entry: Entry) -> Rows:
    """Find out which columns an object has, of which dtypes, and how many rows."""
    assert entry.collection is not None
    documents, size = source.size(entry.collection)
    grouped = entry.kind == "pandas.dfgroup"
    stages = _GROUPED if grouped else []
    fields, count = _fields(source, entry, stages)
    recorded = entry.kind_meta.get("dtypes") or {}
    revised = "revisions" in entry.kind_meta
    if not fields:
        fields = [str(stored) for _, stored in _recorded_columns(entry)]
    fields = [
        name for name in fields if not _OWN.match(name) and not (revised and name in _REVISION)
    ]
    found = _types(source, entry, stages, fields) if count else {}
    columns: list[Column] = []
    levels: list[Column] = []
    for name in fields:
        was = recorded.get(name)
        categories = _categories(source, entry, name) if was == "category" else None
        column = planned(name, found.get(name, Found(frozenset())), was, categories)
        (levels if _INDEX.fullmatch(name) and not grouped else columns).append(column)
    levels.sort(key=lambda column: int(_INDEX.fullmatch(column.field)[1]))  # type: ignore[index]
    per_row = size / documents if documents else 0
    piece = int(min(_PIECE_ROWS, max(1, _PIECE_BYTES // max(per_row, 1))))
    rows = Rows(entry, columns, levels, _level_names(entry, levels), count, piece)
    rows.changed += _changes(rows, grouped)
    return rows


def frames(source: Source, rows: Rows) -> Iterator[pd.DataFrame]:
    """Yield the rows in their order, as frames of one shape; at least one, which may be empty.

    Raises
    ------
    WiderError
        A value shows that a dtype was planned too narrow: take the wider one, and begin again.
    """
    start = 0
    fields = [column.field for column in (*rows.levels, *rows.columns)]
    for documents in _batches(_documents(source, rows.entry), rows.piece):
        values: dict[str, list[Any]] = {name: [d.get(name) for d in documents] for name in fields}
        yield _frame(rows, values, len(documents), start)
        start += len(documents)
    if not start:
        yield _frame(rows, {name: [] for name in fields}, 0, 0)


def series(source: Source, rows: Rows) -> Iterator[pd.Series]:
    """Yield the values of the first column, as omega|ml takes it for the series, in pieces."""
    for frame in frames(source, rows):
        found = frame.iloc[:, 0]
        yield found.rename(None if found.name == "None" else found.name)


def _frame(rows: Rows, values: dict[str, list[Any]], length: int, start: int) -> pd.DataFrame:
    made = [column.series(values[column.field]) for column in rows.columns]
    index = _index(rows, values, length, start)
    frame = pd.concat(made, axis=1) if made else pd.DataFrame(index=range(length))
    frame.columns = pd.Index([column.field for column in rows.columns])
    frame.index = index
    return frame


def _index(rows: Rows, values: dict[str, list[Any]], length: int, start: int) -> pd.Index:
    if not rows.levels:
        return pd.RangeIndex(start, start + length)
    levels = [column.series(values[column.field]) for column in rows.levels]
    if len(levels) > 1:
        return pd.MultiIndex.from_arrays(levels, names=rows.names)
    index = pd.Index(levels[0], name=rows.names[0])
    if index.dtype == "int64" and np.array_equal(index, np.arange(start, start + length)):
        return pd.RangeIndex(start, start + length, name=rows.names[0])
    freq = (rows.entry.kind_meta.get("idx_meta") or {}).get("freq")
    if isinstance(index, pd.DatetimeIndex) and freq and length:
        # omega|ml fills the gaps with rows of its own where the frequency does not hold any more.
        with contextlib.suppress(ValueError):
            index.freq = freq
    return index


def _documents(source: Source, entry: Entry) -> Iterator[Document]:
    assert entry.collection is not None
    if entry.kind == "pandas.dfgroup":
        return source.find(entry.collection, _GROUPED)
    return source.find(entry.collection, [{"$sort": {_ROWID: 1}}])


def _batches(documents: Iterable[Document], size: int) -> Iterator[list[Document]]:
    waiting = iter(documents)
    while batch := list(islice(waiting, size)):
        yield batch


# --- what the server tells -----------------------------------------------------------------------


def _fields(source: Source, entry: Entry, stages: list[Document]) -> tuple[list[str], int]:
    """Return the names of the fields, in the order of the first rows that have them."""
    assert entry.collection is not None
    names = {"$map": {"input": {"$objectToArray": "$$ROOT"}, "in": "$$this.k"}}
    shapes = source.find(
        entry.collection,
        [
            *stages,
            {"$group": {"_id": names, "rows": {"$sum": 1}, "first": {"$min": f"${_ROWID}"}}},
        ],
    )
    fields: dict[str, None] = {}
    count = 0
    for shape in sorted(shapes, key=lambda shape: (shape["first"] is not None, shape["first"])):
        count += shape["rows"]
        fields.update(dict.fromkeys(shape["_id"]))
    return list(fields), count


def _types(
    source: Source, entry: Entry, stages: list[Document], fields: list[str]
) -> dict[str, Found]:
    assert entry.collection is not None
    group: Document = {"_id": None}
    for i, name in enumerate(fields):
        value = _value(name)
        integer = {"$cond": [{"$in": [{"$type": value}, ["int", "long"]]}, value, None]}
        kind = {
            "$switch": {
                "branches": [
                    {"case": {"$eq": [value, ""]}, "then": "empty"},
                    {"case": {"$eq": [value, math.nan]}, "then": "nan"},
                ],
                "default": {"$type": value},
            }
        }
        group |= {
            f"t{i}": {"$addToSet": kind},
            f"l{i}": {"$min": integer},
            f"h{i}": {"$max": integer},
        }
    found: dict[str, Found] = {}
    for told in source.find(entry.collection, [*stages, {"$group": group}]):
        for i, name in enumerate(fields):
            found[name] = Found(frozenset(told[f"t{i}"]), told[f"l{i}"], told[f"h{i}"])
    return found


def _categories(source: Source, entry: Entry, name: str) -> tuple[Any, ...] | None:
    """Return the values that occur, sorted; None where they are too many, or of several types."""
    assert entry.collection is not None
    stages: list[Document] = [
        {"$group": {"_id": _value(name)}},
        {"$match": {"_id": {"$nin": [None, math.nan]}}},
        {"$limit": _MOST_CATEGORIES + 1},
    ]
    values = [told["_id"] for told in source.find(entry.collection, stages)]
    if len(values) > _MOST_CATEGORIES or len({type(value) for value in values}) > 1:
        return None
    try:
        return tuple(sorted(values))
    except TypeError:
        return None


def _value(name: str) -> Any:
    """Return the expression of a field, whatever characters its name has."""
    if name.startswith("$") or "." in name:
        return {"$getField": {"field": {"$literal": name}, "input": "$$ROOT"}}
    return f"${name}"


# --- what omega|ml wrote down --------------------------------------------------------------------


def _recorded_columns(entry: Entry) -> list[tuple[Any, Any]]:
    columns = entry.kind_meta.get("columns") or []
    pairs = columns.items() if isinstance(columns, dict) else columns
    return [(put, stored) for put, stored in pairs]


def _level_names(entry: Entry, levels: list[Column]) -> list[Any]:
    names = (entry.kind_meta.get("idx_meta") or {}).get("names") or []
    if len(names) == len(levels):
        return list(names)
    return [_INDEX.fullmatch(column.field)[2] for column in levels]  # type: ignore[index]


def _changes(rows: Rows, grouped: bool) -> list[str]:
    told = [
        f"column {put!r} is called {str(stored)!r}, as omega|ml stores and returns it"
        for put, stored in _recorded_columns(rows.entry)
        if put != stored and not _INDEX.match(str(stored))
    ][:_SHOWN]
    if any(column.dtype.startswith("datetime64") for column in (*rows.columns, *rows.levels)):
        told.append("times are to the millisecond: omega|ml stores no finer ones")
    if grouped:
        told.append(
            "the groups are one frame, their rows as they were stored: get of omega|ml repeats "
            "the last row of each"
        )
    changes = rows.entry.kind_meta.get("revisions") or {}
    if changes:
        told.append(
            f"the state after {len(changes.get('changes') or ())} revisions; what changed in each "
            f"is in {changes.get('name')!r}, which --only takes"
        )
    return told


def column_changes(rows: Rows) -> list[str]:
    """Return what became of dtypes, once all is read."""
    return [change for column in (*rows.columns, *rows.levels) if (change := column.change)][
        :_SHOWN
    ]
