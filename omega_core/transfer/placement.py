"""Writes what a version consists of under another generation, of which nobody knows yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import bson
from pymongo.errors import BulkWriteError, OperationFailure

from ..errors import IntegrityError, UnsupportedValueError
from ..locations import Locations
from ..mongo.database import Database
from ..protocol import attributes as attributes_codec
from ..protocol.collection import OBJECT
from ..protocol.commit import Intent
from ..protocol.files import CHUNK_SIZE, GridSink
from ..protocol.metadata import Metadata, StoredFile
from ..protocol.naming import gen_of_collection, generation_key, object_store_key
from ..protocol.resources import OWNER
from .contents import CollectionPart, Contents, FilePart, StoredContents, UriPart
from .raw_documents import changed, insert, with_new_id
from .renaming import Renaming
from .server_side import merged_chunks, merged_collection, merged_segments, on_one_server

Document = dict[str, Any]

_BY_THE_SERVER = ("rev", "at", "since", "seal")


class UnboundError(UnsupportedValueError):
    """The payload has ids of the backend's own, which nobody else can make anew."""


class Placement:
    """One version on its way into a database.

    Parameters
    ----------
    intent
        Not begun yet: what it is about to write is noted in it first.
    place
        Where to put the files that lie at a URI: takes the one where it was, and the key that its
        new place has to bear.
    each
        Called with the bytes of each part that was written.
    """

    def __init__(
        self,
        contents: Contents,
        intent: Intent,
        renaming: Renaming,
        locations: Locations,
        place: Callable[[str], str],
        each: Callable[[int], None],
    ) -> None:
        self._contents = contents
        self._document = contents.document
        self._intent = intent
        self._database: Database = intent.database
        self._renaming = renaming
        self._locations = locations
        self._place = place
        self._each = each
        self._stored = isinstance(contents, StoredContents) and on_one_server(
            contents.database, self._database
        )
        self._files = contents.files()
        self._collections = contents.collections()
        self._uris = {part.uri: part for part in contents.uris()}
        self._announce()

    def _announce(self) -> None:
        """Note in the intent what is about to be made, so that a crash cannot lose it."""
        resources, renaming = self._intent.res, self._renaming
        old: Document = self._document.get("res") or {}
        resources.gridfs = bool(self._files)
        resources.segments = bool(old.get("segments"))
        resources.batches = [renaming.text(payload) for payload in old.get("batches", [])]
        resources.collections = [renaming.text(part.name) for part in self._collections]
        resources.uris = [self._new_uri(uri) for uri in self._uris]
        fresh = set(renaming.gens.values())
        alien = [payload for payload in resources.batches if payload[:32] not in fresh]
        alien += [name for name in resources.collections if gen_of_collection(name) not in fresh]
        if alien:
            raise UnboundError(
                f"{self._contents.key}: {alien[0]!r} does not bear the name of its version."
            )

    def _new_uri(self, uri: str) -> str:
        own = generation_key(self._intent.key.name, self._intent.gen)
        new = self._locations.check(self._place(uri))
        if own not in new:
            raise UnsupportedValueError(
                f"{self._contents.key}: its file {uri} does not bear the name of its version, so "
                "that a copy cannot have a place of its own. Get the object, and put it."
            )
        return new

    # --- the steps ---------------------------------------------------------------------------

    def write(self, meta: Metadata) -> None:
        """Write everything, and let ``meta`` point at it."""
        document, renaming = self._document, self._renaming
        for part in self._files:
            self._write_file(part)
        if document.get("inline") is not None:
            self._write_inline(meta, bytes(document["inline"]))
        else:
            meta.integrity = document.get("integrity")
        self._write_segments()
        for collection in self._collections:
            self._write_collection(collection)
        for uri in self._uris.values():
            self._write_uri(uri)
        if document.get("gridfile") is not None:
            meta.gridfile = StoredFile(grid_id=renaming.value(document["gridfile"]))
        if document.get("collection") is not None:
            meta.collection = renaming.text(document["collection"])
        if document.get("uri") is not None:
            uri = document["uri"]
            meta.uri = self._new_uri(uri) if uri in self._uris else uri
        meta.kind_meta = renamed_kind_meta(document, renaming)
        meta.attributes = attributes_codec.from_document(document.get("attributes", {}))

    def _write_inline(self, meta: Metadata, data: bytes) -> None:
        meta.integrity = document = dict(self._document.get("integrity") or {})
        self._each(len(data))
        if len(data) <= self._intent.inline:
            meta.inline = data
            return
        key = self._intent.key
        name = object_store_key(key.bucket, key.prefix, key.name, "bin", self._intent.gen)
        sink = GridSink(self._database, self._intent, name)
        sink.write(memoryview(data))
        sink.close()
        meta.gridfile = StoredFile(grid_id=sink.id)
        meta.integrity = {**document, "chunk_size": CHUNK_SIZE}

    # --- files -------------------------------------------------------------------------------

    def _write_file(self, part: FilePart) -> None:
        self._intent.check_lease()
        old = part.document["_id"]
        new = self._renaming.bound(old)
        if new is None:
            self._intent.files += 1
            # Beyond those that bear a number already.
            new = f"{self._intent.gen}-copied-{self._intent.files}"
            self._renaming.add_id(old, new)
        files = self._database.files(self._intent.namespace)
        chunks = self._database.data(f"{files}.chunks")
        done = False
        if self._stored:
            assert isinstance(self._contents, StoredContents)
            done = merged_chunks(self._contents.chunks, chunks, old, new, part.document)
        if done:
            self._each(part.document["length"])
        else:
            self._write_chunks(part, chunks, new)
        own = {key: value for key, value in part.document.items() if key != OWNER}
        if isinstance(own.get("filename"), str):
            own["filename"] = self._renaming.filename(own["filename"])
        self._database.data(f"{files}.files").insert_one({**own, "_id": new})

    def _write_chunks(self, part: FilePart, chunks: Any, new: str) -> None:
        digest = hashlib.sha256()
        for n, data in enumerate(cut(part.pieces(), part.document["chunkSize"])):
            self._intent.check_lease()
            digest.update(data)
            chunks.insert_one({"_id": f"{new}-{n}", "files_id": new, "n": n, "data": data})
            self._each(len(data))
        expected = (self._document.get("integrity") or {}).get("sha256")
        is_payload = self._document.get("gridfile") == part.document["_id"]
        if is_payload and expected is not None and digest.hexdigest() != expected:
            raise self._damaged("its SHA-256 is not the one that was written")

    def _write_uri(self, part: UriPart) -> None:
        with self._locations.create(self._new_uri(part.uri)) as file:
            for block in part.pieces():
                self._intent.check_lease()
                file.write(block)
                self._each(len(block))

    # --- documents ---------------------------------------------------------------------------

    def _write_segments(self) -> None:
        target = self._database.segments(self._intent.namespace)
        if self._stored:
            assert isinstance(self._contents, StoredContents)
            digest = self._intent.key.digest
            if merged_segments(self._contents, target, self._renaming, digest, self._intent):
                batches = self._document.get("kind_meta", {}).get("batches", [])
                if size := sum(batch.get("bytes", 0) for batch in batches):
                    self._each(size)
                return
        self._insert(target, (self._segment(raw) for raw in self._contents.segments()))

    def _segment(self, raw: bytes) -> bytes:
        renamed = with_new_id(raw, self._renaming)
        if renamed is raw:
            raise UnboundError(
                f"{self._contents.key}: its documents in the shared collection have ids that do "
                "not begin with the version that they belong to."
            )
        payload = self._renaming.bound(bson.decode(raw).get("payload"))
        if payload is None:
            raise UnboundError(f"{self._contents.key}: one of its documents is of no payload.")
        return changed(renamed, payload=payload, **{OBJECT: self._intent.key.digest})

    def _write_collection(self, part: CollectionPart) -> None:
        self._intent.check_lease()
        target = self._database.data(self._renaming.text(part.name))
        self._database.mongodb.create_collection(target.name)
        done = False
        if self._stored:
            assert isinstance(self._contents, StoredContents)
            source = self._contents.database.data(part.name)
            done = merged_collection(source, target, self._renaming)
        if not done:
            documents = (with_new_id(raw, self._renaming) for raw in part.documents())
            self._insert(target, documents)
        for index in part.indexes:
            options = {name: index[name] for name in index if name not in ("v", "key", "ns")}
            target.create_index(index["key"], **options)

    def _insert(self, target: Any, documents: Iterator[bytes]) -> None:
        def each(size: int) -> None:
            self._intent.check_lease()
            self._each(size)

        try:
            insert(target, documents, each)
        except (BulkWriteError, OperationFailure) as exc:
            if exc.code not in (11000, 65) and "duplicate" not in str(exc):
                raise
            raise self._damaged(f"two of its documents have one id ({exc.code})") from None

    def _damaged(self, reason: str) -> IntegrityError:
        key, version = self._contents.key, self._document.get("version")
        return IntegrityError(
            f"{key}, version {version}: {reason}. Nothing was stored in its new place. Restore "
            f"another version (store.versions({key.name!r})), or a backup."
        )


def renamed_kind_meta(document: Document, renaming: Renaming) -> Document:
    """Return what the backend noted, with the ids of another generation."""
    kind_meta: Document = renaming.value(document.get("kind_meta", {}))
    if isinstance(kind_meta.get("batches"), list):
        kind_meta["batches"] = [
            {name: value for name, value in batch.items() if name not in _BY_THE_SERVER}
            for batch in kind_meta["batches"]
        ]
    return kind_meta


def cut(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in pieces of ``size``, of which the last may be smaller."""
    buffer = bytearray()
    for piece in pieces:
        if not buffer and len(piece) == size:
            yield piece
            continue
        buffer += piece
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)
