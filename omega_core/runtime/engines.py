"""The engines in use: who executes tasks."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Protocol

from ..errors import PluginNotFoundError, suggestion
from ..plugins.factories import imported
from ..plugins.registry import Plugins
from .local import LocalEngine
from .result import Result
from .task import Task, Worker


class Engine(Protocol):
    """Who executes tasks. Making one connects to nothing.

    Two methods more are offered by those that have them: ``serve(**options)``, a worker of this
    engine that works until it is stopped, and ``check() -> list[str]``, which says for people what
    a worker here lacks.

    Attributes
    ----------
    honours
        The hints that it follows, of ``timeout``, ``retries``, ``priority``, ``resources`` and
        ``queue``; all others are refused. The first two are followed by `omega_core.run_task`.
    """

    honours: frozenset[str]

    def submit(self, task: Task) -> Result:
        """Take a task, and return at once what waits for it: of workers, a `RemoteResult`."""

    def close(self) -> None:
        """Let go of what the engine holds here; tasks of workers go on."""


class UnderWay(Protocol):
    """What was asked for, and is done by tasks of engines one after another."""

    def finish(self, *, cancel: bool) -> None:
        """Wait until it is over; cancel it before, where told to."""


class Engines:
    """The engines that were asked for, each made at its first task.

    Parameters
    ----------
    name
        ``[runtime] engine``.
    plugins
        Says who is there to offer one; asked at the first task, too.
    """

    def __init__(self, name: str, plugins: Callable[[], Plugins]) -> None:
        self.name = name
        self._plugins = plugins
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._engines: dict[str, Engine] = {}
        self.under_way: set[UnderWay] = set()

    def get(self, worker: Worker, name: str | None = None) -> Engine:
        """Return an engine.

        Parameters
        ----------
        worker
            The `Omega` that it is made for.
        name
            Which; by default the one that the configuration names.

        Raises
        ------
        PluginNotFoundError
            No enabled plugin offers it.
        """
        if self._pid != os.getpid():
            self._reset()  # threads and connections do not survive a fork
        wanted = self.name if name is None else name
        with self._lock:
            if wanted not in self._engines:
                asked = "[runtime] engine" if name is None else "engine="
                self._engines[wanted] = self._make(worker, wanted, asked)
            return self._engines[wanted]

    def _make(self, worker: Worker, name: str, asked: str) -> Engine:
        if name == "local":
            return LocalEngine(worker)
        plugins = self._plugins()
        if name not in plugins.engines:
            known = ["local", *plugins.engines]
            raise PluginNotFoundError(
                f"{asked}: no enabled plugin offers {name!r}.{suggestion(name, known)} "
                f"Engines: {', '.join(known)}. Correct it, or install a plugin that offers it."
                f"{plugins.not_working()}"
            )
        owner, target = plugins.engines[name]
        engine: Engine = imported(target, str(owner))(worker)
        return engine

    def close(self) -> None:
        if self._pid == os.getpid():
            interrupted = isinstance(sys.exception(), KeyboardInterrupt)
            for work in list(self.under_way):
                work.finish(cancel=interrupted)
        engines, self._engines = list(self._engines.values()), {}
        if self._pid == os.getpid():
            for engine in engines:
                engine.close()
