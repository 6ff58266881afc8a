"""Snapshots whose taker or dropper dies at any step, and snapshots that others write around."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import ConflictError, OmegaError
from omega_core.testing.crashes import CrashingTwin, kill_at
from omega_core.testing.faults import FaultProxy, let_time_pass
from omega_core.testing.orphans import find_orphans

Make = Callable[..., Omega]


def fill(om: Omega) -> None:
    om.datasets.put([{"n": 1}], "rows", kind="python.rows")
    om.datasets.put(bytes(50_000), "file")
    om.models.put(b"model", "m")


def is_as_filled(om: Omega, name: str) -> bool:
    was = om.at(name)
    return (
        was.datasets.get("rows") == [{"n": 1}]
        and was.datasets.get("file").read() == bytes(50_000)
        and was.models.get("m").read() == b"model"
    )


def settle(om: Omega) -> None:
    let_time_pass(om.database.mongodb, 3600)
    assert om.gc(grace=0).blocked == []
    assert find_orphans(om.database.mongodb) == []


def take(om: Omega) -> None:
    om.snapshot("s")


def drop(om: Omega) -> None:
    om.drop_snapshot("s")


@pytest.mark.parametrize("kind", ["cut off before", "cut off after"])
@pytest.mark.parametrize("action", [take, drop], ids=["take", "drop"])
def test_a_crash_at_any_step_leaves_a_snapshot_or_none(
    om: Omega, action: Callable[[Omega], None], kind: Any
) -> None:
    fill(om)
    with CrashingTwin(om) as twin:
        for step in range(1, 40):
            if action is drop and not om.snapshots():
                om.snapshot("s")
            struck = twin.crash(step, action, kind)
            for _ in range(2):
                # What is replaced and dropped meanwhile belongs to the snapshot, or to nobody.
                om.datasets.put([{"n": 2}], "rows", kind="python.rows")
            om.datasets.drop("file")
            om.gc(grace=0)
            if om.snapshots():
                assert is_as_filled(om, "s")
            settle(om)
            if om.snapshots():
                assert is_as_filled(om, "s")
                om.drop_snapshot("s")
            settle(om)
            fill(om)
            if not struck:
                break
        assert step > 3
    assert not om.database.metadata.find_one({"pins": {"$exists": True}})


@pytest.mark.parametrize("action", [take, drop], ids=["take", "drop"])
def test_kill_9_at_any_step(om: Omega, make_omega: Make, action: Callable[[Omega], None]) -> None:
    fill(om)
    address = om.database.client.address
    assert address is not None
    with FaultProxy(f"mongodb://{address[0].replace('/', '%2F')}") as proxy:
        victim = make_omega(mongo={"url": proxy.url(om.database.mongodb.name)})
        for step in range(1, 40):
            if action is drop and not om.snapshots():
                om.snapshot("s")
            victim.database.client.close()
            _, struck = kill_at(proxy, step, victim, action)
            if om.snapshots():
                assert is_as_filled(om, "s")
            settle(om)
            om.drop_snapshot("s", missing_ok=True)
            settle(om)
            if not struck:
                break
        assert step > 3
    assert not om.database.metadata.find_one({"pins": {"$exists": True}})


@contextmanager
def meanwhile(*actions: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let others act for as long as the block runs."""
    done, failures = threading.Event(), []

    def run(action: Callable[[threading.Event], None]) -> None:
        try:
            action(done)
        except BaseException as exc:
            failures.append(exc)
            done.set()

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def test_two_objects_that_one_writer_puts_in_turn_are_of_one_moment(make_omega: Make) -> None:
    # a is put before b, with the same number: no moment has b ahead of a, or two behind.
    om = make_omega()
    for name in ("a", "b", "c"):
        om.datasets.put({"n": 0}, name)
    others = [make_omega() for _ in range(2)]

    def write(done: threading.Event) -> None:
        n = 0
        while not done.is_set():
            n += 1
            for name in ("a", "b"):
                others[0].datasets.put({"n": n}, name)

    def come_and_go(done: threading.Event) -> None:
        while not done.is_set():
            others[1].datasets.drop("c")
            others[1].datasets.put({"n": 0}, "c")
            others[1].gc(grace=0)

    seen: dict[str, tuple[int, int]] = {}
    taken = 0
    with meanwhile(write, come_and_go):
        for number in range(12):
            try:
                om.snapshot(f"s{number}")
            except ConflictError:
                continue
            taken += 1
            was = om.at(f"s{number}").datasets
            a, b = was.get("a")["n"], was.get("b")["n"]
            assert a - b in (0, 1)
            seen[f"s{number}"] = (a, b)
    assert taken
    om.gc(grace=0)
    for name, (a, b) in seen.items():
        was = om.at(name).datasets
        assert (was.get("a")["n"], was.get("b")["n"]) == (a, b)
        om.drop_snapshot(name)
    settle(om)


def test_a_reader_sees_what_was_pinned_whatever_others_do(make_omega: Make) -> None:
    om = make_omega()
    names = ["x", "y", "z"]
    for name in names:
        om.datasets.put([{"n": name}], name, kind="python.rows", attributes={"of": name})
    om.datasets.put([{"n": 2}], "x", append=True)
    om.snapshot("s")
    expected = {name: om.datasets.get(name) for name in names}
    others = [make_omega() for _ in range(3)]

    def append(done: threading.Event) -> None:
        while not done.is_set():
            for name in names:
                try:
                    others[0].datasets.put([{"n": 0}], name, append=True, attributes={"of": 0})
                except OmegaError:
                    # It was dropped, and is another object now.
                    continue

    def replace(done: threading.Event) -> None:
        while not done.is_set():
            for name in names:
                others[1].datasets.put([{"n": 3}], name, kind="python.rows")
                others[1].datasets.drop(name, missing_ok=True)

    def collect(done: threading.Event) -> None:
        while not done.is_set():
            others[2].gc(grace=0)
            others[2].snapshot("other")
            others[2].drop_snapshot("other")

    with meanwhile(append, replace, collect):
        was = om.at("s").datasets
        for _ in range(25):
            assert was.list() == names
            for name in names:
                assert was.get(name) == expected[name]
                meta = was.metadata(name)
                assert meta is not None
                assert meta.attributes == {"of": name}
    for name in om.datasets.list():
        om.datasets.drop(name)
    om.drop_snapshot("s")
    settle(om)
    assert om.database.metadata.find_one({}) is None
