"""The tests that an engine has to pass: every action, error, option and hint, with equal results.

Subclass, give ``om``, and pytest finds the rest::

    # tests/test_acme_engine.py
    import pytest
    from omega_core.testing import EngineTests

    class TestAcme(EngineTests):
        @pytest.fixture
        def om(self, engine_kit, make_omega):
            om = make_omega(runtime={"engine": "acme"})
            with workers_of(om.config):              # which read the same database
                yield om

Workers that are started after the fixture `engine_kit` was asked for find the small model that acts
here, by the ``PYTHONPATH``. Each test has a bucket of its own, so one ``om``, with its workers, may
serve them all.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..backends.base import ACTIONS
from ..errors import (
    ObjectNotFoundError,
    OmegaError,
    RemoteError,
    ServerError,
    TaskCancelledError,
    TaskNotFoundError,
    TaskTimeoutError,
    UnsupportedOptionError,
)
from ..omega import Omega
from ..protocol.metadata import Metadata
from ..runtime.hints import HINTS
from ..runtime.result import Result
from ..runtime.task import Task
from ..worker import run_task
from .engine_model import KitError, KitModel
from .promises import NOT_SO, Words, holds, is_a, missing, promise, raising, there

PATIENCE = 180.0
"""Seconds after which a test gives up; no test takes so long."""

_HINTS: dict[str, Any] = {"timeout": PATIENCE, "retries": 1, "priority": 1}


class Gate:
    """A directory at which workers wait: see `omega_core.testing.engine_model`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def begun(self, count: int = 1) -> list[int]:
        """Wait until so many have come, and return their process ids."""

        def come() -> list[int]:
            # In the order in which they came.
            files = sorted(self.directory.glob("*.begun"), key=lambda file: file.stat().st_mtime_ns)
            return [int(file.read_text()) for file in files]

        until(lambda: len(come()) >= count, f"{count} tasks begin")
        return come()

    def open(self) -> None:
        """Let those who wait, and all others, go on."""
        (self.directory / "go").touch()


def until(happened: Callable[[], object], what: str = "what a test waits for happens") -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        holds(
            what,
            time.monotonic() < deadline,
            expected=f"it within {PATIENCE:.0f} s",
            got=Words("nothing of it"),
        )
        time.sleep(0.02)


