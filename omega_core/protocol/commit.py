"""How one object is written: begin, data, commit; or abort."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol

import bson
from gridfs import GridIn
from pymongo import ReturnDocument
from pymongo.errors import (
    AutoReconnect,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
)

from ..errors import (
    ConflictError,
    LeaseLostError,
    PluginContractError,
    ServerError,
    UnsupportedValueError,
)
from ..mongo.persist import persist
from . import attributes, committed, conflicts, pins, pipelines
from . import document as shape
from .fence import current_task
from .metadata import Metadata
from .naming import Key, new_generation
from .numbering import EMPTY, Numbers, delete_empty, recall
from .reading import UNSEEN
from .resources import Freer, Resources

Document = dict[str, Any]

_UNSEEN_BY_WRITERS = {**UNSEEN, "inline": 0}
# A writer that compacts or appends in place has to know what snapshots pin.
del _UNSEEN_BY_WRITERS["pins"]

INLINE_OF_ALL_VERSIONS = 128 * 1024
"""Bytes of payloads that travel in one metadata document, at most: every put rewrites it."""

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""What MongoDB takes."""

_LARGE = 2 * INLINE_OF_ALL_VERSIONS
"""Bytes of a metadata document from which on no payload travels in it any more."""

_SPARE = 512 * 1024
"""Bytes that are left to intents and to what is retired."""

_TOO_LARGE = (10334, 17419, 17420)


class WrittenFile(Protocol):
    """A file of a payload, as far as a commit looks at it."""

    meta: Metadata
    complete: bool

    @property
    def closed(self) -> bool: ...


