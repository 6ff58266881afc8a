"""The tests that a job backend has to pass, besides those of every backend.

Subclass, give the fixtures, and pytest finds the rest::

    # tests/test_acme.py
    import pytest
    from omega_core.testing.jobs import JobBackendTests

    class TestScripts(JobBackendTests):
        @pytest.fixture
        def objects(self):
            return [Script("print(day)"), Script("1 / 0")]  # that differ; the first of them runs

        @pytest.fixture
        def failing(self):
            return Script("1 / 0")

        @pytest.fixture
        def params(self):
            return {"day": "2026-01-31"}                    # what the first of them takes

A failure says which promise is broken, what was expected, and what was got instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from ..config import SecurityConfig
from ..errors import (
    JobFailedError,
    JobsDeniedError,
    ObjectNotFoundError,
    TaskCancelledError,
    UnsupportedOptionError,
)
from ..omega import Omega
from ..plugins.marker import hookimpl
from ..protocol.metadata import Metadata
from ..runtime.execution import bar
from ..store import OmegaStore
from .conformance import DataBackendTests
from .crashes import CrashingTwin

TOLD = {"job", "job_version", "parameters", "task", "started", "duration", "status", "error"}
"""The attributes of what a run leaves."""

PATIENCE = 60.0


class JobBackendTests(DataBackendTests):
    """The contract of a job backend."""

    @pytest.fixture
    def store(self, make_omega: Callable[..., Omega]) -> OmegaStore:
        """The jobs of an empty `Omega` that has the plugin, and that lets jobs run."""
        return make_omega(security={"run_jobs": "allow"}).jobs

    @pytest.fixture
    def params(self) -> dict[str, Any]:
        """What the first of ``objects`` takes."""
        return {}

    @pytest.fixture
    def failing(self) -> Any:
        """A job that fails, without parameters."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `failing`")

    @pytest.fixture
    def job(self, store: OmegaStore, objects: list[Any]) -> Metadata:
        """The job ``j``, put into the empty store."""
        return self._put(store, objects[0], "j")

    # --- what a run leaves -------------------------------------------------------------------

    def test_a_run_stores_what_it_leaves_and_returns_its_metadata(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        meta = store.perform("run", "j", params=params, rName="left")
        assert isinstance(meta, Metadata), f"promise: a run returns metadata; got {meta!r}"
        assert (meta.name, meta.prefix, meta.version) == ("left", "jobs/", 1)
        assert store.metadata("left") == meta
        assert store.get("left") is not None

    def test_a_run_says_how_it_went(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        told = store.perform("run", "j", params=params).attributes
        assert set(told) >= TOLD, f"promise: what a run leaves has {sorted(TOLD)}"
        assert (told["status"], told["error"]) == ("success", None)
        assert (told["job"], told["job_version"]) == ("j", job.version)
        assert told["parameters"] == params
        assert told["duration"] >= 0

    def test_a_run_has_a_lineage(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        store.perform("run", "j", params=params, rName="left")
        record = store.lineage("left").origin.record
        assert record is not None, "promise: what a run leaves says of which job it is"
        assert (record["action"], record["job"]["gen"]) == ("run", job.gen)
        assert [use.name for use in store.used_by("j")] == ["left"]

    def test_a_run_leaves_the_job_as_it_is(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], objects: list[Any]
    ) -> None:
        store.perform("run", "j", params=params)
        assert store.metadata("j") == job
        assert self.equal(objects[0], store.get("j"))

    def test_each_run_has_a_result_of_its_own(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        names = {store.perform("run", "j", params=params).name for _ in range(2)}
        assert len(names) == 2, "promise: without rName, no run replaces what another one left"
        assert all(name.startswith("results/j/") for name in names)

    def test_the_version_that_is_asked_for_runs(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], failing: Any
    ) -> None:
        self._put(store, failing, "j")
        meta = store.perform("run", "j", params=params, version=1)
        assert meta.attributes["job_version"] == 1
        with pytest.raises(JobFailedError):
            store.perform("run", "j")

    # --- what goes wrong ---------------------------------------------------------------------

    def test_a_run_that_fails_is_stored_and_raises(self, store: OmegaStore, failing: Any) -> None:
        self._put(store, failing, "bad")
        with pytest.raises(JobFailedError, match="'bad' failed") as told:
            store.perform("run", "bad", rName="left")
        assert "'left'" in str(told.value), "promise: the error names what the run left"
        attributes = store.metadata("left").attributes  # type: ignore[union-attr]
        assert attributes["status"] == "failure"
        assert attributes["error"], "promise: the attribute error says what failed"
        assert attributes["error"] in str(told.value)

    def test_a_success_after_a_failure_tells_of_no_error(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], failing: Any
    ) -> None:
        self._put(store, failing, "bad")
        with pytest.raises(JobFailedError):
            store.perform("run", "bad", rName="left")
        told = store.perform("run", "j", params=params, rName="left").attributes
        assert (told["status"], told["error"], told["job"]) == ("success", None, "j")

    def test_what_is_asked_wrongly_is_refused(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        for wrong in ({"X": "X"}, {"params": ["a"]}, {"params": {1: 2}}, {"rName": "j"}):
            with pytest.raises(UnsupportedOptionError, match="run of 'j'"):
                store.perform("run", "j", **wrong)
        with pytest.raises(ObjectNotFoundError, match="No object 'k'"):
            store.perform("run", "k")
        assert store.list() == ["j"], "promise: what is refused stores nothing"

    def test_nothing_runs_where_jobs_are_denied(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], objects: list[Any]
    ) -> None:
        with CrashingTwin(store.omega, timeout=30.0, security=SecurityConfig()) as twin:
            jobs = twin.omega.jobs
            assert self.equal(objects[0], jobs.get("j")), "promise: reading a job is safe"
            with pytest.raises(JobsDeniedError, match=r'\[security\] run_jobs = "allow"'):
                jobs.perform("run", "j", params=params)
            assert jobs.list() == ["j"]

    # --- as a task ---------------------------------------------------------------------------

    def test_a_run_is_a_task(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], failing: Any
    ) -> None:
        result = store.omega.runtime.job("j").run(params)
        meta = result.get(PATIENCE)
        assert (meta.name, meta.attributes["task"]) == (f"results/j/{result.id}", result.id)
        assert store.omega.runtime.result(result.id).get(PATIENCE).gen == meta.gen
        self._put(store, failing, "bad")
        failed = store.omega.runtime.job("bad").run(rName="left")
        with pytest.raises(JobFailedError, match="'bad' failed"):
            failed.get(PATIENCE)
        assert failed.status == store.omega.runtime.result(failed.id).status == "failure"

    def test_a_task_that_is_submitted_again_runs_once(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], failing: Any
    ) -> None:
        id = uuid.uuid4().hex
        runtime = store.omega.runtime
        metas = [runtime.job("j").submit(params, task_id=id).get(PATIENCE) for _ in range(3)]
        assert {meta.version for meta in metas} == {1}
        assert [v.version for v in store.versions(metas[0].name)] == [1]

    def test_a_cancelled_run_stores_nothing(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        omega = store.omega

        class Cancelling:
            @hookimpl(wrapper=True)
            def run(self, jobname: str) -> Any:
                bar(task, "cancelled", omega)
                return (yield)

        omega.plugins.manager.register(Cancelling())
        task = uuid.uuid4().hex
        with pytest.raises(TaskCancelledError):
            omega.runtime.job("j").submit(params, task_id=task).get(PATIENCE)
        assert store.list() == ["j"], "promise: a run that is cancelled stores nothing any more"
