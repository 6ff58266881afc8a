"""The write protocol on a replica set: the same, with majorities."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pymongo import MongoClient
from pymongo.read_concern import ReadConcern

from omega_core import Omega, Task, run_task
from omega_core.errors import OmegaError, ServerError, TaskCancelledError
from omega_core.protocol.commit import Intent
from omega_core.testing.engine_model import KitModel
from omega_core.testing.faults import let_time_pass
from omega_core.testing.orphans import find_orphans
from omega_core.testing.replica_set import ReplicaSet


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """A replica set of one member, on loopback."""
    with ReplicaSet(tmp_path_factory.mktemp("replica"), members=1) as replicas:
        yield replicas


@pytest.fixture(scope="module")
def replica_set(replicas: ReplicaSet) -> str:
    return replicas.url()


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


def test_a_task_stores_once_and_nothing_once_it_is_cancelled(
    replica_set: str, engine_kit: Path
) -> None:
    def task(id: str) -> str:
        return Task(id, "tasks", "models", "m", "fit", {"X": "X"}).to_json()

    with Omega(url=replica_set, bucket="tasks") as om, Omega(om.config, bucket="tasks") as other:
        om.models.put(KitModel(6.0, 3), "m")
        om.datasets.put([1.0], "X")
        for omega in (om, other):
            assert json.loads(run_task(task("once"), omega))["status"] == "success"
            om.database.mongodb["omega.tasks"].delete_many({})
        assert other.models.metadata("m").version == 2  # type: ignore[union-attr]
        before = Intent.commit

        def cancelled_first(intent: Intent, *args: Any) -> Any:
            assert other.runtime.result("cancelled").cancel()
            return before(intent, *args)

        with patch.object(Intent, "commit", cancelled_first):
            assert json.loads(run_task(task("cancelled"), om))["status"] == "cancelled"
        assert other.models.metadata("m").version == 2  # type: ignore[union-attr]
        with pytest.raises(TaskCancelledError):
            om.runtime.result("cancelled").get()


def test_a_plain_server_is_not_taken_for_one(om: Omega) -> None:
    om.datasets.put(1, "x")
    assert om.database.metadata.write_concern.document == {"w": 1, "j": True}


# --- errors that pass ------------------------------------------------------------------------

TRANSIENT = {
    "HostUnreachable": 6,
    "ShutdownInProgress": 91,
    "ReadConcernMajorityNotAvailableYet": 134,
    "PrimarySteppedDown": 189,
    "NotWritablePrimary": 10107,
    "InterruptedAtShutdown": 11600,
    "InterruptedDueToReplStateChange": 11602,
    "NotPrimaryNoSecondaryOk": 13435,
    "NotPrimaryOrSecondary": 13436,
}


@pytest.mark.parametrize("error", TRANSIENT)
def test_an_error_that_passes_is_outlasted_where_that_is_safe_and_ours_where_not(
    replicas: ReplicaSet, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    # The driver looks for a lost server every half a second; here it is lost at every step.
    monkeypatch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.01)
    code = TRANSIENT[error]
    concern = {"writeConcernError": {"code": code, "errmsg": error}}
    with Omega({"mongo": {"url": replicas.url(error), "timeout": 5.0}}) as om:
        om.datasets.put([{"i": -1}], "x", kind="python.rows")
        acknowledged = [-1]
        steps: list[tuple[str, dict[str, Any]]] = [
            ("findAndModify", {"errorCode": code}),
            ("findAndModify", concern),
            ("insert", {"errorCode": code}),
            ("insert", concern),
            ("find", {"errorCode": code}),
        ]
        for i, (command, how) in enumerate(steps):
            # The driver itself tries twice.
            replicas.fail(command, 3, **how)
            try:
                om.datasets.put([{"i": i}], "x", kind="python.rows", append=True)
                acknowledged.append(i)
            except ServerError:
                assert command in ("insert", "find"), "begin and commit can be repeated"
            replicas.fail(command, 0)
            assert [row["i"] for row in om.datasets.get("x")] == acknowledged
        for command in ("find", "update", "findAndModify"):
            replicas.fail(command, 3, errorCode=code)
            with suppress(ServerError):
                om.datasets.get("x")
            with suppress(ServerError):
                om.datasets.metadata("x")
            with suppress(ServerError):
                om.datasets.list()
            with suppress(ServerError):
                om.datasets.drop("y", missing_ok=True)
            replicas.fail(command, 0)
        assert [row["i"] for row in om.datasets.get("x")] == acknowledged
        let_time_pass(om.database.mongodb, 3600)
        assert om.gc(grace=0).blocked == []
        assert find_orphans(om.database.mongodb) == []


# --- step-downs and killed primaries ---------------------------------------------------------


class Clients:
    """Threads of one client, each at its work until told to stop; any error not ours is kept."""

    def __init__(self, om: Omega) -> None:
        self.om = om
        self.failures: list[BaseException] = []
        self.done: dict[str, int] = {}
        self.acknowledged: dict[str, list[int]] = {"rows": [], "frame": []}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(work,))
            for work in (self.count, self.watch, self.append_rows, self.append_frames)
        ]

    def __enter__(self) -> Clients:
        self.om.datasets.put(0, "counter")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, work: Callable[[], Iterator[None]]) -> None:
        try:
            for _ in work():
                self.done[work.__name__] = self.done.get(work.__name__, 0) + 1
                if self._stop.is_set():
                    return
        except BaseException as exc:
            self.failures.append(exc)

    def count(self) -> Iterator[None]:
        acknowledged = last = i = 0
        while True:
            i += 1
            try:
                self.om.datasets.put(i, "counter")
                acknowledged = i
                found = self.om.datasets.get("counter")
            except OmegaError:
                yield
                continue
            assert found >= acknowledged, f"{found} after {acknowledged} was acknowledged"
            assert found >= last, f"{found} after {last} was read"
            last = found
            yield

    def watch(self) -> Iterator[None]:
        last = 0
        while True:
            try:
                found = self.om.datasets.get("counter")
            except OmegaError:
                yield
                continue
            assert found >= last, f"{found} after {last} was read"
            last = found
            yield

    def append_rows(self) -> Iterator[None]:
        i = 0
        while True:
            i += 1
            try:
                self.om.datasets.put([{"i": i}], "rows", kind="python.rows", append=True)
                self.acknowledged["rows"].append(i)
            except OmegaError:
                pass
            yield

    def append_frames(self) -> Iterator[None]:
        pd = pytest.importorskip("pandas") if "pandas" in self.om.plugins else None
        i = 0
        while pd is not None:
            i += 1
            try:
                self.om.datasets.put(pd.DataFrame({"i": [i] * 5}), "frame", append=True)
                self.acknowledged["frame"].append(i)
            except OmegaError:
                pass
            yield

    def check(self) -> None:
        assert self.failures == []
        assert self.done["count"] > 5, self.done
        rows = [row["i"] for row in self.om.datasets.get("rows")]
        assert rows == sorted(set(rows))
        assert set(self.acknowledged["rows"]) <= set(rows)
        if self.acknowledged["frame"]:
            frame = self.om.datasets.get("frame")["i"].tolist()
            assert frame == sorted(frame)
            assert all(frame.count(i) == 5 for i in self.acknowledged["frame"])
        let_time_pass(self.om.database.mongodb, 3600)
        assert self.om.gc(grace=0).blocked == []
        assert find_orphans(self.om.database.mongodb) == []


def harass(replicas: ReplicaSet, om: Omega, *, step_downs: int, kills: int) -> Clients:
    """Depose and kill primaries under load."""
    with Clients(om) as clients:
        for _ in range(step_downs):
            time.sleep(1.0)
            replicas.step_down()
        for _ in range(kills):
            time.sleep(1.0)
            port = replicas.kill_primary()
            replicas.primary()
            time.sleep(1.0)
            replicas.start(port)
        replicas.primary()
        time.sleep(1.0)
    return clients


@pytest.mark.slow
def test_a_new_primary_that_lags_does_not_show_what_was_there_before(tmp_path: Path) -> None:
    with (
        ReplicaSet(tmp_path) as replicas,
        Omega({"mongo": {"url": replicas.url(), "timeout": 20.0}}) as om,
        Omega({"mongo": {"url": replicas.url("other"), "timeout": 20.0}}) as other,
    ):
        om.datasets.put("old", "x")
        other.datasets.put(0, "warm")
        held_back = replicas.hold_back()
        om.datasets.put("new", "x")
        replicas.step_up(held_back)
        plain = MongoClient(replicas.url()).omega["omega.metadata"]
        majority = plain.with_options(read_concern=ReadConcern("majority"))
        assert (majority.find_one({"name": "x"}) or {})["version"] == 1, "it does not lag"
        plain.database.client.close()
        seen: list[Any] = []
        reader = threading.Thread(target=lambda: seen.append(om.datasets.get("x")))
        reader.start()
        time.sleep(0.5)
        assert seen == []
        replicas.catch_up(held_back)
        other.datasets.put(1, "so that there is something to know")
        reader.join()
        assert seen == ["new"]


@pytest.mark.slow
def test_over_step_downs_and_a_killed_primary_nothing_is_lost_and_nobody_goes_back(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    step_downs = request.config.getoption("--step-downs")
    with ReplicaSet(tmp_path) as replicas:
        om = Omega({"mongo": {"url": replicas.url(), "timeout": 10.0}})
        with om:
            harass(replicas, om, step_downs=step_downs, kills=step_downs // 2).check()
