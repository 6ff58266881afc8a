"""The scheduler: submits the jobs whose time has come.

Any number of them may run, anywhere, and each may be killed at any moment. Of a slot that nobody
took in time, the latest is submitted, once. What has begun is not begun again: where a scheduler
was killed before it could say that it had submitted a job, the record of the task tells.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from pymongo.errors import PyMongoError

from ..config import Config
from ..errors import (
    AccessError,
    ObjectNotFoundError,
    OmegaError,
    ServerError,
    TaskCancelledError,
)
from ..mongo.database import Database
from ..protocol.task_records import ENDED, TaskRecords
from ..running import result_name
from ..runtime import outcomes
from ..runtime.remote_result import RemoteResult
from ..runtime.result import Result
from ..runtime.runtime import Runtime
from ..store import OmegaStore
from .cron import latest_slot
from .schedule import Document, Schedule, check
from .schedules import Claim, Due, Schedules

log = logging.getLogger("omega_core")

AGAIN = 5.0
"""Seconds until what does not answer is asked again: the server, and the first time an engine."""

_LATER = 60.0

_GLANCE = 0.1
"""Seconds until it is seen what another scheduler has left of a slot."""

What = Literal["submitted", "skipped", "failed", "paused", "deferred"]


class Host(Protocol):
    """An `Omega`, as far as a scheduler knows it."""

    bucket: str
    runtime: Runtime

    @property
    def jobs(self) -> OmegaStore: ...
    @property
    def config(self) -> Config: ...
    @property
    def database(self) -> Database: ...
    @property
    def records(self) -> TaskRecords: ...
    def __getitem__(self, bucket: str) -> Host: ...


@dataclass(frozen=True)
class Handled:
    """What became of one slot.

    Attributes
    ----------
    what
        ``submitted``; ``skipped``, because the run before is not over; ``failed``, because no
        engine would ever take it; ``paused``, because the job is gone; ``deferred``, because the
        engine does not answer, and is asked again.
    message
        More about it, for people.
    """

    what: What
    bucket: str
    job: str
    slot: dt.datetime
    id: str
    message: str = ""


class Scheduler:
    """Submits the jobs of a database, or of one bucket of it.

    Parameters
    ----------
    omega
        Whose engines execute them.
    bucket
        None: of all buckets.
    """

    def __init__(self, omega: Host, bucket: str | None = None) -> None:
        self._omega = omega
        self._bucket = bucket
        self._schedules = Schedules(omega.database, omega.config.stores.lease)
        self._own: list[Result] = []
        self._told: set[str] = set()

    def turn(self) -> tuple[list[Handled], float]:
        """Submit what is due, and return that, with the seconds until there may be more to do."""
        due, now, wait = self._schedules.look(self._bucket)
        # In any order, so that of many schedulers each begins with another one.
        random.shuffle(due)
        handled = []
        for each in due:
            try:
                done = self._take(each, now)
            except (ServerError, AccessError):
                raise
            except OmegaError as exc:  # somebody edited its document
                self._tell_once(each.document, exc)
                continue
            if done is None:
                wait = min(wait, _GLANCE)
            else:
                wait = 0.0
                handled.append(done)
        return handled, wait

    def serve(self, pause: Callable[[float], bool], tell: Callable[[Handled], object]) -> None:
        """Take turns, until told to stop; a server that does not answer is asked again.

        Parameters
        ----------
        pause
            Lets so many seconds pass, and returns whether to stop.
        tell
            Hears of each slot.
        """
        first = True
        while True:
            try:
                handled, wait = self.turn()
            except (ServerError, PyMongoError) as exc:
                if first:
                    raise  # it may be the configuration that is wrong
                log.warning("The schedules cannot be read, and are tried again: %s", exc)
                handled, wait = [], AGAIN
            first = False
            for each in handled:
                tell(each)
            if pause(wait):
                return

    @property
    def under_way(self) -> list[Result]:
        """What was submitted to an engine of this process, and is not over."""
        self._own = [result for result in self._own if not result.done()]
        return list(self._own)

    # --- one slot ----------------------------------------------------------------------------

    def _take(self, due: Due, now: dt.datetime) -> Handled | None:
        """Claim a slot, and do with it what is to be done; None where somebody else does that."""
        document = due.document
        check(document)
        slot = due.claimed or latest_slot(document["cron"], document["tz"], document["due"], now)
        busy = self._before(document, slot)
        claim = self._schedules.claim(due, slot, counts=busy is None)
        if claim is None:
            return None
        schedule, id = claim.schedule, claim.task_id
        bucket = self._omega[schedule.bucket]
        record = bucket.records.plan(id, bucket=schedule.bucket, job=schedule.name, slot=slot)
        if record is not None and (record.runs or record.status in ENDED):
            self._schedules.settle(claim, now)
            return _handled("submitted", claim, "by a scheduler that is gone")
        if record is not None and record.leased and self._waits(id):
            self._schedules.defer(claim, self._omega.config.stores.lease)
            return None
        if busy is not None:
            return self._skip(claim, busy, now)
        return self._submit(claim, bucket, now)

    def _submit(self, claim: Claim, bucket: Host, now: dt.datetime) -> Handled:
        schedule, id = claim.schedule, claim.task_id
        try:
            if not bucket.jobs.exists(schedule.name):
                raise bucket.jobs.not_found(schedule.name)
            result = submitted(bucket, schedule, id)
        except ObjectNotFoundError as exc:
            self._fail(claim, exc)
            reason = f"There was no job {schedule.name!r} at {claim.slot:%Y-%m-%d %H:%M} UTC."
            self._schedules.suspend(claim, reason)
            return _handled("paused", claim, str(exc))
        except (ConnectionError, TimeoutError) as exc:
            late = (now - claim.slot).total_seconds()
            self._schedules.defer(claim, min(max(late, AGAIN), _LATER))
            return _handled("deferred", claim, str(exc))
        except PyMongoError:
            raise
        except Exception as exc:
            self._fail(claim, exc)
            self._schedules.settle(claim, now)
            return _handled("failed", claim, f"{type(exc).__name__}: {exc}")
        self._schedules.settle(claim, now)
        if not isinstance(result, RemoteResult):
            self._own = [*self.under_way, result]
        if schedule.keep is not None:
            drop_results(bucket.jobs, schedule, schedule.keep, but=id)
        return _handled("submitted", claim)

    def _skip(self, claim: Claim, busy: str, now: dt.datetime) -> Handled:
        error = TaskCancelledError(
            f"The run before was not over: om.runtime.result({busy!r}).cancel() ends it."
        )
        outcome = outcomes.failure(error, "cancelled")
        self._omega.records.skip(claim.task_id, outcome)
        self._schedules.settle(claim, now)
        return _handled("skipped", claim, str(error))

    def _fail(self, claim: Claim, error: Exception) -> None:
        """Note a run that never began, for `JobStore.history`."""
        schedule, records = claim.schedule, self._omega.records
        # Whoever would not take it has forgotten it.
        records.plan(claim.task_id, bucket=schedule.bucket, job=schedule.name, slot=claim.slot)
        records.end(claim.task_id, "failure", outcomes.failure(error), durable=False)

    def _before(self, document: Document, slot: dt.datetime) -> str | None:
        """Return the id of the run before, where it is not over and no other may overlap it."""
        last = document.get("last")
        if document["overlap"] != "skip" or last is None or last["slot"] == slot:
            return None  # or it is this one, which was claimed before
        id: str = last["task"]
        record = self._omega.records.read(id)
        return id if record is not None and record.status in ("pending", "running") else None

    def _waits(self, id: str) -> bool:
        """Return whether a task waits in a process that somebody has heard of, or had just now.

        It is lost with that process; then it is submitted again.
        """
        record = self._omega.records.read(id)
        return record is not None and record.status == "pending"

    def _tell_once(self, document: Document, error: Exception) -> None:
        name = f"{document.get('name')!r} in bucket {document.get('bucket')!r}"
        told = f"The schedule of {name} is left out: {error}"
        if told not in self._told:
            self._told.add(told)
            log.warning("%s", told)


def submitted(bucket: Host, schedule: Schedule, id: str) -> Result:
    """Submit the job of a schedule."""
    job = bucket.runtime.job(schedule.name, engine=schedule.engine, **schedule.hints)
    return job.submit(schedule.params, task_id=id)


def drop_results(jobs: OmegaStore, schedule: Schedule, keep: int, *, but: str) -> None:
    """Drop the results of runs of a schedule, besides the newest ones and that of one run."""
    of_it = re.escape(result_name(schedule.name, "")) + r"\d{8}T\d{6}Z-" + schedule.identity
    own = result_name(schedule.name, but)
    found = [meta for meta in jobs.list(regexp=f"^{of_it}$", raw=True) if meta.name != own]
    for meta in sorted(found, key=lambda meta: meta.name)[:-keep]:  # by their slots
        if not meta.aliases:  # somebody wants that one
            jobs.drop(meta.name, missing_ok=True)


def _handled(what: What, claim: Claim, message: str = "") -> Handled:
    schedule = claim.schedule
    return Handled(what, schedule.bucket, schedule.name, claim.slot, claim.task_id, message)
