"""The records of snapshots, and how objects that others write are pinned at one moment.

No transaction is needed: each object is pinned as it is, one by one, and then all are looked at.
Where none has changed since it was pinned, all of them were as they are pinned at once, at the
moment before the look began; for a revision never comes again. Where some have, these are pinned
anew, and all are looked at once more.

A record is opened with a lease before anything is pinned. A snapshot that nobody completes is given
up by the collector, with its pins, and its record is looked after once more a day later: whoever
was only paused may have pinned something when it woke up.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pymongo.errors import DuplicateKeyError, PyMongoError

from ..errors import ConflictError, LeaseLostError, OmegaError
from ..mongo.database import Database
from ..mongo.persist import persist
from . import pins
from .identity import user_at_host
from .naming import SECTION, bucket_key

Document = dict[str, Any]
Selects = Callable[[str], bool]

ROUNDS = 200
"""Looks at most: each takes milliseconds, and some writers never rest."""

AGAIN = 24 * 3600.0
"""Seconds until what a snapshot that was given up may have pinned is looked for once more."""

_AT_ONCE = 1000
_COMPLETE = {"state": "complete"}


@dataclass(frozen=True)
class Snapshot:
    """One version of each of some objects, as they were at one moment.

    Attributes
    ----------
    name, bucket
        What it is called, and whose objects it has.
    at
        The moment, by the clock of the server.
    by
        Who took it: ``"user@host"``.
    note
        What whoever took it wanted to say.
    objects
        How many there are in each store: ``{"datasets": 3, "models": 1, "jobs": 0}``.
    """

    name: str
    bucket: str
    at: dt.datetime
    by: str
    note: str | None
    objects: Mapping[str, int]


@dataclass(frozen=True)
class Selection:
    """Which objects of one store a snapshot is about: those that it `selects` by their names.

    The server narrows down by ``query``.
    """

    prefix: str
    selects: Selects
    query: Document


class SnapshotRecords:
    """The snapshots of one bucket.

    Parameters
    ----------
    lease
        Seconds after which one that is being taken, and of which nobody is heard, is given up.
    """

    def __init__(self, database: Database, bucket: str, lease: float) -> None:
        self._database = database
        self._bucket = bucket
        self._lease = lease

    # --- taking, dropping --------------------------------------------------------------------

    def take(self, name: str, selections: Sequence[Selection], note: str | None) -> Snapshot:
        """Pin the selected objects as they are at one moment.

        Raises
        ------
        ConflictError
            There is a snapshot of this name; or the objects are changed all the time.
        """
        self._database.prepare_snapshots(bucket_key(self._bucket))
        # Perhaps whoever began to take one of this name is dead.
        collect_dead(self._database)
        id = uuid.uuid4().hex
        self._open(id, name, note)
        try:
            self._pin_all(id, name, selections)
            counts = {SECTION[prefix]: 0 for prefix in SECTION}
            for one in selections:
                mine = {"bucket": self._bucket, "prefix": one.prefix, "pins.by": id}
                pinned = self._database.metadata.find(mine, {"_id": 1})
                counts[SECTION[one.prefix]] = sum(1 for _ in pinned)
            self._update(id, name, {**_COMPLETE, "objects": counts}, {"lease": ""})
        except BaseException as exc:
            try:
                remove(self._database, id)
            except (PyMongoError, OmegaError):
                exc.add_note("What it has pinned so far, gc will remove.")
            raise
        return from_record(self.find(name) or {})

    def drop(self, name: str) -> bool:
        """Remove a snapshot, and retire what nothing else keeps; False where there is none."""
        found = self.find(name)
        if found is None:
            return False
        # From here on nobody finds it, and the collector ends what is begun.
        leaving: list[Document] = [
            {"$set": {"state": "dropped", "lease": "$$NOW"}},
            {"$unset": "name"},
        ]
        condition = {"_id": found["_id"], **_COMPLETE}
        records = self._database.snapshots
        persist(self._database, lambda: records.update_one(condition, leaving))
        remove(self._database, found["_id"])
        return True

    # --- reading -----------------------------------------------------------------------------

    def find(self, name: str) -> Document | None:
        """Return the record of a snapshot that is complete."""
        return self._database.snapshots.find_one(
            {"bucket": self._bucket, "name": name, **_COMPLETE}
        )

    def list(self) -> list[Snapshot]:
        """Return those that are complete, the oldest first."""
        records = self._database.snapshots.find({"bucket": self._bucket, **_COMPLETE})
        return sorted(map(from_record, records), key=lambda one: (one.at, one.name))

    # --- their parts -------------------------------------------------------------------------

    def _open(self, id: str, name: str, note: str | None) -> None:
        """Make a record, before anything is pinned."""
        records = self._database.snapshots
        given = {"bucket": self._bucket, "name": name, "by": user_at_host(), "note": note}
        fields = {field: {"$literal": value} for field, value in given.items()}
        opened = {**fields, "state": "open", "at": "$$NOW", "lease": self._lease_end()}

        def insert() -> None:
            # After a lost answer it is there already.
            records.update_one({"_id": id}, [{"$set": opened}], upsert=True)

        try:
            persist(self._database, insert)
        except DuplicateKeyError:
            found = records.find_one({"bucket": self._bucket, "name": name}) or {}
            where = f"a snapshot {name!r} of bucket {self._bucket!r}"
            if found.get("state") == "complete":
                raise ConflictError(
                    f"There is {where} already, of {found['at']:%Y-%m-%d %H:%M} UTC. Nothing was "
                    f"done. Take another name, or drop it first: om.drop_snapshot({name!r})."
                ) from None
            raise ConflictError(
                f"There is {where} that {found.get('by', 'somebody')} is taking. Nothing was done. "
                f"If they have crashed, the name is free once their lease ({self._lease:g} s) is "
                "over. Take another name, or wait."
            ) from None

    def _pin_all(self, id: str, name: str, selections: Sequence[Selection]) -> None:
        for one in selections:
            self._pin(id, one, (found["name"] for found in self._live(one)))
        for _ in range(ROUNDS):
            # The moment, if nothing has changed; and a sign of life.
            self._update(id, name, {"at": "$$NOW", "lease": self._lease_end()}, {})
            changed = [(one, [*self._changed(id, one)]) for one in selections]
            if not any(documents for _, documents in changed):
                return
            for one, documents in changed:
                live = [found["name"] for found in documents if "gen" in found]
                gone = [found["name"] for found in documents if "gen" not in found]
                self._pin(id, one, live)
                self._unpin(id, one, gone)
        raise ConflictError(
            f"The snapshot {name!r} of bucket {self._bucket!r} was not taken: in {ROUNDS} looks, "
            "some of its objects were changed each time. Nothing of it is left. Take it when "
            "fewer writers are at work, or of fewer objects: datasets=, models=, jobs=."
        )

    def _live(self, one: Selection) -> Iterator[Document]:
        return self._found(one, {"gen": {"$exists": True}})

    def _changed(self, id: str, one: Selection) -> Iterator[Document]:
        """Yield the objects that are not as they are pinned."""
        return self._found(one, {"$expr": pins.differs(id)})

    def _found(self, one: Selection, condition: Document) -> Iterator[Document]:
        query = {"bucket": self._bucket, "prefix": one.prefix, **one.query, **condition}
        # Along the names: no other order leaves each document where it is while it is changed.
        found = self._database.metadata.find(query, {"name": 1, "gen": 1, "_id": 0}, hint="object")
        return (d for d in found if isinstance(d.get("name"), str) and one.selects(d["name"]))

    def _pin(self, id: str, one: Selection, names: Iterable[str]) -> None:
        self._update_named(one, names, {"gen": {"$exists": True}}, pins.pin(id))

    def _unpin(self, id: str, one: Selection, names: Iterable[str]) -> None:
        self._update_named(one, names, {"gen": {"$exists": False}}, pins.unpin(id))

    def _update_named(
        self, one: Selection, names: Iterable[str], condition: Document, update: Any
    ) -> None:
        remaining = iter(names)
        while chunk := [*islice(remaining, _AT_ONCE)]:
            among = {"bucket": self._bucket, "prefix": one.prefix, "name": {"$in": chunk}}
            _update_many(self._database, {**among, **condition}, update)

    def _update(self, id: str, name: str, fields: Document, gone: Document) -> None:
        """Change the record of a snapshot that is being taken."""
        records = self._database.snapshots
        stages: list[Document] = [{"$set": fields}, *([{"$unset": [*gone]}] if gone else [])]
        open_ = {"_id": id, "state": {"$in": ["open", fields.get("state", "open")]}}
        done = persist(self._database, lambda: records.update_one(open_, stages))
        if not done.matched_count:
            raise LeaseLostError(
                f"Taking the snapshot {name!r} took longer than its lease ({self._lease:g} s) "
                "without a sign of life, and was given up. Nothing of it is left. Take it again; "
                "raise [stores] lease if the machine was busy."
            )

    def _lease_end(self) -> Document:
        return {"$add": ["$$NOW", round(self._lease * 1000)]}


# --- what is left of it ----------------------------------------------------------------------


def remove(database: Database, id: str) -> None:
    """Remove the pins of a snapshot, and then its record. Idempotent."""
    _update_many(database, {"pins.by": id}, pins.unpin(id))
    persist(database, lambda: database.snapshots.delete_one({"_id": id}))


def collect_dead(database: Database, *, dry_run: bool = False) -> int:
    """Give up the snapshots that nobody completes, or drops to the end; return how many.

    Several collectors may do so at once, and each may crash anywhere.
    """
    is_over = {"$lte": ["$lease", "$$NOW"]}
    query = {"state": {"$ne": "complete"}, "lease": {"$exists": True}, "$expr": is_over}
    dead = 0
    for record in [*database.snapshots.find(query)]:
        dead += record["state"] != "given up"
        if dry_run:
            continue
        if record["state"] != "open":
            remove(database, record["_id"])
            continue
        # On the same lease: who renewed it meanwhile is alive. The name is free again at once.
        given_up = {"state": "given up", "lease": {"$add": ["$$NOW", round(AGAIN * 1000)]}}
        same = {"_id": record["_id"], "state": "open", "lease": record["lease"]}
        changed = database.snapshots.update_one(same, [{"$set": given_up}, {"$unset": "name"}])
        if changed.matched_count:
            _update_many(database, {"pins.by": record["_id"]}, pins.unpin(record["_id"]))
    return dead


def _update_many(database: Database, query: Document, update: Any) -> None:
    persist(database, lambda: database.metadata.update_many(query, update))


def from_record(record: Mapping[str, Any]) -> Snapshot:
    """Return what a record of a snapshot says."""
    fields = ("name", "bucket", "at", "by", "note", "objects")
    told = {field: record[field] for field in fields}
    return Snapshot(**{**told, "at": record["at"].replace(tzinfo=dt.UTC)})
