"""The batches of a stored table: all of them, or those that were there at some time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omega_core.errors import ObjectNotFoundError, UnsupportedOptionError

from .documents import Layout

if TYPE_CHECKING:
    from omega_core import Metadata

Document = dict[str, Any]


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
