"""A Redis of the tests' own, and workers that ``omega worker`` starts."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis

from omega_core import Omega

_READY_SECONDS = 60.0


class Broker:
    """A Redis on a Unix socket, which keeps what it is told on disk, and may be killed.

    Parameters
    ----------
    directory
        Of a short path: that of a socket has at most a hundred characters.
    """

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "redis.sock"
        self._directory = directory
        self.start()

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        listening = ("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700")
        durable = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
        self._process = subprocess.Popen(
            ["redis-server", *listening, *durable, "--dir", str(self._directory)],
            stdout=subprocess.DEVNULL,
        )
        with self.client() as client:
            _until(lambda: _answers(client), "Redis does not start")

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))

    def pause(self) -> None:
        """Let it not answer, as a machine that is cut off."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Workers:
    """One ``omega worker`` and the processes that it forks."""

    def __init__(
        self,
        config: Mapping[str, Any],
        directory: Path,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        section = config["plugins"]["celery"]
        settings = {f"OMEGA_PLUGINS__CELERY__{k.upper()}": str(v) for k, v in section.items()}
        command = [sys.executable, "-P", "-m", "omega_core", "worker", "--engine", "celery"]
        self.log = directory / f"worker-{uuid.uuid4().hex[:8]}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--concurrency", "2", *arguments],
                env={
                    **os.environ,
                    "OMEGA_MONGO__URL": config["mongo"]["url"],
                    "OMEGA_STORES__LEASE": "2",
                    **settings,
                    **(environ or {}),
                },
                cwd=directory,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _until(lambda: b" ready." in self.log.read_bytes(), lambda: self.log.read_text())

    @property
    def pids(self) -> list[int]:
        """The process that takes tasks, and those that execute them."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [self._process.pid, *map(int, children.read_text().split())]

    @property
    def dead(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        """Kill all of it at once, as when the machine is lost."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Stop it as an operator does, and return its exit code."""
        self._process.terminate()
        return self._process.wait(60)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


def _until(holds: Callable[[], bool], otherwise: str | Callable[[], str]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise if isinstance(otherwise, str) else otherwise())
        select.select([], [], [], 0.02)


@pytest.fixture(scope="module", autouse=True)
def kit(engine_kit: Path) -> None:
    """Install the model that acts here, for as long as the tests of a module run."""


@pytest.fixture(scope="session")
def make_broker() -> Iterator[Callable[[], Broker]]:
    """Start a Redis; all are killed at the end."""
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server in the PATH (Debian: apt-get install redis-server)")
    made: list[Broker] = []
    with tempfile.TemporaryDirectory(prefix="omega-redis-") as directory:

        def make() -> Broker:
            home = Path(directory, str(len(made)))
            home.mkdir()
            made.append(Broker(home))
            return made[-1]

        yield make
        for broker in made:
            broker.kill()


@pytest.fixture(scope="session")
def make_config(mongo_url: str) -> Callable[..., dict[str, Any]]:
    """Make a configuration with the engine ``celery``, in a bucket of its own."""

    def make(broker: Broker, database: str, **section: Any) -> dict[str, Any]:
        return {
            "mongo": {"url": f"{mongo_url}/{database}"},
            "stores": {"bucket": f"b{uuid.uuid4().hex[:12]}"},
            "runtime": {"engine": "celery"},
            "plugins": {"celery": {"broker": broker.url, **section}},
        }

    return make


@pytest.fixture(scope="session")
def broker(make_broker: Callable[[], Broker]) -> Broker:
    """A broker that no test may harm."""
    return make_broker()


@pytest.fixture(scope="session")
def workers(
    broker: Broker,
    make_config: Callable[..., dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    engine_site: Path,
) -> Iterator[Workers]:
    """Two processes, which no test may harm."""
    config = make_config(broker, "celery_shared")
    queues = ("--queue", "omega", "--queue", "urgent")
    environ = {"PYTHONPATH": str(engine_site)}
    found = Workers(config, tmp_path_factory.mktemp("celery"), *queues, environ=environ)
    yield found
    found.kill()


@pytest.fixture
def om(
    broker: Broker, workers: Workers, make_config: Callable[..., dict[str, Any]]
) -> Iterator[Omega]:
    """An `Omega` in a bucket of its own, whose engine has two processes at work."""
    with Omega(make_config(broker, "celery_shared")) as made:
        yield made
