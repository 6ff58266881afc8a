"""Whoever dies meanwhile: one version is stored, and the result is found again by its id."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import TaskLostError
from omega_core.testing.engine_model import KitModel
from omega_core.testing.engines import Gate, until

from .conftest import Broker, Workers

pytestmark = pytest.mark.slow

DATABASE = "celery_deaths"
FOUND_OUT = re.compile(rb"Couldn't ack|Connection to broker lost")
Start = Callable[..., Workers]


@pytest.fixture(scope="module")
def mortal(make_broker: Callable[[], Broker]) -> Broker:
    """A broker of these tests alone."""
    return make_broker()


@pytest.fixture(scope="module")
def start(
    mortal: Broker,
    make_config: Callable[..., dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Start]:
    """Start a worker, unless there is one."""
    running: list[Workers] = []

    def start(**section: Any) -> Workers:
        if not running or running[-1].dead:
            config = make_config(mortal, DATABASE, **section)
            running.append(Workers(config, tmp_path_factory.mktemp("celery")))
        return running[-1]

    yield start
    for workers in running:
        workers.kill()


@pytest.fixture
def om(mortal: Broker, start: Start, make_config: Callable[..., dict[str, Any]]) -> Iterator[Omega]:
    start()
    with Omega(make_config(mortal, DATABASE, timeout=60.0)) as made:
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


def test_a_process_in_the_middle_of_a_fit(om: Omega, gate: Gate) -> None:
    result = om.runtime.model("m").fit([1.0, 2.0], gate=str(gate.directory))
    [victim] = gate.begun()
    os.kill(victim, signal.SIGKILL)
    assert len(set(gate.begun(2))) == 2
    gate.open()
    assert result.get(60).version == 2
    assert_fitted_once(om, result.id)


def test_a_process_that_has_stored_and_not_yet_told(om: Omega, gate: Gate) -> None:
    result = om.runtime.model("m").fit([1.0, 2.0], after=str(gate.directory))
    [victim] = gate.begun()
    os.kill(victim, signal.SIGKILL)
    assert result.get(60).version == 2
    assert_fitted_once(om, result.id)
    assert gate.begun() == [victim]  # the next one found what was stored


def test_a_task_that_kills_its_workers_is_given_up(om: Omega, gate: Gate) -> None:
    result = om.runtime.model("m").fit([1.0, 2.0], gate=str(gate.directory))
    for time in range(4):
        os.kill(gate.begun(time + 1)[time], signal.SIGKILL)
    with pytest.raises(TaskLostError, match="was begun 4 times"):
        result.get(60)
    assert om.models.metadata("m").version == 1
    until(lambda: om.datasets.list(hidden=True) == [])


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


# More than once, as a worker has to find out again on each connection that it makes.
@pytest.mark.parametrize("back", ["at once", "when tasks have ended", "the same again"])
def test_the_broker(om: Omega, mortal: Broker, start: Start, gate: Gate, back: str) -> None:
    # Two tasks are under way, as many as the worker may have, and another waits in the queue.
    busy = [om.runtime.model("m").score([0.0], gate=str(gate.directory)) for _ in range(2)]
    gate.begun(2)
    result = om.runtime.model("m").fit([1.0, 2.0])
    said = len(start().log.read_bytes())
    mortal.kill()
    gate.open()
    if back != "at once":
        for scored in busy:
            scored.exception(60)
        # The worker finds out when it tells the broker, or before.
        until(lambda: FOUND_OUT.search(start().log.read_bytes()[said:]))
    mortal.start()
    assert result.get(60).version == 2
    for scored in busy:
        scored.exception(60)
    assert_fitted_once(om, result.id)


def test_all_of_a_worker(om: Omega, start: Start, gate: Gate) -> None:
    result = om.runtime.model("m").fit([1.0, 2.0], gate=str(gate.directory))
    gate.begun()
    start().kill()
    # Less than a worker takes to start: it looks then, and again only a hundred seconds later.
    start(visibility=0.1)
    gate.begun(2)
    gate.open()
    assert result.get(60).version == 2
    assert_fitted_once(om, result.id)
