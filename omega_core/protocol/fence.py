"""The task that is under way in this context, and the fence around what it stores.

A task may be executed twice, and it may be cancelled while it is executed. So each write on its
behalf notes its id in the intent, and then in the record of the task, where it learns whether the
task is barred. Whoever bars a task does so in the record first, and then condemns the intents that
the record names: a writer either finds the task barred, or loses the intent that its commit needs.
And of the objects that a task is about, each remembers which tasks have committed it: the commit
demands that this one has not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from pymongo.errors import PyMongoError

from ..errors import OmegaError, TaskCancelledError, TaskTimeoutError
from ..mongo.database import Database
from ..mongo.persist import persist
from . import pipelines
from .document import commits_of_tasks
from .naming import Key
from .task_records import Barred, TaskRecords

_THROTTLE = 0.5
"""Seconds between two notes of the progress of a task."""

Progress = Callable[[float, float | None], None]


class TaskFence:
    """One execution of a task.

    Attributes
    ----------
    id
        Of the task; two executions of it have the same.
    targets
        The objects that the task is about: its model, and where its result goes. Each is committed
        once, however often the task is executed.
    stored
        Whether this execution has begun to store something.
    """

    def __init__(
        self,
        id: str,
        records: TaskRecords | None = None,
        targets: Collection[Key] = (),
        watch: Progress | None = None,
    ) -> None:
        self.id = id
        self.targets = targets
        self.stored = False
        self._records = records
        self._watch = watch
        self._commits: dict[Key, int] = {}
        self._told = 0.0

    def progress(self, done: float, total: float | None = None) -> None:
        """Tell whoever waits how far the task is."""
        if self._watch is not None:
            self._watch(done, total)
        now = time.monotonic()
        if self._records is None or (now - self._told < _THROTTLE and done != total):
            return
        self._told = now
        with suppress(PyMongoError, OmegaError):  # it is told again
            self._records.progress(self.id, done, total)

    # --- for who writes on its behalf --------------------------------------------------------

    def admit(self, key: Key) -> None:
        """Note an intent that has begun.

        Raises
        ------
        TaskCancelledError, TaskTimeoutError
            The task is barred.
        """
        self.stored = True
        barred = None if self._records is None else self._records.admit(self.id, key)
        if barred is not None:
            raise self.refusal(barred)

    def check(self) -> None:
        """Raise as `admit` does, if the task was barred meanwhile."""
        record = None if self._records is None else self._records.read(self.id)
        if record is not None and record.barred is not None:
            raise self.refusal(record.barred)

    def turn(self, key: Key) -> int | None:
        """Return which commit of ``key`` by this task the next one is; None: it may be repeated."""
        return self._commits.get(key, 0) if key in self.targets else None

    def committed(self, key: Key) -> None:
        """Note a commit."""
        self._commits[key] = self._commits.get(key, 0) + 1

    def refusal(self, why: Barred) -> TaskCancelledError | TaskTimeoutError:
        """Return the error for whoever waits for a task that is barred."""
        return refusal(self.id, why)


def refusal(id: str, why: Barred) -> TaskCancelledError | TaskTimeoutError:
    """Return the error for whoever waits for a task that is barred."""
    if why == "cancelled":
        return TaskCancelledError(f"Task {id} was cancelled. It stores nothing any more.")
    return TaskTimeoutError(
        f"Task {id} took longer than its timeout, and was given up. It stores nothing any more. "
        "Give it more time, by timeout=seconds of om.runtime.model or om.runtime.job."
    )


_current: ContextVar[TaskFence | None] = ContextVar("omega_core_task", default=None)


def current_task() -> TaskFence | None:
    """Return the task under way in this context."""
    return _current.get()


@contextmanager
def fenced(fence: TaskFence) -> Iterator[TaskFence]:
    """Make ``fence`` the current one for the length of the block."""
    token = _current.set(fence)
    try:
        yield fence
    finally:
        _current.reset(token)


def condemn(database: Database, id: str, targets: Collection[Key]) -> None:
    """Take the intents of a barred task from it, so that their commits are refused."""
    for key in targets:
        document = database.metadata.find_one(key.filter(), {"pending": 1})
        pending: Any = (document or {}).get("pending", {})
        for gen, intent in pending.items():
            if isinstance(intent, dict) and intent.get("task") == id:
                _condemn(database, key, gen)


def _condemn(database: Database, key: Key, gen: str) -> None:
    condition = key.filter(**{f"pending.{gen}": {"$exists": True}})
    persist(database, lambda: database.metadata.update_one(condition, pipelines.condemn(gen)))


def committed_version(database: Database, key: Key, id: str) -> int | None:
    """Return the version of ``key`` that a task has committed; None: it has not."""
    fields = dict.fromkeys(("bucket", "prefix", "name", "version", "tasks"), 1)
    document = database.metadata.find_one(key.filter(**{"tasks.id": id}), fields)
    made = [] if document is None else commits_of_tasks(document)
    versions: list[int] = [entry["version"] for entry in made if entry["id"] == id]
    return versions[-1] if versions else None
