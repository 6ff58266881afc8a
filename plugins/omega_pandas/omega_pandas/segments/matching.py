"""The rows of a stored object that match filters: segment by segment, holding only what matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..filters.predicates import Predicate
from .documents import Columns
from .row_ranges import NOTHING, Piece, Segments
from .stored_table import Stored
from .threads import overlapped

Numbers = np.ndarray[Any, Any]


def matching(
    stored: Stored, predicates: Sequence[Predicate], pieces: Sequence[Piece], fields: Sequence[str]
) -> tuple[list[Piece], Segments, Numbers]:
    """Return the rows that meet all predicates.

    Segments of which the statistics say that no row matches are not read; of the others, first
    the columns of the filters, and the rest only where a row matches.

    Parameters
    ----------
    fields
        What to return of the rows.

    Returns
    -------
    pieces, segments
        As `Stored.decode` takes them; the segments hold the matching rows alone.
    numbers
        Those of the matching rows, in the whole object.
    """
    for predicate in predicates:
        pieces = _possible(stored, predicate, pieces)
    # Where all are left out, an empty one still tells whether the types can be compared.
    pieces = list(pieces) or [NOTHING]
    asked = sorted({position for predicate in predicates for position in predicate.positions})

    def select(piece: Piece) -> tuple[Piece, Numbers, Columns | None]:
        mask, columns = _mask(stored, predicates, asked, piece)
        found = np.flatnonzero(mask)
        if not len(found) and len(pieces) > 1:
            return piece, found, None
        return piece, found, _rows(stored, piece, found, columns, fields)

    chosen = sorted(
        (result for result in overlapped(select, pieces) if result[2] is not None),
        key=lambda result: (result[0].batch, result[0].segment),
    )
    if not chosen:
        none = np.zeros(0, dtype=int)
        chosen = [(NOTHING, none, _rows(stored, NOTHING, none, {}, fields))]
    segments: Segments = {}
    found: list[Piece] = []
    numbers: list[Numbers] = []
    for piece, rows, columns in chosen:
        assert columns is not None
        batch = stored.batches[piece.batch]
        first = batch.start + batch.layout.bounds(piece.segment)[0] + piece.start
        segments[piece.batch, piece.segment] = columns
        found.append(Piece(piece.batch, piece.segment, 0, len(rows)))
        numbers.append(first + rows)
    return found, segments, np.concatenate(numbers)


def _possible(stored: Stored, predicate: Predicate, pieces: Sequence[Piece]) -> Sequence[Piece]:
    if len(pieces) < 2:
        return pieces  # asking costs as much as reading
    known = stored.statistics(pieces, predicate.positions)
    return [
        piece for piece, stats in zip(pieces, known, strict=True) if predicate.may_match(stats.get)
    ]


def _mask(
    stored: Stored, predicates: Sequence[Predicate], asked: Sequence[int], piece: Piece
) -> tuple[Numbers, Columns]:
    rows = piece.stop - piece.start
    # One thread per segment is enough: there are more segments than threads.
    segments = stored.fetch([piece], [f"c{position}" for position in asked], parallel=False)
    columns = {
        position: pd.Series(stored.decode(position, [piece], segments), copy=False)
        for position in asked
    }
    mask = np.ones(rows, dtype=bool)
    for predicate in predicates:
        mask &= predicate.mask(columns, rows)
    return mask, segments.get((piece.batch, piece.segment), {})


def _rows(
    stored: Stored, piece: Piece, found: Numbers, columns: Columns, fields: Sequence[str]
) -> Columns:
    there = set(stored.batch_fields(piece.batch))
    names = [name for name in fields if name in there]
    missing = [name for name in names if name not in columns]
    if missing:
        more = stored.fetch([piece], missing, parallel=False)
        columns = {**columns, **more[piece.batch, piece.segment]}
    chosen = found + piece.start
    return {name: columns[name].take(chosen) for name in names}
