"""A stored table as of one version: which batches, how they are cut, and what they hold.

Reads only the documents that hold the columns and rows that are asked for. What comes back equals
what pandas gives for the same selection of the whole frame.
"""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..columns.header_arrays import Parts
from ..columns.index import decode_column, decode_index
from ..encoding.statistics import Stats, is_telling
from ..objects.blocks import FEW
from ..objects.header import Header
from .batches import batches_of
from .documents import Progress, read_documents, read_stats
from .headers import common_id, fetch_header, value_fields
from .layout import Document, document_id
from .segment_pieces import NOTHING, Piece, Segments, cut, joined, number_dtype, numbers
from .threads import THREADS, overlapped

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from omega_core import Metadata

Json = Any

_PARALLEL_ROWS = 64 * 1024
"""Fewer are decoded in no time."""


class Stored:
    """Reads one version of a stored frame, series, index or array.

    It needs no store, so that lazy objects and iterators can hold it.

    Parameters
    ----------
    collection
        The shared collection of the bucket.
    meta
        Of the version to read.
    as_of
        Only the batches that were there at this revision, or at this time.

    Attributes
    ----------
    progress
        Called with the rows that are read, and all that there are to read.
    """

    def __init__(
        self,
        collection: Collection[Document],
        meta: Metadata,
        as_of: int | dt.datetime | None = None,
    ) -> None:
        self.name = meta.name
        self.subject = (
            f"{meta.prefix}{meta.name!r} in bucket {meta.bucket!r}, version {meta.version}"
        )
        self._collection = collection
        self.batches = batches_of(meta, as_of)
        self.rows = self.batches[-1].stop if self.batches else 0
        assert meta.gen is not None
        common = meta.kind_meta["header"]
        self.header = fetch_header(common, common_id(meta.gen), collection, self.subject)
        self.progress: Callable[[float, float | None], None] | None = None
        self._headers: dict[int, Header] = {}
        self._index: Any = None

    # --- what it is ----------------------------------------------------------------------------

    @property
    def labels(self) -> Any:
        """The column labels, as an Index."""
        return decode_index(self.header["labels"], Parts(sides=self.header["sides"]))

    def batch_header(self, number: int) -> Header:
        """Return what differs from batch to batch: the index, and how objects are encoded."""
        if number not in self._headers:
            batch = self.batches[number]
            id_ = f"{batch.payload}-header"
            self._headers[number] = fetch_header(batch.header, id_, self._collection, self.subject)
        return self._headers[number]

    def index_fields(self, number: int) -> list[str]:
        """Return the names of the Arrow fields that hold the index of a batch."""
        return [f"i{level}" for level in range(self.batch_header(number)["levels"])]

    def batch_fields(self, number: int) -> list[str]:
        """Return the names of all Arrow fields of a batch, in their order."""
        return [*self.index_fields(number), *value_fields(self.header)]

    def column_spec(self, position: int) -> Json:
        columns = self.header.get("columns")
        return self.header["values"] if columns is None else columns[position]

    # --- pieces --------------------------------------------------------------------------------

    def pieces(self, start: int = 0, stop: int | None = None) -> list[Piece]:
        """Return the parts of segments that make up a range of rows."""
        stop = self.rows if stop is None else stop
        found: list[Piece] = []
        first = bisect.bisect_right(self.batches, start, key=lambda batch: batch.stop)
        for number in range(first, len(self.batches)):
            batch = self.batches[number]
            if batch.start >= stop:
                break
            low, high = max(start - batch.start, 0), min(stop - batch.start, batch.layout.rows)
            found += self._pieces_of(number, low, high)
        # The types of an empty selection come from somewhere.
        return found or [NOTHING]

    def _pieces_of(self, number: int, low: int, high: int) -> list[Piece]:
        """Return the parts of segments that make up a range of rows of one batch."""
        if low >= high:
            return []
        layout = self.batches[number].layout
        size = layout.segment_rows
        found: list[Piece] = []
        for segment in range(low // size, -(-high // size)):
            first, last = layout.bounds(segment)
            found.append(Piece(number, segment, max(low, first) - first, min(high, last) - first))
        return found

    def fetch(
        self, pieces: Sequence[Piece], fields: Sequence[str], *, parallel: bool = True
    ) -> Segments:
        """Return the fields of the segments that the pieces are of, whole."""
        places: dict[str, tuple[int, int]] = {}
        cells: dict[str, int] = {}
        for piece in pieces:
            batch = self.batches[piece.batch]
            layout = batch.layout
            first, last = layout.bounds(piece.segment)
            for group in self._groups(piece.batch, fields):
                id_ = document_id(batch.payload, piece.segment, group)
                places[id_] = (piece.batch, piece.segment)
                cells[id_] = (last - first) * layout.groups[group]
        each = self._telling(pieces, sum(cells.values()))
        found = read_documents(self._collection, cells, self.subject, each, parallel=parallel)
        wanted = set(fields)
        segments: Segments = {}
        for id_, key in places.items():
            mine = segments.setdefault(key, {})
            mine.update((name, column) for name, column in found[id_].items() if name in wanted)
        return segments

    def _telling(self, pieces: Sequence[Piece], cells: int) -> Progress | None:
        """Return what tells how many of the rows are read, out of how many cells are."""
        progress = self.progress
        if progress is None or not cells:
            return None
        rows = sum(piece.stop - piece.start for piece in pieces)
        return lambda done: progress(rows * done // cells, rows)

    def bytes(self, ranges: Sequence[tuple[int, int]]) -> list[Any]:
        """Return some bytes of an object that is made of bytes, each range as Arrow holds it."""
        pieces = [self.pieces(*range_) for range_ in ranges]
        segments = self.fetch([piece for some in pieces for piece in some], ["bytes"])
        return [joined("bytes", some, segments) for some in pieces]

    def _groups(self, number: int, fields: Sequence[str]) -> list[int]:
        """Return the documents, of each segment of a batch, that hold some of the fields."""
        layout = self.batches[number].layout
        if len(layout.groups) < 2:
            return [0] if layout.groups else []
        places = layout.group_of(self.batch_fields(number))
        return sorted({places[field] for field in fields if field in places})

    def statistics(
        self, pieces: Sequence[Piece], positions: Sequence[int], *, codes: bool = False
    ) -> list[dict[int, Stats]]:
        """Return, for each piece, what is known of some columns of its segment.

        Parameters
        ----------
        codes
            Also of columns that are stored as codes, or as text that stands for objects: of these,
            what is noted are the bounds of the codes.
        """
        homes: list[dict[int, str]] = []
        for piece in pieces:
            batch = self.batches[piece.batch]
            places = batch.layout.group_of(self.batch_fields(piece.batch))
            homes.append(
                {
                    position: document_id(batch.payload, piece.segment, places[f"c{position}"])
                    for position in positions
                    if codes or is_telling(self.batch_spec(piece.batch, position))
                }
            )
        ids = sorted({id_ for home in homes for id_ in home.values()})
        stats = read_stats(self._collection, ids) if ids else {}
        return [
            {
                position: stats[id_][f"c{position}"]
                for position, id_ in home.items()
                if f"c{position}" in stats.get(id_, {})
            }
            for home in homes
        ]

    # --- values --------------------------------------------------------------------------------

    def decode_all(
        self, positions: Sequence[int], pieces: Sequence[Piece], segments: Segments
    ) -> list[Any] | np.ndarray[Any, Any]:
        """Return the values of some columns over the pieces, as pandas holds them.

        Returns
        -------
        values
            An array for each column; or, of many columns of one numeric dtype, a single one with
            a row for each.
        """
        rows = sum(piece.stop - piece.start for piece in pieces)
        block = self._block(positions, rows)
        outs = [None] * len(positions) if block is None else list(block)
        worth = rows >= _PARALLEL_ROWS
        # Of a few columns, the segments; of many, the columns.
        within = worth and len(positions) < THREADS

        def decode(place: int) -> Any:
            return self.decode(positions[place], pieces, segments, outs[place], parallel=within)

        found = list(overlapped(decode, range(len(positions)), parallel=worth and not within))
        if block is not None and all(map(operator.is_, found, outs)):
            return block
        return found

    def _block(self, positions: Sequence[int], rows: int) -> np.ndarray[Any, Any] | None:
        """Return memory for many columns of one dtype, which pandas then need not join."""
        if len(positions) <= FEW or rows == 0:
            return None
        spec = self.column_spec(positions[0])
        if spec["dtype"] != "numpy" or any(self.column_spec(p) != spec for p in positions):
            return None
        dtype = number_dtype(spec)
        return None if dtype is None else np.empty((len(positions), rows), dtype)

    def decode(
        self,
        position: int,
        pieces: Sequence[Piece],
        segments: Segments,
        out: Any = None,
        *,
        parallel: bool = False,
    ) -> Any:
        """Return the values of one column over the pieces, as pandas holds them.

        Parameters
        ----------
        out
            Where to write them, if they are numbers of its dtype, of which none is missing.
        parallel
            Decode several segments at a time.
        """
        name = f"c{position}"
        spec = self.column_spec(position)
        dtype = number_dtype(spec)
        if dtype is not None:
            values = numbers(dtype, cut(name, pieces, segments), out)
            if values is not None:
                return values
        if spec["dtype"] != "object":
            parts = Parts(sides=self.header["sides"])
            column = joined(name, pieces, segments, parallel=parallel)
            return decode_column(spec, column, parts)
        values = []
        for number, run in itertools.groupby(pieces, key=lambda piece: piece.batch):
            column = joined(name, list(run), segments)
            parts = Parts(sides=self.batch_header(number)["sides"])
            values.append(decode_column(self.batch_spec(number, position), column, parts))
        return values[0] if len(values) == 1 else np.concatenate(values)

    def index(
        self,
        pieces: Sequence[Piece],
        segments: Segments,
        window: tuple[int, int],
        numbers: np.ndarray[Any, Any] | None,
    ) -> Any:
        """Return the index of the pieces, as pandas makes it of the selection.

        Parameters
        ----------
        window
            The range of rows that were asked for.
        numbers
            Of these, the numbers of the rows that match a filter; None without one.
        """
        if self.has_telling_index():
            index = self.whole_index()[slice(*window)]
            # As pandas: a mask that is True everywhere leaves the index alone; otherwise it
            # takes, and sees where a selection is regular.
            if numbers is None or len(numbers) == len(index):
                return index
            return index.take(numbers - window[0])
        return self._index_of(pieces, segments)

    def has_telling_index(self) -> bool:
        """Return whether a selection must see all of the index, to come out as pandas' would.

        An index of ranges, or with a frequency, stays one where the selection is regular; the
        levels of a MultiIndex stay as all rows have them; and of several batches that differ,
        the index has the dtype and the name that pandas finds for all of them together.
        """
        headers = [self.batch_header(number) for number in range(len(self.batches))]
        specs = [header["index"] for header in headers]
        if any(spec["index"] == "range" or "freq" in spec for spec in specs):
            return True
        if len(specs) < 2:
            return False
        kinds = [(header["index"], header["sides"]) for header in headers]
        return specs[0]["index"] == "multi" or any(kind != kinds[0] for kind in kinds)

    def whole_index(self) -> Any:
        """Return the index of all rows."""
        if self._index is None:
            pieces = [
                piece
                for number in range(len(self.batches))
                for piece in self._pieces_of(number, 0, self.batches[number].layout.rows)
                or [Piece(number, 0, 0, 0)]
            ]
            names = {name for n in range(len(self.batches)) for name in self.index_fields(n)}
            segments = self.fetch(pieces, sorted(names)) if names else {}
            self._index = self._index_of(pieces, segments)
        return self._index

    def _index_of(self, pieces: Sequence[Piece], segments: Segments) -> Any:
        found: list[Any] = []
        for number, run in itertools.groupby(pieces, key=lambda piece: piece.batch):
            own, mine = self.batch_header(number), list(run)
            names = self.index_fields(number)
            table = pa.table({name: joined(name, mine, segments) for name in names})
            found.append(decode_index(own["index"], Parts(table, own["sides"])))
        filled = [index for index in found if len(index)]
        if filled and all(isinstance(index, pd.RangeIndex) for index in found):
            # Before version 3, pandas takes the step of an empty range for one of them all.
            found = [index.rename(found[0].append(found[1:]).name) for index in filled]
        if len(found) == 1:
            return found[0]
        whole = found[0].append(found[1:])
        if whole.dtype != object and all(type(i) is pd.Index and i.dtype == object for i in found):
            # Of another version of pandas than the one that appended, which infers otherwise.
            values = np.concatenate([index.to_numpy() for index in found])
            return pd.Index(values, dtype=object, name=whole.name, tupleize_cols=False)
        return whole

    def batch_spec(self, number: int, position: int) -> Json:
        """Return the description of a column as a batch has it, which knows of Python objects."""
        spec = self.column_spec(position)
        if spec["dtype"] == "object":
            spec = self.batch_header(number)["objects"][str(position)]
        return spec
