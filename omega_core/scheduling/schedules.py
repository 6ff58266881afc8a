"""The schedules in one database, and how the slots of each are claimed.

A document for each job: when it is due next, and, while somebody submits it, a claim on that slot,
with a lease. A claim is one conditional update, so of any number of schedulers one has it. Only
once the task is submitted does the schedule move on to the slot that comes: who is killed before
leaves a claim that lapses, and whoever claims the slot then submits the same task again, by the
same id. All times are those of the server.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import ReturnDocument

from ..errors import ScheduleNotFoundError, suggestion
from ..mongo.database import Database, answering
from ..mongo.persist import persist
from ..protocol.naming import Key
from .cron import next_slot
from .schedule import Document, Overlap, Schedule, from_document

HORIZON = 20.0
"""Seconds that a scheduler looks ahead; sooner than after these, it sees nothing of a change."""

_NOT_CLAIMED = {
    "$or": [
        {"claim.lease": {"$exists": False}},
        {"$expr": {"$lte": ["$claim.lease", "$$NOW"]}},
    ]
}
_LOOKED_AT = {"params": 0, "hints": 0}


@dataclass(frozen=True)
class Due:
    """A slot that is due, or that somebody has claimed and not submitted.

    Attributes
    ----------
    document
        What was seen of the schedule.
    claimed
        The slot of a claim that has lapsed.
    """

    document: Document
    claimed: dt.datetime | None


@dataclass(frozen=True)
class Claim:
    """The right to submit one slot, until a lease is over."""

    schedule: Schedule
    slot: dt.datetime
    token: str

    @property
    def task_id(self) -> str:
        return self.schedule.task_id(self.slot)


class Schedules:
    """The schedules in one database.

    Parameters
    ----------
    lease
        Seconds after which a claim of which nothing came is anybody's.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self.database = database
        self._lease = lease

    # --- for users ---------------------------------------------------------------------------

    def declare(
        self,
        key: Key,
        *,
        cron: str,
        tz: str,
        params: str,
        engine: str | None,
        hints: Mapping[str, Any],
        overlap: Overlap,
        keep: int | None,
        paused: bool | None,
    ) -> Schedule:
        """Store a schedule, and return it.

        One that is declared again with the same slots keeps the slot that is late, or claimed.
        """
        due = next_slot(cron, tz, self.database.now())
        given = {
            "bucket": key.bucket, "name": key.name, "cron": cron, "tz": tz, "params": params,
            "engine": engine, "hints": json.dumps(hints), "overlap": overlap, "keep": keep,
        }  # fmt: skip
        fields: Document = {name: {"$literal": value} for name, value in given.items()}
        if paused is None:
            paused_now: Any = {"$ifNull": ["$paused", False]}
        else:
            paused_now = {"$literal": paused}
        same = {
            "$and": [
                {"$eq": ["$cron", {"$literal": cron}]},
                {"$eq": ["$tz", {"$literal": tz}]},
                {"$eq": ["$paused", False]},
                {"$eq": [{"$type": "$due"}, "date"]},
            ]
        }
        first: Document = {
            "paused": paused_now,
            "due": {"$cond": [same, "$due", due]},
            "claim": {"$cond": [same, "$claim", "$$REMOVE"]},
            "id": {"$ifNull": ["$id", uuid.uuid4().hex[:16]]},
            "created": {"$ifNull": ["$created", "$$NOW"]},
            "modified": "$$NOW",
        }
        # What is paused comes to no slot, and has its reason still.
        when_paused = {
            "due": {"$cond": ["$paused", "$$REMOVE", "$due"]},
            "claim": {"$cond": ["$paused", "$$REMOVE", "$claim"]},
            "reason": {"$cond": ["$paused", "$reason", "$$REMOVE"]},
        }
        pipeline = [{"$set": {**fields, **first}}, {"$set": when_paused}]
        document = self._changed({"_id": key.digest}, pipeline, upsert=True)
        assert document is not None
        return from_document(document)

    def of(self, bucket: str | None) -> list[Document]:
        """Return the documents of the schedules of a bucket, or of all, by name."""
        within = {} if bucket is None else {"bucket": bucket}
        with answering(self.database):
            found = list(self.database.schedules.find(within))
        return sorted(found, key=lambda d: (str(d.get("bucket")), str(d.get("name"))))

    def read(self, key: Key) -> Document | None:
        """Return the document of a schedule; None where there is none."""
        with answering(self.database):
            return self.database.schedules.find_one({"_id": key.digest})

    def remove(self, key: Key) -> bool:
        """Remove a schedule, and return whether there was one."""
        with answering(self.database):
            done = persist(
                self.database,
                lambda: self.database.schedules.delete_one({"_id": key.digest}),
            )
        return done.deleted_count > 0

    def pause(self, key: Key) -> Schedule:
        """Let no slot be taken from now on."""
        paused = {"paused": True, "modified": "$$NOW"}
        gone = {"due": "$$REMOVE", "claim": "$$REMOVE", "reason": "$$REMOVE"}
        return self._existing(key, [{"$set": {**paused, **gone}}])

    def resume(self, key: Key) -> Schedule:
        """Begin again, with the slot that comes: what was missed meanwhile is not made up for."""
        found = from_document(self._found(key, self.read(key)))
        if not found.paused:
            return found
        due = next_slot(found.cron, found.tz, self.database.now())
        awake = {"paused": False, "modified": "$$NOW", "due": due, "reason": "$$REMOVE"}
        same = {"cron": found.cron, "tz": found.tz, "paused": True}
        document = self._changed({"_id": key.digest, **same}, [{"$set": awake}])
        # Where somebody was faster, it is as they say.
        return from_document(document or self._found(key, self.read(key)))

    def not_found(self, key: Key) -> ScheduleNotFoundError:
        """Return the error for a job that has no schedule."""
        others = [str(document.get("name")) for document in self.of(key.bucket)]
        return ScheduleNotFoundError(
            f"The job {key.name!r} in bucket {key.bucket!r} has no schedule."
            f"{suggestion(key.name, others)} om.jobs.schedules() shows what has one, and "
            f"om.jobs.schedule({key.name!r}, cron=...) gives it one."
        )

    # --- for schedulers ----------------------------------------------------------------------

    def look(self, bucket: str | None) -> tuple[list[Due], dt.datetime, float]:
        """Return what is due, the time, and the seconds until there may be more to do."""
        horizon = {"$add": ["$$NOW", round(HORIZON * 1000)]}
        soon = {"$expr": {"$lte": ["$due", horizon]}}
        stages: list[Document] = [
            {"$match": {"paused": False, "due": {"$type": "date"}, **soon}},
            *([] if bucket is None else [{"$match": {"bucket": bucket}}]),
            {"$project": _LOOKED_AT},
            {"$addFields": {"now": "$$NOW"}},
        ]
        with answering(self.database):
            self.database.prepare_runs()
            found = list(self.database.schedules.aggregate(stages))
        now = found[0].pop("now") if found else self.database.now()
        due, wait = [], HORIZON
        for document in found:
            claim = document.get("claim")
            claim = claim if isinstance(claim, dict) else {}
            lease, slot = claim.get("lease"), claim.get("slot")
            begins = document["due"]
            if not isinstance(begins, dt.datetime):
                begins = now  # a time that Python lacks: whoever takes it tells
            if isinstance(lease, dt.datetime):
                begins = max(begins, lease)
            if begins <= now:
                due.append(Due(document, slot if isinstance(slot, dt.datetime) else None))
            else:
                wait = min(wait, (begins - now).total_seconds())
        return due, now, wait

    def claim(self, due: Due, slot: dt.datetime, *, counts: bool) -> Claim | None:
        """Claim a slot; None where somebody else was faster, or the schedule is another one now.

        Parameters
        ----------
        counts
            Whether it is submitted, and so the run that the next one must not overlap.
        """
        document = due.document
        # By `$eq`, since somebody may have written an operator there.
        seen = {name: {"$eq": document.get(name)} for name in ("_id", "due", "cron", "tz", "id")}
        token = uuid.uuid4().hex
        claim = {
            "slot": slot,
            "token": token,
            "owner": {"$literal": self.database.owner},
            "lease": self._from_now(self._lease),
        }
        update: Document = {"claim": claim}
        if counts:
            task = f"{slot:%Y%m%dT%H%M%SZ}-{document.get('id')}"
            update["last"] = {"slot": slot, "task": {"$literal": task}}
        free = {**seen, "paused": False, **_NOT_CLAIMED}
        claimed = self._changed(free, [{"$set": update}])
        return None if claimed is None else Claim(from_document(claimed), slot, token)

    def settle(self, claim: Claim, now: dt.datetime) -> None:
        """Move on to the slot that comes; where the schedule was changed meanwhile, it has."""
        schedule = claim.schedule
        due = next_slot(schedule.cron, schedule.tz, max(claim.slot, now))
        self._claimed(claim, {"due": due or "$$REMOVE", "claim": "$$REMOVE"})

    def defer(self, claim: Claim, seconds: float) -> None:
        """Let the slot be claimed again, by anybody, in so many seconds."""
        self._claimed(claim, {"claim.lease": self._from_now(seconds)})

    def suspend(self, claim: Claim, reason: str) -> None:
        """Pause a schedule of which no slot can be submitted any more."""
        paused = {"paused": True, "reason": {"$literal": reason}, "modified": "$$NOW"}
        self._claimed(claim, {**paused, "due": "$$REMOVE", "claim": "$$REMOVE"})

    # --- its parts ---------------------------------------------------------------------------

    def _claimed(self, claim: Claim, fields: Document) -> None:
        this = {"_id": claim.schedule.key.digest, "claim.token": claim.token}
        self._changed(this, [{"$set": fields}])

    def _existing(self, key: Key, pipeline: list[Document]) -> Schedule:
        return from_document(self._found(key, self._changed({"_id": key.digest}, pipeline)))

    def _found(self, key: Key, document: Document | None) -> Document:
        if document is None:
            raise self.not_found(key)
        return document

    def _changed(
        self, condition: Document, pipeline: list[Document], *, upsert: bool = False
    ) -> Document | None:
        with answering(self.database):
            self.database.prepare_runs()
            found: Document | None = self.database.schedules.find_one_and_update(
                condition, pipeline, upsert=upsert, return_document=ReturnDocument.AFTER
            )
        return found

    @staticmethod
    def _from_now(seconds: float) -> Document:
        return {"$add": ["$$NOW", round(seconds * 1000)]}
