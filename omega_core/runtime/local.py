"""The local engine: a pool of threads in this process.

Not a `concurrent.futures.ThreadPoolExecutor`: the interpreter waits for the threads of that one
when it exits, also after Ctrl-C, for as long as a fit takes. Here it waits for tasks as long as
somebody wants them.
"""

from __future__ import annotations

import heapq
import itertools
import os
import sys
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import Any

from pymongo.errors import PyMongoError

from ..errors import OmegaError
from ..protocol.fence import refusal
from ..protocol.task_records import TaskRecords
from .execution import bar, discard_inputs, perform
from .result import Result
from .task import Task, Worker

_IDLE = 10.0
"""Seconds after which a thread without work ends."""

_POLL = 0.1


class LocalEngine:
    """Executes tasks here. The libraries that do the work release the interpreter lock.

    ``[runtime] workers`` says how many at a time; by default, as many as there are cores.

    The process does not end before its tasks do, except those that were cancelled, and after
    Ctrl-C: a thread cannot be stopped, so what is under way then goes on until the process ends,
    and is cut off there. Nothing is torn by that: what was not committed is not there, and what was
    cancelled stores nothing any more.

    Of what waits, the task of the highest ``priority`` is next, 0 where none is given.
    """

    honours = frozenset({"timeout", "retries", "priority"})
    in_process = True

    def __init__(self, omega: Worker) -> None:
        self._omega = omega
        self._workers = omega.config.runtime.workers or os.cpu_count() or 1
        self._change = threading.Condition()
        self._queue: list[tuple[int, int, _LocalFuture]] = []
        self._count = itertools.count()
        self._wanted: set[_LocalFuture] = set()
        self._threads = 0
        self._idle = 0
        self._keeper: threading.Thread | None = None
        self._closed = False

    def submit(self, task: Task) -> Result:
        future = _LocalFuture(task, self._omega.records)
        waits = -task.hints.get("priority", 0), next(self._count), future
        with self._change:
            if self._closed:
                raise RuntimeError("this engine is closed")
            self._wanted.add(future)
            heapq.heappush(self._queue, waits)
            self._change.notify_all()
            if self._idle < len(self._queue) and self._threads < self._workers:
                self._start_worker()
            if self._keeper is None:
                # Not a daemon: the interpreter waits for it, and so for the tasks that are wanted.
                self._keeper = threading.Thread(target=self._keep, name="omega-local-keeper")
                self._keeper.start()
        self._omega.leases.keep(future)
        future.add_done_callback(lambda _: self._unwanted(future))
        return Result(
            task.id,
            future,
            cancel=partial(self._cancel, future),
            progress=lambda: future.progress,
            bar=self._omega.config.ui.progress == "auto",
        )

    def close(self) -> None:
        """Cancel what has not begun, and wait for the rest; not after Ctrl-C."""
        interrupted = isinstance(sys.exception(), KeyboardInterrupt)
        with self._change:
            self._closed = True
            wanted = list(self._wanted)
        for future in wanted:
            if interrupted or not future.running():
                # The server may be gone; then nothing is stored anyway.
                with suppress(OmegaError, PyMongoError):
                    self._cancel(future)
        with self._change:
            self._change.wait_for(lambda: not self._wanted)

    # --- its parts ---------------------------------------------------------------------------

    def _start_worker(self) -> None:
        self._threads += 1
        name = f"omega-local_{self._threads}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._change:
                self._idle += 1
                self._change.wait_for(lambda: self._queue, _IDLE)
                self._idle -= 1
                if not self._queue:
                    self._threads -= 1
                    return
                _, _, future = heapq.heappop(self._queue)
            if not future.done() and future.set_running_or_notify_cancel():
                self._execute(future)
            else:
                discard_inputs(future.task, self._omega[future.task.bucket])
            del future, _  # an idle thread keeps no result alive

    def _execute(self, future: _LocalFuture) -> None:
        self._omega.leases.release(future)  # that of its execution is kept now
        task = future.task
        try:
            ended = perform(
                task, self._omega, stores=False, watch=future.watch, timed_out=future.time_out
            )
        except BaseException as exc:
            future.end(exc)
            return
        if ended.error is not None:
            future.end(ended.error)
            return
        with suppress(InvalidStateError):  # it was cancelled meanwhile
            future.set_result(ended.value)

    def _cancel(self, future: _LocalFuture) -> bool:
        """Cancel a task, also one that is under way; in any case nothing waits for it any more."""
        before = future.cancel()
        self._unwanted(future)
        task = future.task
        if not future.done() or before:
            before = bar(task.id, "cancelled", self._omega[task.bucket], task) or before
        if before:
            future.end(refusal(task.id, "cancelled"))
        return before

    def _unwanted(self, future: _LocalFuture) -> None:
        with self._change:
            self._wanted.discard(future)
            if future.done():
                self._omega.leases.release(future)
            self._change.notify_all()

    def _keep(self) -> None:
        """Live as long as there are tasks that somebody wants."""
        with self._change:
            while self._wanted and not interrupted():
                self._change.wait(_POLL)
            self._keeper = None


class _LocalFuture(Future[Any]):
    """The future of a task, which knows how far it is."""

    def __init__(self, task: Task, records: TaskRecords) -> None:
        super().__init__()
        self.task = task
        self.progress: tuple[float, float | None] | None = None
        self._records = records

    def renew(self) -> None:
        """Say, for as long as it waits, that whoever submitted it is alive."""
        self._records.renew(self.task.id)

    def watch(self, done: float, total: float | None) -> None:
        self.progress = done, total

    def time_out(self) -> None:
        self.end(refusal(self.task.id, "timeout"))

    def end(self, error: BaseException) -> None:
        """Let whoever waits know, unless they know already."""
        with suppress(InvalidStateError):
            self.set_exception(error)


def interrupted() -> bool:
    """Return whether the program has ended by Ctrl-C, and only its threads go on."""
    ended = not threading.main_thread().is_alive()
    return ended and getattr(sys, "last_type", None) is KeyboardInterrupt