class EngineTests:
    """The contract of an engine.

    Attributes
    ----------
    workers
        How many tasks are executed at the same time.
    hints
        Values of hints for which there is a worker, beside those of timeout, retries and priority.
    """

    workers: ClassVar[int] = 2
    hints: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def om(self) -> Omega:
        """An `Omega` whose ``[runtime] engine`` is the one under test, with its workers."""
        missing(
            self,
            "om",
            "an Omega whose engine is the one under test, with its workers",
            'with workers_of(om := make_omega(runtime={"engine": "acme"})):\n    yield om',
            parameters="engine_kit, make_omega",
        )

    def kill_worker(self, pid: int) -> None:
        """Kill the worker process that executes a task, with SIGKILL; others remain, or come."""
        pytest.skip("the workers of this engine are threads of this process")

    @pytest.fixture
    def bucket(self, om: Omega) -> Iterator[Omega]:
        """A bucket with a fitted model, and data; nothing temporary stays there."""
        bucket = om[f"engine-{uuid.uuid4().hex[:12]}"]
        bucket.datasets.put([1.0, 2.0, 3.0], "X")
        bucket.datasets.put([4.0, 6.0], "Y")
        bucket.models.put(KitModel(6.0, 3), "m")
        yield bucket
        until(lambda: _hidden(bucket) == [], "what a task was given is removed when it ends")
        for store in (bucket.datasets, bucket.models):
            for name in store.list(hidden=True):
                store.drop(name)

    # --- actions -----------------------------------------------------------------------------

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("pure_python", [True, False])
    def test_an_action_gives_what_it_gives_without_an_engine(
        self, bucket: Omega, action: str, pure_python: bool
    ) -> None:
        what = "an action gives what it gives without an engine"
        bucket.models.put(KitModel(6.0, 3), "direct")
        direct = bucket.models.perform(action, "direct", "X", pure_python=pure_python)
        result = getattr(bucket.runtime.model("m"), action)("X", pure_python=pure_python)
        got = result.get(PATIENCE)
        promise(what, result.status, "success")
        promise(what, result.exception(), None)
        if isinstance(direct, Metadata):
            is_a(what, got, Metadata)
            promise(what, (got.name, got.version, got.prefix), ("m", direct.version, direct.prefix))
            promise(what, got.reload().version, direct.version)
        else:
            promise(what, (type(got), got), (type(direct), direct))
        promise(what, bucket.models.get("m"), bucket.models.get("direct"))

    def test_a_result_can_be_stored(self, bucket: Omega) -> None:
        what = "a result can be stored"
        model = bucket.runtime.model("m")
        meta = model.predict("X", rName="a/r.1").get(PATIENCE)
        is_a(what, meta, Metadata)
        promise(what, (meta.name, meta.prefix, meta.version), ("a/r.1", "data/", 1))
        promise(what, bucket.datasets.get("a/r.1"), [2.0, 2.0, 2.0])
        meta = model.fit_transform("X", rName="t").get(PATIENCE)
        promise(what, (meta.name, bucket.datasets.get("t")), ("t", [-1.0, 0.0, 1.0]))
        promise(what, model.score("X", "Y", rName="s").get(PATIENCE).name, "s")
        promise(what, bucket.datasets.get("s"), 6.0)

    def test_options_arrive(self, bucket: Omega) -> None:
        what = "options arrive"
        model = bucket.runtime.model("m")
        promise(what, model.predict("X", factor=2).get(PATIENCE), [4.0, 4.0, 4.0])
        with raising(TypeError, what, "The kit model has no option 'depth'"):
            model.predict("X", depth=1).get(PATIENCE)

    def test_values_go_with_their_task(self, bucket: Omega) -> None:
        what = "values go with their task"
        model = bucket.runtime.model("m")
        promise(what, model.fit([1.0, 3.0], [5.0]).get(PATIENCE).version, 2)
        promise(what, model.predict([0.0, 0.0]).get(PATIENCE), [3.0, 3.0])
        with raising(ValueError, what, "odd"):
            model.predict([0.0], fail="odd").get(PATIENCE)
        until(lambda: _hidden(bucket) == [], "what a task was given is removed when it ends")

    @pytest.mark.parametrize("pure_python", [True, False])
    def test_a_large_result_comes_back_and_leaves_nothing(
        self, bucket: Omega, pure_python: bool
    ) -> None:
        what = "a large result comes back and leaves nothing"
        bucket.datasets.put([0.0] * 50_000, "large")
        got = bucket.runtime.model("m").predict("large", pure_python=pure_python).get(PATIENCE)
        holds(
            what,
            type(got) is (list if pure_python else tuple),
            expected="type(got) is (list if pure_python else tuple)",
            got=NOT_SO,
        )
        promise(what, list(got), [2.0] * 50_000)
        until(lambda: _hidden(bucket) == [], "what a task was given is removed when it ends")

    def test_the_version_that_is_asked_for_acts(self, bucket: Omega) -> None:
        what = "the version that is asked for acts"
        bucket.models.put(KitModel(10.0, 1), "m")
        promise(what, bucket.runtime.model("m").predict("X").get(PATIENCE), [10.0] * 3)
        first = bucket.runtime.model("m", version=1)
        promise(what, first.predict("X").get(PATIENCE), [2.0] * 3)
        with raising(ObjectNotFoundError, what, "No version 9"):
            bucket.runtime.model("m", version=9).predict("X").get(PATIENCE)

    def test_a_fit_that_expects_another_revision_is_refused(self, bucket: Omega) -> None:
        what = "a fit that expects another revision is refused"
        rev = bucket.models.metadata("m").rev  # type: ignore[union-attr]
        promise(what, bucket.runtime.model("m").fit("X", if_rev=rev).get(PATIENCE).version, 2)
        with raising(OmegaError, what, "revision"):
            bucket.runtime.model("m").fit("X", if_rev=rev).get(PATIENCE)
        promise(what, _versions(bucket), [1, 2])

    # --- errors ------------------------------------------------------------------------------

    def test_errors_arrive_as_themselves(self, bucket: Omega) -> None:
        what = "errors arrive as themselves"
        model = bucket.runtime.model("m")
        result = model.predict("X", fail="odd")
        with raising(ValueError, what, "odd") as caught:
            result.get(PATIENCE)
        promise(what, str(caught.value), "odd")
        holds(
            what,
            "so says the test" in caught.value.__notes__,
            expected='"so says the test" in caught.value.__notes__',
            got=caught.value.__notes__,
        )
        promise(what, result.status, "failure")
        is_a(what, result.exception(), ValueError)
        with raising(KitError, what, "error 7 at here") as told:
            model.predict("X", fail="several arguments").get(PATIENCE)
        promise(what, (told.value.code, told.value.place), (7, "here"))
        with raising(ExceptionGroup, what) as group:
            model.predict("X", fail="group").get(PATIENCE)
        promise(what, [type(error) for error in group.value.exceptions], [ValueError, KeyError])

    def test_errors_that_cannot_arrive_are_told(self, bucket: Omega) -> None:
        what = "errors that cannot arrive are told"
        model = bucket.runtime.model("m")
        with raising(Exception, what, "nobody knows me") as unknown:
            model.predict("X", fail="unknown class").get(PATIENCE)
        told = type(unknown.value).__qualname__ + str(unknown.value)
        holds(what, "LocalError" in told, expected='"LocalError" in told', got=told)
        with raising(RemoteError, what, r"stopped by SystemExit: 3"):
            model.predict("X", fail="exit").get(PATIENCE)
        with raising((ValueError, RemoteError), what, "x" * 1000):
            model.predict("X", fail="long").get(PATIENCE)
        promise(what, model.predict("X").get(PATIENCE), [2.0, 2.0, 2.0])

    def test_what_is_missing_is_named(self, bucket: Omega) -> None:
        what = "what is missing is named"
        with raising(ObjectNotFoundError, what, "No object 'n' in the models"):
            bucket.runtime.model("n").fit("X").get(PATIENCE)
        with raising(ObjectNotFoundError, what, "No object 'Z' in the datasets"):
            bucket.runtime.model("m").fit("Z").get(PATIENCE)

    # --- hints -------------------------------------------------------------------------------

    def test_hints_are_honoured_or_refused(self, bucket: Omega) -> None:
        what = "hints are honoured or refused"
        honours = bucket._shared.engines.get(bucket).honours
        named = bucket.config.runtime.engine
        for hint in HINTS:
            given = {**_HINTS, "queue": "q", "resources": {"GPU": 1}, **self.hints}[hint]
            if hint not in honours:
                text = f"the engine {named!r} does not honour {hint}. It honours: "
                with raising(UnsupportedOptionError, what, text):
                    bucket.runtime.model("m", **{hint: given})
            elif hint in {**_HINTS, **self.hints}:
                model = bucket.runtime.model("m", **{hint: given})
                promise(what, model.predict("X").get(PATIENCE), [2.0, 2.0, 2.0])
        with raising(UnsupportedOptionError, what, "timeout is 'soon', and has to be"):
            bucket.runtime.model("m", timeout="soon")  # type: ignore[arg-type]

    def test_what_takes_too_long_is_given_up_and_stores_nothing(
        self, bucket: Omega, gate: Gate
    ) -> None:
        what = "what takes too long is given up and stores nothing"
        self._needs(bucket, "timeout")
        result = bucket.runtime.model("m", timeout=0.2).fit("X", gate=str(gate.directory))
        with raising(TaskTimeoutError, what, "longer than its timeout"):
            result.get(PATIENCE)
        promise(what, result.status, "failure")
        gate.open()
        self._settled(bucket)
        promise(what, _versions(bucket), [1])

    def test_what_may_pass_is_tried_again(self, bucket: Omega, tmp_path: Path) -> None:
        what = "what may pass is tried again"
        self._needs(bucket, "retries")
        few, enough = tmp_path / "few", tmp_path / "enough"
        few.mkdir()
        enough.mkdir()
        with raising(ServerError, what, "so says the test"):
            bucket.runtime.model("m", retries=1).fit("X", flaky=str(few)).get(PATIENCE)
        promise(what, len(list(few.iterdir())), 2)
        model = bucket.runtime.model("m", retries=2)
        promise(what, model.fit("X", flaky=str(enough)).get(PATIENCE).version, 2)
        with raising(ValueError, what, "odd"):
            model.predict("X", fail="odd").get(PATIENCE)

    # --- waiting -----------------------------------------------------------------------------

    def test_a_wait_has_an_end_and_the_task_goes_on(self, bucket: Omega, gate: Gate) -> None:
        what = "a wait has an end and the task goes on"
        result = bucket.runtime.model("m").fit("X", gate=str(gate.directory), steps=3)
        with raising(TimeoutError, what, r"is not over after 0\.05 s"):
            result.get(0.05)
        gate.begun()
        until(lambda: result.status == "running", "a task that has begun is running")
        holds(what, result.running(), expected="result.running()", got=NOT_SO)
        holds(what, not result.done(), expected="not result.done()", got=NOT_SO)
        until(lambda: result.progress == (3, 10), "what a task tells of its progress is heard")
        gate.open()
        promise(what, result.get(PATIENCE).version, 2)
        promise(what, (result.status, result.done(), result.running()), ("success", True, False))
        promise(what, result.get(), result.result())

    def test_callbacks_are_called(self, bucket: Omega, gate: Gate) -> None:
        what = "callbacks are called"
        called: dict[str, Result] = {}
        ended = threading.Event()

        def note(result: Result) -> None:
            called[result.id] = result
            if len(called) == 2:
                ended.set()

        good = bucket.runtime.model("m").predict("X", gate=str(gate.directory))
        bad = bucket.runtime.model("m").predict("X", fail="odd", gate=str(gate.directory))
        for result in (good, bad):
            result.add_done_callback(note)
        promise(what, called, {})
        gate.open()
        holds(what, ended.wait(PATIENCE), expected="ended.wait(PATIENCE)", got=NOT_SO)
        promise(what, called, {good.id: good, bad.id: bad})
        good.add_done_callback(lambda result: called.update(late=result))
        holds(what, called["late"] is good, expected='called["late"] is good', got=called["late"])

    def test_a_result_can_be_awaited(self, bucket: Omega) -> None:
        what = "a result can be awaited"

        async def main() -> tuple[Any, Any]:
            model = bucket.runtime.model("m")
            awaited = asyncio.gather(
                model.predict("X"), model.predict("X", fail="odd"), return_exceptions=True
            )
            first, second = await asyncio.wait_for(awaited, PATIENCE)
            return first, second

        value, error = asyncio.run(main())
        promise(what, value, [2.0, 2.0, 2.0])
        is_a(what, error, ValueError)

    def test_a_result_is_found_by_its_id(self, bucket: Omega, gate: Gate) -> None:
        what = "a result is found by its id"
        result = bucket.runtime.model("m").fit("X", gate=str(gate.directory))
        failed = bucket.runtime.model("m").predict("X", fail="odd")
        with Omega(bucket.config, bucket=bucket.bucket) as other:
            found = other.runtime.result(result.id)
            gate.begun()
            until(lambda: found.status == "running", "a task that has begun is running")
            gate.open()
            meta = found.get(PATIENCE)
            promise(what, (meta.name, meta.version), ("m", 2))
            holds(
                what,
                found.status == other.runtime.result(result.id).status == "success",
                expected='found.status == other.runtime.result(result.id).status == "success"',
                got=NOT_SO,
            )
            with raising(ValueError, what, "odd"):
                other.runtime.result(failed.id).get(PATIENCE)
            with raising(TaskNotFoundError, what, "No task 'nothing' in bucket"):
                other.runtime.result("nothing")
            with raising(TaskNotFoundError, what):
                other["elsewhere"].runtime.result(result.id)
        promise(what, result.get(PATIENCE).version, 2)

    # --- cancelling --------------------------------------------------------------------------

    def test_what_is_cancelled_before_it_begins_is_not_done(
        self, bucket: Omega, gate: Gate
    ) -> None:
        what = "what is cancelled before it begins is not done"
        model = bucket.runtime.model("m")
        busy = [model.predict("X", gate=str(gate.directory)) for _ in range(self.workers)]
        gate.begun(self.workers)
        waits = model.fit([1.0, 2.0])
        promise(what, waits.status, "pending")
        promise(what, waits.cancel(), True)
        self._is_cancelled(waits)
        gate.open()
        promise(what, [result.get(PATIENCE) for result in busy], [[2.0] * 3] * self.workers)
        self._settled(bucket)
        promise(what, _versions(bucket), [1])

    def test_what_is_cancelled_under_way_stores_nothing(self, bucket: Omega, gate: Gate) -> None:
        what = "what is cancelled under way stores nothing"
        result = bucket.runtime.model("m").fit("X", gate=str(gate.directory), aside="aside")
        gate.begun()
        promise(what, result.cancel(), True)
        self._is_cancelled(result)
        with Omega(bucket.config, bucket=bucket.bucket) as other:
            promise(what, other.runtime.result(result.id).status, "cancelled")
        gate.open()
        self._settled(bucket)
        promise(what, _versions(bucket), [1])
        holds(
            what,
            "aside" not in bucket.datasets,
            expected='"aside" not in bucket.datasets',
            got=NOT_SO,
        )
        promise(what, bucket.runtime.model("m").fit("X").get(PATIENCE).version, 2)

    def test_what_is_stored_already_cannot_be_cancelled(self, bucket: Omega, gate: Gate) -> None:
        what = "what is stored already cannot be cancelled"
        result = bucket.runtime.model("m").fit("X", after=str(gate.directory))
        gate.begun()
        promise(what, _versions(bucket), [1, 2])
        promise(what, result.cancel(), False)
        gate.open()
        promise(what, result.get(PATIENCE).version, 2)
        promise(what, result.cancel(), False)
        promise(what, result.status, "success")

    # --- twice -------------------------------------------------------------------------------

    def test_a_task_that_is_over_is_not_done_again(self, bucket: Omega) -> None:
        what = "a task that is over is not done again"
        results = [
            bucket.runtime.model("m").fit("X"),
            bucket.runtime.model("m").predict("X", rName="r"),
            bucket.runtime.model("m").predict("X"),
        ]
        first = [result.get(PATIENCE) for result in results]
        before = _stored(bucket)
        for result in results:
            record = there(what, bucket.records.read(result.id))
            task = there(what, record.task)
            holds(
                what,
                '"recorded": true' in run_task(task, bucket),
                expected="'\"recorded\": true' in run_task(task, bucket)",
                got=NOT_SO,
            )
            promise(what, bucket.records.read(result.id), record)
        promise(what, _stored(bucket), before)
        promise(what, [bucket.runtime.result(result.id).get() for result in results], first)

    @pytest.mark.parametrize("action", ["fit", "partial_fit"])
    def test_two_executions_of_a_task_make_one_version(
        self, bucket: Omega, gate: Gate, action: str
    ) -> None:
        what = "two executions of a task make one version"
        result = getattr(bucket.runtime.model("m"), action)("X", gate=str(gate.directory))
        gate.begun()
        record = there(what, bucket.records.read(result.id))
        task = there(what, record.task)
        outcomes = list[str]()
        twin = threading.Thread(target=lambda: outcomes.append(run_task(task, bucket)))
        twin.start()
        gate.begun(2)
        gate.open()
        meta = result.get(PATIENCE)
        twin.join(PATIENCE)
        promise(what, (meta.version, _versions(bucket)), (2, [1, 2]))
        holds(
            what,
            '"recorded": true' in outcomes[0],
            expected="'\"recorded\": true' in outcomes[0]",
            got=outcomes[0],
        )
        promise(what, bucket.runtime.result(result.id).get().version, 2)
        count = {"fit": 3, "partial_fit": 6}[action]
        promise(what, bucket.models.get("m").count, count)

    def test_a_task_travels_without_data_and_secrets(self, bucket: Omega) -> None:
        what = "a task travels without data and secrets"
        result = bucket.runtime.model("m").predict([12345.678])
        result.get(PATIENCE)
        record = there(what, bucket.records.read(result.id))
        task = there(what, record.task)
        holds(
            what,
            "12345.678" not in task,
            expected='"12345.678" not in task',
            got=NOT_SO,
        )
        holds(
            what,
            str(bucket.config.mongo.url) not in task,
            expected="str(bucket.config.mongo.url) not in task",
            got=NOT_SO,
        )
        promise(what, Task.from_json(task).to_json(), task)

    # --- workers that die --------------------------------------------------------------------

    @pytest.mark.parametrize("moment", ["gate", "after"])
    def test_a_worker_that_is_killed_leaves_one_version(
        self, bucket: Omega, gate: Gate, moment: str
    ) -> None:
        what = "a worker that is killed leaves one version"
        result = bucket.runtime.model("m").fit([1.0, 5.0], **{moment: str(gate.directory)})
        [pid, *_] = gate.begun()
        gate.open()  # for the next one
        self.kill_worker(pid)
        promise(what, result.get(PATIENCE).version, 2)
        promise(what, _versions(bucket), [1, 2])
        promise(what, bucket.models.get("m").mean, 3.0)
        with Omega(bucket.config, bucket=bucket.bucket) as other:
            promise(what, other.runtime.result(result.id).get(PATIENCE).version, 2)

    # --- its end -----------------------------------------------------------------------------

    def test_it_can_be_closed(self, bucket: Omega) -> None:
        other = Omega(bucket.config, bucket=bucket.bucket)
        meta = other.runtime.model("m").fit("X").get(PATIENCE)
        closing = threading.Thread(target=other.close, daemon=True)
        closing.start()
        closing.join(PATIENCE)
        what = f"an engine that is closed lets go within {PATIENCE:.0f} s"
        promise(f"{what}: it is still at it", closing.is_alive(), False)
        promise("what was done stays done", _versions(bucket), [1, meta.version])

    # --- their parts -------------------------------------------------------------------------

    def _needs(self, bucket: Omega, hint: str) -> None:
        if hint not in bucket._shared.engines.get(bucket).honours:
            pytest.skip(f"this engine does not honour {hint}")

    def _is_cancelled(self, result: Result) -> None:
        what = "a result that was cancelled says so"
        promise(what, (result.status, result.cancelled(), result.done()), ("cancelled", True, True))
        with raising(TaskCancelledError, what):
            result.get(PATIENCE)

    def _settled(self, bucket: Omega) -> None:
        """Wait until the workers have done what they had; two tasks later, they have."""
        for _ in range(self.workers):
            with suppress(OmegaError):
                bucket.runtime.model("m").predict("X").get(PATIENCE)
        until(lambda: _hidden(bucket) == [], "what a task was given is removed when it ends")


def _hidden(bucket: Omega) -> list[str]:
    return [name for name in bucket.datasets.list(hidden=True) if name.startswith(".")]


def _versions(bucket: Omega) -> list[int]:
    return [meta.version for meta in bucket.models.versions("m") if meta.version is not None]


def _stored(bucket: Omega) -> list[tuple[str, int | None]]:
    stores = (bucket.datasets, bucket.models)
    metas = [meta for store in stores for name in store.list() for meta in store.versions(name)]
    return [(meta.prefix + meta.name, meta.version) for meta in metas]
