"""The local engine: a pool of threads in this process.

Not a `concurrent.futures.ThreadPoolExecutor`: the interpreter waits for the threads of that one
when it exits, also after Ctrl-C, for as long as a fit takes. Here it waits for tasks as long as
somebody wants them.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from pymongo.errors import PyMongoError

from ..errors import OmegaError
from .result import Result
from .task import Task, Worker, execute

_IDLE = 10.0
"""Seconds after which a thread without work ends."""

_POLL = 0.1


class LocalEngine:
    """Executes tasks here. The libraries that do the work release the interpreter lock.

    ``[runtime] workers`` says how many at a time; by default, as many as there are cores.

    The process does not end before its tasks do, except those that were cancelled, and after
    Ctrl-C: a thread cannot be stopped, so what is under way then goes on until the process ends,
    and is cut off there. Nothing is torn by that: what was not committed is not there.
    """

    def __init__(self, omega: Worker) -> None:
        self._omega = omega
        self._workers = omega.config.runtime.workers or os.cpu_count() or 1
        self._change = threading.Condition()
        self._queue: deque[tuple[_LocalFuture, Task]] = deque()
        self._wanted: set[_LocalFuture] = set()
        self._threads = 0
        self._idle = 0
        self._keeper: threading.Thread | None = None
        self._closed = False

    def submit(self, task: Task) -> Result:
        future = _LocalFuture(self._unwanted)
        with self._change:
            if self._closed:
                raise RuntimeError("this engine is closed")
            self._wanted.add(future)
            self._queue.append((future, task))
            self._change.notify_all()
            if self._idle < len(self._queue) and self._threads < self._workers:
                self._start_worker()
            if self._keeper is None:
                # Not a daemon: the interpreter waits for it, and so for the tasks that are wanted.
                self._keeper = threading.Thread(target=self._keep, name="omega-local-keeper")
                self._keeper.start()
        future.add_done_callback(self._unwanted)
        return Result(task.id, future)

    def close(self) -> None:
        """Cancel what has not begun, and wait for the rest; not after Ctrl-C."""
        interrupted = isinstance(sys.exception(), KeyboardInterrupt)
        with self._change:
            self._closed = True
            wanted = list(self._wanted)
        for future in wanted:
            if interrupted or not future.running():
                future.cancel()
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
                future, task = self._queue.popleft()
            if future.set_running_or_notify_cancel():
                self._execute(future, task)
            else:
                self._discard(task)
            del future, task  # an idle thread keeps no result alive

    def _execute(self, future: _LocalFuture, task: Task) -> None:
        try:
            result = execute(task, self._omega)
        except BaseException as exc:
            future.set_exception(exc)
        else:
            future.set_result(result)

    def _discard(self, task: Task) -> None:
        """Remove what was stored for a task that is not executed."""
        for name in task.temporary:
            # Closed already, or out of reach: then the collector drops it in its time.
            with suppress(OmegaError, PyMongoError):
                self._omega[task.bucket].datasets.discard(name)

    def _unwanted(self, future: Any) -> None:
        with self._change:
            self._wanted.discard(future)
            self._change.notify_all()

    def _keep(self) -> None:
        """Live as long as there are tasks that somebody wants."""
        with self._change:
            while self._wanted and not _interrupted():
                self._change.wait(_POLL)
            self._keeper = None


class _LocalFuture(Future[Any]):
    def __init__(self, unwanted: Any) -> None:
        super().__init__()
        self._unwanted = unwanted

    def cancel(self) -> bool:
        """Cancel the task if it has not begun; else, let nobody wait for its end any more."""
        cancelled = super().cancel()
        self._unwanted(self)
        return cancelled


def _interrupted() -> bool:
    """Return whether the program has ended by Ctrl-C, and only its threads go on."""
    ended = not threading.main_thread().is_alive()
    return ended and getattr(sys, "last_type", None) is KeyboardInterrupt
