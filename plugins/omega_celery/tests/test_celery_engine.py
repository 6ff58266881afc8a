"""Tasks on workers of Celery: what is different there from a pool of threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import ConfigError, EngineError
from omega_core.testing.child_processes import Child
from omega_core.testing.engine_model import KitModel
from omega_core.testing.engines import Gate, until

from .conftest import Broker, Workers

Configure = Callable[..., dict[str, Any]]


def test_what_is_more_urgent_is_done_first(
    make_broker: Callable[[], Broker], make_config: Configure, tmp_path: Path, gate: Gate
) -> None:
    config = make_config(make_broker(), "celery_urgent")
    with Omega(config) as om:
        om.models.put(KitModel(), "m")
        for priority in (-5, 0, 4):
            options = {"after": str(gate.directory), "factor": priority}
            om.runtime.model("m", priority=priority).fit([1.0], **options)
        workers = Workers(config, tmp_path, "--concurrency", "1")
        gate.open()
        until(lambda: len(om.models.versions("m")) == 4)
        totals = [om.models.get("m", version=version).total for version in (2, 3, 4)]
        assert totals == [4.0, 0.0, -5.0]
        assert workers.stop() == 0


def test_a_process_that_does_not_end_in_time_is_killed(
    om: Omega, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omega_celery.engine._GRACE", 0.5)
    om.models.put(KitModel(), "m")
    late = om.runtime.model("m", timeout=0.2).fit([1.0], gate=str(gate.directory))
    [process] = gate.begun()
    assert isinstance(late.exception(60), TimeoutError)
    until(lambda: not Path(f"/proc/{process}").exists())
    assert om.models.metadata("m").version == 1


def test_a_forked_child_connects_for_itself(om: Omega) -> None:
    om.models.put(KitModel(4.0, 2), "m")
    om.runtime.model("m").predict([1.0]).get(60)

    def child(tell: Callable[[Any], None]) -> list[float]:
        predicted: list[float] = om.runtime.model("m").predict([1.0]).get(60)
        om.close()
        return predicted

    with Child(child) as forked:
        assert forked.result() == [2.0]
    assert om.runtime.model("m").predict([1.0]).get(60) == [2.0]


# --- a broker that is gone -----------------------------------------------------------------------


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"])
def test_a_broker_that_is_not_there_is_our_error_within_the_timeout(
    make_omega: Callable[..., Omega], broker: str
) -> None:
    section = {"broker": broker, "timeout": 1.0}
    om = make_omega(runtime={"engine": "celery"}, plugins={"celery": section})
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"broker of \[plugins\.celery\] does not answer"):
        om.runtime.model("m").predict([1.0])
    assert time.monotonic() - began < 10
    assert om.datasets.list(hidden=True) == []


@pytest.mark.parametrize("go", [Broker.kill, Broker.pause])
def test_a_broker_that_goes_ends_the_wait_for_it(
    make_broker: Callable[[], Broker], make_config: Configure, go: Callable[[Broker], None]
) -> None:
    broker = make_broker()  # without workers, so that nothing is done
    with Omega(make_config(broker, "celery_gone", timeout=1.0)) as om:
        om.models.put(KitModel(), "m")
        waiting = om.runtime.model("m").predict([1.0])
        go(broker)
        with pytest.raises(EngineError, match=r"om\.runtime\.result"):
            waiting.get(30)
        with pytest.raises(EngineError, match="does not answer"):
            om.runtime.model("m").predict([1.0])


def test_a_broker_that_comes_back_is_used_again(
    make_broker: Callable[[], Broker], make_config: Configure
) -> None:
    broker = make_broker()
    with Omega(make_config(broker, "celery_again")) as om:
        om.models.put(KitModel(), "m")
        om.runtime.model("m").predict([1.0])
        broker.kill()
        broker.start()
        om.runtime.model("m").predict([1.0])
        with broker.client() as client:
            # One before it was killed, which it has kept, and one after.
            assert sum(client.llen(key) for key in client.keys("omega*")) == 2


# --- mistakes in the configuration ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "broker is not set"),
        ({"broker": "nosuch://user:hunter2@host"}, "no URL of a broker"),
        ({"broker": "redis://h", "tls_ca": "ca.pem"}, "are for rediss:// and amqps://"),
        ({"broker": "redis://h", "tls_key": "key.pem"}, "go together"),
        ({"broker": "redis://h", "queue": ""}, "not empty"),
        ({"broker": "redis://h", "timeout": 0.0}, "more than 0"),
    ],
)
def test_a_mistake_in_the_section_is_told(
    make_omega: Callable[..., Omega], section: dict[str, Any], message: str
) -> None:
    om = make_omega(runtime={"engine": "celery"}, plugins={"celery": section})
    with pytest.raises(ConfigError, match=message) as told:
        om.runtime.model("m").predict([1.0])
    assert "hunter2" not in str(told.value)
