"""Many small batches of a payload made one, while others read it and append to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .commit import Intent, rollback
from .document import check
from .lease import LeaseKeeper
from .metadata import Metadata


def compact(
    intent: Intent,
    leases: LeaseKeeper,
    meta: Metadata,
    start: int,
    stop: int,
    write: Callable[[str], dict[str, Any]],
) -> bool:
    """Replace the batches from ``start`` to ``stop`` by one that ``write`` makes of them.

    Returns
    -------
    bool
        False where somebody else replaced, dropped or compacted the object meanwhile, or where a
        snapshot has some of the batches, and not all of them.
    """
    intent.res.segments = True
    live = intent.begin()
    done = False
    try:
        if live is not None and live["gen"] == meta.gen:
            check(live)
            known, now = meta.kind_meta["batches"], live.get("kind_meta", {}).get("batches", [])
            same = [b["gen"] for b in known[:stop]] == [b["gen"] for b in now[:stop]]
            # Looked at before the work as well as at its commit: a backend asks again and again.
            if same and not intent.crosses_a_pin(start, stop):
                with leases.keeping(intent):
                    done = intent.compact(write(intent.gen), start, stop)
    except BaseException as exc:
        rollback(intent, exc)
        raise
    if not done:
        intent.abort()
    return done