class Intent:
    """One write of one object, from the intent to the commit.

    Nothing that is written under its generation can be reached before `commit`, and everything is
    found by the collector if `commit` never comes.

    Parameters
    ----------
    writer
        The ``kind`` and the ``plugin`` that write, as the metadata remembers them.
    keep
        How many versions stay, the new one included.
    lease
        Seconds after which a silent writer is given up for dead.
    append
        Add to the object that is there. Where there is none, this is a first put, on the condition
        that there is still none when it commits.
    if_rev
        Commit only if the object still has this revision; 0 if it does not exist.
    expires
        Seconds after which the collector drops the object; for temporary ones.
    kinds
        What the metadata may say: the kinds that the plugin declares. None: only ``writer``'s.
    uri
        Where the caller wants the payload to lie.
    inline
        Bytes up to which a file travels in the metadata document, where few versions stay.
    if_changed
        Commit only what differs from what is there.
    version
        The number that the version shall have, unless the name has had that already.
    """

    def __init__(
        self,
        freer: Freer,
        key: Key,
        *,
        writer: Mapping[str, Any],
        keep: int,
        lease: float,
        append: bool = False,
        if_rev: int | None = None,
        expires: float | None = None,
        backend_frees: bool = False,
        kinds: Collection[str] | None = None,
        uri: str | None = None,
        inline: int = 0,
        options: Document | None = None,
        if_changed: bool = False,
        version: int | None = None,
    ) -> None:
        self.database = freer.database
        self.namespace = freer.namespace(key.bucket)
        self.freer = freer
        self.key = key
        self.writer = dict(writer)
        self.gen = new_generation()
        self.keep = keep
        self.lease = lease
        self.append = append
        self.if_rev = if_rev
        self.expires = expires
        self.kinds = (self.writer["kind"],) if kinds is None else kinds
        self.uri = uri
        self.res = Resources(backend=backend_frees)
        self.live: Document | None = None
        self.meta: Metadata | None = None
        self.writers: list[WrittenFile] = []
        self.grid_files: list[GridIn] = []
        self.options = options
        self.if_changed = if_changed
        self.unchanged = False
        self.inline = min(inline, INLINE_OF_ALL_VERSIONS // keep)
        self._size = 0
        self._first = False
        self._past = Numbers(version=0 if version is None else version - 1)
        self.files = 0
        self.committed = False
        self.lost = False
        self.retired = 0
        self.task = current_task()
        self._turn: int | None = None

    @property
    def appends(self) -> bool:
        """Whether the payload is added to one that is there."""
        return self.append and not self._first

    # --- the steps ---------------------------------------------------------------------------

    def begin(self) -> Document | None:
        """Open the intent, and return the document of the live object, if there is one."""
        self.database.prepare(self.namespace)
        of_a_task = {} if self.task is None else {"task": self.task.id}
        writer = {**self.writer, "owner": self.database.owner, **of_a_task}
        update = pipelines.begin(
            self.gen, {**writer, "res": self.res.to_document()}, lease=self.lease
        )

        def upsert() -> Document | None:
            # Two first puts may race to insert: the unique index lets one win, the other updates.
            while True:
                try:
                    return self.database.metadata.find_one_and_update(
                        self.key.filter(),
                        update,
                        upsert=True,
                        projection=_UNSEEN_BY_WRITERS,
                        return_document=ReturnDocument.AFTER,
                    )
                except DuplicateKeyError:
                    continue

        document = persist(self.database, upsert)
        assert document is not None, "an upsert returns what it made"
        self._size = document.pop("size", 0)
        if self._size > _LARGE:
            # Aliases and snapshots have many versions stay: what is not needed to find them, goes
            # elsewhere.
            self.inline = 0
        self.live = document if document.get("gen") else None
        self._first = self.append and self.live is None
        if self.expires is None and not document["rev"]:
            past = recall(self.database, self.key)
            self._past = replace(past, version=max(past.version, self._past.version))
        try:
            if self.task is not None:
                self.task.admit(self.key)
                self._turn = self.task.turn(self.key)
                self._check_past()
            differs = self.if_rev is not None and self._rev_differs(document)
            if self.appends and self._is_frozen(document):
                raise self._frozen()
            # Where another execution of the task changed it, the commit finds out.
            if differs and not self._has_earlier():
                raise self._conflict(document)
        except BaseException as exc:
            rollback(self, exc)
            raise
        return self.live

    def record(self, field: str, value: Any) -> None:
        """Note a resource in the intent before it is made, so that a crash cannot lose it."""
        self.check_lease()
        values = getattr(self.res, field)
        if value in values:
            return
        changed = persist(
            self.database,
            lambda: self.database.metadata.update_one(
                self._pending(), {"$addToSet": {f"pending.{self.gen}.res.{field}": value}}
            ),
        )
        values.append(value)
        if not changed.matched_count:
            self.lost = True
            self.check_lease()

    def renew(self) -> None:
        """Prolong the lease; a writer that was given up learns it at its next step."""
        renewed = self.database.metadata.update_one(
            self._pending(), pipelines.renew(self.gen, self.lease)
        )
        self.lost = not renewed.matched_count and not self.committed

    def check_lease(self) -> None:
        """Raise `LeaseLostError` if the collector has given this writer up.

        Raises
        ------
        TaskCancelledError, TaskTimeoutError
            Where the task on whose behalf it writes was barred.
        """
        if self.lost and self.task is not None:
            self.task.check()
        if self.lost:
            raise LeaseLostError(
                f"Writing {self.key} took longer than its lease ({self.lease:g} s) without a sign "
                "of life, and was given up. Nothing was changed. Put the object again; raise "
                "[stores] lease if the machine was busy."
            )

    def commit(self, meta: Metadata) -> Document:
        """Make what was written current, in one conditional update.

        Raises
        ------
        ConflictError
            Where ``if_rev`` does not hold any more, or an append lost its object.
        LeaseLostError
            Where the collector gave this writer up.
        """
        self.check_lease()
        if self.appends:
            condition, update = self._append(meta)
        else:
            condition, update = self._replace(meta, meta.payload())
        try:
            document: Document | None = persist(
                self.database,
                lambda: self.database.metadata.find_one_and_update(
                    condition,
                    update,
                    projection=_UNSEEN_BY_WRITERS,
                    return_document=ReturnDocument.AFTER,
                ),
            )
        except DocumentTooLarge as exc:
            raise self._too_large() from exc
        except OperationFailure as exc:
            if exc.code not in _TOO_LARGE:
                raise
            raise self._too_large() from exc
        if document is None:
            document = self._refused()
        self.committed = True
        if self.task is not None:
            self.task.committed(self.key)
        self.retired = document.get("retired_count", 0)
        return document

    def check_room(self, fields: Mapping[str, Any]) -> None:
        """Raise `UnsupportedValueError` where the metadata document cannot take these fields."""
        if self._size + len(bson.encode(fields)) > MAX_DOCUMENT_BYTES - _SPARE:
            raise self._too_large()

    def compact(self, batch: Mapping[str, Any], start: int, stop: int) -> bool:
        """Put one batch in the place of those from ``start`` to ``stop``; False if they moved.

        Appenders that come meanwhile do not matter: they add behind. A put, a drop or another
        compaction does.
        """
        self.check_lease()
        assert self.live is not None
        known = self.live["kind_meta"]["batches"]
        kind = self.live["kind"]
        (batch,) = shape.sealed_batches(self.key, self.live["gen"], kind, [dict(batch)])
        places = {f"kind_meta.batches.{i}.gen": known[i]["gen"] for i in (start, stop - 1)}
        revs = [known[i].get("rev", 0) for i in (start, stop - 1)]
        apart = {"$nor": [pins.crosses(self.live["gen"], *revs)]}
        document = persist(
            self.database,
            lambda: self.database.metadata.find_one_and_update(
                self._pending(gen=self.live["gen"], **places, **apart) if self.live else {},
                pipelines.compact(self.gen, batch, start, stop),
                projection=UNSEEN,
                return_document=ReturnDocument.AFTER,
            ),
        )
        if document is None:
            again = self.database.metadata.find_one(self.key.filter())
            self.committed = self._committed_in(again) is not None
            return self.committed
        self.committed = True
        return True

    def crosses_a_pin(self, start: int, stop: int) -> bool:
        """Return whether a snapshot pins some of these batches, and not all of them."""
        assert self.live is not None
        known = self.live["kind_meta"]["batches"]
        first, last = (known[i].get("rev", 0) for i in (start, stop - 1))
        here = (p for p in self.live.get("pins", []) if p["gen"] == self.live["gen"])
        return any(first <= pin["rev"] < last for pin in here)

    def abort(self) -> None:
        """Give the write up, and delete what was written; unless it turns out to be committed."""
        if self.committed or not self._give_up():
            return
        self.freer.free(self.key, self.gen, self._entry())
        metadata = self.database.metadata
        after = metadata.find_one_and_update(
            self.key.filter(),
            pipelines.forget(self.gen),
            projection=dict.fromkeys(EMPTY, 1),
            return_document=ReturnDocument.AFTER,
        )
        if after is not None and not EMPTY.keys() & after.keys():
            delete_empty(self.database, after["_id"])

    # --- their parts -------------------------------------------------------------------------

    def _pending(self, **more: Any) -> Document:
        return self.key.filter(**{f"pending.{self.gen}": {"$exists": True}}, **more)

    def _committing(self, **more: Any) -> Document:
        """Return the condition of a commit: that of the intent, and the fence of the task."""
        own = self._of_the_task()
        fence = {} if own is None else {"tasks": {"$not": {"$elemMatch": own}}}
        return self._pending(**fence, **more)

    def _of_the_task(self) -> Document | None:
        """Return what tells this commit among all that tasks have made of the object."""
        if self.task is None or self._turn is None:
            return None
        return {"id": self.task.id, "n": self._turn}

    def _replace(self, meta: Metadata, payload: Document) -> tuple[Document, pipelines.Pipeline]:
        payload = {**payload, "plugin": self.writer["plugin"], "res": self.res.to_document()}
        if self.options is not None:
            payload["options"] = self.options
        payload = shape.sealed(self.key, self.gen, payload)
        keeps = attributes.are_same(meta.attributes, (self.live or {}).get("attributes", {}))
        if not keeps:
            payload["attributes"] = attributes.to_document(meta.attributes, str(self.key))
        self.check_room(payload)
        update = pipelines.commit(
            self.gen,
            payload,
            keep=self.keep,
            keep_attributes=keeps,
            expires=self.expires,
            past=self._past,
            task=self._of_the_task(),
        )
        if self._first or self.if_rev == 0:
            return self._committing(gen={"$exists": False}), update
        if self.if_rev is None:
            return self._committing(), update
        return self._committing(rev=self.if_rev), update

    def _append(self, meta: Metadata) -> tuple[Document, pipelines.Pipeline]:
        assert self.live is not None
        before = self.live.get("kind_meta", {})
        known = before.get("batches", [])
        added = meta.kind_meta.get("batches", [])[len(known) :]
        if {**meta.kind_meta, "batches": known} != {**before, "batches": known}:
            raise PluginContractError(
                f"The backend of kind {meta.kind!r} changed kind_meta while appending to "
                f"{self.key}. An append adds to kind_meta['batches'] and changes nothing else."
            )
        kept = attributes.are_same(meta.attributes, self.live.get("attributes", {}))
        update = pipelines.append(
            self.gen,
            shape.sealed_batches(self.key, self.live["gen"], meta.kind, added),
            None if kept else attributes.to_document(meta.attributes, str(self.key)),
            segments=self.res.segments,
            task=self._of_the_task(),
        )
        free = {"pins.gen": {"$ne": self.live["gen"]}} if self._grows_in_place(self.live) else {}
        return self._committing(gen=self.live["gen"], **free), update

    @staticmethod
    def _grows_in_place(document: Document) -> bool:
        """Return whether nobody could tell afterwards what was appended to an object."""
        kind_meta = document.get("kind_meta")
        return not (isinstance(kind_meta, dict) and kind_meta.get("batches"))

    def _is_frozen(self, document: Document) -> bool:
        return pins.last_pinned(document) > 0 and self._grows_in_place(document)

    def _frozen(self) -> ConflictError:
        return conflicts.frozen(self.key, self.writer["kind"])

    def _entry(self) -> Document:
        # Pointers help only a backend that frees by itself; and they may be what failed to commit.
        pointers = self.meta.payload() if self.meta is not None and self.res.backend else {}
        return {**pointers, **self.writer, "res": self.res.to_document()}

    def _give_up(self) -> bool:
        """Make sure that this write is never committed; return False if it already is.

        A commit may have been applied without an answer, or be on its way still. So the intent is
        condemned before anything is deleted; the collector does the rest should this process end.
        """
        condemned = persist(
            self.database,
            lambda: self.database.metadata.update_one(
                self._pending(), pipelines.condemn(self.gen, self._entry())
            ),
        )
        if not condemned.matched_count:
            document = self.database.metadata.find_one(self.key.filter())
            self.committed = self._committed_in(document) is not None
        return not self.committed

    def _refused(self) -> Document:
        """Find out why the commit matched nothing: an answer that got lost, or a real refusal."""
        document = self.database.metadata.find_one(self.key.filter())
        ours = self._committed_in(document)
        if ours is not None:
            return ours
        earlier = self._earlier(document)
        if earlier is not None:
            # Another execution of the task was faster: what it stored stands for both.
            assert document is not None
            self.abort()
            return self._as_committed(document, earlier)
        pending = document is not None and self.gen in document.get("pending", {})
        if not pending:
            self.lost = True
            self.check_lease()
        if self.appends and document is not None and self._is_frozen(document):
            raise self._frozen()
        raise self._conflict(document or {})

    def _earlier(self, document: Document | None) -> Document | None:
        return committed.by_task(document, self._of_the_task())

    def _has_earlier(self) -> bool:
        if self._of_the_task() is None:
            return False
        return self._earlier(self.database.metadata.find_one(self.key.filter())) is not None

    def _as_committed(self, document: Document, earlier: Document) -> Document:
        found = committed.version_of(document, earlier["version"])
        if found is None:
            raise self._gone(earlier)
        return found

    def _check_past(self) -> None:
        """Refuse what another execution of the task stored, and somebody dropped since."""
        earlier = self._earlier({**self.key.filter(), "tasks": list(self._past.tasks)})
        if earlier is not None:
            raise self._gone(earlier)

    def _gone(self, earlier: Document) -> ConflictError:
        assert self.task is not None
        return conflicts.gone(self.key, self.task.id, earlier["version"])

    def _committed_in(self, document: Document | None) -> Document | None:
        return committed.by_writer(document, self.gen, appends=self.appends)

    def _rev_differs(self, document: Mapping[str, Any]) -> bool:
        return (document["rev"] if document.get("gen") else 0) != self.if_rev

    def _too_large(self) -> UnsupportedValueError:
        return conflicts.too_large(self.key, self._size, MAX_DOCUMENT_BYTES)

    def _conflict(self, document: Mapping[str, Any]) -> ConflictError:
        return conflicts.changed(
            self.key, document, if_rev=self.if_rev, first=self._first, append=self.append
        )


def rollback(intent: Intent, error: BaseException) -> None:
    """Abort after ``error``; where that fails, or comes too late, say so on the error."""
    # Whoever has waited for the server in vain does not wait as long once more, to clean up.
    if isinstance(error, ServerError | AutoReconnect) and not intent.database.answers():
        error.add_note(f"Whatever was written of {intent.key} so far, gc will remove.")
        return
    try:
        intent.abort()
    except Exception as exc:
        # The first error is the one to tell. The intent stays, so the collector finds the rest.
        error.add_note(f"What was written so far could not be removed now ({exc}); gc will.")
    if intent.committed:
        error.add_note(f"Nevertheless {intent.key} was stored.")
