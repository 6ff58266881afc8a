"""Which models several actions may ask at a time, and how much memory they take."""

from __future__ import annotations

import pickle
from types import ModuleType
from typing import Any

import numpy as np

from ..object_graph import LEAVES, parts

_LIBRARIES = ("builtins", "numpy", "scipy", "sklearn", "collections", "functools")
"""Asking changes nothing that these hold, but for how often a search tree was asked: it counts.
Of other packages, nobody knows."""

_CHANGING = frozenset({"HashingVectorizer", "MultiLabelBinarizer"})
"""Those of scikit-learn that remember something when they are asked."""

_DRAWING = (np.random.RandomState, np.random.Generator, np.random.BitGenerator)
"""Each number that is drawn changes them."""


def shared_size(model: Any) -> int | None:
    """Return how many bytes a model takes, if all of it is scikit-learn's own; else None."""
    for part in parts(model):
        if isinstance(part, ModuleType):
            continue
        owner = part if isinstance(part, LEAVES) else type(part)
        library = str(getattr(owner, "__module__", None)).partition(".")[0]
        drawing = isinstance(part, _DRAWING)
        if library not in _LIBRARIES or drawing or type(part).__name__ in _CHANGING:
            return None
    counted = _Counted()
    try:
        pickle.Pickler(counted, protocol=5).dump(model)
    except Exception:
        # The objects raise what they like. What cannot be measured is not kept.
        return None
    return counted.size


class _Counted:
    """Takes what is written, and keeps its length alone."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: Any) -> int:
        written = memoryview(data).nbytes
        self.size += written
        return written
