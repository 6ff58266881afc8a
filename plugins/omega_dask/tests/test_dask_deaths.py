"""Whoever dies meanwhile: one version is stored, and the result is found again by its id."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from omega_core import Omega, Task
from omega_core.testing.engine_deaths import EngineDeathTests, assert_fitted_once
from omega_core.testing.held_model import HeldModel, wait_until
from omega_dask.worker import run_task

from .conftest import Cluster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mortal(make_cluster: Callable[..., Cluster]) -> Iterator[Cluster]:
    """A cluster of two worker processes, which are replaced when they die."""
    found = make_cluster()
    found.start_workers(2)
    yield found
    found.close()


class TestDeaths(EngineDeathTests):
    @pytest.fixture
    def om(self, mortal: Cluster) -> Iterator[Omega]:
        mortal.wait_for_workers(2)
        with Omega(mortal.config(timeout=60.0)) as made:
            yield made

    def test_a_worker_dies_that_holds_the_result(
        self, om: Omega, mortal: Cluster, model: HeldModel
    ) -> None:
        om.models.put(model, "held")
        om.datasets.put([1.0, 2.0], "X")
        model.let_go()
        task = Task("held-1", om.bucket, "models", "held", "fit", {"X": "X", "pure_python": True})
        with mortal.client() as client:
            held = client.submit(run_task, task.to_json(), key=task.id, pure=False)
            wait_until(held.done)
            [[holder]] = client.who_has([held]).values()
            [victim] = model.wait_for_fits(1)
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: holder not in client.scheduler_info(-1)["workers"])
            assert '"version": 2' in held.result(60)
        om.datasets.drop("X")
        assert_fitted_once(om, task.id)
        assert len(model.wait_for_fits(1)) == 1

    def test_the_scheduler_dies(self, om: Omega, mortal: Cluster, model: HeldModel) -> None:
        om.models.put(model, "held")
        result = om.runtime.model("held").fit([1.0, 2.0])
        model.wait_for_fits(1)
        mortal.scheduler.kill()
        mortal.scheduler.wait()
        mortal.start_scheduler()
        model.let_go()
        assert result.get(60).version == 2
        assert_fitted_once(om, result.id)
