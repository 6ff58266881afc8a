"""A server that goes silent, as one whose machine hangs: noticed soon, and told as it is."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import ServerError
from omega_core.testing.fixtures import PrivateMongod

TIMEOUT = 2.0


@pytest.fixture
def om(private_mongod: PrivateMongod) -> Iterator[Omega]:
    with Omega({"mongo": {"url": private_mongod.url(), "timeout": TIMEOUT}}) as omega:
        omega.datasets.put({"a": 1}, "x")
        omega.datasets.put(bytes(5_000_000), "file")
        yield omega


@pytest.fixture
def silence(private_mongod: PrivateMongod) -> Iterator[Callable[[], None]]:
    pid = private_mongod.pid
    assert pid is not None

    def stop() -> None:
        os.kill(pid, signal.SIGSTOP)
        # The signal takes effect in each thread on its own.
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        while any(
            (thread / "stat").read_text().rsplit(")", 1)[1].split()[0] != "T" for thread in threads
        ):
            pass

    yield stop
    os.kill(pid, signal.SIGCONT)


class FallsSilent(io.RawIOBase):
    """A file, while which is read the server stops: what was read cannot be sent any more."""

    def __init__(self, silence: Callable[[], None]) -> None:
        self._blocks = 4
        self._silence = silence

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._blocks -= 1
        if self._blocks == 1:
            self._silence()
        return bytes(4_000_000) if self._blocks else b""


def given_up(operation: Callable[[], Any]) -> str:
    """Return what is said of an operation that ends within twice the timeout."""
    began = time.monotonic()
    with pytest.raises(ServerError) as caught:
        operation()
    # A bound on the wait, not a benchmark: with half the budget more, for a busy machine.
    assert time.monotonic() - began < 3 * TIMEOUT
    assert "[mongo] timeout = 2 s" in str(caught.value)
    return str(caught.value)


def again(om: Omega, private_mongod: PrivateMongod) -> None:
    """Let the server go on, and wait until it is found again."""
    pid = private_mongod.pid
    assert pid is not None
    os.kill(pid, signal.SIGCONT)
    while not om.database.answers():
        pass


def test_a_get_of_a_silent_server_ends_within_twice_the_timeout(
    om: Omega, silence: Callable[[], None], private_mongod: PrivateMongod
) -> None:
    silence()
    said = given_up(lambda: om.datasets.get("x"))
    assert "stopped answering, and this was given up after" in said
    again(om, private_mongod)
    assert om.datasets.get("x") == {"a": 1}


def test_a_put_to_a_silent_server_ends_within_twice_the_timeout(
    om: Omega, silence: Callable[[], None], private_mongod: PrivateMongod
) -> None:
    silence()
    said = given_up(lambda: om.datasets.put({"a": 2}, "x"))
    assert "If a write was committed, it stands; otherwise nothing was changed" in said
    again(om, private_mongod)
    assert om.datasets.get("x") == {"a": 1}


def test_silence_in_the_middle_of_a_put_ends_it_within_twice_the_timeout(
    om: Omega, silence: Callable[[], None], private_mongod: PrivateMongod
) -> None:
    source = FallsSilent(silence)
    given_up(lambda: om.datasets.put(source, "file", kind="python.file"))
    again(om, private_mongod)
    assert om.datasets.get("file").read() == bytes(5_000_000)


def test_what_merely_takes_long_is_not_cut(private_mongod: PrivateMongod) -> None:
    with Omega({"mongo": {"url": private_mongod.url(), "timeout": 0.5}}) as om:
        om.datasets.put([{"n": 1}], "rows", kind="python.rows")
        even = {"$eq": [{"$mod": ["$$n", 2]}, 0]}
        work = {"$filter": {"input": {"$range": [0, 500_000]}, "as": "n", "cond": even}}
        took, rounds = 0.0, 1
        while took < 3 * om.config.mongo.timeout:
            rounds *= 2
            stages = [{"$addFields": {f"n{i}": {"$size": work}}} for i in range(rounds)]
            began = time.monotonic()
            [document] = om.datasets.collection("rows").aggregate(stages)
            took = time.monotonic() - began
            assert document[f"n{rounds - 1}"] == 250_000
