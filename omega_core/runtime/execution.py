"""The execution of a task: what every worker of every engine does.

A task may be executed more than once, by engines that lost sight of the first time. One that is
over is not executed again; of one that has stored what it had to, that is the result; and what
several executions store at the same time is stored once (see `omega_core.protocol.fence`).
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pymongo.errors import PyMongoError

from ..errors import (
    ConflictError,
    IntegrityError,
    JobFailedError,
    OmegaError,
    RemoteError,
    ServerError,
    StaleReadError,
    TaskError,
    TaskLostError,
)
from ..protocol.fence import (
    Progress,
    TaskFence,
    committed_version,
    condemn,
    fenced,
    refusal,
)
from ..protocol.metadata import Metadata
from ..protocol.naming import JOBS, SECTION, Key
from ..protocol.task_records import Barred, TaskRecord, TaskRecords
from ..running import succeeded
from . import outcomes
from .outcomes import encode_result, read_outcome, value_of
from .task import Task, Worker
from .values import called_by_argument

log = logging.getLogger("omega_core")

REPEATED = (ConflictError, StaleReadError, ServerError, ConnectionError, TimeoutError)
"""What another try may avoid, for the hint ``retries``. Of all else the same would come again."""

MOST_RUNS = 4
"""Executions of a task that may begin; one that kills its worker is not begun without an end."""

_PAUSE = 0.1
_LONGEST_PAUSE = 10.0


@dataclass
class Ended:
    """How an execution ended: with a value or an error, and the same as it is recorded."""

    value: Any = None
    error: Exception | None = None
    raised: BaseException | None = None
    outcome: str = ""
    recorded: bool = False


def execute(task: Task, omega: Worker) -> Any:
    """Do what the task says, and return the result, or raise what it raises.

    For engines that execute in this process; those that go elsewhere call `omega_core.run_task`.
    """
    ended = perform(task, omega, stores=False)
    if ended.error is not None:
        raise ended.raised or ended.error
    return ended.value


def perform(
    task: Task,
    omega: Worker,
    *,
    stores: bool,
    watch: Progress | None = None,
    timed_out: Callable[[], object] | None = None,
) -> Ended:
    """Execute a task, and record how it ended.

    Parameters
    ----------
    stores
        Whether a result that does not travel by itself is stored for its reader.
    watch
        Called with the progress of the task.
    timed_out
        Called where the task takes longer than its hint ``timeout``; the action goes on, since a
        thread cannot be stopped, and can store nothing any more.
    """
    bucket, records = omega[task.bucket], omega.records
    record = records.begin(task.id, bucket=task.bucket)
    over = None if record is None else _over(record, task, bucket, stores)
    try:
        if over is not None:
            return over
        doing = _Doing(task, bucket, record, watch)
        with omega.leases.keeping(_Beat(records, task.id)), doing.limited(timed_out):
            ended = doing.act(stores)
            return doing.record(ended, stores)
    finally:
        discard_inputs(task, bucket)


def discard_inputs(task: Task, bucket: Worker) -> None:
    """Remove what was stored for a task alone."""
    for name in task.temporary:
        # Closed already, or out of reach: then the collector drops it in its time.
        with suppress(OmegaError, PyMongoError):
            bucket.datasets.discard(name)


@dataclass(eq=False)
class _Beat:
    """A task that is under way, for who keeps leases."""

    records: TaskRecords
    id: str

    def renew(self) -> None:
        self.records.renew(self.id)


class _Doing:
    """One execution of one task."""

    def __init__(
        self, task: Task, bucket: Worker, record: TaskRecord | None, watch: Progress | None
    ) -> None:
        self.task = task
        self.bucket = bucket
        self.records = None if record is None else bucket.records
        # A first execution has nothing before it to find.
        self.runs = 1 if record is None else record.runs
        self.again = self.runs > 1
        self.stored = False
        self._watch = watch

    @contextmanager
    def limited(self, timed_out: Callable[[], object] | None) -> Iterator[None]:
        """Bar the task when its time is over."""
        seconds = self.task.hints.get("timeout")
        if seconds is None:
            yield
            return

        def over() -> None:
            with suppress(OmegaError, PyMongoError):
                barred = bar(self.task.id, "timeout", self.bucket, self.task)
                if barred and timed_out is not None:
                    timed_out()

        timer = threading.Timer(seconds, over)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def act(self, stores: bool) -> Ended:
        """Do it, as often as the hint ``retries`` says, where that may help."""
        try:
            value = self._act_repeatedly()
            result = encode_result(value, self.bucket, stores=stores)
            return Ended(value, outcome=outcomes.success(result))
        except BaseException as exc:
            error = exc if isinstance(exc, Exception) else _stopped(exc)
            return Ended(error=error, raised=exc, outcome=outcomes.failure(error))

    def record(self, ended: Ended, stores: bool) -> Ended:
        """Record how it ended; where another execution, or who barred it, was faster, as they."""
        if self.records is None:
            return ended
        status: Any = "success" if ended.error is None else "failure"
        try:
            record = self.records.end(self.task.id, status, ended.outcome, durable=self.stored)
            if record is None:
                ended.recorded = True
                return ended
            if record.barred is not None and ended.error is None and self._has_committed():
                # It was barred too late.
                self.records.overrule(self.task.id, ended.outcome)
                ended.recorded = True
                return ended
            if record.status == "success" and ended.error is None and not stores:
                return ended  # the value itself is at hand
            return _over(record, self.task, self.bucket, stores) or ended
        except (OmegaError, PyMongoError):
            # What was done is done, and whoever waits is told; only the record does not say so.
            log.warning("Task %s has ended, and its record could not be written.", self.task.id)
            return ended

    # --- its parts ---------------------------------------------------------------------------

    def _act_repeatedly(self) -> Any:
        retries = self.task.hints.get("retries", 0)
        for attempt in range(retries + 1):
            try:
                return self._act(again=self.again or attempt > 0)
            except REPEATED as exc:
                if attempt == retries or not self._worth_repeating(exc):
                    raise
            pause = min(_PAUSE * 2**attempt, _LONGEST_PAUSE)
            time.sleep(random.uniform(pause / 2, pause))
            record = None if self.records is None else self.records.read(self.task.id)
            if record is not None and record.barred is not None:
                raise refusal(self.task.id, record.barred)
        raise AssertionError("unreachable")

    def _worth_repeating(self, error: BaseException) -> bool:
        if isinstance(error, TaskError):
            return False  # it was barred
        # Whoever asked for a revision wants that one, and no other.
        return not (isinstance(error, ConflictError) and "if_rev" in self.task.arguments)

    def _act(self, again: bool) -> Any:
        task, store = self.task, getattr(self.bucket, self.task.store)
        if again and (meta := committed(task, self.bucket)) is not None:
            return _value(task, meta)
        if self.runs > MOST_RUNS:
            raise TaskLostError(
                f"Task {task.id} was begun {MOST_RUNS} times, and whoever executed it was gone "
                "before its end: it may crash the process, or need more memory than there is. The "
                "logs of the workers say more."
            )
        fence = TaskFence(task.id, self.records, targets(task), self._watch)
        arguments = dict(task.arguments)
        values = {name: key for key, name in arguments.items() if name in task.temporary}
        if "rows" in arguments:
            arguments["rows"] = tuple(arguments["rows"])
        try:
            with fenced(fence), called_by_argument(values):
                return store.perform(task.action, task.name, **arguments, **task.options)
        finally:
            self.stored = self.stored or fence.stored

    def _has_committed(self) -> bool:
        return self.stored and committed(self.task, self.bucket) is not None


def _over(record: TaskRecord, task: Task, bucket: Worker, stores: bool) -> Ended | None:
    """Return how a task ended that is not to be executed any more."""
    if record.barred is not None:
        error = refusal(task.id, record.barred)
        status = "cancelled" if record.barred == "cancelled" else "failure"
        return Ended(error=error, outcome=outcomes.failure(error, status), recorded=True)
    if record.status != "success" or record.outcome is None:
        return None
    document = read_outcome(record.outcome)
    if not outcomes.is_there(document, bucket) and not record.targets:
        return None  # somebody has read it, and nothing was stored: it can be done again
    ended = Ended(outcome=record.outcome, recorded=True)
    if not stores:  # else the value is for its reader, and to read it is to remove it
        try:
            ended.value = value_of(document, bucket)
        except OmegaError as exc:
            ended.error = exc
    return ended


def _stopped(error: BaseException) -> RemoteError:
    """Return what is told of an exception that would stop whoever waits, and not only its task."""
    told = RemoteError(
        f"The task was stopped by {type(error).__name__}{f': {error}' if str(error) else ''}."
    )
    told.__cause__ = error
    return told


# --- what it is about, and what it has committed -------------------------------------------------


def targets(task: Task) -> tuple[Key, ...]:
    """Return the objects that the task may store, each once: its model, and its result."""
    result = task.arguments.get("rName")
    if task.store == SECTION[JOBS]:
        return () if result is None else (Key(task.bucket, JOBS, result),)
    model = Key(task.bucket, "models/", task.name)
    return (model,) if result is None else (model, Key(task.bucket, "data/", result))


def committed(task: Task, bucket: Worker) -> Metadata | None:
    """Return what the task has stored, where that is all that it had to do; else None."""
    is_job = task.store == SECTION[JOBS]
    action = None if is_job else bucket.models.actions(task.name).get(task.action)
    if is_job and "rName" in task.arguments:
        store, name = bucket.jobs, task.arguments["rName"]
    elif "rName" in task.arguments:
        store, name = bucket.datasets, task.arguments["rName"]
    elif action is not None and "rName" not in action.parameters:
        store, name = bucket.models, task.name
    else:
        return None  # what it returns is a value, which nobody has
    key = Key(task.bucket, store.prefix, name)
    version = committed_version(bucket.records.database, key, task.id)
    return None if version is None else store.metadata(name, version=version)


def bar(id: str, why: Barred, bucket: Worker, task: Task | None = None) -> bool:
    """Let a task store nothing from now on; return False where it is too late for that.

    Parameters
    ----------
    task
        What the task is, where that is known; else its record says so.
    """
    records = bucket.records
    error = refusal(id, why)
    outcome = outcomes.failure(error, "cancelled" if why == "cancelled" else "failure")
    record = records.bar(id, why, outcome, bucket=bucket.bucket)
    if record is None:
        return False
    condemn(records.database, id, record.targets)
    if task is None and record.task is not None:
        with suppress(IntegrityError):  # something else wrote there: then it is not known
            task = Task.from_json(record.task)
    meta = committed(task, bucket) if task is not None and record.targets else None
    if meta is None:
        if task is not None:
            discard_inputs(task, bucket)  # it may be that no worker ever gets it
        return True
    # It had stored what it had to before it was barred.
    assert task is not None
    try:
        records.overrule(id, outcomes.success(encode_result(_value(task, meta), bucket)))
    except JobFailedError as exc:
        records.overrule(id, outcomes.failure(exc), "failure")
    return False


def _value(task: Task, meta: Metadata) -> Metadata:
    """Return what a task gives back that has stored this; raise where it is a run that failed."""
    return succeeded(meta) if task.store == SECTION[JOBS] else meta
