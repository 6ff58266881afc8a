"""The tests that a job backend has to pass, besides those of every backend.

Subclass, give the fixtures, and pytest finds the rest::

    # tests/test_acme.py
    import pytest
    from omega_core.testing import JobBackendTests

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
from .promises import holds, is_a, missing, promise, raising, there

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
        missing(self, "failing", "a job that fails, without parameters", 'return Script("1 / 0")')

    @pytest.fixture
    def job(self, store: OmegaStore, objects: list[Any]) -> Metadata:
        """The job ``j``, put into the empty store."""
        return self._put(store, objects[0], "j")

    # --- what a run leaves -------------------------------------------------------------------

    # A run may take seconds, so that each of these looks at all that there is to see of one.

    def test_a_run_stores_what_it_leaves_and_says_how_it_went(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], objects: list[Any]
    ) -> None:
        what = "a run stores what it leaves and says how it went"
        meta = store.perform("run", "j", params=params, rName="left")
        is_a("a run returns metadata", meta, Metadata)
        promise(what, (meta.name, meta.prefix, meta.version), ("left", "jobs/", 1))
        promise(what, store.metadata("left"), meta)
        there("what a run leaves can be got", store.get("left"))
        told = meta.attributes
        promise("what a run leaves has attributes: what is missing", sorted(TOLD - set(told)), [])
        promise(what, (told["status"], told["error"]), ("success", None))
        promise(what, (told["job"], told["job_version"]), ("j", job.version))
        promise(what, told["parameters"], params)
        holds(what, told["duration"] >= 0, expected='told["duration"] >= 0', got=told["duration"])
        record = there(
            "what a run leaves says of which job it is", store.lineage("left").origin.record
        )
        promise(what, (record["action"], record["job"]["gen"]), ("run", job.gen))
        promise(what, [use.name for use in store.used_by("j")], ["left"])
        promise("a run leaves the job as it is", store.metadata("j"), job)
        self._gets("a run leaves the job as it is", objects[0], store, "j")

    # --- what goes wrong ---------------------------------------------------------------------

    def test_a_run_that_fails_is_stored_and_raises(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], failing: Any
    ) -> None:
        what = "a run that fails is stored and raises"
        self._put(store, failing, "j")
        with raising(JobFailedError, what, "'j' failed") as told:
            store.perform("run", "j", rName="left")
        text = str(told.value)
        what_ = "the error names what the run left"
        holds(what_, "'left'" in text, expected="'left' in it", got=text)
        attributes = store.metadata("left").attributes  # type: ignore[union-attr]
        promise(what, attributes["status"], "failure")
        error = attributes["error"]
        holds("the attribute error says what failed", error, expected="a text", got=error)
        holds("the error says what failed", error in text, expected=error, got=text)
        # The version before it runs as it did, and what it leaves tells of no error.
        later = store.perform("run", "j", params=params, rName="left", version=1).attributes
        promise(what, (later["status"], later["error"], later["job_version"]), ("success", None, 1))

    def test_what_is_asked_wrongly_is_refused(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        what = "what is asked wrongly is refused"
        for wrong in ({"X": "X"}, {"params": ["a"]}, {"params": {1: 2}}, {"rName": "j"}):
            with raising(UnsupportedOptionError, what, "run of 'j'"):
                store.perform("run", "j", **wrong)
        with raising(ObjectNotFoundError, what, "No object 'k'"):
            store.perform("run", "k")
        promise("what is refused stores nothing", store.list(), ["j"])

    def test_nothing_runs_where_jobs_are_denied(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any], objects: list[Any]
    ) -> None:
        what = "nothing runs where jobs are denied"
        with CrashingTwin(store.omega, timeout=30.0, security=SecurityConfig()) as twin:
            jobs = twin.omega.jobs
            self._gets("reading a job is safe", objects[0], jobs, "j")
            with raising(JobsDeniedError, what, r'\[security\] run_jobs = "allow"'):
                jobs.perform("run", "j", params=params)
            promise(what, jobs.list(), ["j"])

    # --- as a task ---------------------------------------------------------------------------

    def test_a_run_is_a_task_which_stores_once(
        self, store: OmegaStore, job: Metadata, params: dict[str, Any]
    ) -> None:
        what = "a run is a task which stores once"
        id, runtime = uuid.uuid4().hex, store.omega.runtime
        metas = [runtime.job("j").submit(params, task_id=id).get(PATIENCE) for _ in range(3)]
        promise(what, {(meta.name, meta.version) for meta in metas}, {(f"results/j/{id}", 1)})
        promise(what, metas[0].attributes["task"], id)
        promise(what, len(store.versions(metas[0].name)), 1)
        promise(what, runtime.result(id).get(PATIENCE).gen, metas[0].gen)

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
        with raising(TaskCancelledError, "a cancelled run stores nothing"):
            omega.runtime.job("j").submit(params, task_id=task).get(PATIENCE)
        promise("a run that is cancelled stores nothing any more", store.list(), ["j"])
