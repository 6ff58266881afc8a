"""A scheduler of Dask on loopback, and worker processes that ``omega worker`` starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import Client, Security

from omega_core import Omega
from omega_dask import DaskSettings
from omega_dask.tls import security

from .certificates import Certificates, make_certificates

_SCHEDULER = """
import asyncio, sys
from distributed import Client, Security
from omega_dask.nodes import scheduler

async def main(port, ca, cert, key):
    tls = ca and Security(
        require_encryption=True, tls_ca_file=ca, tls_scheduler_cert=cert, tls_scheduler_key=key
    )
    async with scheduler(security=tls or None, port=int(port)) as node:
        print(node.address, flush=True)
        await node.finished()

asyncio.run(main(*sys.argv[1:]))
"""


WORKER = [sys.executable, "-P", "-m", "omega_core", "worker", "--engine", "dask"]


class Cluster:
    """A scheduler, its workers, and the configuration of whoever uses them.

    Parameters
    ----------
    url
        The database of the workers.
    site
        Where they find the model of the tests.
    certificates
        For TLS; without, the connections are plain.
    """

    def __init__(
        self, url: str, directory: Path, site: Path, certificates: Certificates | None = None
    ) -> None:
        self.url = url
        self._directory = directory
        self._site = site
        self._certificates = certificates
        self._processes: list[subprocess.Popen[str]] = []
        self._count = 0
        self.address = ""
        self.start_scheduler()

    @property
    def section(self) -> dict[str, Any]:
        """The section ``[plugins.dask]``."""
        tls = {} if self._certificates is None else self._certificates.section
        return {"scheduler": self.address, "timeout": 10.0, **tls}

    def config(self, **section: Any) -> dict[str, Any]:
        return {
            "mongo": {"url": self.url},
            "stores": {"bucket": f"b{uuid.uuid4().hex[:12]}"},
            "runtime": {"engine": "dask"},
            "plugins": {"dask": {**self.section, **section}},
        }

    def start_scheduler(self) -> None:
        """Start it; where there was one, at its address."""
        port = self.address.rpartition(":")[2] or "0"
        made = self._certificates
        tls = ("", "", "") if made is None else (made.ca, made.cert, made.key)
        self.scheduler = self._start([sys.executable, "-P", "-c", _SCHEDULER, port, *map(str, tls)])
        assert self.scheduler.stdout is not None
        self.address = self.scheduler.stdout.readline().strip()
        assert self.address

    def environ(self, **section: Any) -> dict[str, str]:
        """The same as the configuration of a worker, in environment variables."""
        settings = {
            f"OMEGA_PLUGINS__DASK__{key.upper()}": str(value)
            for key, value in {**self.section, **section}.items()
        }
        path = {"PYTHONPATH": str(self._site)}
        return {"OMEGA_MONGO__URL": self.url, **path, **settings}

    def start_workers(self, count: int, *arguments: str, **section: Any) -> None:
        """Let ``omega worker`` start as many processes, and wait until the scheduler has them."""
        self._count += count
        command = [*WORKER, "--concurrency", str(count), *arguments]
        self._start(command, self.environ(**section))
        self.wait_for_workers(self._count)

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        security = self._security
        with Client(self.address, security=security, set_as_default=False, timeout=20) as client:
            yield client

    def wait_for_workers(self, count: int) -> None:
        """Wait until the scheduler has so many processes that execute tasks."""
        with self.client() as client:
            client.wait_for_workers(count, timeout=60)

    def listening(self) -> set[str]:
        """Return the addresses at which its processes listen."""
        pids = {process.pid for process in self._processes}
        for process in self._processes:
            pids |= {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
        return {
            connection.laddr.ip
            for connection in psutil.net_connections(kind="inet")
            if connection.pid in pids and connection.status == psutil.CONN_LISTEN
        }

    def close(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    @property
    def _security(self) -> Security | None:
        if self._certificates is None:
            return None
        return security(DaskSettings(**self._certificates.secrets(self.section)))

    def _start(
        self, command: list[str], environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env={**os.environ, "DASK_LOGGING__DISTRIBUTED": "warning", **(environ or {})},
            cwd=self._directory,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._processes.append(process)
        return process


@pytest.fixture(scope="module", autouse=True)
def kit(engine_kit: Path) -> None:
    """Install the model that acts here, for as long as the tests of a module run."""


@pytest.fixture(scope="session")
def make_cluster(
    mongo_url: str, tmp_path_factory: pytest.TempPathFactory, engine_site: Path
) -> Iterator[Callable[..., Cluster]]:
    """Start a cluster; all are killed at the end."""
    made: list[Cluster] = []

    def make(**options: Any) -> Cluster:
        url = f"{mongo_url}/dask_{uuid.uuid4().hex[:12]}"
        made.append(Cluster(url, tmp_path_factory.mktemp("dask"), engine_site, **options))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def cluster(make_cluster: Callable[..., Cluster], certificates: Certificates) -> Cluster:
    """A scheduler and two worker processes, whose connections are encrypted."""
    found = make_cluster(certificates=certificates)
    found.start_workers(2, "--resource", "GPU=1")
    return found


@pytest.fixture
def om(cluster: Cluster) -> Iterator[Omega]:
    """An `Omega` in a bucket of its own, whose engine is the cluster."""
    with Omega(cluster.config()) as made:
        yield made
