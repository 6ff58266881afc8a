"""A run of a job: what the record of its task says of it, for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import IntegrityError
from ..mongo.database import answering
from ..protocol.naming import JOBS, SECTION
from ..protocol.task_records import TaskRecord, TaskRecords
from ..runtime.outcomes import read_outcome

RunStatus = Literal["pending", "running", "success", "failure", "cancelled", "lost", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a job, by its schedule or by hand. Times are in UTC.

    Attributes
    ----------
    id
        Of its task: ``om.runtime.result(id)`` waits for it, or cancels it.
    job, bucket
        What ran.
    status
        As a `Result` has it; and ``skipped``: a slot of the schedule that was left out.
    slot
        The moment of the schedule; None where somebody ran it by hand.
    created, started, ended
        When it was submitted, when it began and when it was over.
    duration
        Seconds from its begin to its end.
    error
        What went wrong: the class, and the first line of the message.
    result
        The name of what it left in ``om.jobs``, also where it failed; None where nothing is there.
    """

    id: str
    job: str
    bucket: str
    status: RunStatus
    slot: dt.datetime | None = None
    created: dt.datetime | None = None
    started: dt.datetime | None = None
    ended: dt.datetime | None = None
    duration: float | None = None
    error: str | None = None
    result: str | None = None


def latest(records: TaskRecords, job: str, *, bucket: str, limit: int) -> list[Run]:
    """Return the latest runs of a job, the newest first."""
    told = records.of_job(job, bucket=bucket, limit=limit)
    found = [(record, _outcome(record)) for record in told]
    named = [_result(record, outcome) for record, outcome in found]
    there = _existing(records, bucket, {name for name in named if name is not None})
    return [
        _run(record, outcome, name if name in there else None)
        for (record, outcome), name in zip(found, named, strict=True)
    ]


def _run(record: TaskRecord, outcome: dict[str, Any], result: str | None) -> Run:
    duration = None
    if record.started is not None and record.ended is not None:
        duration = (record.ended - record.started).total_seconds()
    return Run(
        id=record.id,
        job=record.job or "",
        bucket=record.bucket,
        status="skipped" if record.skipped else record.status,
        slot=record.slot,
        created=record.created,
        started=record.started,
        ended=record.ended,
        duration=duration,
        error=_error(outcome, named=not record.skipped),
        result=result,
    )


def _outcome(record: TaskRecord) -> dict[str, Any]:
    """Return the outcome of a task; an empty one where it has none, or none that can be read."""
    if record.outcome is None:
        return {}
    try:
        return read_outcome(record.outcome)
    except IntegrityError as exc:
        return {"error": {"name": type(exc).__name__, "message": str(exc)}}


def _error(outcome: dict[str, Any], *, named: bool) -> str | None:
    error = outcome.get("error")
    if error is None:
        return None
    lines = str(error.get("message", "")).strip().splitlines()
    parts = ([str(error.get("name", "Error"))] if named or not lines else []) + lines[:1]
    return ": ".join(parts)


def _result(record: TaskRecord, outcome: dict[str, Any]) -> str | None:
    """Return the name of what the run says, or was about, to store among the jobs."""
    told = outcome.get("result", {}).get("metadata")
    if told is not None and told["store"] == SECTION[JOBS]:
        name: str = told["name"]
        return name
    stored: Iterable[str] = (key.name for key in record.targets if key.prefix == JOBS)
    return next(iter(stored), None)


def _existing(records: TaskRecords, bucket: str, names: Collection[str]) -> set[str]:
    if not names:
        return set()
    condition = {"bucket": bucket, "prefix": JOBS, "gen": {"$exists": True}}
    metadata = records.database.metadata
    with answering(records.database):
        found = metadata.find({**condition, "name": {"$in": sorted(names)}}, {"name": 1})
        return {document["name"] for document in found}
