"""The write protocol on a replica set: the same, with majorities."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from omega_core import Omega
from omega_core.mongo.binary import find_mongod


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a replica set of one member, on loopback."""
    directory: Path = tmp_path_factory.mktemp("replica")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--dbpath", str(directory), "--port", str(port), "--bind_ip", "127.0.0.1"]
    options += ["--nounixsocket", "--replSet", "rs", "--oplogSize", "16", "--quiet"]
    with open(directory / "log", "wb") as log:
        server = subprocess.Popen([str(find_mongod()), *options], stdout=log, stderr=log)
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient("127.0.0.1", port, directConnection=True) as client:
        member = {"_id": 0, "host": f"127.0.0.1:{port}"}
        client.admin.command("replSetInitiate", {"_id": "rs", "members": [member]})
        deadline = time.monotonic() + 30
        while not client.admin.command("hello")["isWritablePrimary"]:
            assert time.monotonic() < deadline, "the replica set elects no primary"
            time.sleep(0.05)
    yield f"mongodb://127.0.0.1:{port}/omega?replicaSet=rs"
    server.terminate()
    server.wait(30)


def test_everything_works_with_majorities(replica_set: str) -> None:
    with Omega(url=replica_set) as om:
        assert om.database.metadata.write_concern.document == {"w": "majority", "j": True}
        assert om.database.data("x").write_concern.document == {"w": "majority", "j": True}
        assert om.database.metadata.read_concern.document == {"level": "majority"}
        om.datasets.put({"a": 1}, "x")
        om.datasets.put(b"file", "x")
        assert om.datasets.get("x").read() == b"file"
        assert om.datasets.get("x", version=1) == {"a": 1}
        om.datasets.put([{"a": 1}], "rows", kind="python.rows")
        om.datasets.put([{"a": 2}], "rows", append=True)
        assert om.datasets.get("rows") == [{"a": 1}, {"a": 2}]
        om.datasets.drop("x")
        om.datasets.drop("rows")
        assert om.gc(grace=0).blocked == []
        database = om.database.mongodb
        left = [n for n in database.list_collection_names() if database[n].find_one() is not None]
        assert left == ["omega.dropped"]


def test_a_plain_server_is_not_taken_for_one(om: Omega) -> None:
    om.datasets.put(1, "x")
    assert om.database.metadata.write_concern.document == {"w": 1, "j": True}
