"""Two executions of a task store one version, and a task that is cancelled stores none.

What stands between is one conditional update: the commit demands an intent that a cancellation
takes away, and that the object does not remember a commit of the task.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from omega_core import Omega, Task, execute, run_task
from omega_core.errors import (
    ConflictError,
    IntegrityError,
    LeaseLostError,
    TaskCancelledError,
    TaskTimeoutError,
)
from omega_core.protocol import commit
from omega_core.protocol.fence import TaskFence, current_task, fenced
from omega_core.protocol.naming import Key
from omega_core.protocol.pipelines import TASKS_REMEMBERED
from omega_core.runtime.execution import bar
from omega_core.testing.child_processes import Child, KilledError
from omega_core.testing.crashes import CrashingTwin
from omega_core.testing.engine_model import KitModel
from omega_core.testing.faults import FAULTS, FaultKind, FaultProxy, let_time_pass
from omega_core.testing.orphans import find_orphans

HOUR = 3600.0
X = [1.0, 2.0, 3.0]


@pytest.fixture
def om(engine_kit: Path, om: Omega) -> Omega:
    om.models.put(KitModel(6.0, 3), "m")
    om.datasets.put(X, "X")
    return om


def a_task(action: str = "fit", id: str = "t", name: str = "m", **arguments: Any) -> Task:
    options = arguments.pop("options", {})
    return Task(id, "default", "models", name, action, {"X": "X", **arguments}, options)


def versions(om: Omega, name: str = "m") -> list[int | None]:
    return [meta.version for meta in om.models.versions(name)]


def settle(om: Omega) -> None:
    """Let all leases run out, collect, and find nothing that nobody owns."""
    let_time_pass(om.database.mongodb, HOUR)
    assert om.gc(grace=0).blocked == []
    assert find_orphans(om.database.mongodb) == []


def in_a_task(om: Omega, id: str, *names: str) -> Any:
    """Be another execution of a task that is about these datasets."""
    keys = [Key("default", "data/", name) for name in names]
    return fenced(TaskFence(id, om.records, keys))


# --- twice -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "task",
    [a_task("fit"), a_task("partial_fit"), a_task("fit_transform", rName="r"),
     a_task("predict", rName="a.b/$r")],
    ids=lambda task: task.action,
)  # fmt: skip
def test_a_task_whose_record_is_gone_has_stored_what_it_has_stored(om: Omega, task: Task) -> None:
    first = execute(task, om)
    before = versions(om)
    for _ in range(2):
        om.database.mongodb["omega.tasks"].delete_many({})
        again = execute(task, om)
        assert (again.name, again.version, again.gen) == (first.name, first.version, first.gen)
    assert versions(om) == before
    settle(om)


def test_the_second_of_two_that_commit_at_once_gets_what_the_first_stored(om: Omega) -> None:
    """Both are past every look at what is there; only the commit itself can tell."""
    together = threading.Barrier(2)

    def at_the_commit(intent: commit.Intent, *args: Any) -> Any:
        if intent.key.name == "m" and intent.task is not None:
            together.wait(10)
        return original(intent, *args)

    original = commit.Intent.commit
    got: list[Any] = []
    with patch.object(commit.Intent, "commit", at_the_commit):
        workers = [
            threading.Thread(target=lambda: got.append(execute(a_task(), om))) for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
    assert [meta.version for meta in got] == [2, 2]
    assert got[0].gen == got[1].gen
    assert versions(om) == [1, 2]
    settle(om)


def test_tasks_of_their_own_store_versions_of_their_own(om: Omega) -> None:
    assert [execute(a_task(id=f"t{i}"), om).version for i in range(3)] == [2, 3, 4]


def test_what_one_execution_stores_twice_is_two_versions_and_no_more(om: Omega) -> None:
    for _ in range(2):
        with in_a_task(om, "t", "d"):
            got = [om.datasets.put([i], "d").version for i in range(2)]
        assert got == [1, 2]
    assert om.datasets.get("d") == [1]
    # One that ended between the two is made whole.
    with in_a_task(om, "u", "d"):
        om.datasets.put(["u"], "d")
    with in_a_task(om, "u", "d"):
        assert [om.datasets.put([f"u{i}"], "d").version for i in range(2)] == [3, 4]
    assert om.datasets.get("d") == ["u1"]


def test_what_a_task_stores_beside_its_targets_it_may_store_again(om: Omega) -> None:
    for version in (1, 2):
        with in_a_task(om, "t", "d"):
            assert om.datasets.put([1], "aside").version == version
    document = om.database.metadata.find_one({"name": "aside"})
    assert "tasks" not in document  # type: ignore[operator]


def test_an_append_of_a_task_is_done_once(om: Omega) -> None:
    om.datasets.put([{"a": 1}], "rows", kind="python.rows")
    for _ in range(2):
        with in_a_task(om, "t", "rows"):
            om.datasets.put([{"a": 2}], "rows", append=True)
    assert om.datasets.get("rows") == [{"a": 1}, {"a": 2}]
    with in_a_task(om, "u", "new"):
        om.datasets.put([{"a": 1}], "new", kind="python.rows", append=True)
    with in_a_task(om, "u", "new"):
        om.datasets.put([{"a": 1}], "new", kind="python.rows", append=True)
    assert om.datasets.get("new") == [{"a": 1}]
    settle(om)


def test_what_a_task_stored_and_somebody_dropped_does_not_come_back(om: Omega) -> None:
    def again() -> None:
        with in_a_task(om, "t", "d"), pytest.raises(ConflictError, match="stored it already, as"):
            om.datasets.put([1], "d")

    with in_a_task(om, "t", "d"):
        om.datasets.put([1], "d")
    om.datasets.drop("d")
    again()
    settle(om)  # the document of the name is gone, and its numbers are not
    assert om.database.metadata.find_one({"name": "d"}) is None
    again()
    assert "d" not in om.datasets
    assert om.datasets.put([2], "d").version == 2  # outside of a task
    again()
    assert om.datasets.get("d") == [2]
    settle(om)


def test_an_object_remembers_so_many_tasks(om: Omega) -> None:
    for i in range(TASKS_REMEMBERED + 3):
        with in_a_task(om, f"t{i}", "d"):
            om.datasets.put([i], "d")
    document = om.database.metadata.find_one({"name": "d"})
    assert document is not None
    remembered = [entry["id"] for entry in document["tasks"]]
    assert remembered == [f"t{i}" for i in range(3, TASKS_REMEMBERED + 3)]
    om.datasets.put([0], "d")
    om.datasets.restore("d", om.datasets.versions("d")[0].version or 0)
    assert (om.database.metadata.find_one({"name": "d"}) or {})["tasks"] == document["tasks"]


def test_a_revision_that_another_execution_changed_is_no_conflict(om: Omega) -> None:
    rev = om.datasets.put([0], "d").rev
    for _ in range(2):
        with in_a_task(om, "t", "d"):
            assert om.datasets.put([1], "d", if_rev=rev).version == 2
    with in_a_task(om, "u", "d"), pytest.raises(ConflictError, match="revision 2"):
        om.datasets.put([1], "d", if_rev=rev)
    settle(om)


def test_a_put_outside_of_a_task_costs_nothing_more(om: Omega, mongo_url: str) -> None:
    assert current_task() is None
    with (
        FaultProxy(mongo_url) as proxy,
        Omega(url=proxy.url(om.database.mongodb.name)) as counted,
    ):
        for number in range(2):  # the first makes the indexes
            with proxy.fault(0, "lost answer") as plain:
                counted.datasets.put([number], "d")
            with proxy.fault(0, "lost answer") as of_a_task, in_a_task(counted, f"t{number}", "d"):
                counted.datasets.put([number], "d")
        assert plain.commands == ["findAndModify omega.metadata"] * 2
        assert sorted(of_a_task.commands) == [*plain.commands, "findAndModify omega.tasks"]


# --- cancelled -----------------------------------------------------------------------------------


def cancel(om: Omega, id: str = "t") -> bool:
    return bar(id, "cancelled", om)


STEPS = {
    "before it begins": None,
    "before the intent": "begin",
    "between intent and record": "admit",
    "before the commit": "commit",
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("why", ["cancelled", "timeout"])
def test_a_task_that_is_barred_at_any_step_stores_nothing(om: Omega, step: str, why: Any) -> None:
    om.records.submitted("t", bucket="default", engine="e", task=a_task().to_json(), leased=False)
    barred: list[bool] = []

    def and_then(method: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(self: Any, *args: Any) -> Any:
            if not barred:
                barred.append(bar("t", why, om))
            return method(self, *args)

        return stepped

    error = TaskCancelledError if why == "cancelled" else TaskTimeoutError
    at = STEPS[step]
    if at is None:
        barred.append(bar("t", why, om))
        with pytest.raises(error):
            execute(a_task(), om)
    else:
        cls: Any = TaskFence if at == "admit" else commit.Intent
        with patch.object(cls, at, and_then(getattr(cls, at))), pytest.raises(error):
            execute(a_task(), om)
    assert barred == [True]
    assert versions(om) == [1]
    record = om.records.read("t")
    assert record is not None
    assert record.status == ("cancelled" if why == "cancelled" else "failure")
    with pytest.raises(error):
        om.runtime.result("t").get()
    with pytest.raises(error):  # nor does another execution
        execute(a_task(), om)
    assert versions(om) == [1]
    settle(om)


def test_a_task_that_has_committed_cannot_be_cancelled_any_more(om: Omega) -> None:
    said: list[bool] = []

    def and_cancel(intent: commit.Intent, *args: Any) -> Any:
        document = original(intent, *args)
        said.append(cancel(om))
        return document

    original = commit.Intent.commit
    with patch.object(commit.Intent, "commit", and_cancel):
        om.records.submitted(
            "t", bucket="default", engine="e", task=a_task().to_json(), leased=False
        )
        assert execute(a_task(), om).version == 2
    assert said == [False]
    assert om.runtime.result("t").status == "success"
    assert om.runtime.result("t").get().version == 2


def test_a_cancelled_task_stores_nothing_of_other_names_either(om: Omega) -> None:
    execute(a_task("predict"), om)
    with in_a_task(om, "v", "d"):
        om.records.submitted("v", bucket="default", engine="e", task=None, leased=False)
        om.datasets.put([1], "aside")
        assert cancel(om, "v")
        for name in ("d", "aside"):
            with pytest.raises(TaskCancelledError, match="Task v was cancelled"):
                om.datasets.put([2], name)
    assert om.datasets.get("aside") == [1]
    assert "d" not in om.datasets
    settle(om)


def test_the_lease_of_a_task_that_was_not_cancelled_is_lost_as_any(om: Omega) -> None:
    with in_a_task(om, "t", "d"), pytest.raises(LeaseLostError):
        om.datasets.put(_Slow(om), "d", kind="test.slow")
    settle(om)


class _Slow:
    """Is given up while it is stored."""

    def __init__(self, om: Omega) -> None:
        from omega_core import BaseDataBackend

        class SlowBackend(BaseDataBackend):
            KIND = "test.slow"
            TYPES = None

            def put(self, obj: Any, name: str, attributes: Any = None, **kwargs: Any) -> Any:
                let_time_pass(om.database.mongodb, HOUR)
                om.gc(grace=0)
                return self.data_store.make_metadata(name, self.KIND).save()

        om.datasets.register_backend(SlowBackend)


# --- at any moment ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FAULTS)
def test_a_client_that_fails_at_any_step_of_a_task_leaves_one_version(
    om: Omega, kind: FaultKind
) -> None:
    """Whatever the first execution came to, and whatever it heard, the second makes it whole."""
    with CrashingTwin(om) as twin:
        for step in itertools.count(1):
            name, id = f"m{step}", f"{kind.replace(' ', '-')}-{step}"
            om.models.put(KitModel(6.0, 3), name)
            text = a_task(id=id, name=name).to_json()
            struck = twin.crash(step, lambda omega, text=text: run_task(text, omega), kind)
            outcome = run_task(text, om)
            assert '"status": "success"' in outcome
            assert versions(om, name) == [1, 2]
            if not struck:
                break
    assert step > 5
    settle(om)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_cancellation_that_fails_at_any_step_is_made_whole_by_another(
    om: Omega, kind: FaultKind
) -> None:
    """A writer waits before its commit; who cancels fails at any step, and somebody does again."""
    with CrashingTwin(om) as twin:
        for step in itertools.count(1):
            task = a_task(id=f"{kind.replace(' ', '-')}-{step}")
            om.records.submitted(
                task.id, bucket="default", engine="e", task=task.to_json(), leased=False
            )
            stepped = _CancelledBefore(om, twin, step, kind)
            with (
                patch.object(commit.Intent, "commit", stepped),
                pytest.raises(TaskCancelledError),
            ):
                execute(task, om)
            assert versions(om) == [1]
            if not stepped.struck:
                break
    assert step > 2
    settle(om)


class _CancelledBefore:
    """A commit before which the task is cancelled: by a client that fails, and by another one."""

    def __init__(self, om: Omega, twin: CrashingTwin, step: int, kind: FaultKind) -> None:
        self.struck: bool | None = None
        self._om, self._twin, self._step, self._kind = om, twin, step, kind
        self._original = commit.Intent.commit

    def __get__(self, intent: commit.Intent, cls: type) -> Any:
        return lambda *args: self._commit(intent, *args)

    def _commit(self, intent: commit.Intent, *args: Any) -> Any:
        assert intent.task is not None
        id = intent.task.id
        if self.struck is None:
            self.struck = self._twin.crash(self._step, lambda omega: cancel(omega, id), self._kind)
            assert cancel(self._om, id)
        return self._original(intent, *args)


def test_a_worker_that_is_killed_once_it_has_stored_leaves_what_it_stored(
    om: Omega, tmp_path: Path
) -> None:
    task = a_task(options={"after": str(tmp_path)})
    with Child(lambda tell: run_task(task.to_json(), om)) as child:
        while not list(tmp_path.glob("*.begun")):
            time.sleep(0.01)
        child.kill()
        with pytest.raises(KilledError):
            child.result()
    record = om.records.read("t")
    assert record is not None
    assert (record.status, versions(om)) == ("running", [1, 2])
    let_time_pass(om.database.mongodb, HOUR)
    assert om.runtime.result("t").status == "lost"
    assert '"recorded"' in run_task(task.to_json(), om)  # and does not wait at the gate
    assert om.runtime.result("t").get().version == 2
    assert versions(om) == [1, 2]


@pytest.mark.parametrize(
    ("forged", "told"),
    [
        (7, "tasks is 7, and should be a list"),
        ({"id": "t"}, "tasks is {'id': 't'}, and should be a list"),
        ([{"id": "t", "n": 0}], r"tasks\[0\]\['gen'\] is missing"),
        ([7], None),  # what is not asked for harms nobody
        ([{"id": "t"}], None),
    ],
    ids=range(5),
)
def test_what_somebody_wrote_in_the_place_of_the_tasks_is_told(
    om: Omega, forged: Any, told: str | None
) -> None:
    om.datasets.put([0], "d")
    om.database.metadata.update_one({"name": "d"}, {"$set": {"tasks": forged}})
    with in_a_task(om, "t", "d"):
        if told is None:
            om.datasets.put([1], "d")
        else:
            with pytest.raises(IntegrityError, match=told):
                om.datasets.put([1], "d")
    assert om.datasets.get("d") == ([1] if told is None else [0])
    om.datasets.put([2], "d")  # outside of a task, nobody looks there
    assert om.datasets.get("d") == [2]
    settle(om)
