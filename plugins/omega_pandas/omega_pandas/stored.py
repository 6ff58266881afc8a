"""A stored table as of one version: which batches, how they are cut, and what they hold.

Reads only the documents that hold the columns and rows that are asked for. What comes back equals
what pandas gives for the same selection of the whole frame.
"""

from __future__ import annotations

import datetime as dt
import itertools
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from bson import Binary

from omega_core.errors import IntegrityError, ObjectNotFoundError, UnsupportedOptionError

from .filters import Predicate
from .index import decode_column, decode_index
from .parts import Parts
from .schema import dump_header, load_header
from .segments import Layout, document_id, read_documents, read_stats
from .statistics import Stats, is_telling

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from omega_core import Metadata

Json = Any
Document = dict[str, Any]

_INLINE_BYTES = 16 * 1024
"""A header up to this size travels in the metadata, which saves a round trip."""


def store_header(
    header: dict[str, Json], payload: str, id_: str, collection: Collection[Document]
) -> Binary | None:
    """Keep a header: a small one is returned, for the metadata; a large one is a document."""
    data = zlib.compress(dump_header(header))
    if len(data) <= _INLINE_BYTES:
        return Binary(data)
    collection.insert_one({"_id": id_, "payload": payload, "data": data})
    return None


def fetch_header(
    kept: bytes | None, id_: str, collection: Collection[Document], subject: str
) -> dict[str, Json]:
    """Return a header that `store_header` kept."""
    if kept is None:
        document = collection.find_one({"_id": id_})
        if document is None:
            raise IntegrityError(f"{subject}: the document of its header is missing.")
        kept = document["data"]
    try:
        text = zlib.decompress(kept)
    except zlib.error as error:
        raise IntegrityError(f"{subject}: its header is damaged: {error}") from error
    return load_header(text)


def common_id(gen: str) -> str:
    """Return the id of the document that holds a large header of a whole object."""
    return f"{gen}-common"


@dataclass(frozen=True)
class Batch:
    """Rows that were put or appended together.

    Attributes
    ----------
    payload
        What its documents carry, and with what their ids begin.
    start
        Its first row in the whole object.
    header
        What differs from batch to batch, packed; None where it is a document.
    """

    payload: str
    start: int
    layout: Layout
    header: bytes | None

    @property
    def stop(self) -> int:
        return self.start + self.layout.rows


@dataclass(frozen=True)
class Piece:
    """Some rows of one segment of one batch."""

    batch: int
    segment: int
    start: int
    stop: int


