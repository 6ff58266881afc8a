"""How the document of one object is read: live, as one of its versions, or as a snapshot has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..mongo.database import Database, answering
from .naming import Key

Document = dict[str, Any]

UNSEEN = {"pending": 0, "retired": 0, "versions": 0, "tasks": 0, "held": 0, "pins": 0}
"""What a reader of the live object needs not fetch."""

_UNSEEN_BESIDE_VERSIONS = {field: 0 for field in UNSEEN if field != "versions"}


def read(database: Database, key: Key, version: int | str | None = None) -> Document | None:
    """Return the document of the live object, or of one of its versions; None if there is none.

    Parameters
    ----------
    version
        A number, or an alias.
    """
    projection = UNSEEN if version is None else _UNSEEN_BESIDE_VERSIONS
    with answering(database):
        document = database.metadata.find_one(key.filter(gen={"$exists": True}), projection)
    return document if document is None or version is None else find_version(document, version)


def find_version(document: Document, version: int | str) -> Document | None:
    """Return a document as it would be with the version of this number, or alias, live."""
    number = numbered(document, version)
    if number is None or document.get("version") == number:
        return None if number is None else document
    found = (kept for kept in versions_of(document) if kept.get("version") == number)
    return next(found, None)


def numbered(document: Mapping[str, Any], version: int | str) -> int | None:
    """Return the number of a version that may be given by an alias."""
    if not isinstance(version, str):
        return version
    aliases = document.get("aliases")
    entry = aliases.get(version) if isinstance(aliases, dict) else None
    number = entry.get("version") if isinstance(entry, dict) else None
    return number if isinstance(number, int) else None


def names_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the aliases of the version that a document has live, sorted."""
    aliases = document.get("aliases")
    if not isinstance(aliases, dict):
        return ()
    version = document.get("version")
    found = (a for a, e in aliases.items() if isinstance(e, dict) and e.get("version") == version)
    return tuple(sorted(found))


def read_generation(database: Database, key: Key, gen: str) -> Document | None:
    """Return the document with this payload live, if it is live, kept or held; else None."""
    anywhere = [{"gen": gen}, {"versions.gen": gen}, {"held.gen": gen}]
    projection = dict.fromkeys(("pending", "retired", "tasks", "pins"), 0)
    with answering(database):
        document = database.metadata.find_one(key.filter(**{"$or": anywhere}), projection)
    return None if document is None else find_generation(document, gen)


def find_generation(document: Document, gen: str) -> Document | None:
    """Return a document as it would be with a payload live that it still has; else None."""
    if document.get("gen") == gen:
        return document
    found = (kept for kept in versions_of(document) if kept.get("gen") == gen)
    held = (kept for kept in versions_of(document, "held") if kept.get("gen") == gen)
    return next(found, None) or next(held, None)


def versions_of(document: Document, field: str = "versions") -> list[Document]:
    """Return the document as it would be with each of its kept versions live."""
    kept = document.get(field, [])
    entries = kept if isinstance(kept, list) else [kept]
    return [as_version(document, e if isinstance(e, dict) else {}) for e in entries]


def as_version(document: Document, kept: Mapping[str, Any]) -> Document:
    """Return the document as it would be with one of its kept versions live."""
    fields = ("_id", "bucket", "prefix", "name", "created", "aliases")
    own = {field: document[field] for field in fields if field in document}
    return {**own, **kept, "is_current": False}
