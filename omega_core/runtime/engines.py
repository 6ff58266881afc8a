"""The engines in use: who executes tasks."""

from __future__ import annotations

import os
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
    """Who executes tasks."""

    def submit(self, task: Task) -> Result: ...
    def close(self) -> None: ...


class Engines:
    """The engine that the configuration names, made at its first task.

    Parameters
    ----------
    name
        ``[runtime] engine``.
    plugins
        Says who is there to offer one; asked at the first task, too.
    """

    def __init__(self, name: str, plugins: Callable[[], Plugins]) -> None:
        self._name = name
        self._plugins = plugins
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def get(self, worker: Worker) -> Engine:
        """Return the engine.

        Parameters
        ----------
        worker
            The `Omega` that it is made for.

        Raises
        ------
        PluginNotFoundError
            No enabled plugin offers it.
        """
        if self._pid != os.getpid():
            self._reset()  # threads and connections do not survive a fork
        with self._lock:
            if self._engine is None:
                self._engine = self._make(worker)
            return self._engine

    def _make(self, worker: Worker) -> Engine:
        if self._name == "local":
            return LocalEngine(worker)
        plugins = self._plugins()
        if self._name not in plugins.engines:
            known = ["local", *plugins.engines]
            raise PluginNotFoundError(
                f"[runtime] engine: no enabled plugin offers {self._name!r}."
                f"{suggestion(self._name, known)} Engines: {', '.join(known)}. Correct it, or "
                f"install a plugin that offers it.{plugins.not_working()}"
            )
        owner, target = plugins.engines[self._name]
        engine: Engine = imported(target, str(owner))(worker)
        return engine

    def close(self) -> None:
        if self._pid == os.getpid() and self._engine is not None:
            self._engine.close()
        self._engine = None
