"""The engine ``dask``: tasks go to a Dask cluster, as text."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

from omega_core import Omega, RemoteResult, Task

from .settings import DaskSettings


class DaskEngine:
    """Lets a cluster execute tasks: one that runs, or processes of this machine.

    Nothing is connected to, or started, before the first task.
    """

    honours = frozenset({"timeout", "retries", "priority", "resources"})

    def __init__(self, omega: Omega) -> None:
        self._omega = omega
        self._settings = omega.config.section("dask", DaskSettings)
        self._lock = threading.Lock()
        self._connection: Any = None
        self._cluster: Any = None

    def submit(self, task: Task) -> RemoteResult:
        from .connection import Order

        how: dict[str, Any] = {
            key: task.hints[key] for key in ("priority", "resources") if key in task.hints
        }
        order = Order(task.id, task.to_json(), how)
        return RemoteResult(task, self._connected().submit(order), self._omega)

    def close(self) -> None:
        """End the connection; what was submitted goes on.

        Processes of this machine end when their tasks do, which is waited for; not after Ctrl-C.
        """
        with self._lock:
            connection, self._connection = self._connection, None
            cluster, self._cluster = self._cluster, None
        at_once = isinstance(sys.exception(), KeyboardInterrupt)
        try:
            if cluster is not None and connection is not None and not at_once:
                connection.wait()
        except KeyboardInterrupt:
            at_once = True
            raise
        finally:
            if connection is not None:
                connection.close()
            if cluster is not None:
                cluster.close(at_once=at_once)

    def serve(
        self, concurrency: int | None = None, resources: Mapping[str, float] | None = None
    ) -> None:
        """Be a worker until stopped: ``omega worker --engine dask``."""
        from .serving import serve

        serve(self._omega.config, concurrency, resources)

    def check(self) -> list[str]:
        """Return what is missing, each with what to do about it."""
        from .serving import check

        return check(self._omega.config)

    def _connected(self) -> Any:
        """Return a connection to a scheduler that is not given up."""
        with self._lock:
            if self._connection is not None and self._connection.lost:
                self._connection.close()
                self._connection = None
            if self._connection is None:
                self._connection = self._connect()
            return self._connection

    def _connect(self) -> Any:
        from .connection import Connection

        settings = self._settings
        if settings.scheduler is not None:
            from .tls import security

            return Connection(settings.scheduler, security(settings), settings.timeout)
        from .local_cluster import LocalCluster

        if self._cluster is not None:
            self._cluster.close(at_once=True)
        self._cluster = LocalCluster(self._omega.config, settings.processes or os.cpu_count() or 1)
        return Connection(self._cluster.address, self._cluster.security, settings.timeout)
