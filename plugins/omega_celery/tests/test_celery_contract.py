"""The engine ``celery`` keeps the contract of all engines."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from omega_core import Omega
from omega_core.testing.engines import EngineTests

from .conftest import Broker, Workers


class TestCelery(EngineTests):
    hints = {"queue": "urgent"}  # noqa: RUF012

    @pytest.fixture
    def om(
        self, broker: Broker, workers: Workers, make_config: Callable[..., dict[str, Any]]
    ) -> Iterator[Omega]:
        with Omega(make_config(broker, "celery_shared")) as made:
            yield made

    def kill_worker(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
