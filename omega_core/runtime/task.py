"""A task: the small record of one action of one model, and its execution."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from ..config import Config
from ..errors import UnsupportedOptionError
from ..store import OmegaStore
from .values import called_by_argument


class Worker(Protocol):
    """An `Omega`, as far as those who execute tasks know it."""

    datasets: OmegaStore

    @property
    def config(self) -> Config: ...
    def __getitem__(self, bucket: str) -> Worker: ...


@dataclass(frozen=True)
class Task:
    """What a worker has to do. Names only: no credentials, no code, no data.

    Attributes
    ----------
    id
        Names the task in logs and results.
    bucket, store, name
        The object that acts.
    action
        One of `omega_core.ACTIONS`.
    arguments
        ``X``, ``Y``, ``rName`` as names, and ``pure_python``.
    options
        What is passed on to the estimator; JSON values.
    temporary
        Datasets that were stored for this task alone, and go with it.
    """

    id: str
    bucket: str
    store: str
    name: str
    action: str
    arguments: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    temporary: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the task as JSON.

        Raises
        ------
        UnsupportedOptionError
            An option is not a JSON value.
        """
        try:
            text = json.dumps(asdict(self), allow_nan=False)
        except (TypeError, ValueError) as exc:
            raise UnsupportedOptionError(
                f"{self.action} of {self.name!r}: the options {sorted(self.options)} do not travel "
                f"to a worker: {exc}. Pass numbers, strings, lists and dicts; store data as a "
                "dataset and pass its name."
            ) from None
        return text

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Return the task that `to_json` wrote."""
        values = json.loads(text)
        values["temporary"] = tuple(values.get("temporary", ()))
        return cls(**values)


def execute(task: Task, omega: Worker) -> Any:
    """Do what the task says, and return the result; anything that calls this is a worker."""
    bucket = omega[task.bucket]
    values = {name: key for key, name in task.arguments.items() if name in task.temporary}
    try:
        store = getattr(bucket, task.store)
        with called_by_argument(values):
            return store.perform(task.action, task.name, **task.arguments, **task.options)
    finally:
        for name in task.temporary:
            bucket.datasets.discard(name)
