"""The local engine: a pool of threads in this process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .result import Result
from .task import Task, execute

if TYPE_CHECKING:
    from ..omega import Omega


class LocalEngine:
    """Executes tasks here. The libraries that do the work release the interpreter lock.

    ``[runtime] workers`` says how many at a time; by default, as many as there are cores.
    """

    def __init__(self, omega: Omega) -> None:
        self._omega = omega
        workers = omega.config.runtime.workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="omega-local")

    def submit(self, task: Task) -> Result:
        return Result(task.id, self._pool.submit(execute, task, self._omega))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