NOTHING = Piece(0, 0, 0, 0)
"""No rows, of a segment that is there: an empty selection has types too."""


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
        self.batches: list[Batch] = []
        start = 0
        for entry in _as_of(meta, as_of):
            batch = Batch(entry["payload"], start, Layout.from_document(entry), entry["header"])
            self.batches.append(batch)
            start = batch.stop
        self.rows = start
        assert meta.gen is not None
        common = meta.kind_meta["header"]
        self.header = fetch_header(common, common_id(meta.gen), collection, self.subject)
        self._headers: dict[int, dict[str, Json]] = {}
        self._index: Any = None

    # --- what it is ----------------------------------------------------------------------------

    @property
    def labels(self) -> Any:
        """The column labels, as an Index."""
        return decode_index(self.header["labels"], Parts(sides=self.header["sides"]))

    def batch_header(self, number: int) -> dict[str, Json]:
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
        for number, batch in enumerate(self.batches):
            if batch.stop <= start or batch.start >= stop:
                continue
            size = batch.layout.segment_rows
            low, high = max(start - batch.start, 0), min(stop - batch.start, batch.layout.rows)
            for segment in range(low // size, -(-high // size)):
                first, last = batch.layout.bounds(segment)
                found.append(
                    Piece(number, segment, max(low, first) - first, min(high, last) - first)
                )
        # The types of an empty selection come from somewhere.
        return found or [NOTHING]

    def fetch(
        self, pieces: Sequence[Piece], fields: Sequence[str]
    ) -> dict[tuple[int, int], pa.Table]:
        """Return the fields of the segments that the pieces are of, whole."""
        ids: dict[str, tuple[int, int]] = {}
        for piece in pieces:
            batch = self.batches[piece.batch]
            places = batch.layout.group_of(self.batch_fields(piece.batch))
            for group in {places[field] for field in fields if field in places}:
                ids[document_id(batch.payload, piece.segment, group)] = (piece.batch, piece.segment)
        tables = read_documents(self._collection, list(ids), self.subject)
        columns: dict[tuple[int, int], dict[str, Any]] = {}
        wanted = set(fields)
        for id_, key in ids.items():
            table = tables[id_]
            mine = columns.setdefault(key, {})
            for name in table.column_names:
                if name in wanted:
                    mine[name] = table.column(name)
        return {key: pa.table(found) for key, found in columns.items()}

    # --- values --------------------------------------------------------------------------------

    def decode(
        self,
        position: int,
        pieces: Sequence[Piece],
        tables: dict[tuple[int, int], pa.Table],
        masks: Sequence[np.ndarray[Any, Any] | None],
    ) -> Any:
        """Return the values of one column over the pieces, as pandas holds them."""
        spec = self.column_spec(position)
        chosen = self._columns(position, pieces, tables, masks)
        if spec["dtype"] != "object":
            parts = Parts(sides=self.header["sides"])
            return decode_column(spec, _joined(chosen), parts)
        values: list[Any] = []
        runs = itertools.groupby(zip(pieces, chosen, strict=True), key=lambda pair: pair[0].batch)
        for number, run in runs:
            own = self.batch_header(number)
            arrays = [array for _, array in run]
            objects = own["objects"][str(position)]
            parts = Parts(sides=own["sides"])
            values.append(decode_column(objects, _joined(arrays), parts))
        return values[0] if len(values) == 1 else np.concatenate(values)

    def column(
        self,
        position: int,
        pieces: Sequence[Piece],
        tables: dict[tuple[int, int], pa.Table],
        masks: Sequence[np.ndarray[Any, Any] | None],
    ) -> Any:
        """Return one column over the pieces, as Arrow holds it."""
        return _joined(self._columns(position, pieces, tables, masks))

    def _columns(
        self,
        position: int,
        pieces: Sequence[Piece],
        tables: dict[tuple[int, int], pa.Table],
        masks: Sequence[np.ndarray[Any, Any] | None],
    ) -> list[Any]:
        name = f"c{position}"
        return [
            _chosen(tables[piece.batch, piece.segment].column(name), piece, mask)
            for piece, mask in zip(pieces, masks, strict=True)
        ]

    def index(
        self,
        pieces: Sequence[Piece],
        tables: dict[tuple[int, int], pa.Table],
        masks: Sequence[np.ndarray[Any, Any] | None],
        window: tuple[int, int],
    ) -> Any:
        """Return the index of the pieces, as pandas makes it of the selection.

        Parameters
        ----------
        window
            The range of rows that the pieces are of.
        """
        if self.has_telling_index():
            index = self.whole_index()[slice(*window)]
            if all(mask is None for mask in masks):
                return index
            # take, as a frame does: it sees where a selection is regular.
            return index.take(self._numbers(pieces, masks) - window[0])
        found: list[Any] = []
        numbered = zip(pieces, masks, strict=True)
        for number, run in itertools.groupby(numbered, key=lambda pair: pair[0].batch):
            own = self.batch_header(number)
            table = _table(self.index_fields(number), list(run), tables)
            found.append(decode_index(own["index"], Parts(table, own["sides"])))
        return found[0] if len(found) == 1 else found[0].append(found[1:])

    def has_telling_index(self) -> bool:
        """Return whether a selection must see all of the index, to come out as pandas' would.

        An index of ranges, or with a frequency, stays one where the selection is regular; and the
        levels of a MultiIndex stay as all rows have them.
        """
        specs = [self.batch_header(number)["index"] for number in range(len(self.batches))]
        return any(spec["index"] == "range" or "freq" in spec for spec in specs) or (
            len(specs) > 1 and any(spec["index"] == "multi" for spec in specs)
        )

    def whole_index(self) -> Any:
        """Return the index of all rows."""
        if self._index is None:
            found = []
            for number in range(len(self.batches)):
                own, names = self.batch_header(number), self.index_fields(number)
                start, stop = self.batches[number].start, self.batches[number].stop
                pieces = [p for p in self.pieces(start, stop) if p.batch == number]
                pieces = pieces or [Piece(number, 0, 0, 0)]
                tables = self.fetch(pieces, names) if names else {}
                table = _table(names, [(piece, None) for piece in pieces], tables)
                found.append(decode_index(own["index"], Parts(table, own["sides"])))
            self._index = found[0] if len(found) == 1 else found[0].append(found[1:])
        return self._index

    def _numbers(
        self, pieces: Sequence[Piece], masks: Sequence[np.ndarray[Any, Any] | None]
    ) -> np.ndarray[Any, Any]:
        """Return the numbers of the rows that the masks choose."""
        found = []
        for piece, mask in zip(pieces, masks, strict=True):
            batch = self.batches[piece.batch]
            first = batch.start + batch.layout.bounds(piece.segment)[0] + piece.start
            chosen = np.arange(piece.stop - piece.start) if mask is None else np.flatnonzero(mask)
            found.append(first + chosen)
        return np.concatenate(found)

    # --- filters -------------------------------------------------------------------------------

    def matching(
        self, predicate: Predicate, pieces: Sequence[Piece]
    ) -> tuple[list[Piece], list[np.ndarray[Any, Any]]]:
        """Return the pieces with a row that matches, and which of their rows do."""
        # Where all are left out, an empty one still tells whether the types can be compared.
        pieces = self._possible(predicate, pieces) or [NOTHING]
        fields = [f"c{position}" for position in predicate.positions]
        tables = self.fetch(pieces, fields)
        found: list[Piece] = []
        masks: list[np.ndarray[Any, Any]] = []
        for piece in pieces:
            columns = {
                position: pd.Series(self.decode(position, [piece], tables, [None]), copy=False)
                for position in predicate.positions
            }
            mask = predicate.mask(columns, piece.stop - piece.start)
            if mask.any():
                found.append(piece)
                masks.append(mask)
        if not found:
            return [NOTHING], [np.zeros(0, dtype=bool)]
        return found, masks

    def _possible(self, predicate: Predicate, pieces: Sequence[Piece]) -> list[Piece]:
        """Leave out the segments of which the statistics say that no row matches."""
        if len(pieces) < 2:
            return list(pieces)  # asking costs as much as reading
        homes: list[dict[int, str]] = []
        for piece in pieces:
            batch = self.batches[piece.batch]
            places = batch.layout.group_of(self.batch_fields(piece.batch))
            homes.append(
                {
                    position: document_id(batch.payload, piece.segment, places[f"c{position}"])
                    for position in predicate.positions
                }
            )
        stats = read_stats(self._collection, [id_ for home in homes for id_ in home.values()])

        def known(piece: Piece, home: dict[int, str]) -> Callable[[int], Stats | None]:
            def of(position: int) -> Stats | None:
                if not is_telling(self._batch_spec(piece.batch, position)):
                    return None  # what is stored are codes, or text that stands for objects
                return stats.get(home[position], {}).get(f"c{position}")

            return of

        return [
            piece
            for piece, home in zip(pieces, homes, strict=True)
            if predicate.may_match(known(piece, home))
        ]

    def _batch_spec(self, number: int, position: int) -> Json:
        spec = self.column_spec(position)
        if spec["dtype"] == "object":
            spec = self.batch_header(number)["objects"][str(position)]
        return spec


def value_fields(header: dict[str, Json]) -> list[str]:
    """Return the names of the Arrow fields that hold the values of an object."""
    if header["object"] == "ndarray":
        return ["bytes"]
    if header["object"] == "index":
        return []
    return [f"c{position}" for position in range(len(header.get("columns", [None])))]


def _as_of(meta: Metadata, as_of: int | dt.datetime | None) -> list[Document]:
    batches: list[Document] = list(meta.kind_meta["batches"])
    if as_of is None:
        return batches
    if isinstance(as_of, dt.datetime):
        if as_of.tzinfo is None:
            raise UnsupportedOptionError("as_of= takes a time with a time zone, or a revision.")
        kept = [batch for batch in batches if batch["at"] <= as_of]
    elif isinstance(as_of, int):
        kept = [batch for batch in batches if batch["rev"] <= as_of]
    else:
        raise UnsupportedOptionError(
            f"as_of= takes a revision or a datetime, not {type(as_of).__name__}."
        )
    if not kept:
        raise ObjectNotFoundError(
            f"{meta.name!r} as of {as_of} is not kept: its first batch is of revision "
            f"{batches[0]['rev']}, {batches[0]['at']}. Older versions: store.versions(name)."
        )
    return kept


def _chosen(column: Any, piece: Piece, mask: np.ndarray[Any, Any] | None) -> Any:
    if piece.start or piece.stop != len(column):
        column = column.slice(piece.start, piece.stop - piece.start)
    return column if mask is None else column.filter(pa.array(mask))


def _joined(columns: list[Any]) -> Any:
    chunks = [chunk for column in columns for chunk in column.chunks]
    if not chunks:
        return pa.chunked_array([], type=columns[0].type)
    return pa.chunked_array(chunks)


def _table(
    names: list[str],
    selection: list[tuple[Piece, np.ndarray[Any, Any] | None]],
    tables: dict[tuple[int, int], pa.Table],
) -> pa.Table:
    return pa.table(
        {
            name: _joined(
                [
                    _chosen(tables[piece.batch, piece.segment].column(name), piece, mask)
                    for piece, mask in selection
                ]
            )
            for name in names
        }
    )
