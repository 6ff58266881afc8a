"""What a scheduler does with the slots that are due, and what it leaves for people to read."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS

from omega_core import Omega
from omega_core.scheduling.scheduler import Handled, Scheduler

YEARLY = "0 0 1 1 *"
"""Has no slot while a test runs, other than those that the test moves the clock to."""

Turn = Callable[[], list[Handled]]
Work = Callable[[], list[str]]


def runs(om: Omega) -> list[dict[str, Any]]:
    """Return what the jobs were given, run by run."""
    return [found["params"] for found in om.database.mongodb["test.runs"].find()]


def whats(handled: list[Handled]) -> list[str]:
    return [each.what for each in handled]


def next_slot(turn: Turn) -> Handled:
    """Wait for the slot that comes in less than a second."""
    while not (handled := turn()):
        time.sleep(0.02)
    [each] = handled
    return each


def schedules(om: Omega) -> Any:
    return om.database.mongodb["omega.schedules"]


# --- slots -------------------------------------------------------------------------------------


def test_a_job_runs_once_its_slot_has_come(om: Omega, clock: Any, turn: Turn, work: Work) -> None:
    schedule = om.jobs.schedule("daily", cron=YEARLY, params={"day": "monday"})
    assert turn() == []
    clock.advance(days=366)
    [handled] = turn()
    assert (handled.what, handled.bucket, handled.job) == ("submitted", "default", "daily")
    assert turn() == []
    assert work() == [handled.id]
    assert runs(om) == [{"day": "monday"}]
    [run] = om.jobs.history("daily")
    assert (run.id, run.status, run.slot, run.error) == (handled.id, "success", handled.slot, None)
    assert run.result in om.jobs
    assert run.created <= run.started <= run.ended  # type: ignore[operator]
    assert run.duration is not None
    after = om.jobs.schedules()[0]
    assert (after.last, after.last_id) == (handled.slot, handled.id)
    assert after.next == schedule.next  # the clock went on, and the slots of cron did not


def test_a_run_by_hand_is_in_the_history_as_well(om: Omega, work: Work) -> None:
    result = om.runtime.job("daily").run({"by": "hand"})
    [pending] = om.jobs.history("daily")
    assert (pending.id, pending.status, pending.slot) == (result.id, "pending", None)
    work()
    [run] = om.jobs.history("daily")
    assert (run.status, run.slot, runs(om)) == ("success", None, [{"by": "hand"}])


def test_of_the_slots_that_nobody_took_the_latest_runs_once(
    om: Omega, clock: Any, turn: Turn, work: Work
) -> None:
    om.jobs.schedule("daily", cron=YEARLY)
    now = om.database.now()
    clock.advance(days=20 * 366)
    [handled] = turn()
    assert handled.slot == dt.datetime(now.year, 1, 1, tzinfo=dt.UTC)
    assert turn() == []
    assert len(work()) == len(runs(om)) == 1
    [schedule] = om.jobs.schedules()
    assert schedule.next == dt.datetime(now.year + 1, 1, 1, tzinfo=dt.UTC)


def test_a_slot_has_the_same_task_whoever_submits_it(om: Omega, clock: Any, turn: Turn) -> None:
    schedule = om.jobs.schedule("daily", cron=YEARLY)
    clock.advance(days=366)
    [handled] = turn()
    assert handled.id == schedule.task_id(handled.slot)
    om.jobs.unschedule("daily")
    # Another one of this name is another one.
    assert om.jobs.schedule("daily", cron=YEARLY).task_id(handled.slot) != handled.id


def test_a_scheduler_of_one_bucket_leaves_the_others_alone(
    om: Omega, clock: Any, turn: Turn
) -> None:
    for bucket in (om, om["team"]):
        bucket.jobs.put(om.jobs.get("daily"), "daily")
        bucket.jobs.schedule("daily", cron=YEARLY)
    clock.advance(days=366)
    [handled] = Scheduler(om, "team").turn()[0]
    assert handled.bucket == "team"
    assert [each.bucket for each in turn()] == ["default"]
    assert [len(bucket.jobs.history("daily")) for bucket in (om, om["team"])] == [1, 1]


def test_it_says_how_long_to_wait(om: Omega, clock: Any) -> None:
    scheduler = Scheduler(om)
    assert scheduler.turn() == ([], 20.0)
    om.jobs.schedule("daily", cron="0 0 1 1 *")
    assert scheduler.turn() == ([], 20.0)
    om.jobs.schedule("daily", cron="* * * * * *")
    assert scheduler.turn()[1] <= 1.0


def test_of_the_results_so_many_stay_as_is_said(om: Omega, turn: Turn, work: Work) -> None:
    om.jobs.schedule("daily", cron="* * * * * *", keep=2)
    theirs = ["results/daily/mine", "results/daily2/20260101T000000Z-0123456789abcdef"]
    for name in theirs:
        om.jobs.put(om.jobs.get("daily"), name)
    ids = []
    for _ in range(5):
        ids.append(next_slot(turn).id)
        work()
        if len(ids) == 1:
            om.jobs.alias(f"results/daily/{ids[0]}", "first")
    # With that of the latest, and the one that has an alias.
    kept = [f"results/daily/{id}" for id in (ids[0], *ids[-3:])]
    assert sorted(om.jobs.list("results/*")) == sorted([*kept, *theirs])
    assert [run.status for run in om.jobs.history("daily")] == ["success"] * 5


# --- runs that overlap -------------------------------------------------------------------------


def test_a_slot_that_comes_while_the_run_before_is_not_over_is_left_out(
    om: Omega, clock: Any, turn: Turn, work: Work
) -> None:
    om.jobs.schedule("daily", cron="* * * * * *")
    first = next_slot(turn)
    for _ in range(2):  # what was left out is not taken for the run before
        assert next_slot(turn).what == "skipped"
    assert work() == [first.id]
    newest, _, ran = om.jobs.history("daily")
    assert (newest.status, ran.status) == ("skipped", "success")
    assert newest.error is not None
    assert newest.error.startswith("The run before was not over: om.runtime.result(")
    assert first.id in newest.error
    assert next_slot(turn).what == "submitted"


def test_what_may_overlap_does(om: Omega, clock: Any, turn: Turn, work: Work) -> None:
    om.jobs.schedule("daily", cron="* * * * * *", overlap="allow")
    ids = [next_slot(turn).id for _ in range(2)]
    assert work() == ids


def test_a_run_that_was_cancelled_or_lost_keeps_no_other_from_running(
    om: Omega, turn: Turn
) -> None:
    om.jobs.schedule("daily", cron="* * * * * *")
    first = next_slot(turn)
    assert om.runtime.result(first.id).cancel()
    second = next_slot(turn)
    assert second.what == "submitted"
    om.records.begin(second.id, bucket="default")  # by a worker that is killed then
    passed = {"$set": {"lease": dt.datetime(2026, 1, 1)}}
    om.database.mongodb["omega.tasks"].update_one({"_id": second.id}, passed)
    third = next_slot(turn)
    assert third.what == "submitted"
    statuses = {run.id: run.status for run in om.jobs.history("daily")}
    assert statuses == {first.id: "cancelled", second.id: "lost", third.id: "pending"}


# --- what goes wrong ---------------------------------------------------------------------------


def test_a_run_that_fails_is_told_and_the_next_slot_comes(
    om: Omega, clock: Any, turn: Turn, work: Work
) -> None:
    om.jobs.schedule("daily", cron="* * * * * *", params={"fail": "no data"})
    next_slot(turn)
    work()
    [run] = om.jobs.history("daily")
    assert run.status == "failure"
    assert "no data" in (run.error or "")
    assert next_slot(turn).what == "submitted"


def test_a_schedule_whose_job_was_dropped_pauses_and_says_why(
    om: Omega, clock: Any, turn: Turn, work: Work
) -> None:
    om.jobs.schedule("daily", cron=YEARLY)
    job = om.jobs.get("daily")
    om.jobs.drop("daily")
    clock.advance(days=366)
    assert whats(turn()) == ["paused"]
    [schedule] = om.jobs.schedules()
    assert (schedule.paused, schedule.next) == (True, None)
    assert "There was no job 'daily' at " in (schedule.reason or "")
    [run] = om.jobs.history("daily")  # which outlives the job
    assert (run.status, run.slot is not None) == ("failure", True)
    assert "No object 'daily' in the jobs" in (run.error or "")
    om.jobs.put(job, "daily")
    resumed = om.jobs.resume("daily")
    assert (resumed.paused, resumed.reason) == (False, None)
    assert resumed.next is not None


def test_what_no_engine_takes_is_a_run_that_failed(om: Omega, clock: Any, turn: Turn) -> None:
    om.jobs.schedule("daily", cron=YEARLY, engine="nobodys")
    clock.advance(days=366)
    [handled] = turn()
    assert handled.what == "failed"
    assert "no enabled plugin offers 'nobodys'" in handled.message
    [run] = om.jobs.history("daily")
    assert run.status == "failure"
    assert "PluginNotFoundError" in (run.error or "")
    assert turn() == []


def test_an_engine_that_does_not_answer_gets_the_slot_later(
    om: Omega, clock: Any, turn: Turn, work: Work
) -> None:
    broker = om.database.mongodb["test.broker"]
    broker.insert_one({"down": True})
    om.jobs.schedule("daily", cron=YEARLY)
    clock.advance(days=366)
    [handled] = turn()
    assert (handled.what, handled.message) == ("deferred", "The broker is down. Start it.")
    assert turn() == []
    clock.advance(hours=2)
    assert whats(turn()) == ["deferred"]
    broker.delete_many({})
    clock.advance(hours=2)
    [late] = turn()
    assert (late.what, late.id) == ("submitted", handled.id)
    assert work() == [handled.id]
    assert [run.status for run in om.jobs.history("daily")] == ["success"]


def test_what_waits_in_a_process_that_is_heard_of_is_submitted_again_once_it_is_lost(
    om: Omega, clock: Any, turn: Turn, work: Work
) -> None:
    broker = om.database.mongodb["test.broker"]
    broker.insert_one({"down": True})
    om.jobs.schedule("daily", cron=YEARLY)
    clock.advance(days=366)
    [handled] = turn()
    broker.delete_many({})
    # As an engine of the process that submits it records it, whose scheduler is killed then.
    om.records.plan(handled.id, bucket="default", job="daily", slot=handled.slot)
    local = {"engine": "local", "task": None, "leased": True, "once": True, "job": "daily"}
    assert om.records.submitted(handled.id, bucket="default", **local)  # type: ignore[arg-type]
    lapsed = {"$set": {"claim.lease": dt.datetime(2026, 1, 1)}}
    schedules(om).update_one({}, lapsed)
    assert turn() == []
    clock.advance(hours=1)
    assert [(each.what, each.id) for each in turn()] == [("submitted", handled.id)]
    assert work() == [handled.id]
    assert [run.status for run in om.jobs.history("daily")] == ["success"]


@pytest.mark.parametrize(
    "edit",
    [
        {"cron": "every day"},
        {"cron": {"$gt": ""}},
        {"tz": "Nowhere"},
        {"params": "{"},
        {"hints": "[]"},
        {"id": "../x"},
        {"last": 7},
        {"claim": []},
        {"overlap": "maybe"},
        {"bucket": None},
        {"bucket": "a\0b"},
        {"keep": -1},
        {"due": DatetimeMS(-(2**60))},
    ],
    ids=str,
)
def test_a_schedule_that_somebody_edited_harms_no_other(
    om: Omega,
    clock: Any,
    turn: Turn,
    work: Work,
    edit: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    om.jobs.put(om.jobs.get("daily"), "other")
    for name in ("daily", "other"):
        om.jobs.schedule(name, cron=YEARLY)
    schedules(om).update_one({"name": "daily"}, {"$set": edit})
    clock.advance(days=366)
    with caplog.at_level(logging.WARNING, "omega_core"):
        handled = turn()
    assert "other" in [each.job for each in handled]
    if "daily" not in [each.job for each in handled]:
        assert "The schedule of 'daily' in bucket" in caplog.text
    for each in work():
        assert om.runtime.result(each).exception() is None


# --- what changes meanwhile --------------------------------------------------------------------


def test_a_schedule_that_is_paused_takes_no_slot_and_makes_up_for_none(
    om: Omega, clock: Any, turn: Turn
) -> None:
    om.jobs.schedule("daily", cron=YEARLY)
    clock.advance(days=366)
    assert om.jobs.pause("daily").next is None
    assert turn() == []
    resumed = om.jobs.resume("daily")
    assert resumed.next is not None
    assert resumed.next > om.database.now()
    assert turn() == []
    clock.advance(days=366)
    assert whats(turn()) == ["submitted"]


def test_what_is_declared_again_with_the_same_slots_keeps_the_one_that_is_late(
    om: Omega, clock: Any, turn: Turn, work: Work
) -> None:
    om.jobs.schedule("daily", cron=YEARLY, params={"n": 1})
    clock.advance(days=366)
    om.jobs.schedule("daily", cron=YEARLY, params={"n": 2})
    assert whats(turn()) == ["submitted"]
    work()
    assert runs(om) == [{"n": 2}]


def test_what_is_declared_with_other_slots_begins_anew(om: Omega, clock: Any, turn: Turn) -> None:
    om.jobs.schedule("daily", cron=YEARLY)
    clock.advance(days=366)
    om.jobs.schedule("daily", cron="0 0 1 7 *")
    assert turn() == []
    clock.advance(days=366)
    assert whats(turn()) == ["submitted"]


@pytest.mark.parametrize("change", ["pause", "unschedule", "schedule"])
def test_a_change_between_claim_and_submission_is_not_undone(
    om: Omega, clock: Any, turn: Turn, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    om.jobs.schedule("daily", cron=YEARLY)
    clock.advance(days=366)
    plan = om.records.plan

    def changing(*args: Any, **kwargs: Any) -> Any:
        if change == "schedule":
            om.jobs.schedule("daily", cron="0 0 1 1 *")
        else:
            getattr(om.jobs, change)("daily")
        return plan(*args, **kwargs)

    monkeypatch.setattr(om.records, "plan", changing)
    assert whats(turn()) == ["submitted"]  # it was claimed before
    left = [(s.cron, s.paused) for s in om.jobs.schedules()]
    assert (
        left
        == {
            "pause": [(YEARLY, True)],
            "unschedule": [],
            "schedule": [("0 0 1 1 *", False)],
        }[change]
    )
    assert all(not schedule.next or schedule.next.month == 1 for schedule in om.jobs.schedules())
