"""The rows of a stored object that match filters: segment by segment, holding only what matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .filters import Predicate
from .segments import overlapped
from .stored import NOTHING, Piece, Stored, Tables

Numbers = np.ndarray[Any, Any]


def matching(
    stored: Stored, predicates: Sequence[Predicate], pieces: Sequence[Piece], fields: Sequence[str]
) -> tuple[list[Piece], Tables, Numbers]:
    """Return the rows that meet all predicates.

    Segments of which the statistics say that no row matches are not read; of the others, first
    the columns of the filters, and the rest only where a row matches.

    Parameters
    ----------
    fields
        What to return of the rows.

    Returns
    -------
    pieces, tables
        As `Stored.decode` takes them; the tables hold the matching rows alone.
    numbers
        Those of the matching rows, in the whole object.
    """
    for predicate in predicates:
        pieces = _possible(stored, predicate, pieces)
    # Where all are left out, an empty one still tells whether the types can be compared.
    pieces = list(pieces) or [NOTHING]
    asked = sorted({position for predicate in predicates for position in predicate.positions})

    def select(piece: Piece) -> tuple[Piece, Numbers, pa.Table | None]:
        mask, table = _mask(stored, predicates, asked, piece)
        found = np.flatnonzero(mask)
        if not len(found) and len(pieces) > 1:
            return piece, found, None
        return piece, found, _rows(stored, piece, mask, table, fields)

    chosen = sorted(
        (result for result in overlapped(select, pieces) if result[2] is not None),
        key=lambda result: (result[0].batch, result[0].segment),
    )
    if not chosen:
        none = np.zeros(0, dtype=bool)
        chosen = [(NOTHING, np.zeros(0, int), _rows(stored, NOTHING, none, None, fields))]
    tables: Tables = {}
    found: list[Piece] = []
    numbers: list[Numbers] = []
    for piece, rows, table in chosen:
        assert table is not None
        batch = stored.batches[piece.batch]
        first = batch.start + batch.layout.bounds(piece.segment)[0] + piece.start
        tables[piece.batch, piece.segment] = table
        found.append(Piece(piece.batch, piece.segment, 0, len(rows)))
        numbers.append(first + rows)
    return found, tables, np.concatenate(numbers)


def _possible(stored: Stored, predicate: Predicate, pieces: Sequence[Piece]) -> Sequence[Piece]:
    if len(pieces) < 2:
        return pieces  # asking costs as much as reading
    known = stored.statistics(pieces, predicate.positions)
    return [
        piece for piece, stats in zip(pieces, known, strict=True) if predicate.may_match(stats.get)
    ]


def _mask(
    stored: Stored, predicates: Sequence[Predicate], asked: Sequence[int], piece: Piece
) -> tuple[Numbers, pa.Table | None]:
    rows = piece.stop - piece.start
    # One thread per segment is enough: there are more segments than threads.
    tables = stored.fetch([piece], [f"c{position}" for position in asked], parallel=False)
    columns = {
        position: pd.Series(stored.decode(position, [piece], tables), copy=False)
        for position in asked
    }
    mask = np.ones(rows, dtype=bool)
    for predicate in predicates:
        mask &= predicate.mask(columns, rows)
    return mask, tables.get((piece.batch, piece.segment))


def _rows(
    stored: Stored, piece: Piece, mask: Numbers, table: pa.Table | None, fields: Sequence[str]
) -> pa.Table:
    there = set(stored.batch_fields(piece.batch))
    names = [name for name in fields if name in there]
    have = {} if table is None else {n: table.column(n) for n in table.column_names if n in names}
    missing = [name for name in names if name not in have]
    if missing:
        more = stored.fetch([piece], missing, parallel=False)[piece.batch, piece.segment]
        have.update(zip(more.column_names, more.columns, strict=True))
    chosen = pa.array(mask)
    return pa.table(
        {
            name: have[name].slice(piece.start, piece.stop - piece.start).filter(chosen)
            for name in names
        }
    )
