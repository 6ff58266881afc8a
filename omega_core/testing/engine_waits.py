"""The promises of an engine about hints, and to those who wait for a result."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

from ..errors import (
    ServerError,
    TaskNotFoundError,
    TaskTimeoutError,
    UnsupportedOptionError,
)
from ..omega import Omega
from ..runtime.hints import HINTS
from ..runtime.result import Result
from .engine_stage import PATIENCE, EngineStage, Gate, until, versions
from .promises import NOT_SO, holds, is_a, promise, raising

_HINTS: dict[str, Any] = {"timeout": PATIENCE, "retries": 1, "priority": 1}


class WaitTests(EngineStage):
    """Hints are honoured or refused, and whoever waits is told."""

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
                promise(what, model.predict("X").get(self.patience), [2.0, 2.0, 2.0])
        with raising(UnsupportedOptionError, what, "timeout is 'soon', and has to be"):
            bucket.runtime.model("m", timeout="soon")  # type: ignore[arg-type]

    def test_what_takes_too_long_is_given_up_and_stores_nothing(
        self, bucket: Omega, gate: Gate
    ) -> None:
        what = "what takes too long is given up and stores nothing"
        self._needs(bucket, "timeout")
        result = bucket.runtime.model("m", timeout=0.2).fit("X", gate=str(gate.directory))
        with raising(TaskTimeoutError, what, "longer than its timeout"):
            result.get(self.patience)
        promise(what, result.status, "failure")
        gate.open()
        self._settled(bucket)
        promise(what, versions(bucket), [1])

    def test_what_may_pass_is_tried_again(self, bucket: Omega, tmp_path: Path) -> None:
        what = "what may pass is tried again"
        self._needs(bucket, "retries")
        few, enough = tmp_path / "few", tmp_path / "enough"
        few.mkdir()
        enough.mkdir()
        with raising(ServerError, what, "so says the test"):
            bucket.runtime.model("m", retries=1).fit("X", flaky=str(few)).get(self.patience)
        promise(what, len(list(few.iterdir())), 2)
        model = bucket.runtime.model("m", retries=2)
        promise(what, model.fit("X", flaky=str(enough)).get(self.patience).version, 2)
        with raising(ValueError, what, "odd"):
            model.predict("X", fail="odd").get(self.patience)

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
        promise(what, result.get(self.patience).version, 2)
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
        holds(what, ended.wait(self.patience), expected="ended.wait(self.patience)", got=NOT_SO)
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
            first, second = await asyncio.wait_for(awaited, self.patience)
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
            meta = found.get(self.patience)
            promise(what, (meta.name, meta.version), ("m", 2))
            holds(
                what,
                found.status == other.runtime.result(result.id).status == "success",
                expected='found.status == other.runtime.result(result.id).status == "success"',
                got=NOT_SO,
            )
            with raising(ValueError, what, "odd"):
                other.runtime.result(failed.id).get(self.patience)
            with raising(TaskNotFoundError, what, "No task 'nothing' in bucket"):
                other.runtime.result("nothing")
            with raising(TaskNotFoundError, what):
                other["elsewhere"].runtime.result(result.id)
        promise(what, result.get(self.patience).version, 2)
