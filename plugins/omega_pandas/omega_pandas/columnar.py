"""What the backends of frames, series and arrays share: an object as batches, or as one file."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from pymongo.errors import PyMongoError

from omega_core import BaseDataBackend
from omega_core.errors import (
    IntegrityError,
    OmegaError,
    UnsupportedOptionError,
    UnsupportedValueError,
)

from .archived.arrow_files import FILE, store_arrow, write_arrow
from .files.arrow_stream import Payload, write_payload
from .kind_meta import misshapen_columnar
from .listed_columns import described_file
from .objects.header import Encoded, Header
from .previews import frame_preview
from .row_changes import Read, frame_changes
from .segments.append_checks import Labels, check_schema
from .segments.batches import store_common, write_batch
from .segments.headers import split_header
from .segments.layout import SEGMENT_ROWS, Document
from .segments.selection import Selection, read_part
from .segments.stored_table import Stored
from .segments.summaries import column_summaries, table_details

if TYPE_CHECKING:
    import pyarrow as pa

    from omega_core import Metadata, Preview, RowChanges, Summary

log = logging.getLogger("omega_pandas")

MAX_SMALL_BATCHES = 32
"""So many small batches at the end of an object are compacted into one."""


class FrameBackend(BaseDataBackend):
    """Reads parts of a DataFrame, wherever its rows are."""

    def get(
        self,
        name: str,
        columns: Any = None,
        filter: Any = None,
        rows: slice | None = None,
        chunksize: int | None = None,
        lazy: bool = False,
        as_of: int | dt.datetime | None = None,
        as_: str = "pandas",
        **kwargs: Any,
    ) -> Any:
        """Return the DataFrame, or a part of it.

        Parameters
        ----------
        columns
            A list of column labels: only these are read, and come in this order.
        filter
            Only the rows that match: ``{"qty__gt": 3, "state": "NY"}``, a `Q`, or a pyarrow
            expression.
        rows
            A slice of row numbers, before the filter.
        chunksize
            Return an iterator of frames, each made of at most so many rows before the filter,
            which are read when it comes to them.
        lazy
            Return a `LazyFrame`, which reads what is asked of it.
        as_of
            The revision, or a time with a time zone: leaves out what was appended later.
        as_
            ``"arrow"`` or ``"polars"`` for a table of theirs.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        return self.read(
            meta,
            columns=columns,
            filter=filter,
            rows=rows,
            chunksize=chunksize,
            lazy=lazy,
            as_of=as_of,
            as_=as_,
        )

    def preview(self, summary: Summary, read: Read) -> Preview:
        """Return the first rows, and some of others."""
        return frame_preview(summary, read)

    def changed_rows(self, one: Read, two: Read) -> list[RowChanges]:
        """Return which rows differ, by position and by index; reads a few columns at a time."""
        return frame_changes(one, two)

    def read(self, meta: Metadata, **options: Any) -> Any:
        """Return what the options of `get` ask for."""
        raise NotImplementedError


