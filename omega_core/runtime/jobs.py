"""The jobs of a runtime: each run is a task, on the engine that the configuration names."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from ..errors import UnsupportedOptionError
from ..former_names import formerly
from ..protocol.naming import check_name
from ..protocol.task_records import ENDED, TaskRecord
from ..running import RUN, check_params, result_name
from ..visible import Visible
from .engines import Engine, Engines
from .remote_result import RemoteResult
from .result import Result
from .submission import hand_over
from .task import ID, Task, Worker


@formerly("JobRuntime")
class JobRuntime(Visible):
    """One job: ``om.runtime.job("daily").run({"day": "2026-01-31"}).get()``."""

    def __init__(
        self,
        name: str,
        omega: Worker,
        engines: Engines,
        engine: str | None = None,
        hints: Mapping[str, Any] | None = None,
        version: int | str | None = None,
    ) -> None:
        self.name = check_name(name)
        self._omega = omega
        self._engines = engines
        self._engine = engine
        self._hints = hints or {}
        self._version = version

    def run(
        self, params: Mapping[str, Any] | None = None, rName: str | None = None, **options: Any
    ) -> Result:
        """Let the job run, and return at once.

        What it leaves is stored in ``om.jobs``, also where it fails; `Result.get` returns its
        metadata, or raises `JobFailedError`.

        Parameters
        ----------
        params
            JSON values by name.
        rName
            The object that takes what it leaves, ``results/<job>/<task id>`` by default.
        **options
            Options of the kind.

        Raises
        ------
        UnsupportedOptionError
            The parameters or options are no JSON values, or large.
        """
        return self.submit(params, rName=rName, **options)

    def submit(
        self,
        params: Mapping[str, Any] | None = None,
        *,
        task_id: str | None = None,
        rName: str | None = None,
        **options: Any,
    ) -> Result:
        """Let the job run as the task of this id, and return at once.

        To submit a task again is no other run: of one that is over, or under way, the result comes
        back that it has or will have; and what the task stores, it stores once, in any case.

        Parameters
        ----------
        task_id
            1 to 128 letters, digits, ``_``, ``-`` and ``.``; None: one that no other task has.
        params, rName, **options
            As `run` takes them.
        """
        check_params(self.name, params)
        id = uuid.uuid4().hex if task_id is None else _checked(self.name, task_id)
        result = result_name(self.name, id) if rName is None else check_name(rName, "rName")
        version = {} if self._version is None else {"version": self._version}
        task = Task(
            id=id,
            bucket=self._omega.bucket,
            store="jobs",
            name=self.name,
            action=RUN,
            arguments={"params": dict(params or {}), "rName": result, **version},
            options=options,
            hints=self._hints,
        )
        written = task.to_json()
        engine: Engine = self._engines.get(self._omega, self._engine)
        known = None if task_id is None else self._known(task)
        if known is not None and _is_taken(known):
            return RemoteResult(id, None, self._omega)
        named = self._engine or self._engines.name
        once = task_id is not None
        return hand_over(task, written, engine, named, self._omega.records, once=once)

    def _known(self, task: Task) -> TaskRecord | None:
        """Return the record of a task that was submitted before; refuse another task's id."""
        record = self._omega.records.read(task.id)
        if record is None:
            return None
        of = None if record.task is None else Task.from_json(record.task)
        if record.bucket != task.bucket or (
            of is not None and (of.store, of.name) != (task.store, task.name)
        ):
            raise UnsupportedOptionError(
                f"run of {self.name!r}: the id {task.id!r} is that of another task. Give another "
                "one, or none."
            )
        return record

    def __repr__(self) -> str:
        return f"<JobRuntime {self.name!r} in bucket {self._omega.bucket!r}>"


def _is_taken(record: TaskRecord) -> bool:
    """Return whether a task is over, or somebody is at it.

    One that waits in a queue is not: its engine may never have got it.
    """
    return record.status in (*ENDED, "running") or (record.status == "pending" and record.leased)


def _checked(job: str, id: object) -> str:
    if not isinstance(id, str) or re.fullmatch(ID, id) is None:
        raise UnsupportedOptionError(
            f"run of {job!r}: task_id is {id!r}, and has to be 1 to 128 letters, digits, '_', '-' "
            "and '.'."
        )
    return id
