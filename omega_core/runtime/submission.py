"""How a task gets from whoever asked to an engine: first recorded, so that its id is known."""

from __future__ import annotations

from contextlib import suppress

from pymongo.errors import PyMongoError

from ..errors import OmegaError
from ..protocol.naming import JOBS, SECTION
from ..protocol.task_records import TaskRecords
from .engines import Engine
from .result import Result
from .task import Task


def hand_over(
    task: Task,
    written: str | None,
    engine: Engine,
    named: str,
    records: TaskRecords,
    *,
    once: bool = False,
) -> Result:
    """Record a task, and give it to the engine.

    Parameters
    ----------
    written
        The task as JSON; None where it goes nowhere, and is none.
    named
        What the engine is called.
    once
        Whether there may be a record of the task already, which stays as it is.
    """
    new = records.submitted(
        task.id,
        bucket=task.bucket,
        engine=named,
        task=written,
        leased=getattr(engine, "in_process", False),
        once=once,
        job=task.name if task.store == SECTION[JOBS] else None,
    )
    try:
        return engine.submit(task)
    except BaseException:
        if new:
            with suppress(OmegaError, PyMongoError):
                records.forget(task.id)
        raise
