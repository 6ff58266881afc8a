"""The tests that an engine has to pass: every action, error, option and hint, with equal results.

Subclass, give ``om``, and pytest finds the rest::

    # tests/test_acme_engine.py
    import pytest
    from omega_core.testing.engines import EngineTests

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

        until(lambda: len(come()) >= count)
        return come()

    def open(self) -> None:
        """Let those who wait, and all others, go on."""
        (self.directory / "go").touch()


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
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
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `om`")

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
        until(lambda: _hidden(bucket) == [])
        for store in (bucket.datasets, bucket.models):
            for name in store.list(hidden=True):
                store.drop(name)

    # --- actions -----------------------------------------------------------------------------

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("pure_python", [True, False])
    def test_an_action_gives_what_it_gives_without_an_engine(
        self, bucket: Omega, action: str, pure_python: bool
    ) -> None:
        bucket.models.put(KitModel(6.0, 3), "direct")
        direct = bucket.models.perform(action, "direct", "X", pure_python=pure_python)
        result = getattr(bucket.runtime.model("m"), action)("X", pure_python=pure_python)
        got = result.get(PATIENCE)
        assert result.status == "success"
        assert result.exception() is None
        if isinstance(direct, Metadata):
            assert isinstance(got, Metadata)
            assert (got.name, got.version, got.prefix) == ("m", direct.version, direct.prefix)
            assert got.reload().version == direct.version
        else:
            assert (type(got), got) == (type(direct), direct)
        assert bucket.models.get("m") == bucket.models.get("direct")

    def test_a_result_can_be_stored(self, bucket: Omega) -> None:
        model = bucket.runtime.model("m")
        meta = model.predict("X", rName="a/r.1").get(PATIENCE)
        assert isinstance(meta, Metadata)
        assert (meta.name, meta.prefix, meta.version) == ("a/r.1", "data/", 1)
        assert bucket.datasets.get("a/r.1") == [2.0, 2.0, 2.0]
        meta = model.fit_transform("X", rName="t").get(PATIENCE)
        assert (meta.name, bucket.datasets.get("t")) == ("t", [-1.0, 0.0, 1.0])
        assert model.score("X", "Y", rName="s").get(PATIENCE).name == "s"
        assert bucket.datasets.get("s") == 6.0

    def test_options_arrive(self, bucket: Omega) -> None:
        model = bucket.runtime.model("m")
        assert model.predict("X", factor=2).get(PATIENCE) == [4.0, 4.0, 4.0]
        with pytest.raises(TypeError, match="The kit model has no option 'depth'"):
            model.predict("X", depth=1).get(PATIENCE)

    def test_values_go_with_their_task(self, bucket: Omega) -> None:
        model = bucket.runtime.model("m")
        assert model.fit([1.0, 3.0], [5.0]).get(PATIENCE).version == 2
        assert model.predict([0.0, 0.0]).get(PATIENCE) == [3.0, 3.0]
        with pytest.raises(ValueError, match="odd"):
            model.predict([0.0], fail="odd").get(PATIENCE)
        until(lambda: _hidden(bucket) == [])

    @pytest.mark.parametrize("pure_python", [True, False])
    def test_a_large_result_comes_back_and_leaves_nothing(
        self, bucket: Omega, pure_python: bool
    ) -> None:
        bucket.datasets.put([0.0] * 50_000, "large")
        got = bucket.runtime.model("m").predict("large", pure_python=pure_python).get(PATIENCE)
        assert type(got) is (list if pure_python else tuple)
        assert list(got) == [2.0] * 50_000
        until(lambda: _hidden(bucket) == [])

    def test_the_version_that_is_asked_for_acts(self, bucket: Omega) -> None:
        bucket.models.put(KitModel(10.0, 1), "m")
        assert bucket.runtime.model("m").predict("X").get(PATIENCE) == [10.0] * 3
        first = bucket.runtime.model("m", version=1)
        assert first.predict("X").get(PATIENCE) == [2.0] * 3
        with pytest.raises(ObjectNotFoundError, match="No version 9"):
            bucket.runtime.model("m", version=9).predict("X").get(PATIENCE)

    def test_a_fit_that_expects_another_revision_is_refused(self, bucket: Omega) -> None:
        rev = bucket.models.metadata("m").rev  # type: ignore[union-attr]
        assert bucket.runtime.model("m").fit("X", if_rev=rev).get(PATIENCE).version == 2
        with pytest.raises(OmegaError, match="revision"):
            bucket.runtime.model("m").fit("X", if_rev=rev).get(PATIENCE)
        assert _versions(bucket) == [1, 2]

    # --- errors ------------------------------------------------------------------------------

    def test_errors_arrive_as_themselves(self, bucket: Omega) -> None:
        model = bucket.runtime.model("m")
        result = model.predict("X", fail="odd")
        with pytest.raises(ValueError, match="odd") as caught:
            result.get(PATIENCE)
        assert str(caught.value) == "odd"
        assert "so says the test" in caught.value.__notes__
        assert result.status == "failure"
        assert isinstance(result.exception(), ValueError)
        with pytest.raises(KitError, match="error 7 at here") as told:
            model.predict("X", fail="several arguments").get(PATIENCE)
        assert (told.value.code, told.value.place) == (7, "here")
        with pytest.raises(ExceptionGroup) as group:
            model.predict("X", fail="group").get(PATIENCE)
        assert [type(error) for error in group.value.exceptions] == [ValueError, KeyError]

    def test_errors_that_cannot_arrive_are_told(self, bucket: Omega) -> None:
        model = bucket.runtime.model("m")
        with pytest.raises(Exception, match="nobody knows me") as unknown:
            model.predict("X", fail="unknown class").get(PATIENCE)
        told = type(unknown.value).__qualname__ + str(unknown.value)
        assert "LocalError" in told
        with pytest.raises(RemoteError, match=r"stopped by SystemExit: 3"):
            model.predict("X", fail="exit").get(PATIENCE)
        with pytest.raises((ValueError, RemoteError), match="x" * 1000):
            model.predict("X", fail="long").get(PATIENCE)
        assert model.predict("X").get(PATIENCE) == [2.0, 2.0, 2.0]

    def test_what_is_missing_is_named(self, bucket: Omega) -> None:
        with pytest.raises(ObjectNotFoundError, match="No object 'n' in the models"):
            bucket.runtime.model("n").fit("X").get(PATIENCE)
        with pytest.raises(ObjectNotFoundError, match="No object 'Z' in the datasets"):
            bucket.runtime.model("m").fit("Z").get(PATIENCE)

    # --- hints -------------------------------------------------------------------------------

    def test_hints_are_honoured_or_refused(self, bucket: Omega) -> None:
        honours = bucket._shared.engines.get(bucket).honours
        named = bucket.config.runtime.engine
        for hint in HINTS:
            given = {**_HINTS, "queue": "q", "resources": {"GPU": 1}, **self.hints}[hint]
            if hint not in honours:
                text = f"the engine {named!r} does not honour {hint}. It honours: "
                with pytest.raises(UnsupportedOptionError, match=text):
                    bucket.runtime.model("m", **{hint: given})
            elif hint in {**_HINTS, **self.hints}:
                model = bucket.runtime.model("m", **{hint: given})
                assert model.predict("X").get(PATIENCE) == [2.0, 2.0, 2.0]
        with pytest.raises(UnsupportedOptionError, match="timeout is 'soon', and has to be"):
            bucket.runtime.model("m", timeout="soon")  # type: ignore[arg-type]

    def test_what_takes_too_long_is_given_up_and_stores_nothing(
        self, bucket: Omega, gate: Gate
    ) -> None:
        self._needs(bucket, "timeout")
        result = bucket.runtime.model("m", timeout=0.2).fit("X", gate=str(gate.directory))
        with pytest.raises(TaskTimeoutError, match="longer than its timeout"):
            result.get(PATIENCE)
        assert result.status == "failure"
        gate.open()
        self._settled(bucket)
        assert _versions(bucket) == [1]

    def test_what_may_pass_is_tried_again(self, bucket: Omega, tmp_path: Path) -> None:
        self._needs(bucket, "retries")
        few, enough = tmp_path / "few", tmp_path / "enough"
        few.mkdir()
        enough.mkdir()
        with pytest.raises(ServerError, match="so says the test"):
            bucket.runtime.model("m", retries=1).fit("X", flaky=str(few)).get(PATIENCE)
        assert len(list(few.iterdir())) == 2
        model = bucket.runtime.model("m", retries=2)
        assert model.fit("X", flaky=str(enough)).get(PATIENCE).version == 2
        with pytest.raises(ValueError, match="odd"):
            model.predict("X", fail="odd").get(PATIENCE)

    # --- waiting -----------------------------------------------------------------------------

    def test_a_wait_has_an_end_and_the_task_goes_on(self, bucket: Omega, gate: Gate) -> None:
        result = bucket.runtime.model("m").fit("X", gate=str(gate.directory), steps=3)
        with pytest.raises(TimeoutError, match=r"is not over after 0\.05 s"):
            result.get(0.05)
        gate.begun()
        until(lambda: result.status == "running")
        assert result.running()
        assert not result.done()
        until(lambda: result.progress == (3, 10))
        gate.open()
        assert result.get(PATIENCE).version == 2
        assert (result.status, result.done(), result.running()) == ("success", True, False)
        assert result.get() == result.result()

    def test_callbacks_are_called(self, bucket: Omega, gate: Gate) -> None:
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
        assert called == {}
        gate.open()
        assert ended.wait(PATIENCE)
        assert called == {good.id: good, bad.id: bad}
        good.add_done_callback(lambda result: called.update(late=result))
        assert called["late"] is good

    def test_a_result_can_be_awaited(self, bucket: Omega) -> None:
        async def main() -> tuple[Any, Any]:
            model = bucket.runtime.model("m")
            awaited = asyncio.gather(
                model.predict("X"), model.predict("X", fail="odd"), return_exceptions=True
            )
            first, second = await asyncio.wait_for(awaited, PATIENCE)
            return first, second

        value, error = asyncio.run(main())
        assert value == [2.0, 2.0, 2.0]
        assert isinstance(error, ValueError)

    def test_a_result_is_found_by_its_id(self, bucket: Omega, gate: Gate) -> None:
        result = bucket.runtime.model("m").fit("X", gate=str(gate.directory))
        failed = bucket.runtime.model("m").predict("X", fail="odd")
        with Omega(bucket.config, bucket=bucket.bucket) as other:
            found = other.runtime.result(result.id)
            gate.begun()
            until(lambda: found.status == "running")
            gate.open()
            meta = found.get(PATIENCE)
            assert (meta.name, meta.version) == ("m", 2)
            assert found.status == other.runtime.result(result.id).status == "success"
            with pytest.raises(ValueError, match="odd"):
                other.runtime.result(failed.id).get(PATIENCE)
            with pytest.raises(TaskNotFoundError, match="No task 'nothing' in bucket"):
                other.runtime.result("nothing")
            with pytest.raises(TaskNotFoundError):
                other["elsewhere"].runtime.result(result.id)
        assert result.get(PATIENCE).version == 2

    # --- cancelling --------------------------------------------------------------------------

    def test_what_is_cancelled_before_it_begins_is_not_done(
        self, bucket: Omega, gate: Gate
    ) -> None:
        model = bucket.runtime.model("m")
        busy = [model.predict("X", gate=str(gate.directory)) for _ in range(self.workers)]
        gate.begun(self.workers)
        waits = model.fit([1.0, 2.0])
        assert waits.status == "pending"
        assert waits.cancel() is True
        self._is_cancelled(waits)
        gate.open()
        assert [result.get(PATIENCE) for result in busy] == [[2.0] * 3] * self.workers
        self._settled(bucket)
        assert _versions(bucket) == [1]

    def test_what_is_cancelled_under_way_stores_nothing(self, bucket: Omega, gate: Gate) -> None:
        result = bucket.runtime.model("m").fit("X", gate=str(gate.directory), aside="aside")
        gate.begun()
        assert result.cancel() is True
        self._is_cancelled(result)
        with Omega(bucket.config, bucket=bucket.bucket) as other:
            assert other.runtime.result(result.id).status == "cancelled"
        gate.open()
        self._settled(bucket)
        assert _versions(bucket) == [1]
        assert "aside" not in bucket.datasets
        assert bucket.runtime.model("m").fit("X").get(PATIENCE).version == 2

    def test_what_is_stored_already_cannot_be_cancelled(self, bucket: Omega, gate: Gate) -> None:
        result = bucket.runtime.model("m").fit("X", after=str(gate.directory))
        gate.begun()
        assert _versions(bucket) == [1, 2]
        assert result.cancel() is False
        gate.open()
        assert result.get(PATIENCE).version == 2
        assert result.cancel() is False
        assert result.status == "success"

    # --- twice -------------------------------------------------------------------------------

    def test_a_task_that_is_over_is_not_done_again(self, bucket: Omega) -> None:
        results = [
            bucket.runtime.model("m").fit("X"),
            bucket.runtime.model("m").predict("X", rName="r"),
            bucket.runtime.model("m").predict("X"),
        ]
        first = [result.get(PATIENCE) for result in results]
        before = _stored(bucket)
        for result in results:
            record = bucket.records.read(result.id)
            assert record is not None
            assert record.task is not None
            assert '"recorded": true' in run_task(record.task, bucket)
            assert bucket.records.read(result.id) == record
        assert _stored(bucket) == before
        assert [bucket.runtime.result(result.id).get() for result in results] == first

    @pytest.mark.parametrize("action", ["fit", "partial_fit"])
    def test_two_executions_of_a_task_make_one_version(
        self, bucket: Omega, gate: Gate, action: str
    ) -> None:
        result = getattr(bucket.runtime.model("m"), action)("X", gate=str(gate.directory))
        gate.begun()
        record = bucket.records.read(result.id)
        assert record is not None
        assert record.task is not None
        text, outcomes = record.task, list[str]()
        twin = threading.Thread(target=lambda: outcomes.append(run_task(text, bucket)))
        twin.start()
        gate.begun(2)
        gate.open()
        meta = result.get(PATIENCE)
        twin.join(PATIENCE)
        assert (meta.version, _versions(bucket)) == (2, [1, 2])
        assert '"recorded": true' in outcomes[0]
        assert bucket.runtime.result(result.id).get().version == 2
        count = {"fit": 3, "partial_fit": 6}[action]
        assert bucket.models.get("m").count == count

    def test_a_task_travels_without_data_and_secrets(self, bucket: Omega) -> None:
        result = bucket.runtime.model("m").predict([12345.678])
        result.get(PATIENCE)
        record = bucket.records.read(result.id)
        assert record is not None
        assert record.task is not None
        assert "12345.678" not in record.task
        assert str(bucket.config.mongo.url) not in record.task
        assert Task.from_json(record.task).to_json() == record.task

    # --- workers that die --------------------------------------------------------------------

    @pytest.mark.parametrize("moment", ["gate", "after"])
    def test_a_worker_that_is_killed_leaves_one_version(
        self, bucket: Omega, gate: Gate, moment: str
    ) -> None:
        result = bucket.runtime.model("m").fit([1.0, 5.0], **{moment: str(gate.directory)})
        [pid, *_] = gate.begun()
        gate.open()  # for the next one
        self.kill_worker(pid)
        assert result.get(PATIENCE).version == 2
        assert _versions(bucket) == [1, 2]
        assert bucket.models.get("m").mean == 3.0
        with Omega(bucket.config, bucket=bucket.bucket) as other:
            assert other.runtime.result(result.id).get(PATIENCE).version == 2

    # --- their parts -------------------------------------------------------------------------

    def _needs(self, bucket: Omega, hint: str) -> None:
        if hint not in bucket._shared.engines.get(bucket).honours:
            pytest.skip(f"this engine does not honour {hint}")

    def _is_cancelled(self, result: Result) -> None:
        assert (result.status, result.cancelled(), result.done()) == ("cancelled", True, True)
        with pytest.raises(TaskCancelledError):
            result.get(PATIENCE)

    def _settled(self, bucket: Omega) -> None:
        """Wait until the workers have done what they had; two tasks later, they have."""
        for _ in range(self.workers):
            with suppress(OmegaError):
                bucket.runtime.model("m").predict("X").get(PATIENCE)
        until(lambda: _hidden(bucket) == [])


def _hidden(bucket: Omega) -> list[str]:
    return [name for name in bucket.datasets.list(hidden=True) if name.startswith(".")]


def _versions(bucket: Omega) -> list[int]:
    return [meta.version for meta in bucket.models.versions("m") if meta.version is not None]


def _stored(bucket: Omega) -> list[tuple[str, int | None]]:
    stores = (bucket.datasets, bucket.models)
    metas = [meta for store in stores for name in store.list() for meta in store.versions(name)]
    return [(meta.prefix + meta.name, meta.version) for meta in metas]
