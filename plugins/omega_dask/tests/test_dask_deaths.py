"""Whoever dies meanwhile: one version is stored, and the result is found again by its id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import pytest

from omega_core import Omega, Task
from omega_core.errors import EngineError
from omega_core.testing.engine_model import KitModel
from omega_core.testing.engines import Gate, until
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


@pytest.fixture
def om(mortal: Cluster) -> Iterator[Omega]:
    mortal.wait_for_workers(2)
    with Omega(mortal.config(timeout=60.0)) as made:
        made.models.put(KitModel(), "m")
        yield made


def assert_fitted_once(om: Omega, id: str) -> None:
    """Assert what every death has to leave behind: one fit, a result, no temporary dataset."""
    found = om.runtime.result(id)
    until(found.done)
    assert found.get().version == 2
    assert [version.version for version in om.models.versions("m")] == [1, 2]
    assert om.models.get("m") == KitModel(3.0, 2)
    om.gc(0)
    until(lambda: om.datasets.list(hidden=True) == [])


def test_a_worker_in_the_middle_of_a_fit(om: Omega, gate: Gate) -> None:
    result = om.runtime.model("m").fit([1.0, 2.0], gate=str(gate.directory))
    [victim] = gate.begun()
    os.kill(victim, signal.SIGKILL)
    assert len(set(gate.begun(2))) == 2
    gate.open()
    assert result.get(60).version == 2
    assert_fitted_once(om, result.id)


def test_a_worker_that_holds_the_result(om: Omega, mortal: Cluster, gate: Gate) -> None:
    om.datasets.put([1.0, 2.0], "X")
    gate.open()
    options = {"gate": str(gate.directory)}
    task = Task("held", om.bucket, "models", "m", "fit", {"X": "X"}, options)
    with mortal.client() as client:
        held = client.submit(run_task, task.to_json(), key=task.id, pure=False)
        until(held.done)
        [[holder]] = client.who_has([held]).values()
        [victim] = gate.begun()
        os.kill(victim, signal.SIGKILL)
        until(lambda: holder not in client.scheduler_info()["workers"])
        assert json.loads(held.result(60)) == {"status": "success", "recorded": True}
        assert om.runtime.result(task.id).get().version == 2
    om.datasets.drop("X")
    assert_fitted_once(om, task.id)
    assert len(gate.begun()) == 1


def test_a_task_that_kills_its_workers_is_given_up(om: Omega, gate: Gate) -> None:
    result = om.runtime.model("m").fit([1.0, 2.0], gate=str(gate.directory))
    for time in range(4):
        os.kill(gate.begun(time + 1)[time], signal.SIGKILL)
    with pytest.raises(EngineError, match="4 workers of Dask died"):
        result.get(60)
    assert om.models.metadata("m").version == 1


def test_the_client(om: Omega, gate: Gate) -> None:
    program = f"""
        import sys
        from omega_core import Omega
        om = Omega({om.config.to_dict(redact=False)!r})
        print(om.runtime.model("m").fit([1.0, 2.0], gate={str(gate.directory)!r}).id, flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdout is not None
        id = client.stdout.readline().strip()
        gate.begun()
        client.kill()
    gate.open()
    assert_fitted_once(om, id)


def test_the_scheduler(om: Omega, mortal: Cluster, gate: Gate) -> None:
    result = om.runtime.model("m").fit([1.0, 2.0], gate=str(gate.directory))
    gate.begun()
    mortal.scheduler.kill()
    mortal.scheduler.wait()
    mortal.start_scheduler()
    gate.open()
    assert result.get(60).version == 2
    assert_fitted_once(om, result.id)