class ColumnarBackend(BaseDataBackend):
    """Stores encoded objects in the bucket's shared collection, and reads parts of them.

    Attributes
    ----------
    kind
        Of its objects.
    called
        What errors call them.
    """

    kind: ClassVar[str]
    called: ClassVar[str]

    def put_encoded(
        self,
        encoded: Encoded,
        name: str,
        shown: Document,
        attributes: dict[str, Any] | None,
        *,
        uri: str | None,
        append: bool = False,
    ) -> Metadata:
        """Write one batch, or one file at ``uri``; the rest is as `put_pieces` says."""
        if uri is None:
            return self.put_pieces(
                lambda _: [encoded],
                name,
                shown,
                attributes,
                append=append,
                total=encoded.table.num_rows,
            )
        if append:
            raise UnsupportedOptionError(f"put of {name!r}: a file at a uri takes no append.")
        meta = self.data_store.make_metadata(name, self.kind, attributes=attributes)
        meta.kind_meta = shown
        with self.data_store.create_file(meta, "arrow", uri=uri) as file:
            write_payload(encoded, file)
        return meta.save()

    def put_pieces(
        self,
        pieces: Callable[[int], Iterable[Encoded]],
        name: str,
        shown: Document,
        attributes: dict[str, Any] | None,
        *,
        append: bool = False,
        total: int | None = None,
    ) -> Metadata:
        """Write pieces as batches, and commit them together.

        Parameters
        ----------
        pieces
            Takes the number of rows that are there; returns what to write.
        shown
            What a list of objects shows of it, besides its rows; read when all is written.
        total
            How many rows there will be, if that is known, for who waits.
        """
        store = self.data_store
        meta = store.make_metadata(name, self.kind, attributes=attributes)
        appending = append and "batches" in meta.kind_meta
        gen = store.generation(name)
        collection = store.segments
        subject = f"The {self.called} {name!r}"
        stored = Stored(collection, meta) if appending else None
        shared: Document | None = None
        entries: list[Document] = []
        labels = Labels(stored, subject)
        for number, encoded in enumerate(pieces(0 if stored is None else stored.rows)):
            found, own = split_header(encoded)
            before = shared if stored is None else stored.header
            if before is not None:
                check_schema(before, found, subject)
            labels.append(own, encoded.table, unique=not found.get("duplicates", True))
            payload = f"{gen}.{number}"
            before_it = sum(entry["rows"] for entry in entries)
            each = _counting(self.progress, before_it, total)
            entries.append(write_batch(encoded.table, own, payload, collection, subject, each))
            shared = shared or found
        if shared is None:
            raise UnsupportedValueError(
                f"{subject} was not stored: the iterator gives no frame, so that its columns are "
                "unknown. Give at least one, which may be empty."
            )
        batches = [*meta.kind_meta.get("batches", []), *entries] if appending else entries
        if appending:
            meta.kind_meta = {**meta.kind_meta, "batches": batches}
        else:
            if "rows" in shown:
                shown = {**shown, "rows": sum(entry["rows"] for entry in entries)}
            header = store_common(shared, gen, collection)
            meta.kind_meta = {**shown, "header": header, "batches": batches}
        saved = meta.save()
        if appending:
            try:
                self.compact(saved)
            except (PyMongoError, OmegaError):
                # The append stands, and must not be reported as failed; the next one compacts.
                log.warning("Compacting %r after an append failed.", name, exc_info=True)
        return saved

    def put_bytes(
        self,
        parts: Iterable[tuple[Header, pa.Table]],
        name: str,
        attributes: dict[str, Any] | None,
        finish: Callable[[], tuple[Header, Document]],
    ) -> Metadata:
        """Write an object that is made of bytes, in parts, of which one at a time is in memory.

        Parameters
        ----------
        parts
            The header of a batch, and its bytes.
        finish
            Called when all is written: returns the header of the whole, and what a list of
            objects shows.
        """
        store = self.data_store
        meta = store.make_metadata(name, self.kind, attributes=attributes)
        gen = store.generation(name)
        collection = store.segments
        subject = f"The {self.called} {name!r}"
        entries = [
            write_batch(table, own, f"{gen}.{number}", collection, subject)
            for number, (own, table) in enumerate(parts)
        ]
        shared, shown = finish()
        header = store_common(shared, gen, collection)
        meta.kind_meta = {**shown, "header": header, "batches": entries}
        return meta.save()

    def misshapen(self, meta: Metadata) -> str | None:
        return misshapen_columnar(meta)

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return the columns, with what the statistics of the segments tell of their values.

        Of one file at a uri, it is what its metadata lists.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        summary = super().describe(name)
        if meta.uri is not None:
            return described_file(summary, meta)
        stored = Stored(self.data_store.segments, meta)
        return replace(
            summary,
            rows=stored.rows,
            columns=column_summaries(stored),
            details=table_details(stored),
        )

    def compact(self, meta: Metadata) -> bool:
        """Make one batch of the small ones at the end, when there are many; whether it did."""
        batches = meta.kind_meta["batches"]
        stop = start = len(batches)
        while start and batches[start - 1]["rows"] < SEGMENT_ROWS:
            # What a snapshot has stays apart from what came later.
            if batches[start - 1].get("rev", 0) <= meta.pinned_rev:
                break
            start -= 1
        # A put may have written several batches under one generation; they stay together.
        while 0 < start < stop and batches[start]["gen"] == batches[start - 1]["gen"]:
            start += 1
        if stop - start <= MAX_SMALL_BATCHES:
            return False
        collection = self.data_store.segments
        stored = Stored(collection, meta)
        first = stored.batches[start].start

        def write(gen: str) -> Document:
            whole = Selection(stored, rows=(first, stored.rows)).read()
            merged = self.encode(whole, f"The {self.called} {meta.name!r}")
            own = split_header(merged)[1]
            # What is before them, or was there when they came, may have left the labels open.
            own["settled"] = own["settled"] and stored.batch_header(stop - 1).get("settled", False)
            return write_batch(merged.table, own, f"{gen}.0", collection, stored.subject)

        return self.data_store.compact(meta, start, stop, write)

    @staticmethod
    def encode(obj: Any, subject: str, /) -> Encoded:
        """Encode an object; ``subject`` is what errors call it."""
        raise NotImplementedError

    def read_selection(
        self, meta: Metadata, *, as_of: int | dt.datetime | None = None, **options: Any
    ) -> Any:
        """Return the part of an object that the options of `get` ask for; see `read_part`."""
        stored = Stored(self.data_store.segments, meta, as_of)
        stored.progress = self.progress
        return read_part(Selection, stored, **options)

    def read_payload(self, meta: Metadata) -> Payload:
        """Return what `put_encoded` wrote to a file at a URI."""
        with self.data_store.open_file(meta) as file:
            return Payload(file.read())


class ArrowExports(ColumnarBackend):
    """Exports tables as files of Arrow, which other tools read."""

    def export_payload(self, meta: Metadata, create: Callable[[str], BinaryIO]) -> bool:
        """Write a table to one file; one at a URI is a file already."""
        if meta.uri is not None:
            return False
        return write_arrow(Stored(self.data_store.segments, meta), create)

    def import_payload(
        self,
        name: str,
        open: Callable[[str], BinaryIO],
        kind_meta: dict[str, Any],
        attributes: dict[str, Any] | None = None,
    ) -> Metadata:
        """Store the table of such a file."""
        store = self.data_store
        meta = store.make_metadata(name, self.kind, attributes=attributes)
        subject = f"The {self.called} {name!r}"
        with open(FILE) as file:
            stored = store_arrow(
                file, store.generation(name), store.segments, subject, self.progress
            )
        meta.kind_meta = {**kind_meta, **stored}
        return self._sound(meta)

    def _sound(self, meta: Metadata) -> Metadata:
        """Save what was imported, unless it could not be read."""
        fault = self.misshapen(meta)
        if fault is not None:
            raise IntegrityError(f"The {self.called} {meta.name!r} was not imported: {fault}.")
        return meta.save()


def _counting(
    progress: Callable[[float, float | None], None], before: int, total: int | None
) -> Callable[[int], None]:
    """Return a function that tells the rows of one piece among all of them."""
    return lambda rows: progress(before + rows, total)
