"""The lineage: what was done to a model, or with it, on what data, by which versions."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from .datasets import Dataset, identity, is_frame, is_series

if TYPE_CHECKING:
    from omega_core import Metadata

_LIBRARIES = ("scikit-learn", "numpy", "scipy", "skops", "joblib", "omega-core", "omega-sklearn")


class Clock:
    """Says when an action began, and how long it took."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._begin = time.perf_counter()

    def record(self) -> dict[str, Any]:
        """Return the beginning, in UTC, and the duration in seconds."""
        return {"started": self.started, "duration": time.perf_counter() - self._begin}


def of_fit(action: str, X: Dataset, Y: Dataset | None, clock: Clock) -> dict[str, Any]:
    """Return the lineage of a model, for its attributes."""
    return {
        "action": action,
        "X": X.describe(),
        "Y": Y.describe() if Y is not None else None,
        "libraries": _libraries(X, Y),
        **clock.record(),
    }


def of_result(
    action: str, model: Metadata, X: Dataset, Y: Dataset | None, clock: Clock
) -> dict[str, Any]:
    """Return the lineage of a stored result, for its attributes."""
    # The model stands before the data in the record.
    return {"action": action, "model": identity(model), **of_fit(action, X, Y, clock)}


def recorded(meta: Metadata) -> Mapping[str, Any] | None:
    """Return the lineage of the payload that ``meta`` points at, if it has one."""
    lineage = meta.attributes.get("lineage")
    # The attributes are the user's own, who may have put something else there.
    written_here = isinstance(lineage, dict) and isinstance(lineage.get("X"), dict)
    return lineage if written_here else None


def _libraries(*datasets: Dataset | None) -> dict[str, str]:
    names = list(_LIBRARIES)
    if any(d is not None and (is_frame(d.value) or is_series(d.value)) for d in datasets):
        names.append("pandas")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


# Reads the files of the installed distribution each time, and they do not change in a process.
@cache
def _version(distribution: str) -> str:
    return version(distribution)
