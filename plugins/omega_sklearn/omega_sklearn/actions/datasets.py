"""The datasets that an estimator is given, in the shapes that scikit-learn wants."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def as_target(value: Any) -> Any:
    """Return a dataset as y: of one dimension where it has but one column."""
    if is_frame(value):
        return value.iloc[:, 0] if value.shape[1] == 1 else value
    if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == 1:
        return value.ravel()
    return value


def is_frame(value: object) -> bool:
    """Return whether this is a pandas DataFrame, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_series(value: object) -> bool:
    """Return whether this is a pandas Series, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Series)
