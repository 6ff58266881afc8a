"""The worker process: one `Omega`, made from its own configuration, and the tasks that it gets."""

from __future__ import annotations

import os
import threading

from .omega import Omega
from .runtime import outcomes
from .runtime.execution import perform
from .runtime.task import Task


def run_task(text: str, omega: Omega | None = None) -> str:
    """Execute a task, given as JSON, and return how it ended, as JSON. What every worker calls.

    Whatever the action returns or raises is in the record of the task, and not in what is returned:
    that goes by way of the engine, which is to see no data. Only where nothing could be recorded,
    the error is.

    Parameters
    ----------
    text
        What `Task.to_json` returned.
    omega
        Who executes it; by default the one `Omega` of this process, which is made at the first
        task, from the configuration of this process.

    Raises
    ------
    IntegrityError
        The text is no task.
    """
    task = Task.from_json(text)
    try:
        ended = perform(task, _of_this_process() if omega is None else omega, stores=True)
    except Exception as exc:  # the configuration is wrong, or the server does not answer
        return outcomes.failure(exc)
    return outcomes.recorded(ended.outcome) if ended.recorded else ended.outcome


class _Process:
    """The `Omega` of a process; a forked child makes its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.omega: Omega | None = None


_process = _Process()


def _of_this_process() -> Omega:
    global _process
    if _process.pid != os.getpid():
        _process = _Process()
    process = _process
    with process.lock:
        if process.omega is None:
            process.omega = Omega()
        return process.omega
