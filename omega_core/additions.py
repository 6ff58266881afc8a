"""What the core adds to what an action stores, whichever backend acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .backends.store import Store
from .lineage.record import record_of
from .protocol import put_options
from .protocol.acting import Acting
from .protocol.fence import current_task
from .protocol.lineage import Record
from .protocol.naming import DATA, JOBS


@dataclass
class Addition:
    """What becomes of a put that the backend of an action makes without another word.

    Attributes
    ----------
    lineage
        Returns where the model, or the result, comes from; asked when all of it is written, for
        an iterator reads its data only then.
    attributes
        Returns what is said of the run of a job; what the backend says itself goes before that.
    kind, options
        How the model was put before, and is to be put again; None and nothing for a result.
    if_rev
        The revision of the model that may be replaced; None for any.
    """

    lineage: Callable[[], Record]
    attributes: Callable[[], dict[str, Any]] | None = None
    kind: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    if_rev: int | None = None

    @classmethod
    def to(cls, part: str, acting: Acting, obj: Any, store: Store) -> Addition:
        """Return what is added to a put of the ``"model"`` or of the ``"result"``."""
        distribution = (acting.meta.plugin or {}).get("distribution", "")
        datasets = store.stores[DATA]
        for key in acting.datasets.values():
            if key not in acting.readings:
                # So that its name means the same still when what is stored is complete.
                datasets.metadata(key.name)

        def lineage() -> Record:
            return record_of(acting, part, datasets, distribution, obj)

        if part == "result":
            return cls(lineage, partial(_of_run, acting) if acting.home == JOBS else None)
        return cls(
            lineage,
            kind=acting.meta.kind,
            options=put_options.of(acting.meta),
            if_rev=None if acting.live is None else acting.live.rev,
        )


def _of_run(acting: Acting) -> dict[str, Any]:
    """Return the attributes of what a job leaves; all, for it may replace what another run left."""
    task = current_task()
    return {
        "job": acting.key.name,
        "job_version": acting.meta.version,
        "parameters": dict(acting.params or {}),
        "task": None if task is None else task.id,
        "started": acting.started,
        "duration": acting.duration,
        "status": "success",
        "error": None,
    }
