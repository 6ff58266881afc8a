"""The payload of one version as what it consists of: files, documents, collections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Protocol

from pymongo.collection import Collection

from ..locations import Locations
from ..mongo.database import CODEC, Database
from ..protocol.collection import OBJECT
from ..protocol.files import DamagedError
from ..protocol.naming import Key, bucket_key
from ..protocol.resources import OWNER, Resources, ids_of
from .raw_documents import RAW

Document = dict[str, Any]

_PIECE = 4 * 1024 * 1024


@dataclass(frozen=True)
class FilePart:
    """A file in GridFS: its document there, and its bytes in pieces."""

    document: Document
    pieces: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class CollectionPart:
    """A collection of its own: its indexes, and its documents as they are."""

    name: str
    indexes: list[Document]
    documents: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class UriPart:
    """A file outside MongoDB that the object owns, and its bytes in pieces."""

    uri: str
    pieces: Callable[[], Iterator[bytes]]


class Contents(Protocol):
    """One version, wherever it is read from.

    Attributes
    ----------
    key
        Of the object that it is a version of.
    document
        The metadata document, with this version live.
    """

    key: Key
    document: Document

    def files(self) -> list[FilePart]: ...
    def segments(self) -> Iterator[bytes]: ...
    def collections(self) -> list[CollectionPart]: ...
    def uris(self) -> list[UriPart]: ...


def generations(document: Document) -> set[str]:
    """Return the generations that a version consists of: its own, and those of its batches."""
    batches = document.get("kind_meta", {}).get("batches", [])
    appended = Resources.from_document(document.get("res")).batches
    payloads = [batch["payload"] for batch in batches if isinstance(batch.get("payload"), str)]
    found = {payload[:32] for payload in [*payloads, *appended]}
    found |= {batch["gen"] for batch in batches if isinstance(batch.get("gen"), str)}
    return {*found, document["gen"]}


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in pieces."""
    while block := file.read(_PIECE):
        yield block


class StoredContents:
    """A version in a database.

    Parameters
    ----------
    open_uri
        Opens the file of the payload that lies at a URI, such that it checks what it reads.
    """

    def __init__(
        self,
        database: Database,
        locations: Locations,
        document: Document,
        open_uri: Callable[[str], BinaryIO],
    ) -> None:
        self.database = database
        self.document = document
        self.key = Key(document["bucket"], document["prefix"], document["name"])
        self.gen: str = document["gen"]
        self.resources = Resources.from_document(document.get("res"))
        self._open_uri = open_uri
        namespace = bucket_key(self.key.bucket)
        self.segment_collection: Collection[Any] = database.segments(namespace)
        files = database.files(namespace)
        self._files = database.data(f"{files}.files").with_options(codec_options=CODEC)
        self.chunks = database.data(f"{files}.chunks")

    def files(self) -> list[FilePart]:
        owned: list[Document] = []
        if self.resources.gridfs:
            owned.append({"_id": ids_of(self.gen)})
        if self.resources.files:
            owned.append({"_id": {"$in": self.resources.files}, OWNER: self.gen})
        found = list(self._files.find({"$or": owned}).sort("_id", 1)) if owned else []
        return [FilePart(document, partial(self._pieces, document)) for document in found]

    def _pieces(self, file: Document) -> Iterator[bytes]:
        length = 0
        found = self.chunks.find({"files_id": {"$eq": file["_id"]}}).sort("n", 1)
        for n, chunk in enumerate(found):
            length += len(chunk["data"])
            if chunk["n"] != n or length > file["length"]:
                raise DamagedError(f"chunk {n} of its file is missing, or one is too many")
            yield chunk["data"]
        if length != file["length"]:
            raise DamagedError(f"its file has {length} bytes of the {file['length']}")

    def segment_conditions(self) -> dict[str, Document]:
        """Return, for each generation, the condition on its documents in the shared collection."""
        mine = {OBJECT: {"$in": [self.key.digest, None]}}
        conditions: dict[str, Document] = {}
        if self.resources.segments:
            own = {"$gte": self.gen, "$lt": f"{self.gen}/"}
            conditions[self.gen] = {"payload": own, **mine}
        appended: dict[str, list[str]] = {}
        for payload in self.resources.batches:
            if payload[:32] != self.gen or not self.resources.segments:
                appended.setdefault(payload[:32], []).append(payload)
        for gen, payloads in appended.items():
            conditions[gen] = {"payload": {"$in": payloads}, **mine}
        return conditions

    def segments(self) -> Iterator[bytes]:
        raw = self.segment_collection.with_options(codec_options=RAW)
        for condition in self.segment_conditions().values():
            for document in raw.find(condition).sort("_id", 1):
                yield bytes(document.raw)

    def collections(self) -> list[CollectionPart]:
        return [self._collection(name) for name in self.resources.collections]

    def _collection(self, name: str) -> CollectionPart:
        collection = self.database.data(name).with_options(codec_options=RAW)
        listed = self.database.data(name).list_indexes()
        indexes = [dict(index) for index in listed if index["name"] != "_id_"]
        for index in indexes:
            index["key"] = [list(pair) for pair in index["key"].items()]
        return CollectionPart(
            name, indexes, lambda: (bytes(document.raw) for document in collection.find())
        )

    def uris(self) -> list[UriPart]:
        def pieces(uri: str) -> Iterator[bytes]:
            with self._open_uri(uri) as file:
                yield from blocks(file)

        return [UriPart(uri, partial(pieces, uri)) for uri in self.resources.uris]

    def size(self) -> int:
        """Return how many bytes there are to copy, as far as that is known."""
        sizes = [len(self.document.get("inline") or b"")]
        sizes += [file.document["length"] for file in self.files()]
        batches = self.document.get("kind_meta", {}).get("batches", [])
        sizes += [batch["bytes"] for batch in batches if isinstance(batch.get("bytes"), int)]
        integrity = self.document.get("integrity") or {}
        if self.resources.uris and isinstance(integrity.get("length"), int):
            sizes.append(integrity["length"])
        for name in self.resources.collections:
            stats = self.database.mongodb.command("collStats", name)
            sizes.append(int(stats.get("size", 0)))
        return sum(sizes)
