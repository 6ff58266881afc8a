"""What the core adds to what an action stores, whichever backend acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .backends.store import Store
from .lineage.record import record_of
from .protocol import put_options
from .protocol.acting import Acting
from .protocol.lineage import Record
from .protocol.naming import DATA


@dataclass
class Addition:
    """What becomes of a put that the backend of an action makes without another word.

    Attributes
    ----------
    lineage
        Returns where the model, or the result, comes from; asked when all of it is written, for
        an iterator reads its data only then.
    kind, options
        How the model was put before, and is to be put again; None and nothing for a result.
    if_rev
        The revision of the model that may be replaced; None for any.
    """

    lineage: Callable[[], Record]
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
            return cls(lineage)
        return cls(
            lineage,
            kind=acting.meta.kind,
            options=put_options.of(acting.meta),
            if_rev=None if acting.live is None else acting.live.rev,
        )
