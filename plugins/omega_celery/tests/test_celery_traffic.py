"""What client, broker and workers say to each other: JSON, of names alone."""

from __future__ import annotations

import base64
import json
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.testing.engine_model import KitModel
from omega_core.testing.traffic import Traffic

from .conftest import Broker, Workers

SECRET = "hunter2canary"
NUMBER = 48271.90625

pytestmark = pytest.mark.slow


@pytest.fixture
def traffic(
    broker: Broker, make_config: Callable[..., dict[str, Any]], tmp_path: Path
) -> Iterator[tuple[Traffic, Omega]]:
    """Everything that a client and a worker say to the broker, and it to them."""
    # The path of a socket has at most a hundred characters.
    with (
        tempfile.TemporaryDirectory(prefix="omega-relay-") as directory,
        Traffic(broker.socket, Path(directory, "relay.sock")) as recorded,
    ):
        config = make_config(broker, f"celery_traffic?appName={SECRET}", queue="recorded")
        config["plugins"]["celery"]["broker"] = f"redis+socket://{recorded.address}"
        workers = Workers(config, tmp_path)
        try:
            with Omega(config) as om:
                yield recorded, om
        finally:
            workers.kill()


def test_no_credential_no_data_and_no_code_travels(traffic: tuple[Traffic, Omega]) -> None:
    recorded, om = traffic
    om.datasets.put([NUMBER, NUMBER], "inputs")
    om.models.put(KitModel(), "estimator")
    model = om.runtime.model("estimator")
    assert model.fit("inputs").get(60).version == 2
    assert model.predict([NUMBER]).get(60) == [NUMBER]
    assert model.predict("inputs", rName="outputs").get(60).name == "outputs"
    assert "missing" in str(model.fit("missing").exception(60))

    messages = [json.loads(found) for found in _messages(recorded)]
    assert {message["headers"]["task"] for message in messages} == {"omega.run"}
    tasks = []
    for message in messages:
        assert message["content-type"] == "application/json"
        assert message["content-encoding"] == "utf-8"
        [[text], options, _] = json.loads(base64.b64decode(message["body"]))
        assert options == {}
        tasks.append(json.loads(text))
    assert {task["action"] for task in tasks} == {"fit", "predict"}
    assert {task["name"] for task in tasks} == {"estimator"}

    assert recorded.pickled() == set()
    said = [b"\n".join(recorded.streams), json.dumps(tasks).encode()]
    for secret in (
        *(SECRET.encode(), b"mongodb", b"ObjectNotFound", repr(NUMBER).encode()),
        *(struct.pack("<d", NUMBER), struct.pack(">d", NUMBER)),
    ):
        assert not any(secret in text for text in said)


def _messages(traffic: Traffic) -> list[bytes]:
    """Return the messages that were pushed to a queue, as they are in the commands for Redis."""
    pushed = re.compile(rb"\*\d+\r\n\$5\r\nLPUSH\r\n\$\d+\r\n[^\r]+\r\n\$(\d+)\r\n")
    return [
        stream[found.end() : found.end() + int(found[1])]
        for stream in traffic.streams
        for found in pushed.finditer(stream)
    ]
