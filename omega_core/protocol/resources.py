"""What one generation of an object is made of, and how that is freed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import IntegrityError
from ..mongo.database import Database
from .collection import OBJECT
from .naming import Key, gen_of_collection, generation_key

OWNER = "omega_generation"
"""The field of a GridFS file that says to which generation it belongs, where its id does not."""

_GENERATION = re.compile(r"[0-9a-f]{32}c?")
_PAYLOAD = re.compile(r"[0-9a-f]{32}(\.[0-9]+)?")


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
        """Delete what lies in MongoDB. Idempotent, step by step.

        Only what bears the generation in its own name is deleted, whatever a document says: whoever
        forged one could otherwise have the collector delete for him.

        Raises
        ------
        IntegrityError
            Where the document says what no writer of ours does.
        """
        files = database.files(namespace)
        if self.gridfs:
            # The file before its chunks: a file without chunks would read as a broken one.
            database.data(f"{files}.files").delete_many({"_id": ids_of(gen)})
            database.data(f"{files}.chunks").delete_many({"files_id": ids_of(gen)})
        if self.files:
            # No operator of MongoDB, which could choose among the files.
            ids = [id_ for id_ in self.files if not isinstance(id_, Mapping)]
            owned = {"_id": {"$in": ids}, OWNER: gen}
            found = [
                file["_id"] for file in database.data(f"{files}.files").find(owned, {"_id": 1})
            ]
            # The other way round: it is the file that says to whom the chunks belong.
            database.data(f"{files}.chunks").delete_many({"files_id": {"$in": found}})
            database.data(f"{files}.files").delete_many(owned)
        # None: written before the documents said whose they are.
        mine = {OBJECT: {"$in": [key.digest, None]}}
        if self.segments:
            # Also ``<gen>.0``, ``<gen>.1``, ... where a generation consists of several batches.
            own = {"$gte": gen, "$lt": f"{gen}/"}
            database.segments(namespace).delete_many({"payload": own, **mine})
        if self.batches:
            appended = {"$in": self._payloads(key)}
            database.segments(namespace).delete_many({"payload": appended, **mine})
        for collection in self.collections:
            if gen_of_collection(collection) == gen:
                database.data(collection).drop()
        for collection in self.rows:
            database.data(collection).delete_many({"_id": ids_of(gen)})
            owner = gen_of_collection(collection)
            if owner is not None and not _is_known(database, owner):
                # Dropped with its object, and made anew by the first row that came too late.
                database.data(collection).drop()

    def _payloads(self, key: Key) -> list[str]:
        for payload in self.batches:
            if not isinstance(payload, str) or not _PAYLOAD.fullmatch(payload):
                raise IntegrityError(
                    f"{key}: its document counts {payload!r} among its batches (field res.batches),"
                    " which no writer does. Nothing of it is deleted."
                )
        return self.batches


def _is_known(database: Database, gen: str) -> bool:
    """Return whether any document still names this generation."""
    named: list[dict[str, Any]] = [{"gen": gen}, {"versions.gen": gen}, {"held.gen": gen}]
    named += [{f"{field}.{gen}": {"$exists": True}} for field in ("pending", "retired")]
    return database.metadata.find_one({"$or": named}, {"_id": 1}) is not None


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
        # A compaction retires the batches that it replaced under a key of its own, with a "c".
        if not _GENERATION.fullmatch(gen):
            raise IntegrityError(f"{key}: its document names {gen!r}, which is no generation.")
        res = Resources.from_document(entry.get("res"))
        if condemned:
            res = res.widened(key.name, gen)
        res.free(self.database, self.namespace(key.bucket), key, gen)
        own = generation_key(key.name, gen)
        for uri in res.uris:
            if own not in uri:
                raise IntegrityError(
                    f"{key}: its document says that it owns {uri} (field res.uris), which does not "
                    f"bear the name {own} of its generation. It is not deleted."
                )
            self.delete_uri(uri)
        if res.backend:
            self.free_backend({**entry, **key.filter(), "gen": gen})
