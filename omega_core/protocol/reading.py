"""How the document of one object is read: live, or as one of its versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..mongo.database import Database, answering
from .naming import Key

Document = dict[str, Any]

UNSEEN = {"pending": 0, "retired": 0, "versions": 0, "tasks": 0}
"""What a reader of the live object needs not fetch."""


def read(database: Database, key: Key, version: int | None = None) -> Document | None:
    """Return the document of the live object, or of one of its versions; None if there is none."""
    projection = {"pending": 0, "retired": 0, "tasks": 0} if version is not None else UNSEEN
    with answering(database):
        document = database.metadata.find_one(key.filter(gen={"$exists": True}), projection)
    if document is None or version is None or document.get("version") == version:
        return document
    found = (kept for kept in versions_of(document) if kept.get("version") == version)
    return next(found, None)


def versions_of(document: Document) -> list[Document]:
    """Return the document as it would be with each of its kept versions live."""
    kept = document.get("versions", [])
    entries = kept if isinstance(kept, list) else [kept]
    return [as_version(document, e if isinstance(e, dict) else {}) for e in entries]


def as_version(document: Document, kept: Mapping[str, Any]) -> Document:
    """Return the document as it would be with one of its kept versions live."""
    fields = ("_id", "bucket", "prefix", "name", "created")
    own = {field: document[field] for field in fields if field in document}
    return {**own, **kept, "is_current": False}
