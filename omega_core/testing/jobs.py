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

PATIENCE = 180.0


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

    # A run may take seconds, so that each of these looks at all that there is to see of one.

    def test_a_run_stores_what_it_leaves_and_says_how_it_went(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], objects: list[Any]
    ) -> None:
        meta = store.perform("run", "j", params=params, rName="left")
        assert isinstance(meta, Metadata), f"promise: a run returns metadata; got {meta!r}"
        assert (meta.name, meta.prefix, meta.version) == ("left", "jobs/", 1)
        assert store.metadata("left") == meta
        assert store.get("left") is not None
        told = meta.attributes
        assert set(told) >= TOLD, f"promise: what a run leaves has {sorted(TOLD)}"
        assert (told["status"], told["error"]) == ("success", None)
        assert (told["job"], told["job_version"]) == ("j", job.version)
        assert told["parameters"] == params
        assert told["duration"] >= 0
        record = store.lineage("left").origin.record
        assert record is not None, "promise: what a run leaves says of which job it is"
        assert (record["action"], record["job"]["gen"]) == ("run", job.gen)
        assert [use.name for use in store.used_by("j")] == ["left"]
        assert store.metadata("j") == job, "promise: a run leaves the job as it is"
        assert self.equal(objects[0], store.get("j")), "promise: a run leaves the job as it is"

    # --- what goes wrong ---------------------------------------------------------------------

    def test_a_run_that_fails_is_stored_and_raises(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], failing: Any
    ) -> None:
        self._put(store, failing, "j")
        with pytest.raises(JobFailedError, match="'j' failed") as told:
            store.perform("run", "j", rName="left")
        assert "'left'" in str(told.value), "promise: the error names what the run left"
        attributes = store.metadata("left").attributes  # type: ignore[union-attr]
        assert attributes["status"] == "failure"
        assert attributes["error"], "promise: the attribute error says what failed"
        assert attributes["error"] in str(told.value)
        # The version before it runs as it did, and what it leaves tells of no error.
        later = store.perform("run", "j", params=params, rName="left", version=1).attributes
        assert (later["status"], later["error"], later["job_version"]) == ("success", None, 1)

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

    def test_a_run_is_a_task_which_stores_once(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        id, runtime = uuid.uuid4().hex, store.omega.runtime
        metas = [runtime.job("j").submit(params, task_id=id).get(PATIENCE) for _ in range(3)]
        assert {(meta.name, meta.version) for meta in metas} == {(f"results/j/{id}", 1)}
        assert metas[0].attributes["task"] == id
        assert len(store.versions(metas[0].name)) == 1
        assert runtime.result(id).get(PATIENCE).gen == metas[0].gen

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
