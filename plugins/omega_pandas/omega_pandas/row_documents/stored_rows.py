"""A frame of rows as of one version: read as a stored table is, of which each row is a segment."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from bson.codec_options import CodecOptions, DatetimeConversion

from omega_core import read_rows, row_id
from omega_core.errors import IntegrityError

from ..encoding.encoded_columns import Column
from ..encoding.integers import Numbers
from ..filters.predicates import Predicate
from ..segments.layout import Document
from ..segments.matching import asked_positions, mask_of
from ..segments.segment_pieces import Piece, Segments
from ..segments.selection import Selection
from ..segments.stored_table import Stored
from .documents import RowLayout
from .query import possible_rows

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from omega_core import Metadata


_ROUND_TRIP = 10_000
"""Rows for which the server is asked at a time, unless they are large."""

_RANGES = 100
"""Batches for which the server is asked at a time."""

# Moments stay numbers: those of BSON reach beyond the years of Python.
_CODEC: CodecOptions[Document] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)


class StoredRows(Stored):
    """Reads one version of a frame that is stored as a document per row.

    A `Piece` is a run of rows of one batch: its segment is the number of the first of them.

    Parameters
    ----------
    collection
        Of the rows.
    segments
        The shared collection of the bucket, with the headers that are large.
    meta
        Of the version to read.
    as_of
        Only the batches that were there at this revision, or at this time.
    """

    def __init__(
        self,
        collection: Collection[Document],
        segments: Collection[Document],
        meta: Metadata,
        as_of: int | dt.datetime | None = None,
    ) -> None:
        super().__init__(segments, meta, as_of)
        self._documents = collection
        self._layouts: dict[int, RowLayout] = {}

    def _pieces_of(self, number: int, low: int, high: int) -> list[Piece]:
        return [Piece(number, low, 0, high - low)] if low < high else []

    def fetch(
        self, pieces: Sequence[Piece], fields: Sequence[str], *, parallel: bool = True
    ) -> Segments:
        """Return the fields of the rows of the pieces.

        Raises
        ------
        IntegrityError
            Where a row is missing; or where one was changed, if all columns are asked for.
        """
        segments: Segments = {}
        for run, _ in self._runs(pieces):
            read, numbers = self._read(run, [], fields)
            for piece, mine in zip(run, numbers, strict=True):
                self._check_count(len(mine), piece.stop)
            segments |= read
        return segments

    def matching(
        self,
        filters: Iterable[Any],
        predicates: Sequence[Predicate],
        pieces: Sequence[Piece],
        positions: Sequence[int],
        *,
        with_index: bool,
    ) -> tuple[list[Piece], Segments, Numbers]:
        """Return the rows that meet all filters, as `segments.matching.matching` does.

        The server leaves out what it surely can, and may use its indexes for that; pandas decides.

        Parameters
        ----------
        filters, predicates
            The same ones, as they were given and compiled.
        positions
            Of the columns to return.
        with_index
            Whether to return the index as well.
        """
        levels = max(len(self.index_fields(piece.batch)) for piece in pieces) if with_index else 0
        fields = [f"i{level}" for level in range(levels)]
        wanted = dict.fromkeys([*positions, *asked_positions(predicates)])
        fields += [f"c{position}" for position in wanted]
        found: list[Piece] = []
        segments: Segments = {}
        numbers: list[Numbers] = []
        for run, conditions in self._runs(pieces, list(filters)):
            read, candidates = self._read(run, conditions, fields)
            every = [
                Piece(piece.batch, piece.segment, 0, len(mine))
                for piece, mine in zip(run, candidates, strict=True)
            ]
            mask = mask_of(self, predicates, every, read)
            start = 0
            for piece, mine in zip(every, candidates, strict=True):
                chosen = np.flatnonzero(mask[start : start + piece.stop])
                start += piece.stop
                key = (piece.batch, piece.segment)
                segments[key] = {name: column.take(chosen) for name, column in read[key].items()}
                found.append(Piece(*key, 0, len(chosen)))
                numbers.append(self.batches[piece.batch].start + mine[chosen])
        self._check_kept(pieces[-1])
        return found, segments, np.concatenate(numbers)

    def _layout(self, number: int) -> RowLayout:
        if number not in self._layouts:
            self._layouts[number] = RowLayout(self.header, self.batch_header(number))
        return self._layouts[number]

    def _runs(
        self, pieces: Sequence[Piece], filters: Sequence[Any] = ()
    ) -> Iterator[tuple[list[Piece], list[Document]]]:
        """Yield pieces that one query fetches, and the conditions for the server."""
        run: list[Piece] = []
        conditions: list[Document] = []
        rows, labels = 0, self.labels
        for piece in pieces:
            layout = self._layout(piece.batch)
            own = [possible_rows(filter, layout, labels) for filter in filters]
            full = rows + piece.stop > _ROUND_TRIP or len(run) == _RANGES
            if run and (full or own != conditions):
                yield run, conditions
                run, rows = [], 0
            run.append(piece)
            conditions = own
            rows += piece.stop
        yield run, conditions

    def _read(
        self, run: Sequence[Piece], conditions: Sequence[Document], fields: Sequence[str]
    ) -> tuple[Segments, list[Numbers]]:
        """Return the rows of a run that meet all conditions, and their numbers in their batches."""
        places: dict[str, int] = {}
        names: list[list[str]] = []
        projection: dict[str, int] = {}
        checked: set[str] = set()
        for place, piece in enumerate(run):
            layout, batch = self._layout(piece.batch), self.batches[piece.batch]
            places[batch.payload] = place
            names.append([name for name in fields if name in layout.fields])
            asked, whole = layout.projection(names[place])
            projection |= asked
            if whole and batch.crc:
                checked.add(batch.payload)
        loaded: dict[int, tuple[dict[str, Any], Numbers]] = {}
        documents = self._find(run, conditions, projection, checked)
        for gen, mine in itertools.groupby(documents, key=lambda one: one["_id"].partition("-")[0]):
            place = places[gen]
            loaded[place] = self._layout(run[place].batch).load(mine, names[place])
        segments: Segments = {}
        numbers: list[Numbers] = []
        for place, piece in enumerate(run):
            none = place not in loaded
            arrays, rows = (
                self._layout(piece.batch).load(iter(()), names[place]) if none else loaded[place]
            )
            columns = {name: Column(array, array.type) for name, array in arrays.items()}
            segments[piece.batch, piece.segment] = columns
            numbers.append(rows)
        return segments, numbers

    def _find(
        self,
        run: Sequence[Piece],
        conditions: Sequence[Document],
        projection: dict[str, int],
        checked: set[str],
    ) -> Iterator[Document]:
        ids = [self._ids(piece) for piece in run if piece.stop]
        if not ids:
            return iter(())
        queries = [ids[0] if len(ids) == 1 else {"$or": ids}, *filter(None, conditions)]
        query = {"$and": queries} if len(queries) > 1 else queries[0]
        return read_rows(
            self._documents,
            query,
            _CODEC,
            checked,
            self.subject,
            projection=projection,
            batch_size=_ROUND_TRIP,
        )

    def _ids(self, piece: Piece) -> Document:
        gen = self.batches[piece.batch].payload
        first = piece.segment
        return {"_id": {"$gte": row_id(gen, first), "$lt": row_id(gen, first + piece.stop)}}

    def _check_kept(self, piece: Piece) -> None:
        # Of a collection that was dropped, no row matches, and nothing else would tell.
        last = Piece(piece.batch, piece.segment + piece.stop - 1, 0, 1)
        if piece.stop:
            self._check_count(len(list(self._documents.find(self._ids(last), {"_id": 1}))), 1)

    def _check_count(self, found: int, rows: int) -> None:
        if found != rows:
            raise IntegrityError(
                f"{self.subject}: {found} of the {rows} rows of a batch are there. If it was "
                "replaced meanwhile, get it again; else restore an earlier version, or store it "
                "again."
            )


class RowsSelection(Selection):
    """Some columns and rows of a frame of rows; immutable, and read when asked."""

    stored: StoredRows

    def _fetched(
        self, *, with_index: bool
    ) -> tuple[list[Piece], Segments, np.ndarray[Any, Any] | None]:
        if not self.filters:
            return super()._fetched(with_index=with_index)
        return self.stored.matching(
            self.filters,
            self._predicates,
            self.stored.pieces(*self.rows),
            self._positions,
            with_index=with_index,
        )
