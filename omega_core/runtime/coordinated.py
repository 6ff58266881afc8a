"""Work on many tasks that is one task to whoever waits for it: with an id, a record and a fence.

It is done by a thread of the process that asked. Should that process be killed, the record says
``lost`` once its lease is over, and nothing was stored that is not whole.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

from pymongo.errors import PyMongoError

from ..errors import OmegaError
from ..protocol.fence import TaskFence, committed_version, fenced, refusal
from ..protocol.naming import Key
from . import outcomes
from .engines import Engines, UnderWay
from .execution import bar
from .local import interrupted
from .result import Result
from .task import Worker
from .values import called_by_argument

log = logging.getLogger("omega_core")

Work = Callable[["Coordinator"], Any]


class Coordinator:
    """One such piece of work.

    Parameters
    ----------
    targets
        The objects that it stores, each once.
    temporary
        Datasets that were stored for it alone, and the arguments that they were passed as.
    """

    def __init__(
        self, omega: Worker, targets: Collection[Key], temporary: dict[str, str], work: Work
    ) -> None:
        self.id = uuid.uuid4().hex
        self.progress: tuple[float, float | None] | None = None
        self.parts: Sequence[Result] = ()
        self._omega = omega
        self._records = omega.records
        self._targets = targets
        self._temporary = temporary
        self._work = work
        self._future: Future[Any] = Future()
        self._over = threading.Event()
        self._under_way: set[UnderWay] = set()
        self.fence = TaskFence(self.id, self._records, targets, self._watch)

    def start(self, engines: Engines, engine: str) -> Result:
        """Begin, in a thread, and return at once.

        Parameters
        ----------
        engines
            Who waits for it before they are closed.
        engine
            Which of them executes its tasks.
        """
        self._records.submitted(
            self.id, bucket=self._omega.bucket, engine=engine, task=None, leased=True
        )
        self._under_way = engines.under_way
        self._under_way.add(self)
        # Not a daemon: the interpreter waits for what was asked of it.
        threading.Thread(target=self._run, name="omega-coordinator").start()
        return Result(
            self.id,
            self._future,
            cancel=self._cancel,
            progress=lambda: self.progress,
            bar=self._omega.config.ui.progress == "auto",
        )

    def proceed(self, done: float, total: float) -> None:
        """Tell how far it is; raise where it was cancelled, also by another process."""
        self.fence.check()
        if interrupted():
            raise self.fence.refusal("cancelled")
        self.fence.progress(done, total)

    def finish(self, *, cancel: bool) -> None:
        """Wait until nothing of it is under way any more; cancel it before, where told to."""
        if cancel:
            with suppress(OmegaError, PyMongoError):
                self._cancel()
        self._over.wait()

    def renew(self) -> None:
        """Say, while it is under way, that this process is alive."""
        self._records.renew(self.id)

    # --- its parts ---------------------------------------------------------------------------

    def _watch(self, done: float, total: float | None) -> None:
        self.progress = done, total

    def _run(self) -> None:
        self._future.set_running_or_notify_cancel()
        try:
            self._records.begin(self.id, bucket=self._omega.bucket)
            with (
                self._omega.leases.keeping(self),
                fenced(self.fence),
                called_by_argument(self._temporary),
            ):
                value = self._work(self)
            outcome = outcomes.success(outcomes.encode_result(value, self._omega))
            self._record("success", outcome)
            self._discard_inputs()  # before anybody hears of the end, and lists what is there
            with suppress(InvalidStateError):  # it was cancelled meanwhile
                self._future.set_result(value)
        except BaseException as exc:
            self._cancel_parts()
            self._record("failure", outcomes.failure(exc))
            self._discard_inputs()
            with suppress(InvalidStateError):
                self._future.set_exception(exc)
        finally:
            self._under_way.discard(self)
            self._over.set()

    def _discard_inputs(self) -> None:
        for name in self._temporary:
            # Closed already, or out of reach: then the collector drops it in its time.
            with suppress(OmegaError, PyMongoError):
                self._omega.datasets.discard(name)

    def _record(self, status: Any, outcome: str) -> None:
        try:
            record = self._records.end(self.id, status, outcome, durable=self.fence.stored)
            if record is not None and record.barred is not None and status == "success":
                self._records.overrule(self.id, outcome)  # it was barred too late
        except (OmegaError, PyMongoError):
            log.warning("Task %s has ended, and its record could not be written.", self.id)

    def _cancel(self) -> bool:
        if self._future.done() or not bar(self.id, "cancelled", self._omega):
            return False
        database = self._records.database
        if any(committed_version(database, key, self.id) for key in self._targets):
            return False  # whoever does the work is about to say so
        with suppress(InvalidStateError):
            self._future.set_exception(refusal(self.id, "cancelled"))
        self._cancel_parts()
        return True

    def _cancel_parts(self) -> None:
        """Cancel the tasks under way, and read no more of what those returned that are over."""
        for part in list(self.parts):
            with suppress(Exception):
                if not part.cancel() and part.done():
                    part.get(0)  # removes what was stored for its reader
