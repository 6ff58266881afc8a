"""Tasks on a cluster of Dask: what is different there from a pool of threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
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
from omega_dask.engine import DaskEngine

from .certificates import Certificates
from .conftest import WORKER, Cluster

slow = pytest.mark.slow


def test_a_key_may_be_given_as_text(cluster: Cluster, certificates: Certificates) -> None:
    with Omega(cluster.config(tls_key=certificates.key.read_text())) as om:
        om.models.put(KitModel(4.0, 2), "m")
        assert om.runtime.model("m").predict([0.0]).get(60) == [2.0]


def test_without_a_certificate_nobody_is_let_in(cluster: Cluster) -> None:
    plain = {"scheduler": cluster.address.replace("tls", "tcp"), "timeout": 2.0}
    refused = pytest.raises(EngineError, match="does not answer")
    with Omega({**cluster.config(), "plugins": {"dask": plain}}) as om, refused:
        om.runtime.model("m").fit([1.0])


def test_certificates_that_cannot_be_read_are_an_error_of_the_configuration(
    make_omega: Callable[..., Omega],
) -> None:
    files = {"tls_ca": "/no/ca.pem", "tls_cert": "/no/cert.pem", "tls_key": "/no/key.pem"}
    section = {"scheduler": "tls://127.0.0.1:1", **files}
    om = make_omega(runtime={"engine": "dask"}, plugins={"dask": section})
    with pytest.raises(ConfigError, match=r"\[plugins\.dask\] tls_ca"):
        om.runtime.model("m").predict([1.0])


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"scheduler": "127.0.0.1:8786"}, "tls://host:port"),
        ({"scheduler": "tls://h:1"}, "go together"),
        ({"tls_ca": "ca.pem"}, "go together"),
        ({"processes": 0}, "at least 1"),
        ({"timeout": 0.0}, "more than 0"),
    ],
)
def test_a_mistake_in_the_section_is_told(
    make_omega: Callable[..., Omega], section: dict[str, Any], message: str
) -> None:
    om = make_omega(runtime={"engine": "dask"}, plugins={"dask": section})
    with pytest.raises(ConfigError, match=message):
        om.runtime.model("m").predict([1.0])


# --- a scheduler that is gone --------------------------------------------------------------------


def test_a_scheduler_that_is_not_there_is_our_error_within_the_timeout(
    make_omega: Callable[..., Omega],
) -> None:
    section = {"scheduler": "tcp://127.0.0.1:1", "timeout": 1.0}
    om = make_omega(runtime={"engine": "dask"}, plugins={"dask": section})
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"tcp://127\.0\.0\.1:1 does not answer within 1 seconds"):
        om.runtime.model("m").predict([1.0])
    assert time.monotonic() - began < 10
    assert om.datasets.list(hidden=True) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_scheduler_that_goes_ends_the_wait_for_it(
    make_cluster: Callable[..., Cluster], number: signal.Signals
) -> None:
    cluster = make_cluster()  # without workers, so that nothing is done
    with Omega(cluster.config(timeout=3.0)) as om:
        om.models.put([1], "m")
        waiting = om.runtime.model("m").predict([1.0])
        cluster.scheduler.send_signal(number)
        with pytest.raises(EngineError, match=r"om\.runtime\.result"):
            waiting.get(30)
        with pytest.raises(EngineError, match="does not answer"):
            om.runtime.model("m").predict([1.0])
    cluster.close()


# --- processes of this machine -------------------------------------------------------------------


def test_without_a_scheduler_processes_of_this_machine_do_it(
    tmp_path: Path, mongo_url: str
) -> None:
    # A script without ``if __name__ == "__main__"``.
    program = f"""
        from omega_core import Omega
        from omega_core.testing.engine_model import KitModel

        om = Omega({{
            "mongo": {{"url": "{mongo_url}/dask_local"}},
            "runtime": {{"engine": "dask"}},
            "plugins": {{"dask": {{"processes": 1}}}},
        }})
        om.models.put(KitModel(), "m")
        print(om.runtime.model("m").fit([1.0]).get().version)
        last = om.runtime.model("m").fit([1.0])
        om.close()  # waits for it
        om = Omega(om.config)
        print(om.runtime.result(last.id).status)
    """
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.split() == ["2", "success"], done.stderr
    assert done.stderr == ""


def test_they_are_started_once_and_end_with_the_omega(
    make_omega: Callable[..., Omega], gate: Gate
) -> None:
    om = make_omega(runtime={"engine": "dask"}, plugins={"dask": {"processes": 1}})
    om.models.put(KitModel(), "m")
    gate.open()
    results = [om.runtime.model("m").fit([1.0], gate=str(gate.directory)) for _ in range(2)]
    om.close()
    after = make_omega()
    assert {after.runtime.result(result.id).status for result in results} == {"success"}
    [worker] = set(gate.begun(2))
    assert not Path(f"/proc/{worker}").exists()


@slow
def test_they_finish_what_was_begun_when_the_program_is_killed(mongo_url: str, gate: Gate) -> None:
    config = {
        "mongo": {"url": f"{mongo_url}/dask_local"},
        "runtime": {"engine": "dask"},
        "stores": {"bucket": "killed"},
        "plugins": {"dask": {"processes": 1}},
    }
    program = f"""
        import sys
        from omega_core import Omega

        om = Omega({config!r})
        print(om.runtime.model("m").fit([1.0], gate={str(gate.directory)!r}).id, flush=True)
        sys.stdin.read()
    """
    with Omega(config) as om:
        om.models.put(KitModel(), "m")
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as killed:
            assert killed.stdout is not None
            id = killed.stdout.readline().strip()
            [worker] = gate.begun()
            killed.kill()
        gate.open()
        found = om.runtime.result(id)
        until(found.done)
        assert found.get().version == 2
        until(lambda: not Path(f"/proc/{worker}").exists())  # and then they end


def test_nothing_listens_but_on_loopback(cluster: Cluster) -> None:
    assert cluster.listening() == {"127.0.0.1"}


# --- workers -------------------------------------------------------------------------------------


def test_a_worker_says_whether_it_is_ready(cluster: Cluster) -> None:
    def check(**section: Any) -> tuple[int, str]:
        enabled = {"OMEGA_PLUGINS__ENABLED": '["dask", "kit"]'}
        environ = {**os.environ, **cluster.environ(**section), **enabled}
        environ["OMEGA_MONGO__URL"] += "_ready"  # what other tests store needs other plugins
        command = [*WORKER, "--check"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout or done.stderr).strip()

    assert check() == (0, "ready")
    code, said = check(scheduler="tls://127.0.0.1:1", timeout=1.0)
    assert (code, said.partition(" does not answer")[0]) == (
        1,
        "✗ engine: The scheduler of Dask at tls://127.0.0.1:1",
    )


def test_a_worker_needs_a_scheduler(make_omega: Callable[..., Omega]) -> None:
    engine = DaskEngine(make_omega())
    assert "scheduler is not set" in engine.check()[0]
    with pytest.raises(ConfigError, match="scheduler is not set"):
        engine.serve()


# --- and others ----------------------------------------------------------------------------------


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


def test_a_callback_may_submit_another_task(om: Omega) -> None:
    om.models.put(KitModel(4.0, 2), "m")
    told, second = threading.Event(), list[Any]()

    def again(result: Any) -> None:
        second.append(om.runtime.model("m").predict([1.0]).get(60))
        told.set()

    om.runtime.model("m").predict([1.0]).add_done_callback(again)
    assert told.wait(60)
    assert second == [[2.0]]


def test_a_task_waits_for_what_it_asks_for(om: Omega) -> None:
    om.models.put(KitModel(4.0, 2), "m")
    too_much = om.runtime.model("m", resources={"GPU": 2}).predict([1.0])
    assert om.runtime.model("m", resources={"GPU": 1}).predict([1.0]).get(60) == [2.0]
    with pytest.raises(TimeoutError):
        too_much.get(0.1)
    assert too_much.status == "pending"
    assert too_much.cancel()
