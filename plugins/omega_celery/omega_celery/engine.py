"""The engine ``celery``: tasks go to a broker, as JSON, and from there to workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from omega_core import Omega, RemoteResult, Task
from omega_core.errors import ConfigError, EngineError

from .settings import CelerySettings

_GRACE = 10.0
"""Seconds that a task has to end by itself once its time is over; then its process is killed."""

_GLANCE = 1.0


class CeleryEngine:
    """Lets workers of Celery execute tasks. Nothing is connected to before the first one."""

    honours = frozenset({"timeout", "retries", "priority", "queue"})

    def __init__(self, omega: Omega) -> None:
        self._omega = omega
        self._settings = omega.config.section("celery", CelerySettings)
        self._lock = threading.Lock()
        self._broker: Any = None

    def submit(self, task: Task) -> RemoteResult:
        hints, broker = task.hints, self._connected()
        broker.publish(
            task.id,
            task.to_json(),
            queue=hints.get("queue"),
            priority=hints.get("priority", 0),
            time_limit=hints["timeout"] + _GRACE if "timeout" in hints else None,
        )
        return RemoteResult(task, _Waiting(broker), self._omega)

    def close(self) -> None:
        """End the connection; what was submitted goes on."""
        with self._lock:
            broker, self._broker = self._broker, None
        if broker is not None:
            broker.close()

    def serve(self, concurrency: int | None = None, queues: Sequence[str] | None = None) -> None:
        """Be a worker until stopped: ``omega worker --engine celery``."""
        from .app import application
        from .serving import serve

        serve(application(self._settings), self._omega, concurrency, queues)

    def check(self) -> list[str]:
        """Return what is missing, each with what to do about it."""
        try:
            self._connected().check()
        except (ConfigError, EngineError) as exc:
            return [str(exc)]
        return []

    def _connected(self) -> Any:
        from .app import application
        from .connection import Broker

        with self._lock:
            if self._broker is None:
                self._broker = Broker(application(self._settings), self._settings.timeout)
            return self._broker


class _Waiting:
    """A task that the broker has; the record of it says what comes of it."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker
        self._failed: EngineError | None = None

    def result(self, timeout: float | None = None) -> str:
        """Wait; raise `EngineError` where the broker is gone, and else `TimeoutError`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._failed is None:
            try:
                self._broker.watch()
            except EngineError as exc:
                self._failed = exc
                break
            left = _GLANCE if deadline is None else min(_GLANCE, deadline - time.monotonic())
            if left <= 0:
                raise TimeoutError
            time.sleep(left)
        raise self._failed

    def done(self) -> bool:
        return self._failed is not None

    def cancel(self) -> None:
        """Do nothing: a worker that takes it sees from its record that it is cancelled."""
