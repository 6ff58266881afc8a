"""What the foot of a Parquet file tells of its columns; no page is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow.parquet as pq

from ..encoding.statistics import is_telling
from .formats import damage_explained
from .parquet_tables import header_among

if TYPE_CHECKING:
    from omega_core import Summary


@dataclass(frozen=True)
class Ends:
    """Missing values of a column, and its least and greatest value; None where unknown."""

    nulls: int | None
    min: Any = None
    max: Any = None


@dataclass(frozen=True)
class Foot:
    """Rows of a file, and what is known of its columns, by label."""

    rows: int
    columns: dict[Any, Ends]


def foot_of(file: BinaryIO, place: str) -> Foot:
    """Return what the foot of a file tells."""
    with damage_explained(place), pq.ParquetFile(file) as parquet:
        metadata, schema = parquet.metadata, parquet.schema_arrow
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        columns = {}
        for position in range(metadata.num_columns):
            name = metadata.schema.column(position).path
            # Of a nested column, a path leads to each leaf.
            if name in schema.names:
                found = [group.column(position).statistics for group in groups]
                columns[name] = _ends(found)
        header = header_among(schema)
        return Foot(metadata.num_rows, columns if header is None else _ours(header, columns))


def _ends(found: Sequence[Any]) -> Ends:
    if not all(known is not None and known.has_null_count for known in found):
        return Ends(None)
    nulls = sum(known.null_count for known in found)
    filled = [known for known in found if known.num_values]
    try:
        if not filled or not all(known.has_min_max for known in filled):
            return Ends(nulls)
        return Ends(nulls, min(k.min for k in filled), max(k.max for k in filled))
    except (TypeError, ValueError, NotImplementedError, OverflowError):
        return Ends(nulls)  # of a type that Python has no word for


def _ours(header: Any, columns: dict[Any, Ends]) -> dict[Any, Ends]:
    """Return, of a file that we wrote, what is known by position: of codes, nothing."""
    specs = header["columns"]
    return {
        position: columns[name]
        for position, spec in enumerate(specs)
        if is_telling(spec) and (name := header["names"][f"c{position}"]) in columns
    }


def with_feet(summary: Summary, feet: Sequence[Foot]) -> Summary:
    """Return a summary with what the feet of all files tell."""
    columns = []
    for position, column in enumerate(summary.columns):
        found = [foot.columns.get(column.name, foot.columns.get(position)) for foot in feet]
        known = [ends for ends in found if ends is not None and ends.nulls is not None]
        if len(known) == len(feet):
            lows = [e.min for e in known if e.min is not None]
            highs = [e.max for e in known if e.max is not None]
            try:
                ends = (min(lows, default=None), max(highs, default=None))
            except TypeError:
                ends = (None, None)
            nulls = sum(e.nulls for e in known if e.nulls is not None)
            column = replace(column, nulls=nulls, min=ends[0], max=ends[1])
        columns.append(column)
    return replace(summary, rows=sum(foot.rows for foot in feet), columns=tuple(columns))
