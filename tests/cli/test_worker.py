"""``omega worker``: it serves the engine that it is told to, and says what it would lack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega

Run = Callable[..., Any]
Install = Callable[..., None]

ENGINE = """
import os
from omega_core import hookimpl

class Engine:
    honours = frozenset()

    def __init__(self, omega):
        self.omega = omega

    def serve(self, concurrency=1, queues=("all",)):
        print(f"serving {self.omega.bucket} with {concurrency} from {', '.join(queues)}")

    def check(self):
        return ["The wire is cut. Mend it."] if "WIRE_IS_CUT" in os.environ else []

    def close(self):
        pass

@hookimpl
def engines():
    return {"acme": Engine}
"""

MODELS = """
from omega_core import BackendSpec, BaseModelBackend

class Models(BaseModelBackend):
    def put(self, obj, name, attributes=None, **kwargs):
        meta = self.model_store.make_metadata(name, "acme.model", attributes=attributes)
        meta.kind_meta = dict(obj)
        return meta.save()

    def get(self, name, **kwargs):
        return self.model_store.metadata(name).kind_meta

@hookimpl
def backends():
    return [BackendSpec("acme.model", Models)]
"""


@pytest.fixture
def acme(install: Callable[..., str]) -> None:
    install("acme", ENGINE)


@pytest.fixture
def om(make_omega: Callable[..., Omega], acme: None) -> Omega:
    """The same database that the command uses."""
    return make_omega(security={"pickle": "allow"})


def lines(done: Any) -> list[str]:
    found: list[str] = done.stdout.splitlines()
    return found


# --- serving -----------------------------------------------------------------------------------


def test_a_worker_serves_until_it_is_stopped(omega: Run, acme: None) -> None:
    options = ("--concurrency", "3", "--queue", "a", "--queue", "b")
    done = omega("--bucket", "team", "worker", "--engine", "acme", *options)
    assert done.exit_code == 0, done.output
    assert lines(done) == ["serving team with 3 from a, b"]


def test_by_default_it_is_the_engine_of_the_configuration(
    omega: Run, acme: None, config_file: Path
) -> None:
    config_file.write_text('[runtime]\nengine = "acme"\n')
    assert lines(omega("worker")) == ["serving default with 1 from all"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "local"], "has no workers"),
        (["--engine", "acme", "--resource", "GPU=1"], "takes no --resource"),
        (["--engine", "acme", "--resource", "GPU"], "expected NAME=AMOUNT"),
    ],
)
def test_what_an_engine_cannot_do_is_a_wrong_command_line(
    omega: Run, acme: None, arguments: list[str], message: str
) -> None:
    done = omega("worker", *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_an_engine_that_nobody_offers_is_told(omega: Run, acme: None) -> None:
    done = omega("worker", "--engine", "acmee")
    assert done.exit_code == 1
    assert "no enabled plugin offers 'acmee'. Did you mean 'acme'?" in done.stderr


# --- whether it is ready -----------------------------------------------------------------------


def test_what_lacks_nothing_is_ready(omega: Run, acme: None) -> None:
    done = omega("worker", "--engine", "acme", "--check")
    assert (done.exit_code, lines(done)) == (0, ["ready"])
    document = json.loads(omega("worker", "--engine", "acme", "--check", "--json").stdout)
    assert document == {"engine": "acme", "ready": True, "missing": []}


def test_what_the_engine_lacks_is_one_line_with_its_remedy(
    omega: Run, acme: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIRE_IS_CUT", "1")
    done = omega("worker", "--engine", "acme", "--check")
    assert (done.exit_code, lines(done)) == (1, ["✗ engine: The wire is cut. Mend it."])
    done = omega("worker", "--engine", "acme", "--check", "--json")
    assert done.exit_code == 1
    [missing] = json.loads(done.stdout)["missing"]
    assert (missing["check"], missing["message"]) == ("engine", "The wire is cut. Mend it.")


def test_a_plugin_that_does_not_load_is_told(
    omega: Run, acme: None, install: Callable[..., str]
) -> None:
    install("broken", "import no_such_library")
    done = omega("worker", "--engine", "acme", "--check")
    assert done.exit_code == 1
    assert "no_such_library" in done.stdout


def test_a_server_that_does_not_answer_is_told(
    omega: Run, acme: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMEGA_MONGO__TIMEOUT", "0.2")
    url = ("--url", "mongodb://127.0.0.1:1/omega")
    done = omega(*url, "worker", "--engine", "acme", "--check")
    assert done.exit_code == 1
    assert [line.split(":")[0] for line in lines(done)] == ["✗ server"]


@pytest.mark.needs_plugins("pandas", "sklearn")
def test_a_model_that_cannot_be_read_here_is_told(omega: Run, om: Omega) -> None:
    from sklearn.linear_model import LinearRegression

    om["team"].models.put(LinearRegression(), "risky", kind="sklearn.joblib")
    om.models.put(LinearRegression(), "fine")
    done = omega("worker", "--engine", "acme", "--check")
    assert done.exit_code == 1
    [risky] = lines(done)
    assert risky.startswith("✗ models: models/'risky' in bucket 'team'")
    assert '[security] pickle = "allow"' in risky


def test_a_model_that_a_later_version_wrote_is_told(
    omega: Run, make_omega: Callable[..., Omega], install: Callable[..., str], site: Path
) -> None:
    install("acme", ENGINE + MODELS, version="99.0")
    with make_omega() as om:
        om.models.put({"a": 1}, "new", kind="acme.model")
    about = site / "omega_acme-99.0.dist-info" / "METADATA"
    about.write_text(about.read_text().replace("99.0", "1.0"))
    done = omega("worker", "--engine", "acme", "--check")
    assert done.exit_code == 1
    [versions] = lines(done)
    assert "omega-acme is 1.0 here, and 99.0 wrote 1 of the models, such as 'new'" in versions
    assert versions.endswith("pip install -U 'omega-acme>=99.0'")
