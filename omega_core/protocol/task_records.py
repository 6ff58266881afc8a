"""The records of tasks: how each stands, and what came of it, for any process to read.

A record loses its value in days, and expires by itself. Most of what is written of it is not
waited for until it is on disk, since a crash of the server that takes it takes nothing that cannot
be done again. What a promise stands on is: that a task is cancelled, what it is about to store,
and how a task ended that has stored something.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, OperationFailure

from ..mongo.database import Database, answering
from ..mongo.persist import persist
from .naming import Key

Document = dict[str, Any]
T = TypeVar("T")

Status = Literal["pending", "running", "success", "failure", "cancelled", "lost"]
Barred = Literal["cancelled", "timeout"]

ENDED = ("success", "failure", "cancelled")

_NOT_PERMITTED = 13
_NOT_BARRED = {"barred": {"$exists": False}}
_OPEN = {"status": {"$ne": "success"}, **_NOT_BARRED}
_PENDING = {
    "status": {"$ifNull": ["$status", "pending"]},
    "created": {"$ifNull": ["$created", "$$NOW"]},
}
_KNOWN = {"$ne": [{"$type": "$created"}, "missing"]}
_IS_OPEN = {"$and": [{"$ne": ["$status", "success"]}, {"$eq": [{"$type": "$barred"}, "missing"]}]}


@dataclass(frozen=True)
class TaskRecord:
    """The record of one task.

    Attributes
    ----------
    status
        As people are told: ``lost`` is one that is not over, and of which nobody was heard for the
        time of a lease.
    task, outcome
        What was to be done, and what came of it, as JSON; None where it is not known.
    barred
        Why the task stores nothing any more, where it does not.
    runs
        How often its execution has begun.
    leased
        Whether whoever has it says from time to time that they are alive.
    job, slot
        The job that runs, and which moment of its schedule this is for; None of anything else.
    skipped
        Whether the schedule left this slot out.
    """

    id: str
    bucket: str
    status: Status
    engine: str | None = None
    task: str | None = None
    outcome: str | None = None
    owner: str | None = None
    created: dt.datetime | None = None
    started: dt.datetime | None = None
    ended: dt.datetime | None = None
    progress: tuple[float, float | None] | None = None
    barred: Barred | None = None
    runs: int = 0
    leased: bool = False
    job: str | None = None
    slot: dt.datetime | None = None
    skipped: bool = False
    targets: tuple[Key, ...] = field(default=(), repr=False)


class TaskRecords:
    """The records in one database.

    Parameters
    ----------
    lease
        Seconds after which a task of which nobody is heard is lost.
    stay
        Seconds that a record stays after it was last written.
    history
        The same of a run of a job.
    """

    def __init__(self, database: Database, *, lease: float, stay: float, history: float) -> None:
        self.database = database
        self._lease = lease
        of_a_job = {"$eq": [{"$type": "$job"}, "string"]}
        seconds = {"$cond": [of_a_job, round(history * 1000), round(stay * 1000)]}
        # In a stage of its own, which sees what the one before has set.
        self._expiry: Document = {"$set": {"expires": {"$add": ["$$NOW", seconds]}}}
        self._permitted = True

    # --- the life of a task ------------------------------------------------------------------

    def submitted(
        self,
        id: str,
        *,
        bucket: str,
        engine: str,
        task: str | None,
        leased: bool,
        once: bool = False,
        job: str | None = None,
    ) -> bool:
        """Note a task that is about to be given to an engine; return whether it was not known.

        Parameters
        ----------
        leased
            Whether it is lost with the process that submits it.
        once
            Whether the record of a task that is known stays as it is; only an id that nobody else
            has can do without.
        job
            The name of the job that it runs.
        """
        given = {"bucket": bucket, "engine": engine, "task": task}
        if job is not None:
            given["job"] = job
        fields: Document = {name: {"$literal": value} for name, value in given.items()}
        lease = {"lease": self._from_now(self._lease)} if leased else {}
        if job is not None:
            self._permitting(self.database.prepare_runs)
        # A run that a schedule has planned is known once somebody has submitted it.
        unknown = {"engine": {"$exists": False}} if once else {}
        with suppress(DuplicateKeyError):
            self._write({"_id": id, **unknown}, {**fields, **_PENDING, **lease}, upsert=True)
            return True
        return False

    def plan(self, id: str, *, bucket: str, job: str, slot: dt.datetime) -> TaskRecord | None:
        """Note a run that a schedule is about to submit, and return how it stands.

        It may have been submitted before, by whoever was killed then, and be under way or over.
        If it is not submitted within a lease, it is lost.
        """
        given = {"bucket": bucket, "job": job, "slot": slot}
        fields: Document = {name: {"$literal": value} for name, value in given.items()}
        until = {"planned": self._from_now(self._lease)}
        return self._changed({"_id": id}, {**fields, **_PENDING, **until}, upsert=True)

    def skip(self, id: str, outcome: str) -> None:
        """Note that a run that was planned is left out."""
        planned = {"_id": id, "runs": {"$exists": False}, **_OPEN}
        told = {"barred": "cancelled", "skipped": True}
        self._write(planned, {**self._ended("cancelled", outcome), **told})

    def forget(self, id: str) -> None:
        """Delete the record of a task that no engine took."""
        self._permitting(lambda: self.database.tasks(durable=False).delete_one({"_id": id}))

    def begin(self, id: str, *, bucket: str) -> TaskRecord | None:
        """Note that an execution begins; one that is over stays as it is.

        Returns
        -------
        TaskRecord or None
            How the task stands now; None where records cannot be written.
        """
        now = {
            "status": "running",
            "owner": {"$literal": self.database.owner},
            "lease": self._from_now(self._lease),
            "started": "$$NOW",
            "runs": {"$add": [{"$ifNull": ["$runs", {"$cond": [_KNOWN, 0, 1]}]}, 1]},
        }
        first = {"_id": id, "status": "pending", "runs": {"$exists": False}, **_NOT_BARRED}
        if self._write(first, now):
            return TaskRecord(id, bucket, "running", runs=1)
        # It was begun before, is over, or is not known: then nobody can say that it was not begun.
        now |= {
            "bucket": {"$ifNull": ["$bucket", {"$literal": bucket}]},
            "created": {"$ifNull": ["$created", "$$NOW"]},
            "ended": "$$REMOVE",
            "outcome": "$$REMOVE",
        }
        begun = {key: {"$cond": [_IS_OPEN, value, f"${key}"]} for key, value in now.items()}
        return self._changed({"_id": id}, begun, upsert=True)

    def renew(self, id: str) -> None:
        """Prolong the lease of a task that is not over."""
        alive = {"_id": id, "status": {"$in": ["pending", "running"]}}
        self._write(alive, {"lease": self._from_now(self._lease)})

    def progress(self, id: str, done: float, total: float | None) -> None:
        """Note how far a task is."""
        self._write(
            {"_id": id, **_OPEN}, {"progress": {"$literal": {"done": done, "total": total}}}
        )

    def end(
        self, id: str, status: Literal["success", "failure"], outcome: str, *, durable: bool
    ) -> TaskRecord | None:
        """Note how an execution ended, unless the task is over already.

        Returns
        -------
        TaskRecord or None
            How the task stands where it was over; None where it is as this execution says.
        """
        ended = self._ended(status, outcome)
        return None if self._write({"_id": id, **_OPEN}, ended, durable=durable) else self.read(id)

    def bar(
        self, id: str, why: Barred, outcome: str, *, bucket: str | None = None
    ) -> TaskRecord | None:
        """Let a task store nothing from now on; None where it is over already, or not known.

        What is about to be stored has to be condemned then: see `omega_core.protocol.fence`.
        """
        status = "cancelled" if why == "cancelled" else "failure"
        of = {} if bucket is None else {"bucket": bucket}
        # What is barred for this reason already is barred again: the answer may have got lost.
        going = {"status": {"$in": ["pending", "running"]}, "barred": {"$exists": False}}
        condition = {"_id": id, **of, "$or": [{"barred": why}, going]}
        update = self._ended(status, outcome) | {"barred": why}
        with answering(self.database):
            return persist(self.database, lambda: self._changed(condition, update, durable=True))

    def overrule(
        self, id: str, outcome: str, status: Literal["success", "failure"] = "success"
    ) -> None:
        """Note the end of a task that turns out to have stored what it had to."""
        barred = {"_id": id, "barred": {"$exists": True}}
        update = self._ended(status, outcome) | {"barred": "$$REMOVE"}
        persist(self.database, lambda: self._write(barred, update, durable=True))

    def admit(self, id: str, key: Key) -> Barred | None:
        """Note what a task is about to store, and return why it may not, where that is so."""
        target = {"bucket": key.bucket, "prefix": key.prefix, "name": key.name}
        document = persist(
            self.database,
            lambda: self.database.tasks(durable=True).find_one_and_update(
                {"_id": id},
                {"$addToSet": {"targets": target}},
                projection={"barred": 1},
                return_document=ReturnDocument.AFTER,
            ),
        )
        return None if document is None else document.get("barred")

    # --- reading -----------------------------------------------------------------------------

    def read(self, id: str, *, bucket: str | None = None) -> TaskRecord | None:
        """Return the record of a task; None where there is none, or not in this bucket."""
        of = {} if bucket is None else {"bucket": bucket}
        stages: list[Document] = [{"$match": {"_id": id, **of}}, {"$addFields": {"now": "$$NOW"}}]
        with answering(self.database):
            found = list(self.database.tasks(durable=False).aggregate(stages))
        return _record(found[0]) if found else None

    def of_job(self, job: str, *, bucket: str, limit: int) -> list[TaskRecord]:
        """Return the records of the latest runs of a job, the newest first."""
        stages: list[Document] = [
            {"$match": {"bucket": bucket, "job": job}},
            {"$sort": {"created": -1, "_id": -1}},
            {"$limit": limit},
            {"$addFields": {"now": "$$NOW"}},
        ]
        with answering(self.database):
            found = list(self.database.tasks(durable=False).aggregate(stages))
        return [_record(document) for document in found]

    # --- its parts ---------------------------------------------------------------------------

    def _write(
        self, condition: Document, fields: Document, *, upsert: bool = False, durable: bool = False
    ) -> bool:
        """Set fields, and return whether there was a record that met the condition."""
        tasks = self.database.tasks(durable=durable)
        update = [{"$set": fields}, self._expiry]
        done = self._permitting(lambda: tasks.update_one(condition, update, upsert=upsert))
        return done is not None and done.matched_count > 0

    def _changed(
        self, condition: Document, fields: Document, *, upsert: bool = False, durable: bool = False
    ) -> TaskRecord | None:
        """Set fields, and return the record as it is then; None where none met the condition."""
        tasks = self.database.tasks(durable=durable)
        update = [{"$set": fields}, self._expiry]
        after = ReturnDocument.AFTER
        document = self._permitting(
            lambda: tasks.find_one_and_update(
                condition, update, upsert=upsert, return_document=after
            )
        )
        return None if document is None else _record(document)

    def _permitting(self, operation: Callable[[], T]) -> T | None:
        """Do without records, and return None, where the server lets this user only read."""
        if not self._permitted:
            return None
        with answering(self.database):
            try:
                self.database.prepare_tasks()
                return operation()
            except OperationFailure as exc:
                if exc.code != _NOT_PERMITTED:
                    raise
                self._permitted = False
                return None

    @staticmethod
    def _ended(status: str, outcome: str) -> Document:
        told = {"status": status, "outcome": {"$literal": outcome}, "ended": "$$NOW"}
        return {**told, "lease": "$$REMOVE"}

    @staticmethod
    def _from_now(seconds: float) -> Document:
        return {"$add": ["$$NOW", round(seconds * 1000)]}


def _record(document: Mapping[str, Any]) -> TaskRecord:
    """Return a record; what is not as it was written is left out, and harms nobody."""

    def given(name: str, kind: type[T]) -> T | None:
        value = document.get(name)
        return value if isinstance(value, kind) else None

    status: Any = document.get("status")
    if status not in ("pending", "running", *ENDED):
        status = "lost"
    lease, now = given("lease", dt.datetime), given("now", dt.datetime)
    leased = lease is not None
    if "engine" not in document and not leased:
        lease = given("planned", dt.datetime)  # nobody has submitted it
    if status not in ENDED and lease is not None and now is not None and lease < now:
        status = "lost"
    barred: Any = document.get("barred")
    return TaskRecord(
        id=str(document.get("_id")),
        bucket=given("bucket", str) or "",
        status=status,
        engine=given("engine", str),
        task=given("task", str),
        outcome=given("outcome", str),
        owner=given("owner", str),
        created=given("created", dt.datetime),
        started=given("started", dt.datetime),
        ended=given("ended", dt.datetime),
        progress=_progress(document.get("progress")),
        barred=barred if barred in ("cancelled", "timeout") else None,
        runs=given("runs", int) or 0,
        leased=leased,
        job=given("job", str),
        slot=given("slot", dt.datetime),
        skipped=document.get("skipped") is True,
        targets=tuple(_keys(document.get("targets"))),
    )


def _progress(value: Any) -> tuple[float, float | None] | None:
    if not isinstance(value, dict) or not isinstance(value.get("done"), int | float):
        return None
    total = value.get("total")
    return value["done"], total if isinstance(total, int | float) else None


def _keys(value: Any) -> list[Key]:
    targets = value if isinstance(value, list) else []
    parts = ("bucket", "prefix", "name")
    return [
        Key(*(target[part] for part in parts))
        for target in targets
        if isinstance(target, dict) and all(isinstance(target.get(part), str) for part in parts)
    ]
