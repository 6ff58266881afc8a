"""Of any number of schedulers one submits a slot, whichever of them are killed, and whenever."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from omega_core import Omega
from omega_core.scheduling.scheduler import Scheduler
from omega_core.testing.child_processes import Child, Tell
from omega_core.testing.crashes import kill_at
from omega_core.testing.faults import FaultKind, FaultProxy

SCHEDULERS, JOBS, SECONDS = 6, 12, 3.0
LEASE = 60.0


def queued(om: Omega) -> list[str]:
    """Return the ids of the tasks that the broker got."""
    return [json.loads(found["task"])["id"] for found in om.database.mongodb["test.queue"].find()]


def test_of_six_schedulers_one_submits_each_slot(om: Omega) -> None:
    names = [f"job {number}" for number in range(JOBS)]
    for name in names:
        om.jobs.put(om.jobs.get("daily"), name)
        om.jobs.schedule(name, cron="* * * * * *", overlap="allow")

    def schedule(tell: Tell) -> list[tuple[str, str]]:
        scheduler = Scheduler(om)
        taken = []
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            handled, wait = scheduler.turn()
            assert {each.what for each in handled} <= {"submitted"}
            taken += [(each.job, each.id) for each in handled]
            time.sleep(min(wait, 0.1))
        return taken

    children = [Child(schedule) for _ in range(SCHEDULERS)]
    shares = [child.result() for child in children]
    taken = [each for share in shares for each in share]
    assert len({id for _, id in taken}) == len(taken)
    assert sorted(queued(om)) == sorted(id for _, id in taken)
    slots = Counter(job for job, _ in taken)
    assert set(slots) == set(names)
    assert min(slots.values()) >= 2
    assert sum(1 for share in shares if share) >= 2, "they did not compete"
    assert {run.id for name in names for run in om.jobs.history(name)} == set(queued(om))


@pytest.mark.parametrize(
    ("moment", "busy"),
    [("lost command", False), ("lost answer", False), ("lost answer", True)],
    ids=["before a command", "after a command", "after a command, and the worker is fast"],
)
def test_a_scheduler_killed_at_any_step_leaves_one_run_of_its_slot(
    om: Omega,
    make_omega: Callable[..., Omega],
    mongo_url: str,
    mongo_database: str,
    clock: Any,
    work: Callable[[], list[str]],
    moment: FaultKind,
    busy: bool,
) -> None:
    with FaultProxy(mongo_url) as proxy:
        victim = make_omega(
            mongo={"url": proxy.url(mongo_database)},
            plugins={"enabled": ["queue"]},
            runtime={"engine": "queue"},
        )
        list(victim.plugins)
        before: set[str] = set()
        for step in itertools.count(1):
            name = f"job {step}"
            om.jobs.put(om.jobs.get("daily"), name)
            schedule = om.jobs.schedule(name, cron="0 0 1 1 *", params={"step": step})
            clock.advance(days=366)

            def act(victim: Omega) -> None:
                victim.database.prepare_runs()
                Scheduler(victim).turn()

            _, struck = kill_at(proxy, step, victim, act, moment)
            if busy:
                work()
            clock.advance(seconds=LEASE)  # its claim lapses
            Scheduler(om).turn()
            work()
            assert Scheduler(om).turn()[0] == []
            [run] = om.jobs.history(name)
            assert run.status == "success", (step, run)
            assert run.slot is not None
            assert run.id == schedule.task_id(run.slot)
            ran = [found["params"] for found in om.database.mongodb["test.runs"].find()]
            assert ran.count({"step": step}) == 1, step
            [after] = [s for s in om.jobs.schedules() if s.name == name]
            assert (after.paused, after.last, after.last_id) == (False, run.slot, run.id)
            assert after.next is not None
            assert after.next > om.database.now()
            om.jobs.unschedule(name)
            before.add(run.id)
            if not struck:
                break
        assert step > 6, "it was killed at every step of a turn"
        assert len(before) == step
