"""Whether a write is in a metadata document, as its writer looks where no answer has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import document as shape
from .reading import as_version

Document = dict[str, Any]


def by_writer(document: Document | None, gen: str, *, appends: bool) -> Document | None:
    """Return the document as the writer of this generation committed it; None if it did not.

    It may be live, kept, pinned by a snapshot, or retired since.
    """
    if document is None:
        return None
    if _made(document, gen, appends=appends):
        return document
    retired = document.get("retired", {}).items()
    left = [{**entry, "gen": of} for of, entry in retired if not entry.get("condemned")]
    for payload in [*document.get("versions", []), *document.get("held", []), *left]:
        if _made(payload, gen, appends=appends):
            return as_version(document, payload)
    return None


def by_task(document: Document | None, own: Document | None) -> Document | None:
    """Return how another execution of a task has made a commit, if one has.

    Parameters
    ----------
    own
        What tells the commit among all that tasks have made of the object; None: it is no task's.
    """
    if own is None or document is None:
        return None
    made = reversed(shape.commits_of_tasks(document))
    return next((entry for entry in made if own.items() <= entry.items()), None)


def version_of(document: Document, number: int) -> Document | None:
    """Return the document as it was with this version; None where that is gone."""
    if document.get("gen") and document.get("version") == number:
        return document
    for kept in document.get("versions", []):
        if kept["version"] == number:
            return as_version(document, kept)
    return None


def _made(payload: Mapping[str, Any], gen: str, *, appends: bool) -> bool:
    if not appends:
        return payload.get("gen") == gen
    batches = payload.get("kind_meta", {}).get("batches", [])
    return any(batch.get("gen") == gen for batch in batches)
