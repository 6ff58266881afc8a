"""The budgets that can be counted: round trips per call. Times are the benchmarks' matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymongo.monitoring
import pytest

from omega_core import Omega
from omega_core.errors import ObjectNotFoundError


class Counter(pymongo.monitoring.CommandListener):
    """Counts the commands that clients send, those of the connection itself left out."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
        self.commands.append(event.command_name)

    def succeeded(self, event: pymongo.monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: pymongo.monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture
def counted(make_omega: Callable[..., Omega]) -> tuple[Omega, Counter]:
    counter = Counter()
    listeners = pymongo.monitoring._LISTENERS
    pymongo.monitoring.register(counter)
    try:
        om = make_omega()
        om.datasets.put({"warm": True}, "x")
        om.datasets.put(b"small", "f")
        om.datasets.put(bytes(100_000), "large")
        om.datasets.put([{"a": 1}], "rows", kind="python.rows")
        om.models.put(b"m", "m")
    finally:
        listeners.command_listeners.remove(counter)
    return om, counter


def missed(om: Omega, name: str) -> None:
    with pytest.raises(ObjectNotFoundError):
        om.datasets.get(name)


@pytest.mark.parametrize(
    ("call", "budget"),
    [
        (lambda om: om.datasets.metadata("x"), 1),
        (lambda om: om.datasets.exists("x"), 1),
        (lambda om: om.datasets.list("*"), 1),
        (lambda om: om.datasets.versions("x"), 1),
        (lambda om: om.datasets.get("x"), 1),
        (lambda om: om.datasets.get("f").read(), 1),
        (lambda om: om.datasets.get("x", version=1), 1),
        (lambda om: om.datasets.get("large").read(), 2),
        (lambda om: om.datasets.put({"a": 1}, "x"), 2),
        # Of a new name, the store looks whether there was an object before.
        (lambda om: om.datasets.put({"a": 1}, "new"), 3),
        (lambda om: om.datasets.put(b"small", "f"), 2),
        (lambda om: om.datasets.put(bytes(100_000), "f"), 4),
        (lambda om: om.datasets.put([{"a": 1}], "r", kind="python.rows"), 4),
        (lambda om: om.datasets.put([{"a": 1}], "rows", kind="python.rows"), 3),
        (lambda om: om.datasets.drop("x"), 2),
        (lambda om: missed(om, "y"), 2),
        # What a notebook shows by itself.
        (lambda om: om._repr_html_(), 1),
        (lambda om: om.datasets._repr_html_(), 1),
        (lambda om: om.datasets.versions("x")._repr_html_(), 1),
        (lambda om: om.datasets.metadata("x")._repr_html_(), 1),
        (lambda om: om.datasets.describe("f"), 1),
        (lambda om: om.datasets.describe("x"), 2),
        (lambda om: repr([om, om.datasets, om.runtime]), 0),
        (lambda om: dir(om), 0),
    ],
    ids=lambda value: None if isinstance(value, int) else "",
)
def test_a_call_takes_so_many_round_trips(
    counted: tuple[Omega, Counter], call: Callable[[Omega], Any], budget: int
) -> None:
    om, counter = counted
    counter.commands.clear()
    call(om)
    assert len(counter.commands) <= budget, counter.commands


def test_a_frame_and_a_model_are_small_objects_as_well(counted: tuple[Omega, Counter]) -> None:
    pytest.importorskip("omega_pandas")
    pytest.importorskip("omega_sklearn")
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    om, counter = counted
    for store, obj in (
        (om.datasets, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})),
        (om.models, LinearRegression()),
    ):
        counter.commands.clear()
        store.put(obj, "obj")
        assert len(counter.commands) <= 4, counter.commands
        counter.commands.clear()
        store.get("obj")
        assert len(counter.commands) <= 2, counter.commands
