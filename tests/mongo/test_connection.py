"""The connection: servers that do not answer, URLs that are none, forks and pickles."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Omega
from omega_core.errors import ConfigError, ServerError


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def test_a_server_that_does_not_answer_is_told_in_seconds_with_what_was_tried() -> None:
    url = f"mongodb://user:s3cret@127.0.0.1:{closed_port()}/db"
    om = Omega({"mongo": {"timeout": 1.0}}, url=url)
    with pytest.raises(ServerError) as caught:
        om.datasets.put(1, "x")
    text = str(caught.value)
    assert "127.0.0.1" in text
    assert "within 1 s" in text
    assert "[mongo] url" in text
    assert "s3cret" not in text
    assert "s3cret" not in repr(om)


def test_the_default_patience_is_five_seconds() -> None:
    om = Omega(url=f"mongodb://127.0.0.1:{closed_port()}")
    assert om.config.mongo.timeout == 5.0
    began = time.monotonic()
    with pytest.raises(ServerError, match="within 5 s"):
        om.datasets.list()
    # A bound on the wait, not a benchmark: twice the budget, for a busy machine.
    assert time.monotonic() - began < 10


def test_a_server_that_goes_away_is_told(private_mongod, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with Omega({"mongo": {"url": private_mongod.url(), "timeout": 0.5}}) as om:
        om.datasets.put(1, "x")
        private_mongod.kill()
        with pytest.raises(ServerError, match=r"stopped answering|does not answer any more"):
            om.datasets.get("x")
        with pytest.raises(ServerError):
            om.datasets.put(2, "x")
        private_mongod.restart()
        assert om.datasets.get("x") == 1


@pytest.mark.parametrize("url", ["http://x", "mongodb://", "mongodb://h:port/x", "a b"])
def test_a_url_that_is_none_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[mongo\] url|mongodb"):
        Omega(url=url).datasets.list()


def test_a_closed_omega_says_so(om: Omega) -> None:
    om.datasets.put(1, "x")
    om.close()
    with pytest.raises(ServerError, match="closed"):
        om.datasets.get("x")


def test_an_omega_travels_as_its_configuration(om: Omega) -> None:
    om["team"].datasets.put(1, "x")
    again = pickle.loads(pickle.dumps(om["team"]))
    store = pickle.loads(pickle.dumps(om["team"].datasets))
    try:
        assert again.bucket == store.bucket == "team"
        assert again.datasets.get("x") == store.get("x") == 1
        assert again.database is not om.database
    finally:
        again.close()
        store.omega.close()


def test_a_fork_opens_a_connection_of_its_own(om: Omega) -> None:
    om.datasets.put("parent", "x")
    om.runtime.model("x")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert om.datasets.get("x") == "parent"
            om.datasets.put("child", "y")
            code = 0
        finally:
            os._exit(code)
    for i in range(20):
        om.datasets.put(i, "z")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert om.datasets.get("y") == "child"
    assert om.datasets.get("z") == 19


_SESSION = """
import sys, omega_core
with omega_core.Omega({"mongo": {"data_dir": sys.argv[1]}}) as om:
    om.datasets.put(sys.argv[2], sys.argv[2])
    print(om.datasets.list())
"""


def test_without_a_url_the_local_server_keeps_the_data(tmp_path: Path) -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _SESSION, str(tmp_path / "data"), name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for name in ("first", "second")
    ]
    assert outputs == ["['first']", "['first', 'second']"]


def test_the_unique_index_is_verified_before_the_first_write(
    make_omega: Callable[..., Omega],
) -> None:
    om = make_omega()
    om.database.metadata.create_index([("name", 1)], name="object")
    with pytest.raises(Exception, match="object"):
        om.datasets.put(1, "x")
    assert om.database.metadata.count_documents({}) == 0
