"""A replica set of three on loopback, whose primary can be deposed and killed."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pymongo
from pymongo.errors import PyMongoError

from ..mongo.binary import find_mongod

_ELECTION_MS = 1000
_PATIENCE = 60.0


class ReplicaSet:
    """Three servers that elect a new primary within about a second.

    Parameters
    ----------
    directory
        Where they keep their data.
    """

    def __init__(self, directory: Path, members: int = 3) -> None:
        self._directory = directory
        self._ports = [_free_port() for _ in range(members)]
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        for port in self._ports:
            (directory / str(port)).mkdir()
            self.start(port)
        for port in self._ports:
            self._until_up(port)
        described = [
            {"_id": position, "host": f"127.0.0.1:{port}"}
            for position, port in enumerate(self._ports)
        ]
        config = {
            "_id": "rs",
            "members": described,
            "settings": {"electionTimeoutMillis": _ELECTION_MS, "heartbeatIntervalMillis": 200},
        }
        self._on(self._ports[0], "replSetInitiate", config)
        self.primary()

    def url(self, database: str = "omega") -> str:
        """Return the URL of a database of the set."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"mongodb://{hosts}/{database}?replicaSet=rs"

    def primary(self) -> int:
        """Wait until there is a primary that takes writes, and return its port."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for port in self._ports:
                try:
                    if self._on(port, "hello")["isWritablePrimary"]:
                        return port
                except PyMongoError:
                    continue  # it is down, or about to become something else
            time.sleep(0.05)
        raise TimeoutError("the replica set elects no primary")

    def step_down(self) -> None:
        """Depose the primary; another one is elected."""
        port = self.primary()
        try:
            self._on(port, "replSetStepDown", 5, secondaryCatchUpPeriodSecs=2)
        except PyMongoError:
            return  # it hung up while it stepped down, or there is another one by now

    def hold_back(self) -> int:
        """Let a secondary not learn how far the majority is, until `catch_up`; return its port.

        It gets all that is written, and answers majority reads as of now.
        """
        primary = self.primary()
        port = next(port for port in self._ports if port != primary)
        self._on(port, "configureFailPoint", "disableSnapshotting", mode="alwaysOn")
        return port

    def step_up(self, port: int) -> None:
        """Make a member the primary."""
        deadline = time.monotonic() + _PATIENCE
        while self.primary() != port:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the replica set does not elect {port}")
            # On a busy machine, the others may be too late to vote.
            with contextlib.suppress(PyMongoError):
                self._on(port, "replSetStepUp")
            time.sleep(0.05)

    def catch_up(self, port: int) -> None:
        """Let a member know again how far the majority is."""
        self._on(port, "configureFailPoint", "disableSnapshotting", mode="off")

    def kill_primary(self) -> int:
        """Kill the primary with SIGKILL, and return its port."""
        port = self.primary()
        server = self._servers[port]
        server.send_signal(signal.SIGKILL)
        server.wait(_PATIENCE)
        return port

    def start(self, port: int) -> None:
        """Start a member, on the data that it left."""
        directory = self._directory / str(port)
        options = ["--dbpath", str(directory), "--port", str(port), "--bind_ip", "127.0.0.1"]
        options += ["--nounixsocket", "--replSet", "rs", "--oplogSize", "64", "--quiet"]
        options += ["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "enableTestCommands=1"]
        with open(self._directory / f"{port}.log", "ab") as log:
            command = [str(find_mongod()), *options]
            self._servers[port] = subprocess.Popen(command, stdout=log, stderr=log)

    def fail(self, command: str, times: int, **how: Any) -> None:
        """Let the primary fail the next commands of a name: ``errorCode=``, ``writeConcernError=``.

        See the fail point ``failCommand`` of MongoDB.
        """
        data = {"failCommands": [command], **how}
        self._on(
            self.primary(), "configureFailPoint", "failCommand", mode={"times": times}, data=data
        )

    def close(self) -> None:
        """Stop all members."""
        for server in self._servers.values():
            server.kill()
        for server in self._servers.values():
            server.wait(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _until_up(self, port: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._on(port, "ping")
                return
            except PyMongoError:
                if time.monotonic() > deadline:
                    raise

    def _on(self, port: int, command: str, value: Any = 1, **more: Any) -> dict[str, Any]:
        client: pymongo.MongoClient[dict[str, Any]]
        with pymongo.MongoClient(
            "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=5000
        ) as client:
            return client.admin.command(command, value, **more)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
