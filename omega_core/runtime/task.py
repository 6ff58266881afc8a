"""A task: the small record of one action of one model, or of one run of a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from ..config import Config
from ..errors import IntegrityError, UnsupportedOptionError
from ..protocol.lease import LeaseKeeper
from ..protocol.naming import HIDDEN
from ..protocol.task_records import TaskRecords
from ..shapes import each, fields, mapping, one_of, text
from ..store import OmegaStore


class Worker(Protocol):
    """An `Omega`, as far as those who execute tasks know it."""

    bucket: str
    datasets: OmegaStore
    models: OmegaStore

    @property
    def jobs(self) -> OmegaStore: ...
    @property
    def config(self) -> Config: ...
    @property
    def records(self) -> TaskRecords: ...
    @property
    def leases(self) -> LeaseKeeper: ...
    def __getitem__(self, bucket: str) -> Worker: ...


MAX_BYTES = 1_000_000
"""Of JSON: a task says what is to be done, and on what, and is no way for data to travel."""

ID = r"[0-9A-Za-z_.-]{1,128}"
"""The regular expression of the id of a task."""

_NAME = text("(?s).+")
_SHAPE = fields(
    {
        "id": text(ID),
        "bucket": _NAME,
        "store": one_of("models", "jobs"),
        "name": _NAME,
        "action": text("[A-Za-z][A-Za-z0-9_]*"),
        "arguments": mapping(),
    },
    # They are dropped with the task, so no other name is taken for one of them.
    {"options": mapping(), "temporary": each(text(HIDDEN)), "hints": mapping()},
    only=True,
)


@dataclass(frozen=True)
class Task:
    """What a worker has to do. Names only: no credentials, no code, no data.

    Attributes
    ----------
    id
        Names the task in logs and results. Two executions of one task store one version.
    bucket, store, name
        The object that acts: a model, or a job.
    action
        One of the actions of the model; ``"run"`` of a job.
    arguments
        ``X``, ``Y``, ``rName`` as names, and ``pure_python``; where they were given, also
        ``version``, ``if_rev`` and ``rows``. Of a job, ``params``, ``rName`` and ``version``.
    options
        What is passed on to the estimator; JSON values.
    temporary
        Datasets that were stored for this task alone, and go with it.
    hints
        What the engine is told: see `omega_core.Engine`. Only those that were given.
    """

    id: str
    bucket: str
    store: str
    name: str
    action: str
    arguments: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    temporary: tuple[str, ...] = ()
    hints: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the task as JSON.

        Raises
        ------
        UnsupportedOptionError
            An option is not a JSON value, or they are large.
        """
        try:
            written = json.dumps(asdict(self), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as exc:
            raise UnsupportedOptionError(
                f"{self.action} of {self.name!r}: the options {sorted(self.options)} do not travel "
                f"to a worker: {exc}. Pass numbers, strings, lists and dicts; store data as a "
                "dataset and pass its name."
            ) from None
        if len(written) > MAX_BYTES:
            raise UnsupportedOptionError(
                f"{self.action} of {self.name!r}: the options {sorted(self.options)} have "
                f"{len(written):,} bytes as JSON, and {MAX_BYTES:,} travel to a worker. Store data "
                "as a dataset and pass its name."
            )
        return written

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Return the task that `to_json` wrote.

        Raises
        ------
        IntegrityError
            This is no such text.
        """
        try:
            values = json.loads(text)
        except (TypeError, ValueError, RecursionError) as exc:
            raise IntegrityError(f"This is no task: {exc}. Task.to_json writes one.") from None
        fault = _SHAPE(values, "the task")
        if fault is not None:
            raise IntegrityError(f"This is no task: {fault}. Task.to_json writes one.")
        return cls(**{**values, "temporary": tuple(values.get("temporary", ()))})
