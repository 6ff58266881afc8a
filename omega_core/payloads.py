"""What a backend sees of a store: metadata, collections and files of the object at hand."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO

from gridfs import GridFS
from pymongo.collection import Collection
from pymongo.database import Database as MongoDatabase

from .errors import (
    ConflictError,
    IntegrityError,
    ObjectNotFoundError,
    PluginContractError,
    StaleReadError,
    StoreError,
)
from .locations import Locations
from .mongo.database import Database, answering
from .mongo.persist import persist
from .protocol import attributes as attributes_codec
from .protocol import pins, pipelines
from .protocol.admission import admit
from .protocol.collection import GenerationCollection, OwnedSegments
from .protocol.commit import Intent
from .protocol.document import explained
from .protocol.files import (
    CHUNK_SIZE,
    GenerationGridFS,
    GridSink,
    PayloadReader,
    PayloadWriter,
    Sink,
    grid_reader,
)
from .protocol.lineage import LINEAGE, recorded
from .protocol.metadata import Metadata, StoredFile
from .protocol.naming import (
    Key,
    bucket_key,
    check_name,
    generation_key,
    object_store_key,
    side_collection_key,
)
from .protocol.reading import UNSEEN, read, read_generation
from .protocol.scope import acting_in, current_scope
from .protocol.unchanged import is_unchanged

Document = dict[str, Any]


class Payloads:
    """One store as its backends see it.

    Inside a put, everything here belongs to the generation that is being written; inside a get, to
    the version that was asked for; outside, to what is live.
    """

    def __init__(self, database: Database, locations: Locations, bucket: str, prefix: str) -> None:
        self.database = database
        self.locations = locations
        self.bucket = bucket
        self.prefix = prefix

    def key(self, name: str) -> Key:
        return Key(self.bucket, self.prefix, name)

    # --- metadata ----------------------------------------------------------------------------

    def metadata(self, name: str, *, version: int | str | None = None) -> Metadata | None:
        """Return the metadata of an object, or of one of its versions; None if there is none.

        A version is a number, or an alias.

        To the backend of a get it is what was asked for. To the backend of a put it is what is
        being written, where there is something to replace: with the attributes of that, merged
        with the caller's, and pointing at nothing yet. To the backend of an action, the model and
        its data stay what they were at the first look, until it stores them itself.
        """
        check_name(name)
        scope = current_scope()
        key = self.key(name)
        if version is None and scope is not None and scope.concerns(self.database, key):
            if scope.intent is None:
                return scope.meta
            if scope.writing:
                return self._being_written(scope.intent, scope.meta)
        acting = acting_in(self.database, self.bucket)
        if acting is None:
            return self._stored(key, version)
        key = acting.meant(key)
        if version is not None:
            return self._stored(key, version)
        return acting.metadata(key, lambda: self._stored(key))

    def stored(self, name: str, version: int | str | None = None) -> Metadata | None:
        """Return what `metadata` does where no operation is under way: the server is asked."""
        return self._stored(self.key(name), version)

    def _stored(self, key: Key, version: int | str | None = None) -> Metadata | None:
        document = read(self.database, key, version)
        return None if document is None else Metadata.from_document(document, self)

    def make_metadata(
        self,
        /,
        name: str,
        kind: str,
        *,
        attributes: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Metadata:
        """Return metadata to fill in and save; it points at nothing yet.

        Parameters
        ----------
        attributes
            None keeps those of the object that is replaced, ``{}`` resets them, anything else
            updates them.
        **fields
            Other fields of `Metadata`, such as ``kind_meta``.
        """
        check_name(name)
        intent = self._intent(name)
        target = self.key(name) if intent is None else intent.key
        scope = current_scope()
        if attributes is None and intent is not None and scope is not None:
            attributes = scope.attributes
        existing = self.metadata(name) if intent is None or scope is None else scope.meta
        base = {} if existing is None else dict(existing.attributes)
        if intent is not None and not intent.appends and recorded(base) is not None:
            # It tells of the payload that was there, and would be a lie about this one.
            del base[LINEAGE]
        merged = base if attributes is None else {**base, **attributes} if attributes else {}
        if attributes:
            attributes_codec.to_document(merged, str(target))  # refused before there is data
        if intent is not None and intent.appends and existing is not None:
            meta = existing.copy()
            meta.attributes = merged
            for field, value in fields.items():
                setattr(meta, field, value)
        else:
            carried: Document = {"attributes": merged, **fields}
            meta = Metadata(
                name=name, bucket=target.bucket, prefix=target.prefix, kind=kind, **carried
            )
            meta._keeper = self
            meta.gen = intent.gen if intent is not None else None
        if intent is not None:
            intent.meta = meta
        return meta

    def _being_written(self, intent: Intent, live: Metadata | None) -> Metadata | None:
        if intent.meta is None and live is not None:
            self.make_metadata(live.name, intent.writer["kind"])
        return intent.meta

    def save_metadata(self, meta: Metadata) -> Metadata:
        """Commit the put under way, or else save the attributes of what is live."""
        intent = self._intent(meta.name)
        if intent is not None and not intent.committed and not intent.unchanged:
            scope = current_scope()
            if scope is not None and scope.lineage is not None:
                meta.attributes = {**meta.attributes, LINEAGE: scope.lineage()}
            admit(meta, intent)
            same = self._unchanged(meta, intent) if intent.if_changed else None
            if same is not None:
                return same
            document = intent.commit(meta)
            return self._saved(meta, document)
        return self._save_attributes(meta)

    def _save_attributes(self, meta: Metadata) -> Metadata:
        """Save the attributes of what is live, on the condition that nobody changed it."""
        if meta.rev is None:
            scope = current_scope()
            putting = scope is not None and scope.intent is not None and scope.writing
            if scope is not None and putting and scope.key.name != meta.name:
                raise PluginContractError(
                    f"put of {scope.key.name!r}: its backend saves metadata of {meta.name!r}, "
                    f"which this put does not store. It has to save what make_metadata returns for "
                    f"the name that it is given, {scope.key.name!r}. Nothing was stored."
                )
            raise StoreError(
                f"The metadata of {meta.prefix}{meta.name!r} names no stored object: a new "
                f"object is made by store.put(obj, name).{self._elsewhere(meta.name)}"
            )
        key = Key(meta.bucket, meta.prefix, meta.name)
        attributes = attributes_codec.to_document(meta.attributes, str(key))
        condition = key.filter(gen=meta.gen, rev=meta.rev)
        with answering(self.database), explained(self.database, key):
            saved = persist(
                self.database,
                lambda: self.database.metadata.find_one_and_update(
                    condition,
                    pipelines.save_attributes(attributes),
                    projection=UNSEEN,
                    return_document=True,
                ),
            )
            if saved is None:
                # Unless it is our own change, of which the answer got lost.
                ours = {**condition, "rev": meta.rev + 1, "attributes": {"$eq": attributes}}
                saved = self.database.metadata.find_one(ours, UNSEEN)
        if saved is None:
            raise ConflictError(
                f"{meta.prefix}{meta.name!r} in bucket {meta.bucket!r} was changed or dropped "
                f"since revision {meta.rev} was read. Nothing was overwritten. Reload the "
                "metadata and repeat."
            )
        return self._saved(meta, saved)

    def _unchanged(self, meta: Metadata, intent: Intent) -> Metadata | None:
        """Return the metadata of what is live if a put has written the same; else None."""
        if not is_unchanged(meta, intent):
            return None
        current = self._stored(intent.key)
        known = intent.live or {}
        if current is None or (current.gen, current.rev) != (known.get("gen"), known.get("rev")):
            return None  # somebody else changed it meanwhile, and this comes after that
        scope = current_scope()
        given = None if scope is None else scope.attributes
        wanted = current.attributes if given is None else {**current.attributes, **given}
        wanted = wanted if given != {} else {}
        if not attributes_codec.are_same(
            wanted, attributes_codec.to_document(current.attributes, str(intent.key))
        ):
            current.attributes = wanted
            try:
                current = self._save_attributes(current)
            except ConflictError:
                return None
        for field in current._fields:
            setattr(meta, field, getattr(current, field))
        meta.aliases = current.aliases
        intent.unchanged = True
        return meta

    def _saved(self, meta: Metadata, document: Document) -> Metadata:
        """Note in metadata what the server made of them."""
        meta.pinned_rev = pins.last_pinned(document)
        for field in (
            "rev",
            "version",
            "gen",
            "created",
            "modified",
            "res",
            "options",
            "plugin",
            "kind_meta",
        ):
            if field in document:
                setattr(meta, field, document[field])
        meta.attributes = attributes_codec.from_document(document.get("attributes", {}))
        meta.id = document["_id"]
        return meta

    def generation(self, name: str) -> str:
        """Return the id of the generation that a put of ``name`` is writing."""
        intent = self._intent(name)
        if intent is None:
            raise StoreError(f"No put of {name!r} is under way.")
        return intent.gen

    # --- MongoDB -----------------------------------------------------------------------------

    @property
    def mongodb(self) -> MongoDatabase[Document]:
        """The database."""
        return self.database.mongodb

    def collection(self, name: str) -> Collection[Document]:
        """Return the collection of an object: a fresh one in a put, else the live one."""
        check_name(name)
        scope = current_scope()
        intent = self._writing()
        if intent is None or scope is None:
            meta = self.metadata(name)
            live = meta.collection if meta is not None else None
            none = object_store_key(self.bucket, self.prefix, name, "datastore")
            return self.database.data(live or none)
        if not scope.concerns(self.database, self.key(name)):
            side = side_collection_key(f"{self.prefix}{name}", intent.gen)
            intent.record("collections", side)
            return self._collection(side)
        if intent.appends and scope.meta is not None and scope.meta.collection:
            if scope.meta.collection not in intent.res.rows:
                intent.record("rows", scope.meta.collection)
            return self._collection(scope.meta.collection)
        own = generation_key(name, intent.gen)
        if own not in intent.res.collections:
            intent.res.collections.append(own)
        return self._collection(own)

    @property
    def segments(self) -> Collection[Document]:
        """The bucket's shared collection of payload documents.

        What a put writes there carries ``payload=meta.gen``: by that it is found, and freed.
        """
        segments = self.database.segments(bucket_key(self.bucket))
        intent = self._writing()
        if intent is None:
            return segments
        intent.res.segments = True
        return OwnedSegments(segments, intent.key)

    @property
    def fs(self) -> GridFS:
        """The bucket's GridFS."""
        files = self.database.files(bucket_key(self.bucket))
        intent = self._writing()
        if intent is not None:
            return GenerationGridFS(self.mongodb, files, intent)
        return GridFS(self.mongodb, files)

    def object_store_key(self, name: str, ext: str) -> str:
        """Return a readable key that no other bucket, store, name, extension or version has.

        Inside a put of this name it is that of the version being written (with ``append=True``: of
        the one that is there), the same each time; inside a get that of the version asked for;
        elsewhere that of what is live, for which the server is asked.
        """
        check_name(name)
        intent = self._intent(name)
        if intent is not None and not intent.appends:
            gen: str | None = intent.gen
        else:
            meta = self.metadata(name)
            gen = None if meta is None else meta.gen
        return object_store_key(self.bucket, self.prefix, name, ext, gen)

    # --- files -------------------------------------------------------------------------------

    def create_file(self, meta: Metadata, ext: str, uri: str | None = None) -> PayloadWriter:
        """Return a writable binary file for the payload: in GridFS, or at a URI.

        Parameters
        ----------
        ext
            The extension, for people who look into the storage.
        uri
            Where to write instead, with ``{key}`` in the place of a name that is unique to this
            version. Has to lie under ``[uris] allow``.
        """
        intent = self._intent(meta.name)
        if intent is None:
            raise StoreError(f"create_file for {meta.name!r} works inside a put only.")
        if uri is None:
            grid = GridSink(self.database, intent, self.object_store_key(meta.name, ext))

            def finish(integrity: Document) -> None:
                if grid.inline is not None:
                    meta.inline, meta.integrity = grid.inline, integrity
                else:
                    meta.gridfile = StoredFile(grid_id=grid.id)
                    meta.integrity = {**integrity, "chunk_size": CHUNK_SIZE}

            return self._writer(grid, meta, finish, intent)
        key = f"{generation_key(meta.name, intent.gen)}.{ext}"
        place = self.locations.resolve(uri, key=key)
        intent.record("uris", place)
        sink: Sink = self.locations.create(place)

        def finish_at_uri(integrity: Document) -> None:
            meta.uri, meta.integrity = place, integrity

        return self._writer(sink, meta, finish_at_uri, intent)

    def open_file(self, meta: Metadata) -> BinaryIO:
        """Return the payload as a readable, seekable binary file that checks what it reads."""
        raw: BinaryIO | io.RawIOBase
        if meta.gridfile is not None:
            raw = grid_reader(self.database, bucket_key(meta.bucket), meta)
        elif meta.uri is not None:
            try:
                raw = self.locations.open(meta.uri)
            except FileNotFoundError as exc:
                raise self.damage(meta, f"there is nothing at {meta.uri}") from exc
        elif (inline := self._inline(meta)) is not None:
            raw = io.BytesIO(inline)
        else:
            raise StoreError(f"{meta!r} has no file: its kind keeps its payload elsewhere.")
        expected = meta.integrity
        if expected is None or "length" not in expected:
            return raw  # type: ignore[return-value]
        reader = PayloadReader(raw, expected, lambda reason: self.damage(meta, reason))
        return io.BufferedReader(reader, max(1, min(expected["length"], 1 << 20)))

    # --- their parts -------------------------------------------------------------------------

    def _collection(self, name: str) -> Collection[Document]:
        return GenerationCollection(self.mongodb, name)

    @staticmethod
    def _writer(
        sink: Sink, meta: Metadata, finish: Callable[[Document], None], intent: Intent
    ) -> PayloadWriter:
        writer = PayloadWriter(sink, meta, finish)
        intent.writers.append(writer)
        return writer

    def _inline(self, meta: Metadata) -> bytes | None:
        """Return the payload that travels in the document, which listings leave out."""
        if meta.inline is not None:
            return meta.inline
        key = Key(meta.bucket, meta.prefix, meta.name)
        document = None if meta.gen is None else read_generation(self.database, key, meta.gen)
        found = None if document is None else document.get("inline")
        return found if isinstance(found, bytes) else None

    def _writing(self) -> Intent | None:
        """Return the write under way in this bucket, whatever it writes."""
        scope = current_scope()
        if scope is None or not scope.serves(self.database, self.bucket):
            return None
        return scope.intent

    def _intent(self, name: str) -> Intent | None:
        """Return the write of this very object that is under way."""
        scope = current_scope()
        if scope is None or not scope.concerns(self.database, self.key(name)):
            return None
        return scope.intent

    @staticmethod
    def _elsewhere(name: str) -> str:
        """Return a hint for a backend that saves in another store than it should."""
        scope = current_scope()
        if scope is None or scope.intent is None or scope.key.name != name:
            return ""
        attribute = "model_store" if scope.home != "data/" else "data_store"
        return (
            f" A put of {scope.key.prefix}{name!r} is under way: its backend makes the metadata "
            f"with self.{attribute}."
        )

    def damage(self, meta: Metadata, reason: str) -> StoreError:
        """Tell damage from an object that was replaced, and collected, while it was read."""
        what = f"{meta.prefix}{meta.name!r} in bucket {meta.bucket!r}, version {meta.version}"
        key = Key(meta.bucket, meta.prefix, meta.name)
        if meta.gen is not None and read_generation(self.database, key, meta.gen) is not None:
            return IntegrityError(
                f"{what}: {reason}. The stored payload is damaged; restore another version "
                f"(store.versions({meta.name!r})) or a backup."
            )
        if read(self.database, key) is None:
            return ObjectNotFoundError(f"{what} was dropped while it was read.")
        return StaleReadError(
            f"{what} was replaced and collected while it was read. Get it again, or raise "
            "[stores] grace for slow readers."
        )
