"""Jobs run as models act: by name, on an engine, stored once; and only where that is allowed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omega_core import BackendSpec, BaseJobBackend, Metadata, Omega, OmegaStore, Task, run_task
from omega_core.errors import (
    JobFailedError,
    JobsDeniedError,
    PluginContractError,
    TaskCancelledError,
    TaskLostError,
    TaskTimeoutError,
    UnsupportedOptionError,
)
from omega_core.plugins.marker import hookimpl
from omega_core.testing.engines import Gate, until
from omega_core.testing.jobs import PATIENCE, JobBackendTests

MakeOmega = Callable[..., Omega]


@dataclass
class Sum:
    """A job that adds its parameters up; with ``gate``, it waits there first."""

    of: list[str]


class SumBackend(BaseJobBackend):
    def put(
        self, obj: Sum, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.job_store.make_metadata(name, "test.sum", attributes=attributes)
        meta.kind_meta = {"of": obj.of}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Sum:
        meta = self.job_store.metadata(name)
        assert meta is not None
        return Sum(**meta.kind_meta)

    def run(
        self,
        jobname: str,
        params: Mapping[str, Any] | None = None,
        *,
        rName: str,
        gate: str | None = None,
        stores: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        job, given = self.job_store.get(jobname), params or {}
        if gate is not None:
            wait_at(gate, self.checkpoint)
        missing = [name for name in job.of if name not in given]
        if missing:
            failure = {"status": "failure", "error": f"there is no {missing[0]!r}"}
            return self.job_store.put([], rName, attributes=failure)
        found = self.job_store.put([sum(given[name] for name in job.of)], rName)
        return found if stores else self.job_store.metadata(jobname)  # type: ignore[return-value]


def wait_at(gate: str, checkpoint: Callable[[], None]) -> None:
    directory = Path(gate)
    arriving = directory / f"{uuid.uuid4().hex}.arriving"
    arriving.write_text("0")
    arriving.rename(arriving.with_suffix(".begun"))
    try:
        until(lambda: checkpoint() or (directory / "go").exists())
    finally:
        (directory / f"{uuid.uuid4().hex}.ended").touch()


def with_sums(omega: Omega) -> Omega:
    omega.jobs.register_backend(BackendSpec("test.sum", SumBackend, types=None))
    return omega


@pytest.fixture
def om(make_omega: MakeOmega) -> Omega:
    omega = with_sums(make_omega(security={"run_jobs": "allow"}))
    omega.jobs.put(Sum(["a", "b"]), "sum", kind="test.sum")
    return omega


class TestSums(JobBackendTests):
    kind = "test.sum"

    @pytest.fixture
    def store(self, make_omega: MakeOmega) -> OmegaStore:
        return with_sums(make_omega(security={"run_jobs": "allow"})).jobs

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [Sum(["a", "b"]), Sum(["a"])]

    @pytest.fixture
    def params(self) -> dict[str, Any]:
        return {"a": 1, "b": 2}

    @pytest.fixture
    def failing(self) -> Any:
        return Sum(["nowhere"])


def test_a_job_runs_on_the_engine(om: Omega) -> None:
    result = om.runtime.job("sum").run({"a": 1, "b": 2})
    meta = result.get(PATIENCE)
    assert om.jobs.get(meta.name) == [3]
    assert meta.kind == "python.data"


@pytest.mark.parametrize("stored_in", ["datasets", "models", "jobs"])
def test_a_job_backend_stores_in_the_store_that_is_called(om: Omega, stored_in: str) -> None:
    store = getattr(om, stored_in)
    assert store.put(Sum(["x"]), "s", kind="test.sum").prefix == store.prefix
    assert store.get("s") == Sum(["x"])
    assert [s.prefix for s in (om.datasets, om.models, om.jobs) if s.exists("s")] == [store.prefix]


def test_what_is_no_job_does_not_run(om: Omega) -> None:
    om.jobs.put({"a": 1}, "data")
    with pytest.raises(
        NotImplementedError, match=r"'python\.data', which is data: it does not run"
    ):
        om.jobs.perform("run", "data")
    with pytest.raises(NotImplementedError, match=r"'test\.sum', which is a job: it has no 'fit'"):
        om.jobs.perform("fit", "sum", "X")


def test_a_run_is_routed_through_wrappers_and_get_backend(om: Omega) -> None:
    seen = []

    class Watch:
        @hookimpl(wrapper=True)
        def run(self, jobname: str, params: Any, rName: str, options: Any) -> Any:
            seen.append((jobname, params, rName, options))
            return (yield)

    om.plugins.manager.register(Watch())
    backend: Any = om.jobs.get_backend("sum")
    assert isinstance(backend, BaseJobBackend)
    backend.run("sum", {"a": 1, "b": 1}, rName="two", stores=True)
    assert seen == [("sum", {"a": 1, "b": 1}, "two", {"stores": True})]
    assert om.jobs.get("two") == [2]


def test_options_are_those_of_the_kind(om: Omega) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"no option 'gat'\. Did you mean 'gate'\?"):
        om.runtime.job("sum").run({"a": 1, "b": 2}, gat="x").get(PATIENCE)


def test_a_run_that_returns_something_else_breaks_its_contract(om: Omega) -> None:
    with pytest.raises(
        PluginContractError, match=r"the saved metadata of jobs/'r'.*job_store\.put"
    ):
        om.jobs.perform("run", "sum", params={"a": 1, "b": 2}, rName="r", stores=False)


def test_a_run_that_cannot_be_called_is_refused_at_the_first_use(om: Omega) -> None:
    class Wrong(SumBackend):
        def run(self, jobname: str) -> Metadata:  # type: ignore[override]
            raise AssertionError

    om.jobs.register_backend(BackendSpec("test.wrong", Wrong, types=None))
    with pytest.raises(PluginContractError, match=r"Wrong\.run\(jobname.*cannot be called"):
        om.jobs.put(Sum([]), "w", kind="test.wrong")


def test_where_it_runs_decides_and_not_who_asks(om: Omega, make_omega: MakeOmega) -> None:
    denying = with_sums(make_omega())
    task = Task("t1", "default", "jobs", "sum", "run", {"params": {"a": 1, "b": 2}, "rName": "r"})
    run_task(task.to_json(), denying)
    with pytest.raises(JobsDeniedError, match="this process runs none"):
        om.runtime.result("t1").get(PATIENCE)
    assert not om.jobs.exists("r")
    run_task(Task(**{**vars(task), "id": "t2"}).to_json(), om)
    assert denying.runtime.result("t2").get(PATIENCE).name == "r"


# --- tasks ---------------------------------------------------------------------------------------


def test_two_executions_of_a_run_store_once(om: Omega) -> None:
    arguments = {"params": {"a": 1, "b": 2}, "rName": "r"}
    task = Task("t", "default", "jobs", "sum", "run", arguments).to_json()
    for _ in range(3):
        run_task(task, om)
    assert [meta.version for meta in om.jobs.versions("r")] == [1]
    assert om.runtime.result("t").get(PATIENCE).version == 1


def test_a_failed_run_that_is_executed_again_fails_again_and_stores_once(om: Omega) -> None:
    task = Task("t", "default", "jobs", "sum", "run", {"params": {}, "rName": "r"}).to_json()
    for _ in range(3):
        run_task(task, om)
        with pytest.raises(JobFailedError, match="there is no 'a'"):
            om.runtime.result("t").get(PATIENCE)
    assert [meta.version for meta in om.jobs.versions("r")] == [1]


def test_a_task_under_way_is_not_run_beside_itself(om: Omega, gate: Gate) -> None:
    job, params = om.runtime.job("sum"), {"a": 1, "b": 2}
    first = job.submit(params, task_id="one", gate=str(gate.directory))
    gate.begun()
    second = job.submit(params, task_id="one", gate=str(gate.directory))
    gate.open()
    assert first.get(PATIENCE).gen == second.get(PATIENCE).gen
    assert len(gate.begun()) == 1


def test_a_task_whose_submitter_died_is_submitted_again(om: Omega) -> None:
    arguments = {"params": {"a": 1, "b": 2}, "rName": "r"}
    task = Task("one", "default", "jobs", "sum", "run", arguments).to_json()
    # Recorded, and given to no engine: of a queue nobody knows, of a process its lease says so.
    om.records.submitted("one", bucket="default", engine="local", task=task, leased=False)
    assert om.runtime.job("sum").submit({"a": 1, "b": 2}, task_id="one", rName="r").get(PATIENCE)
    assert om.jobs.get("r") == [3]


def test_the_id_of_another_task_is_refused(om: Omega) -> None:
    om.runtime.job("sum").submit({"a": 1, "b": 2}, task_id="one").get(PATIENCE)
    with pytest.raises(UnsupportedOptionError, match="'one' is that of another task"):
        om.runtime.job("other").submit(task_id="one")
    with pytest.raises(UnsupportedOptionError, match="task_id is 'a b', and has to be"):
        om.runtime.job("sum").submit(task_id="a b")
    with pytest.raises(UnsupportedOptionError, match="do not travel"):
        om.runtime.job("sum").run({"a": {1, 2}})


def test_a_run_that_is_cancelled_or_takes_too_long_hears_of_it(om: Omega, gate: Gate) -> None:
    params = {"a": 1, "b": 2}
    cancelled = om.runtime.job("sum").run(params, gate=str(gate.directory))
    gate.begun()
    assert cancelled.cancel()
    with pytest.raises(TaskCancelledError):
        cancelled.get(PATIENCE)
    late = om.runtime.job("sum", timeout=0.1).run(params, gate=str(gate.directory))
    with pytest.raises(TaskTimeoutError, match="longer than its timeout"):
        late.get(PATIENCE)
    # Nobody opens the gate: that both end is what their checkpoint does.
    until(lambda: len(list(gate.directory.glob("*.ended"))) == 2)
    assert om.jobs.list() == ["sum"]


def test_a_run_that_kills_its_worker_is_given_up(om: Omega) -> None:
    arguments = {"params": {"a": 1, "b": 2}, "rName": "r"}
    for _ in range(4):
        om.records.begin("t", bucket="default")
    run_task(Task("t", "default", "jobs", "sum", "run", arguments).to_json(), om)
    with pytest.raises(TaskLostError, match="begun 4 times"):
        om.runtime.result("t").get(PATIENCE)
