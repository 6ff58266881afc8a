"""The rows of a stored object that match filters: segment by segment, holding only what matches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..encoding.integers import Numbers
from ..filters.predicates import Predicate
from .documents import Columns
from .segment_pieces import NOTHING, Piece, Segments
from .stored_table import Stored
from .threads import overlapped


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
    asked = [f"c{position}" for position in asked_positions(predicates)]

    def select(piece: Piece) -> tuple[Piece, Numbers, Columns | None]:
        # One thread per segment is enough: there are more segments than threads.
        segments = stored.fetch([piece], asked, parallel=False)
        found = np.flatnonzero(mask_of(stored, predicates, [piece], segments))
        if not len(found) and len(pieces) > 1:
            return piece, found, None
        columns = segments.get((piece.batch, piece.segment), {})
        return piece, found, _rows(stored, piece, found, columns, fields)

    chosen = [result for result in overlapped(select, pieces) if result[2] is not None]
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


def asked_positions(predicates: Sequence[Predicate]) -> list[int]:
    """Return the positions of the columns that some predicates read."""
    return sorted({position for predicate in predicates for position in predicate.positions})


def mask_of(
    stored: Stored, predicates: Sequence[Predicate], pieces: Sequence[Piece], segments: Segments
) -> Numbers:
    """Return which rows of the pieces meet all predicates, as a mask."""
    rows = sum(piece.stop - piece.start for piece in pieces)
    columns = {
        position: pd.Series(stored.decode(position, pieces, segments), copy=False)
        for position in asked_positions(predicates)
    }
    mask = np.ones(rows, dtype=bool)
    for predicate in predicates:
        mask &= predicate.mask(columns, rows)
    return mask


def _possible(stored: Stored, predicate: Predicate, pieces: Sequence[Piece]) -> Sequence[Piece]:
    if len(pieces) < 2:
        return pieces  # asking costs as much as reading
    known = stored.statistics(pieces, predicate.positions)
    return [
        piece for piece, stats in zip(pieces, known, strict=True) if predicate.may_match(stats.get)
    ]


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
