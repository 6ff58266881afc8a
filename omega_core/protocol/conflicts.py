"""What a writer is told where its write is not committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConflictError, OvertakenError, UnsupportedValueError
from .naming import Key


def changed(
    key: Key, document: Mapping[str, Any], *, if_rev: int | None, first: bool, append: bool
) -> ConflictError:
    """Somebody else has changed the object, whose document is now this one.

    Parameters
    ----------
    if_rev
        The revision that the writer asked for, if it asked for one.
    first
        Whether it expected that there is no object.
    append
        Whether it appends.
    """
    now = f"revision {document['rev']}" if document.get("gen") else "no object"
    wanted = "no object" if first else "the object it began with"
    if if_rev is not None:
        wanted = f"revision {if_rev}"
    told = (
        f"{key} was changed by somebody else: there is {now}, this write expected {wanted}. "
        "Nothing was overwritten"
    )
    if append and if_rev is None:
        return OvertakenError(
            f"{told}, and nothing appended. Repeat it; an iterator has to be made anew."
        )
    return ConflictError(f"{told}. Read the object again and repeat.")


def gone(key: Key, task: str, version: int) -> ConflictError:
    """Another execution of the task has stored it, and somebody dropped that version since."""
    return ConflictError(
        f"{key}: task {task} has stored it already, as version {version}, which somebody dropped "
        "or replaced since. Nothing was stored. Submit the action again, as a task of its own."
    )


def frozen(key: Key, kind: str) -> ConflictError:
    """What is appended could not be told from what a snapshot has."""
    return ConflictError(
        f"{key} is part of a snapshot, and its kind {kind!r} keeps no batches in kind_meta, so "
        "that what is appended could not be told from what the snapshot has. Put it whole, without "
        "append=True, or drop the snapshot (om.snapshots() lists them)."
    )


def too_large(key: Key, size: int, limit: int) -> UnsupportedValueError:
    """The metadata document of the object, of ``size`` bytes, does not take any more."""
    return UnsupportedValueError(
        f"{key}: its metadata, with that of its versions, has {size:,} bytes already, and MongoDB "
        f"takes {limit:,}. Nothing was changed. Give it smaller attributes (store large ones as an "
        "object of their own), keep fewer versions ([stores] keep), or put it whole instead of "
        "appending any more."
    )
