"""Scalars as Python's own, for what leaves for people or for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np


def python_scalar(value: Any) -> Any:
    """Return a scalar of numpy as Python's own; not moments, some of which Python does not know."""
    plain = isinstance(value, np.generic) and value.dtype.kind not in "mM"
    return value.item() if plain else value
