"""What one generation of an object is made of, and how that is freed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..mongo.database import Database
from .naming import Key, generation_key


def ids_of(gen: str) -> dict[str, str]:
    """Return the condition on ``_id`` that holds for the documents and files of a generation.

    They are strings that begin with ``<gen>-``, so a crashed writer needs no list of what it wrote.
    """
    return {"$gte": f"{gen}-", "$lt": f"{gen}."}


@dataclass
class Resources:
    """The resources of one generation.

    Attributes
    ----------
    gridfs
        Files in the bucket's GridFS whose ids begin with the generation.
    files
        Ids of other files in the bucket's GridFS.
    segments
        Documents in the bucket's shared collection whose payload begins with the generation.
    batches
        Payloads of other generations in the shared collection, which were appended to this one.
    collections
        Collections of its own.
    rows
        Collections of another generation, to which this one appended documents.
    uris
        Files outside MongoDB that the object owns.
    backend
        Whether the backend holds more, which only its `drop` can free.
    """

    gridfs: bool = False
    files: list[Any] = field(default_factory=list)
    segments: bool = False
    batches: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)
    backend: bool = False

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> Resources:
        values: dict[str, Any] = {
            key: list(value) if isinstance(value, list) else value
            for key, value in (document or {}).items()
        }
        return cls(**values)

    def to_document(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value}

    def widened(self, name: str, gen: str) -> Resources:
        """Return whatever a writer may have made that crashed before it could say what it made."""
        wide = Resources.from_document(self.to_document())
        wide.gridfs = wide.segments = True
        own = generation_key(name, gen)
        if own not in wide.collections:
            wide.collections.append(own)
        return wide

    def free(self, database: Database, namespace: str, key: Key, gen: str) -> None:
        """Delete what lies in MongoDB. Idempotent, step by step."""
        files = database.files(namespace)
        ids: list[dict[str, Any]] = [ids_of(gen)] if self.gridfs else []
        ids += [{"$in": self.files}] if self.files else []
        for condition in ids:
            # The file before its chunks: a file without chunks would read as a broken one.
            database.data(f"{files}.files").delete_many({"_id": condition})
            database.data(f"{files}.chunks").delete_many({"files_id": condition})
        if self.segments:
            # Also ``<gen>.0``, ``<gen>.1``, ... where a generation consists of several batches.
            database.segments(namespace).delete_many({"payload": {"$gte": gen, "$lt": f"{gen}/"}})
        if self.batches:
            database.segments(namespace).delete_many({"payload": {"$in": self.batches}})
        for collection in self.collections:
            database.data(collection).drop()
        for collection in self.rows:
            database.data(collection).delete_many({"_id": ids_of(gen)})
            if not _is_named(database, key, collection):
                # Dropped with its object, and made anew by the first row that came too late.
                database.data(collection).drop()


def _is_named(database: Database, key: Key, collection: str) -> bool:
    """Return whether an object still has this collection, or the collector has yet to drop it."""
    document = database.metadata.find_one(
        key.filter(), {"collection": 1, "versions.collection": 1, "retired": 1}
    )
    document = document or {}
    payloads = [document, *document.get("versions", []), *document.get("retired", {}).values()]
    return any(payload.get("collection") == collection for payload in payloads)


@dataclass(frozen=True)
class Freer:
    """Frees a generation, wherever its parts lie.

    Parameters
    ----------
    namespace
        Maps a bucket to the name of its shared collections.
    delete_uri
        Deletes an owned file outside MongoDB.
    free_backend
        Calls the `drop` of the backend that wrote the generation.
    """

    database: Database
    namespace: Callable[[str], str]
    delete_uri: Callable[[str], None]
    free_backend: Callable[[dict[str, Any]], None]

    def free(
        self, key: Key, gen: str, entry: Mapping[str, Any], *, condemned: bool = False
    ) -> None:
        """Delete everything that belongs to the generation.

        Parameters
        ----------
        entry
            What the metadata says of it: ``kind``, ``plugin``, ``res`` and the pointers.
        condemned
            Its writer crashed, and may have made more than ``res`` says.
        """
        res = Resources.from_document(entry.get("res"))
        if condemned:
            res = res.widened(key.name, gen)
        res.free(self.database, self.namespace(key.bucket), key, gen)
        for uri in res.uris:
            self.delete_uri(uri)
        if res.backend:
            self.free_backend({**entry, **key.filter(), "gen": gen})
