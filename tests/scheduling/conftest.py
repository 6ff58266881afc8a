"""An engine that keeps its tasks in a queue, as a broker does, and jobs that count their runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from omega_core import BaseJobBackend, Metadata, Omega, run_task
from omega_core.scheduling.scheduler import Handled, Scheduler

ENGINE = """
from omega_core import RemoteResult, hookimpl
from omega_core.errors import EngineError

class Queue:
    honours = frozenset({"timeout", "retries"})

    def __init__(self, omega):
        self.omega = omega

    def submit(self, task):
        database = self.omega.database.mongodb
        if database["test.broker"].find_one({"down": True}):
            raise EngineError("The broker is down. Start it.")
        database["test.queue"].insert_one({"task": task.to_json()})
        return RemoteResult(task, None, self.omega)

    def close(self):
        pass

@hookimpl
def engines():
    return {"queue": Queue}
"""


@dataclass
class Counting:
    """A job that notes what it was given; with ``fail``, it fails then."""

    note: str = ""


class CountingJobs(BaseJobBackend):
    KIND = "test.counting"
    TYPES = (f"{__name__}:Counting",)

    def put(
        self, obj: Counting, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.job_store.make_metadata(name, self.KIND, attributes=attributes)
        meta.kind_meta = {"note": obj.note}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Counting:
        meta = self.job_store.metadata(name)
        assert meta is not None
        return Counting(**meta.kind_meta)

    def run(
        self,
        jobname: str,
        params: Mapping[str, Any] | None = None,
        *,
        rName: str,
        **kwargs: Any,
    ) -> Metadata:
        given = dict(params or {})
        self.job_store.mongodb["test.runs"].insert_one({"job": jobname, "params": given})
        if "fail" in given:
            raise ValueError(given["fail"])
        return self.job_store.put(Counting("left"), rName)


class Clock:
    """Moves the time of the server for schedules and tasks, by editing their documents."""

    def __init__(self, om: Omega) -> None:
        self._database = om.database.mongodb

    def advance(self, **time: float) -> None:
        """Let so much time pass, as `datetime.timedelta` takes it."""
        earlier = round(dt.timedelta(**time).total_seconds() * 1000)
        for name, fields in (
            ("omega.schedules", ("due", "claim.lease")),
            ("omega.tasks", ("lease", "planned")),
        ):
            for field in fields:
                moved = {"$set": {field: {"$subtract": [f"${field}", earlier]}}}
                self._database[name].update_many({field: {"$type": "date"}}, [moved])


@pytest.fixture
def om(install: Callable[..., str], make_omega: Callable[..., Omega]) -> Omega:
    """An `Omega` whose engine is the queue, with a job."""
    install("queue", ENGINE)
    om = make_omega(
        plugins={"enabled": ["queue"]},
        runtime={"engine": "queue"},
        security={"run_jobs": "allow"},
    )
    om.jobs.register_backend(CountingJobs)
    om.jobs.put(Counting(), "daily")
    return om


@pytest.fixture
def clock(om: Omega) -> Clock:
    return Clock(om)


@pytest.fixture
def turn(om: Omega) -> Callable[[], list[Handled]]:
    """Let a scheduler, a new one each time, submit what is due."""
    return lambda: Scheduler(om).turn()[0]


@pytest.fixture
def work(om: Omega) -> Callable[[], list[str]]:
    """Let a worker do what is in the queue, and return the ids of its tasks in their order."""

    def work() -> list[str]:
        queue = om.database.mongodb["test.queue"]
        ids = []
        while (found := queue.find_one_and_delete({}, sort=[("_id", 1)])) is not None:
            run_task(found["task"], om)
            ids.append(json.loads(found["task"])["id"])
        return ids

    return work
