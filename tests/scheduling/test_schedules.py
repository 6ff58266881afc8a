"""How people declare when a job runs, and what they are told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import omega_core
from omega_core import Omega, Schedule
from omega_core.errors import (
    IntegrityError,
    InvalidNameError,
    ObjectNotFoundError,
    ScheduleError,
    ScheduleNotFoundError,
    UnsupportedOptionError,
)


def documents(om: Omega) -> Any:
    return om.database.mongodb["omega.schedules"]


def test_a_schedule_is_what_was_declared(om: Omega) -> None:
    schedule = om.jobs.schedule(
        "daily", cron=" 0  6 * * MON-FRI", tz="Europe/Rome", params={"n": 1, "of": ["a"]},
        engine="queue", timeout=60, retries=2, overlap="allow", keep=3,
    )  # fmt: skip
    assert isinstance(schedule, Schedule)
    assert (schedule.name, schedule.bucket) == ("daily", "default")
    assert (schedule.cron, schedule.tz) == ("0 6 * * MON-FRI", "Europe/Rome")
    assert schedule.params == {"n": 1, "of": ["a"]}
    assert (schedule.engine, schedule.hints) == ("queue", {"timeout": 60, "retries": 2})
    assert (schedule.overlap, schedule.keep) == ("allow", 3)
    assert (schedule.paused, schedule.reason) == (False, None)
    assert (schedule.last, schedule.last_id) == (None, None)
    assert schedule.next is not None
    assert schedule.next.utcoffset() == dt.timedelta(0)
    assert schedule.next > om.database.now()
    assert om.jobs.schedules() == [schedule]
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.cron = "* * * * *"  # type: ignore[misc]


def test_each_bucket_has_its_own_and_they_are_sorted(om: Omega) -> None:
    for bucket, name in ((om, "b"), (om, "a"), (om["team"], "c")):
        bucket.jobs.put(om.jobs.get("daily"), name)
        bucket.jobs.schedule(name, cron="0 6 * * *")
    assert [s.name for s in om.jobs.schedules()] == ["a", "b"]
    assert [s.name for s in om["team"].jobs.schedules()] == ["c"]


@pytest.mark.parametrize("name", ["a/b", "a_b", "$x", ".h", "a b", "ünï", "n.due", "x" * 470])
def test_whatever_names_a_job_names_its_schedule(om: Omega, name: str) -> None:
    om.jobs.put(om.jobs.get("daily"), name)
    om.jobs.schedule(name, cron="0 6 * * *", params={"$gt": {"a.b": "$due"}})
    [schedule] = om.jobs.schedules()
    assert (schedule.name, schedule.params) == (name, {"$gt": {"a.b": "$due"}})
    assert om.jobs.unschedule(name)


def test_declared_again_it_is_replaced_and_stays_the_same_one(om: Omega) -> None:
    first = om.jobs.schedule("daily", cron="0 6 * * *", params={"n": 1}, timeout=5)
    second = om.jobs.schedule("daily", cron="0 7 * * *")
    assert om.jobs.schedules() == [second]
    assert (second.params, second.hints, second.created) == ({}, {}, first.created)
    slot = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert first.task_id(slot) == second.task_id(slot)


def test_one_that_somebody_paused_stays_so_until_it_is_told_otherwise(om: Omega) -> None:
    assert om.jobs.schedule("daily", cron="0 6 * * *", paused=True).paused
    again = om.jobs.schedule("daily", cron="0 7 * * *")
    assert (again.paused, again.next) == (True, None)
    awake = om.jobs.schedule("daily", cron="0 7 * * *", paused=False)
    assert (awake.paused, awake.next is not None) == (False, True)
    assert om.jobs.pause("daily").paused
    assert om.jobs.pause("daily").paused
    assert om.jobs.resume("daily").next == awake.next
    assert om.jobs.resume("daily") == om.jobs.schedules()[0]


def test_unscheduled_it_runs_no_more_and_the_job_stays(om: Omega) -> None:
    om.jobs.schedule("daily", cron="0 6 * * *")
    assert om.jobs.unschedule("daily")
    assert om.jobs.schedules() == []
    assert "daily" in om.jobs
    assert not om.jobs.unschedule("daily", missing_ok=True)


@pytest.mark.parametrize("action", ["unschedule", "pause", "resume"])
def test_a_job_without_a_schedule_is_told_with_a_near_name(om: Omega, action: str) -> None:
    om.jobs.schedule("daily", cron="0 6 * * *")
    with pytest.raises(ScheduleNotFoundError, match=r"'dayly'.* Did you mean 'daily'\?") as told:
        getattr(om.jobs, action)("dayly")
    assert isinstance(told.value, KeyError)


# --- what is refused, before anything is written -----------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"cron": "0 6 * *"}, ScheduleError, "cron='0 6 * *' is no cron expression"),
        ({"tz": "Rome"}, ScheduleError, "no time zone 'Rome'"),
        ({"params": ["a"]}, ScheduleError, "params is a dict of names and values, not list"),
        ({"params": {1: 2}}, ScheduleError, "params is a dict of names and values, not [1]"),
        ({"params": {"a": float("nan")}}, ScheduleError, "do not travel to the job"),
        ({"params": {"a": b"x"}}, ScheduleError, "do not travel to the job"),
        ({"params": {"a": (1, 2)}}, ScheduleError, "they would not come back the same"),
        ({"params": {"a": "x" * 100_001}}, ScheduleError, "100,010 bytes as JSON"),
        ({"overlap": "queue"}, ScheduleError, "overlap is 'queue', and should be"),
        ({"paused": "no"}, ScheduleError, "paused is a bool, not a str"),
        ({"keep": 0}, ScheduleError, "keep is a whole number of results from 1 on, not 0"),
        ({"keep": True}, ScheduleError, "keep is a whole number of results from 1 on, not True"),
        ({"engine": 7}, ScheduleError, "engine is a str, not a int"),
        ({"timeout": -1}, UnsupportedOptionError, "timeout is -1"),
        ({"retries": 0.5}, UnsupportedOptionError, "retries is 0.5"),
    ],
    ids=lambda value: None if isinstance(value, type) else str(value)[:30],
)
def test_what_no_run_could_do_is_refused(
    om: Omega, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        om.jobs.schedule("daily", **{"cron": "0 6 * * *", **given})
    assert documents(om).count_documents({}) == 0


def test_a_job_that_is_not_there_has_neither_schedule_nor_history(om: Omega) -> None:
    with pytest.raises(ObjectNotFoundError, match=r"No object 'dayly' in the jobs.*'daily'"):
        om.jobs.schedule("dayly", cron="0 6 * * *")
    with pytest.raises(ObjectNotFoundError, match=r"No object 'dayly' in the jobs.*'daily'"):
        om.jobs.history("dayly")
    with pytest.raises(InvalidNameError):
        om.jobs.schedule("", cron="0 6 * * *")
    assert documents(om).count_documents({}) == 0


def test_a_job_whose_results_would_have_no_names_is_refused(om: Omega) -> None:
    om.jobs.put(om.jobs.get("daily"), "x" * 471)
    with pytest.raises(ScheduleError, match="Put it under a name of at most 470"):
        om.jobs.schedule("x" * 471, cron="0 6 * * *")


def test_of_many_that_declare_it_first_there_is_one(om: Omega) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: om.jobs.schedule("daily", cron="0 6 * * *"), range(16)))
    slot = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert len({schedule.task_id(slot) for schedule in told}) == 1
    assert len(om.jobs.schedules()) == 1


def test_a_schedule_that_somebody_edited_is_told_and_can_be_replaced(om: Omega) -> None:
    om.jobs.schedule("daily", cron="0 6 * * *")
    documents(om).update_one({}, {"$set": {"params": "{"}})
    for call in (om.jobs.schedules, lambda: om.jobs.resume("daily")):
        with pytest.raises(IntegrityError, match="schedule of 'daily' in bucket 'default' is dama"):
            call()
    schedule = om.jobs.schedule("daily", cron="0 6 * * *")
    assert om.jobs.schedules() == [schedule]


# --- the history -------------------------------------------------------------------------------


def test_the_history_has_the_newest_runs_first(om: Omega, work: Callable[[], Any]) -> None:
    assert om.jobs.history("daily") == []
    ids = [om.runtime.job("daily").run().id for _ in range(3)]
    assert {run.id for run in om.jobs.history("daily")} == set(ids)
    newest = om.jobs.history("daily", limit=1)
    assert [run.id for run in newest] == [om.jobs.history("daily")[0].id]
    created = [run.created for run in om.jobs.history("daily")]
    assert created == sorted(created, reverse=True)  # type: ignore[type-var]
    for limit in (0, -1, True, 2.5):
        with pytest.raises(ScheduleError, match="limit is a whole number"):
            om.jobs.history("daily", limit=limit)  # type: ignore[arg-type]


def test_a_result_that_was_dropped_is_not_named(om: Omega, work: Callable[[], Any]) -> None:
    om.runtime.job("daily").run()
    work()
    [run] = om.jobs.history("daily")
    assert run.result is not None
    om.jobs.drop(run.result)
    assert om.jobs.history("daily")[0].result is None


def test_the_history_of_jobs_stays_longer_than_that_of_other_tasks(
    make_omega: Callable[..., Omega], om: Omega, work: Callable[[], Any]
) -> None:
    tasks = om.database.mongodb["omega.tasks"]
    result = om.runtime.job("daily").run()
    for step in (lambda: None, work):
        step()
        record = tasks.find_one({"_id": result.id})
        last = record.get("ended", record["created"])
        assert record["expires"] - last == dt.timedelta(seconds=om.config.runtime.history)
    om.records.submitted("other", bucket="default", engine="queue", task=None, leased=False)
    other = tasks.find_one({"_id": "other"})
    assert other["expires"] - other["created"] == dt.timedelta(seconds=om.config.runtime.results)


def test_the_names_are_public() -> None:
    assert {"JobStore", "Run", "Schedule"} <= set(omega_core.__all__)
    assert isinstance(omega_core.Run(id="t", job="j", bucket="b", status="lost"), omega_core.Run)
