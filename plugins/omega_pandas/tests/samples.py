"""Values that the tests share."""

from __future__ import annotations

from typing import Any

import numpy as np


def object_array(*values: Any) -> np.ndarray[Any, Any]:
    """Return an array of one dimension, of whatever the values are."""
    array = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        array[position] = value
    return array
