"""The promises of an engine about how tasks end: cancelled, twice, or with their worker."""

from __future__ import annotations

import threading

import pytest

from ..omega import Omega
from ..runtime.task import Task
from ..worker import run_task
from .engine_stage import EngineStage, Gate, stored, versions
from .promises import NOT_SO, holds, promise, there


class EndTests(EngineStage):
    """Whatever happens to a task, it stores once or not at all."""

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
        promise(what, [result.get(self.patience) for result in busy], [[2.0] * 3] * self.workers)
        self._settled(bucket)
        promise(what, versions(bucket), [1])

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
        promise(what, versions(bucket), [1])
        holds(
            what,
            "aside" not in bucket.datasets,
            expected='"aside" not in bucket.datasets',
            got=NOT_SO,
        )
        promise(what, bucket.runtime.model("m").fit("X").get(self.patience).version, 2)

    def test_what_is_stored_already_cannot_be_cancelled(self, bucket: Omega, gate: Gate) -> None:
        what = "what is stored already cannot be cancelled"
        result = bucket.runtime.model("m").fit("X", after=str(gate.directory))
        gate.begun()
        promise(what, versions(bucket), [1, 2])
        promise(what, result.cancel(), False)
        gate.open()
        promise(what, result.get(self.patience).version, 2)
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
        first = [result.get(self.patience) for result in results]
        before = stored(bucket)
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
        promise(what, stored(bucket), before)
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
        meta = result.get(self.patience)
        twin.join(self.patience)
        promise(what, (meta.version, versions(bucket)), (2, [1, 2]))
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
        result.get(self.patience)
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
        promise(what, result.get(self.patience).version, 2)
        promise(what, versions(bucket), [1, 2])
        promise(what, bucket.models.get("m").mean, 3.0)
        with Omega(bucket.config, bucket=bucket.bucket) as other:
            promise(what, other.runtime.result(result.id).get(self.patience).version, 2)

    # --- its end -----------------------------------------------------------------------------

    def test_it_can_be_closed(self, bucket: Omega) -> None:
        other = Omega(bucket.config, bucket=bucket.bucket)
        meta = other.runtime.model("m").fit("X").get(self.patience)
        closing = threading.Thread(target=other.close, daemon=True)
        closing.start()
        closing.join(self.patience)
        what = f"an engine that is closed lets go within {self.patience:.0f} s"
        promise(f"{what}: it is still at it", closing.is_alive(), False)
        promise("what was done stays done", versions(bucket), [1, meta.version])
