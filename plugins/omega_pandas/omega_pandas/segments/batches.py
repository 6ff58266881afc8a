"""The batches of a stored table: rows that were put or appended together."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omega_core.errors import ObjectNotFoundError, UnsupportedOptionError

from ..objects.header import Header
from .documents import Progress, write_table
from .headers import common_id, store_header
from .layout import Document, Layout

if TYPE_CHECKING:
    import pyarrow as pa
    from pymongo.collection import Collection

    from omega_core import Metadata


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
    crc
        Whether its rows say in their ids what they hold.
    """

    payload: str
    start: int
    layout: Layout
    header: bytes | None
    crc: bool = False

    @property
    def stop(self) -> int:
        return self.start + self.layout.rows


def batches_of(meta: Metadata, as_of: int | dt.datetime | None = None) -> list[Batch]:
    """Return the batches of a version.

    Parameters
    ----------
    as_of
        Only those that were there at this revision, or at this time.

    Raises
    ------
    ObjectNotFoundError
        Where that is not known any more, since they were compacted.
    """
    found: list[Batch] = []
    start = 0
    for entry in _as_of(meta, as_of):
        layout, crc = Layout.from_document(entry), bool(entry.get("crc"))
        batch = Batch(entry["payload"], start, layout, entry["header"], crc)
        found.append(batch)
        start = batch.stop
    return found


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
    # A compacted batch begins with what was appended first.
    merged = batches[len(kept)].get("since") if len(kept) < len(batches) else None
    when = "at" if isinstance(as_of, dt.datetime) else "rev"
    if not kept or (merged is not None and merged[when] <= as_of):
        raise ObjectNotFoundError(
            f"{meta.name!r} as of {as_of} is not kept: its first batch is of revision "
            f"{batches[0]['rev']}, {batches[0]['at']}, and small batches are compacted in time. "
            "Older versions: store.versions(name)."
        )
    return kept


def write_batch(
    table: pa.Table,
    own: Header,
    payload: str,
    collection: Collection[Document],
    subject: str,
    progress: Progress | None = None,
) -> Document:
    """Write a table, and what is its batch's own; return the entry for ``kind_meta``."""
    rows = table.num_rows if own["rows"] is None else own["rows"]
    layout, size, raw = write_table(table, rows, payload, collection, subject, progress)
    kept = store_header(own, payload, f"{payload}-header", collection)
    gen = payload.partition(".")[0]
    return {
        "gen": gen, "payload": payload, **layout.to_document(),
        "bytes": size, "raw": raw, "header": kept,
    }  # fmt: skip


def store_common(shared: Header, gen: str, collection: Collection[Document]) -> Any:
    """Keep what all batches share; return what goes into ``kind_meta``."""
    return store_header(shared, gen, common_id(gen), collection)
