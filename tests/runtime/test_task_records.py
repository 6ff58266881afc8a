"""What becomes of a task is recorded, where any process finds it, until that expires."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import omega_core.worker
from omega_core import Omega, Task, execute, run_task
from omega_core.errors import (
    EngineError,
    IntegrityError,
    ServerError,
    TaskCancelledError,
    TaskError,
    TaskLostError,
    TaskNotFoundError,
    UnsupportedOptionError,
)
from omega_core.progress import Bar
from omega_core.runtime.execution import perform
from omega_core.runtime.outcomes import success
from omega_core.runtime.remote_result import RemoteResult
from omega_core.testing.child_processes import Child
from omega_core.testing.engine_model import KitModel
from omega_core.testing.faults import let_time_pass

HOUR = 3600.0


@pytest.fixture
def om(engine_kit: Path, om: Omega) -> Omega:
    om.models.put(KitModel(6.0, 3), "m")
    om.datasets.put([1.0, 2.0, 3.0], "X")
    return om


def a_task(action: str = "predict", id: str = "t", **options: Any) -> Task:
    return Task(id, "default", "models", "m", action, {"X": "X"}, options)


def tasks(om: Omega) -> Any:
    return om.database.mongodb["omega.tasks"]


# --- the record --------------------------------------------------------------------------------


def test_a_record_says_who_did_what_when(om: Omega) -> None:
    result = om.runtime.model("m").predict("X")
    result.get()
    record = om.records.read(result.id)
    assert record is not None
    assert (record.status, record.engine, record.runs) == ("success", "local", 1)
    assert record.owner == om.database.owner
    assert record.created <= record.started <= record.ended  # type: ignore[operator]
    assert json.loads(record.task or "")["action"] == "predict"
    assert json.loads(record.outcome or "")["result"] == {"value": [2.0, 2.0, 2.0]}


def test_a_record_expires_by_the_configuration(make_omega: Callable[..., Omega], om: Omega) -> None:
    short = make_omega(runtime={"results": 120})
    result = short.runtime.model("m").predict("X")
    result.get()
    [index] = [i for i in tasks(om).list_indexes() if i["key"] == {"expires": 1}]
    assert index["expireAfterSeconds"] == 0
    document = tasks(om).find_one({"_id": result.id})
    assert (document["expires"] - document["ended"]).total_seconds() == 120
    tasks(om).delete_one({"_id": result.id})  # as the server does then
    assert result.get() == [2.0, 2.0, 2.0]
    with pytest.raises(TaskNotFoundError, match=r"may have expired \(\[runtime\] results\)"):
        om.runtime.result(result.id)


def test_another_process_reads_the_result(om: Omega, engine_kit: Path) -> None:
    result = om.runtime.model("m").predict("X")
    failed = om.runtime.model("m").predict("X", fail="several arguments")
    result.get()
    failed.exception()
    program = (
        "import sys; from omega_core import Omega\n"
        "with Omega(url=sys.argv[1]) as om:\n"
        "    print(om.runtime.result(sys.argv[2]).get())\n"
        "    error = om.runtime.result(sys.argv[3]).exception()\n"
        "    print(type(error).__name__, error)"
    )
    url = str(om.config.mongo.url)
    said = subprocess.run(
        [sys.executable, "-c", program, url, result.id, failed.id], capture_output=True, text=True
    )
    # It has not imported the module of the class, and does not do so for a record.
    told = "RemoteError omega_core.testing.engine_model.KitError: error 7 at here"
    assert said.stdout.splitlines() == ["[2.0, 2.0, 2.0]", told], said.stderr


def test_a_large_result_of_this_process_is_not_stored_for_others(om: Omega) -> None:
    om.datasets.put([0.0] * 50_000, "large")
    result = om.runtime.model("m").predict("large")
    assert len(result.get()) == 50_000
    assert om.datasets.list(hidden=True) == ["X", "large"]
    with Omega(om.config) as other, pytest.raises(TaskError, match="Pass rName= to keep a result"):
        other.runtime.result(result.id).get()


def test_an_index_of_somebody_else_is_left_alone(om: Omega) -> None:
    tasks(om).create_index("expires", expireAfterSeconds=5, name="mine")
    assert om.runtime.model("m").predict("X").get() == [2.0, 2.0, 2.0]
    assert [i["name"] for i in tasks(om).list_indexes() if i["key"] == {"expires": 1}] == ["mine"]


def test_a_process_that_is_gone_loses_its_tasks(om: Omega) -> None:
    om.records.submitted("waits", bucket="default", engine="local", task=None, leased=True)
    om.records.submitted("sent", bucket="default", engine="dask", task=None, leased=False)
    om.records.begin("begun", bucket="default")
    for id in ("waits", "sent"):
        assert om.runtime.result(id).status == "pending"
    assert om.runtime.result("begun").status == "running"
    let_time_pass(om.database.mongodb, HOUR)
    assert om.runtime.result("sent").status == "pending"
    for id in ("waits", "begun"):
        lost = om.runtime.result(id)
        assert lost.status == "lost"
        with pytest.raises(TaskLostError, match=f"Task {id} is lost"):
            lost.get()
    om.records.renew("begun")
    assert om.runtime.result("begun").status == "running"


def test_a_task_that_takes_longer_than_its_lease_is_not_lost(
    make_omega: Callable[..., Omega], om: Omega, tmp_path: Path
) -> None:
    with Omega(om.config) as observer:
        hasty = make_omega(stores={"lease": 0.3}, runtime={"workers": 1})
        runs = hasty.runtime.model("m").predict("X", gate=str(tmp_path))
        waits = hasty.runtime.model("m").predict("X")
        while not list(tmp_path.glob("*.begun")):
            time.sleep(0.01)
        leases = [tasks(om).find_one({"_id": r.id})["lease"] for r in (runs, waits)]
        while not all(
            tasks(om).find_one({"_id": r.id})["lease"] > lease
            for r, lease in zip((runs, waits), leases, strict=True)
        ):
            time.sleep(0.01)
        assert observer.runtime.result(runs.id).status == "running"
        assert observer.runtime.result(waits.id).status == "pending"
        (tmp_path / "go").touch()
        assert runs.get() == waits.get() == [2.0, 2.0, 2.0]


def test_a_task_that_no_engine_takes_leaves_no_record(om: Omega) -> None:
    om.runtime.model("m").predict("X").get()
    om._shared.engines.get(om).close()
    before = tasks(om).count_documents({})
    with pytest.raises(RuntimeError, match="closed"):
        om.runtime.model("m").predict("X")
    assert tasks(om).count_documents({}) == before


def test_options_that_are_no_json_stay_in_this_process(om: Omega) -> None:
    weights = (1, 2)
    result = om.runtime.model("m").predict("X", factor=complex(1, 2))
    assert result.exception() is not None or result.get() == [complex(2, 4)] * 3
    record = om.records.read(result.id)
    assert record is not None
    assert record.task is None
    with pytest.raises(UnsupportedOptionError, match="do not travel"):
        Task("t", "default", "models", "m", "fit", {}, {"weights": {1, *weights}}).to_json()
    with pytest.raises(UnsupportedOptionError, match=r"\['weights'\] have 2,\d+,\d+ bytes as JSON"):
        a_task(weights=[1000] * 350_000).to_json()


def test_a_server_that_does_not_take_the_record_does_not_take_the_result(om: Omega) -> None:
    """What was done is done, and whoever waits here is told."""
    task = a_task()
    end = om.records.end

    def lost(*args: Any, **kwargs: Any) -> Any:
        end(*args, **kwargs)
        raise ServerError("gone")

    om.records.end = lost  # type: ignore[method-assign]
    assert execute(task, om) == [2.0, 2.0, 2.0]


# --- what others may have written ----------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"status": "success"},
        {"status": "success", "outcome": "[]"},
        {"status": "success", "outcome": 7},
        {"status": 3, "outcome": None, "lease": "x", "progress": [1], "targets": 9},
        {"status": "failure", "outcome": '{"status": "failure", "error": {"module": "os"}}'},
        {"status": "cancelled", "barred": {"$x": 1}, "targets": [{"bucket": 1}]},
        {"status": "success", "outcome": success({"stored": {"name": "X"}})},
        {"status": "success", "outcome": '{"status": "success", "recorded": true}'},
    ],
    ids=range(9),
)  # fmt: skip
def test_a_forged_record_is_an_error_of_ours(om: Omega, record: dict[str, Any]) -> None:
    om.runtime.model("m").predict("X").get()
    tasks(om).insert_one({"_id": "forged", "bucket": "default", **record})
    found = om.runtime.result("forged")
    assert found.status in ("pending", "running", "success", "failure", "cancelled", "lost")
    assert found.progress is None
    with pytest.raises((TaskError, IntegrityError)):
        found.get(timeout=1)
    found.cancel()
    assert om.datasets.get("X") == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"id": "t"}', "[" * 100_000,
     a_task().to_json().replace('"models"', '"__init__"'),
     a_task().to_json().replace('"predict"', '"__class__"'),
     a_task().to_json().replace('"hints"', '"more"'),
     a_task().to_json().replace('"t"', '"../t"'),
     a_task().to_json().replace('"temporary": []', '"temporary": ["X"]')],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_task_is_not_executed(om: Omega, text: str) -> None:
    with pytest.raises(IntegrityError, match="This is no task"):
        run_task(text, om)
    assert om.datasets.get("X") == [1.0, 2.0, 3.0]


# --- the worker process --------------------------------------------------------------------------


def test_a_worker_process_has_one_omega_of_its_own_configuration(
    om: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMEGA_MONGO__URL", str(om.config.mongo.url))
    monkeypatch.setattr(omega_core.worker, "_process", omega_core.worker._Process())
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda i=i: outcomes.append(run_task(a_task(id=f"t{i}").to_json())))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [json.loads(outcome)["status"] for outcome in outcomes] == ["success"] * 4
    assert om.runtime.result("t3").get() == [2.0, 2.0, 2.0]
    own = omega_core.worker._process.omega
    assert own is not None

    def forked(tell: Any) -> Any:
        outcome = run_task(a_task(id="child").to_json())
        theirs = omega_core.worker._process.omega
        assert theirs is not None
        owner = theirs.database.owner
        theirs.close()
        return outcome, owner

    with Child(forked) as child:
        outcome, owner = child.result()
    assert outcome == outcomes[0]
    assert om.runtime.result("child").get() == [2.0, 2.0, 2.0]
    assert owner.endswith(f":{child.pid}")
    assert own.database.owner.endswith(f":{os.getpid()}")
    own.close()


def test_a_worker_that_is_configured_wrong_says_so_in_the_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMEGA_MONGO__TIMEOUT", "soon")
    monkeypatch.setattr(omega_core.worker, "_process", omega_core.worker._Process())
    outcome = json.loads(run_task(a_task().to_json()))
    assert (outcome["status"], outcome["error"]["name"]) == ("failure", "ConfigError")


# --- what waits elsewhere ------------------------------------------------------------------------


class Future:
    """The least that an engine may give."""

    def __init__(self, outcome: str | Exception | None = None) -> None:
        self.outcome = outcome
        self.cancelled = False

    def result(self, timeout: float | None = None) -> str:
        if self.outcome is None:
            time.sleep(min(timeout or 0, 0.01))
            raise TimeoutError
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def done(self) -> bool:
        return self.outcome is not None

    def cancel(self) -> None:
        self.cancelled = True


def test_a_future_that_does_little_is_enough(om: Omega) -> None:
    task, future = a_task(), Future()
    om.records.submitted("t", bucket="default", engine="e", task=task.to_json(), leased=False)
    result = RemoteResult(task, future, om)
    called = threading.Event()
    result.add_done_callback(lambda _: called.set())
    assert (result.status, result.done(), result.running()) == ("pending", False, False)
    with pytest.raises(TimeoutError):
        result.get(0.05)
    future.outcome = run_task(task.to_json(), om)
    assert result.get(10) == [2.0, 2.0, 2.0]
    assert result.status == "success"
    assert called.wait(10)


def test_an_engine_that_loses_a_task_does_not_lose_its_result(om: Omega) -> None:
    """The scheduler is gone, or never answers: what is recorded is the result."""
    task = a_task("fit")
    run_task(task.to_json(), om)
    assert RemoteResult(task, Future(ConnectionError("gone")), om).get(10).version == 2
    assert RemoteResult(task, Future(), om).get(10).version == 2
    lost = RemoteResult(a_task(id="other"), Future(ConnectionError("gone")), om)
    with pytest.raises(EngineError, match="The engine has lost task other: ConnectionError: gone"):
        lost.get(10)
    assert lost.status == "failure"


def test_cancelling_tells_the_engine_too(om: Omega) -> None:
    task, future = a_task("fit"), Future()
    om.records.submitted("t", bucket="default", engine="e", task=task.to_json(), leased=False)
    result = RemoteResult(task, future, om)
    assert result.cancel() is True
    assert future.cancelled
    assert (result.status, result.cancelled()) == ("cancelled", True)
    assert json.loads(run_task(task.to_json(), om))["status"] == "cancelled"


def test_a_result_is_told_by_a_bar_once_a_second_has_passed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("omega_core.progress.PATIENCE", 0.0)
    with Bar("Task 1") as bar:
        bar.show(None)
        assert bar._shown is None
        bar.show((3, 10))
        assert bar._shown is not None
        [shown] = bar._shown.tasks
        assert (shown.completed, shown.total, shown.description) == (3, 10, "Task 1")
    monkeypatch.setattr("omega_core.progress.PATIENCE", 60.0)
    with Bar("Task 2") as patient:
        patient.show((3, 10))
        assert patient._shown is None
    capsys.readouterr()


def test_progress_is_told_to_other_processes_now_and_then(om: Omega) -> None:
    seen: list[tuple[float, float | None]] = []
    with Omega(om.config) as worker:
        ended = perform(a_task(steps=3), worker, stores=True, watch=lambda *told: seen.append(told))
    assert ended.error is None
    assert seen == [(3, 10)]
    assert om.runtime.result("t").progress == (3, 10)


def test_who_cancels_by_the_id_removes_what_was_stored_for_the_task(om: Omega) -> None:
    [kept, name] = [om.datasets.put_temporary([1.0], seconds=60).name for _ in range(2)]
    own = replace(a_task("fit"), arguments={"X": name}, temporary=(name,)).to_json()
    om.records.submitted("t", bucket="default", engine="e", task=own, leased=False)
    forged = own.replace(name, "X")
    om.records.submitted("forged", bucket="default", engine="e", task=forged, leased=False)
    for id in ("t", "forged"):
        assert om.runtime.result(id).cancel()
    assert om.datasets.list(hidden=True) == [kept, "X"]


def test_what_is_cancelled_is_not_tried_again(om: Omega, tmp_path: Path) -> None:
    result = om.runtime.model("m", retries=100).predict("X", fail="conflict", flaky=str(tmp_path))
    while not list(tmp_path.iterdir()):
        time.sleep(0.01)
    with Omega(om.config) as other:
        assert other.runtime.result(result.id).cancel()
    with pytest.raises(TaskCancelledError):
        result.get(30)
    assert result.status == "cancelled"


def test_who_waits_at_a_terminal_sees_how_far_it_is(
    om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("omega_core.runtime.result.is_watched", lambda: True)
    monkeypatch.setattr("omega_core.progress.PATIENCE", 0.0)
    shown: list[Any] = []
    show = Bar.show

    def seen(bar: Bar, progress: Any) -> None:
        show(bar, progress)
        if progress is not None:
            assert bar._shown is not None
            shown.append(progress)
            (tmp_path / "go").touch()

    monkeypatch.setattr(Bar, "show", seen)
    result = om.runtime.model("m").predict("X", steps=3, gate=str(tmp_path))
    assert result.get(30) == [2.0, 2.0, 2.0]
    assert shown[0] == (3, 10)
    (tmp_path / "go").unlink()
    late = om.runtime.model("m").predict("X", gate=str(tmp_path))
    with pytest.raises(TimeoutError, match="is not over after"):
        late.get(0.3)
    (tmp_path / "go").touch()
    assert late.get(30) == [2.0, 2.0, 2.0]
    capsys.readouterr()
