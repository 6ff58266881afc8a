"""What a worker of Dask does with a task; the one function that tasks name."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

import omega_core
from omega_core import Config, Omega

from .settings import DaskSettings

_NAME = "omega"


def run_task(text: str) -> str:
    """Execute the task, and return its outcome, both as JSON.

    With ``[plugins.dask] joblib`` on the worker, what joblib does in parallel meanwhile is spread
    over the cluster.
    """
    own = get_worker().plugins.get(_NAME)
    if not isinstance(own, OmegaPlugin):  # a worker that was not started by us
        return omega_core.run_task(text)
    with own.spread():
        return omega_core.run_task(text, omega=own.omega)


class OmegaPlugin(WorkerPlugin):
    """The one `Omega` of a worker process.

    Its configuration comes from the parent process, and never over a connection.
    """

    name = _NAME

    def __init__(self, config: Config) -> None:
        self._config = config
        self.omega: Omega | None = None

    def setup(self, worker: Worker) -> None:
        self.omega = Omega(self._config)

    def teardown(self, worker: Worker) -> None:
        if self.omega is not None:
            self.omega.close()

    def spread(self) -> AbstractContextManager[Any]:
        """Return the context in which a task is executed."""
        wanted = self._config.section("dask", DaskSettings).joblib
        if not wanted or importlib.util.find_spec("joblib") is None:
            return nullcontext()
        import joblib

        spread: AbstractContextManager[Any] = joblib.parallel_config(backend="dask")
        return spread
