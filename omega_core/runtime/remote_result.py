"""The result of a task that is executed elsewhere: what an engine knows of it, and its record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from pymongo.errors import PyMongoError

from ..errors import EngineError, OmegaError, TaskLostError, TaskNotFoundError
from ..protocol.task_records import ENDED, Status, TaskRecord
from .execution import bar
from .outcomes import read_outcome, value_of
from .remote_errors import error_from_json
from .result import Result
from .task import Task, Worker

_GLANCE, _LONGEST_GLANCE = 0.02, 1.0
"""Seconds between two looks at the record: after the first, and in the end."""

_PATIENCE = 0.2


class TaskFuture(Protocol):
    """What an engine has to give for a task that it took.

    It may also have ``add_done_callback(function)``; where it does not, the record of the task is
    looked at now and then.
    """

    def result(self, timeout: float | None = None) -> str:
        """Wait, and return what `omega_core.run_task` returned; or raise `TimeoutError`.

        Whatever else it raises means that the engine has failed, and not the task.
        """

    def done(self) -> bool:
        """Return whether `result` would return, or raise, at once."""

    def cancel(self) -> object:
        """Do not begin with the task any more, where that is possible still."""


class RemoteResult(Result):
    """The result of a task that worker processes execute.

    Parameters
    ----------
    task
        The task; or its id, where only the record knows more.
    future
        Of the engine. None: there is nothing but the record.
    omega
        The `Omega` that the engine was made for.
    """

    def __init__(self, task: Task | str, future: TaskFuture | None, omega: Worker) -> None:
        if isinstance(task, Task):
            self._task: Task | None = task
            self.id, self._bucket = task.id, omega[task.bucket]
        else:
            self._task, self.id, self._bucket = None, task, omega
        self._shows = omega.config.ui.progress == "auto"
        self._remote = future
        self._lock = threading.RLock()
        self._outcome: dict[str, Any] | None = None
        self._failed: Exception | None = None
        self._told: tuple[Any, BaseException | None] | None = None
        self._seen: TaskRecord | None = None
        # One that tells when it is done may be so before it is worth to look elsewhere.
        tells = callable(getattr(future, "add_done_callback", None))
        self._look_at = time.monotonic() + _PATIENCE if tells else 0.0
        self._glance = _GLANCE
        self._callbacks: list[Callable[[Result], Any]] = []
        self._watching = False

    # --- as people ask -----------------------------------------------------------------------

    def done(self) -> bool:
        return self._is_over()

    @property
    def status(self) -> Status:
        if self._is_over():
            assert self._outcome is not None or self._failed is not None
            if self._outcome is not None:
                status: Status = self._outcome["status"]
                return status
            return "lost" if isinstance(self._failed, TaskLostError) else "failure"
        record = self._read()  # which knows more than the engine: it may only have sent the task
        return "pending" if record is None else record.status

    @property
    def progress(self) -> tuple[float, float | None] | None:
        record = self._seen if self._outcome is not None and self._seen else self._read()
        return None if record is None else record.progress

    def cancel(self) -> bool:
        if self._is_over() and self._outcome is not None:
            return bool(self._outcome["status"] == "cancelled")
        barred = bar(self.id, "cancelled", self._bucket, self._task)
        self._look_at = 0.0
        if barred and self._remote is not None:
            with suppress(Exception):  # it stores nothing, whether the engine listens or not
                self._remote.cancel()
        return barred

    def add_done_callback(self, function: Callable[[Result], Any]) -> None:
        with self._lock:
            if self._watching or not self._is_over():
                self._callbacks.append(function)
                if not self._watching:
                    self._watching = True
                    self._be_told()
                return
        function(self)

    # --- what `Result` stands on -------------------------------------------------------------

    def _is_over_in(self, seconds: float | None) -> bool:
        deadline = None if seconds is None else time.monotonic() + seconds
        pause = _GLANCE
        while not self._is_over():
            left = pause if deadline is None else min(pause, deadline - time.monotonic())
            if left <= 0:
                return False
            self._await_engine(left)
            pause = min(pause * 1.5, _LONGEST_GLANCE)
        return True

    def _error(self) -> BaseException | None:
        return self._answer()[1]

    def _value(self) -> Any:
        return self._answer()[0]

    def _answer(self) -> tuple[Any, BaseException | None]:
        """Return the value and the error, read once: what is stored for its reader then goes."""
        with self._lock:
            if self._told is None:
                if self._outcome is None:
                    self._told = None, self._failed
                elif self._outcome["status"] != "success":
                    self._told = None, error_from_json(self._outcome["error"])
                else:
                    try:
                        self._told = value_of(self._outcome, self._bucket), None
                    except OmegaError as exc:
                        self._told = None, exc
            return self._told

    # --- its parts ---------------------------------------------------------------------------

    def _await_engine(self, seconds: float) -> None:
        """Let time pass, less where the engine is done before."""
        if self._remote is None:
            time.sleep(seconds)
            return
        began = time.monotonic()
        with suppress(Exception):  # what it says is asked for by `_is_over`
            self._remote.result(seconds)
            return
        if not self._remote.done():
            time.sleep(max(0.0, min(seconds - (time.monotonic() - began), seconds)))

    def _is_over(self) -> bool:
        with self._lock:
            if self._outcome is None and self._failed is None:
                self._ask()
            return self._outcome is not None or self._failed is not None

    def _ask(self) -> None:
        """Ask the engine, and at times the record, for the outcome."""
        if self._remote is not None and self._remote.done():
            self._take()
        elif time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + self._glance
            self._glance = min(self._glance * 1.5, _LONGEST_GLANCE)
            self._consult(self._read())

    def _take(self) -> None:
        assert self._remote is not None
        try:
            told = read_outcome(self._remote.result(0), from_worker=True)
            if "recorded" not in told:
                self._outcome = told
                return
            self._consult(self._read())
            if self._outcome is None and self._failed is None:
                raise TaskLostError(f"it ended in {told['status']}, and its record is gone")
        except Exception as exc:
            with suppress(OmegaError, PyMongoError):
                self._consult(self._read())
            if self._outcome is None:
                self._failed = EngineError(
                    f"The engine has lost task {self.id}: {type(exc).__name__}: {exc}. Whether it "
                    f"is executed still, om.runtime.result({self.id!r}).status tells; submit the "
                    "action again once the engine answers."
                )
                self._failed.__cause__ = exc

    def _consult(self, record: TaskRecord | None) -> None:
        if record is not None and record.status in ENDED:
            try:
                self._outcome = read_outcome(record.outcome)
            except OmegaError as exc:
                self._failed = exc
        elif self._remote is not None:
            return  # the engine knows what is to be done
        elif record is None:
            self._failed = not_found(self.id, self._bucket.bucket)
        elif record.status == "lost":
            self._failed = TaskLostError(
                f"Task {self.id} is lost: {record.owner or 'whoever had it'} has not been heard "
                "of for longer than its lease, and did not say what came of it. It may be "
                "executed again by its engine: ask om.runtime.result again, or submit the action "
                "anew."
            )

    def _read(self) -> TaskRecord | None:
        self._seen = self._bucket.records.read(self.id, bucket=self._bucket.bucket)
        return self._seen

    def _be_told(self) -> None:
        """Let the engine call when it is done; where it does not do that, a thread looks."""
        offered = getattr(self._remote, "add_done_callback", None)
        if callable(offered):
            offered(lambda _: self._tell())
            return
        name = f"omega-result-{self.id[:8]}"
        threading.Thread(target=self._watch, name=name, daemon=True).start()

    def _watch(self) -> None:
        with suppress(OmegaError, PyMongoError):
            self._is_over_in(None)
        self._tell()

    def _tell(self) -> None:
        with suppress(OmegaError, PyMongoError):
            self._is_over()  # takes what the engine has, which has only said that it is done
        with self._lock:
            callbacks, self._callbacks, self._watching = self._callbacks, [], False
        for function in callbacks:
            with suppress(Exception):  # as a future does, with whoever calls none the wiser
                function(self)


def not_found(id: str, bucket: str) -> TaskNotFoundError:
    """Return the error for an id that no record has."""
    return TaskNotFoundError(
        f"No task {id!r} in bucket {bucket!r}. Its record may have expired ([runtime] results), or "
        "it was submitted in another bucket or database."
    )
