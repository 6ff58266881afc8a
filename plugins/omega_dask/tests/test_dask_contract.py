"""The engine ``dask`` keeps the contract of all engines, over encrypted connections."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from omega_core import Omega
from omega_core.testing.engines import EngineTests

from .conftest import Cluster


class TestDask(EngineTests):
    hints = {"resources": {"GPU": 1}}  # noqa: RUF012

    @pytest.fixture
    def om(self, cluster: Cluster) -> Iterator[Omega]:
        cluster.wait_for_workers(2)  # one that was killed is replaced
        with Omega(cluster.config()) as made:
            yield made

    def kill_worker(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
