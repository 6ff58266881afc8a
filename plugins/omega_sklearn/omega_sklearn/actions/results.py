"""The shape of a result: plain Python, or what fits the X that it was made from."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import scipy.sparse

from .datasets import is_frame, is_series

_PREDICTIONS = ("predict", "fit_predict")
_OF_CLASSES = ("predict_proba", "predict_log_proba", "decision_function")


def as_python(result: Any) -> Any:
    """Return a result as lists and scalars: one entry per row, or a list of them per row."""
    if is_frame(result):
        return [list(row) for row in result.to_numpy().tolist()]
    if is_series(result):
        return result.tolist()
    if scipy.sparse.issparse(result):
        return result.toarray().tolist()
    if isinstance(result, (np.ndarray, np.generic)):
        plain = result.tolist()
        return as_python(plain) if result.dtype.hasobject else plain
    if isinstance(result, (list, tuple)):
        # predict_proba of several outputs: one array for each; predict with return_std: two.
        return [as_python(part) for part in result]
    return result


def as_data(
    result: Any, X: Any, *, action: str, model: Any, lineage: Mapping[str, Any] | None
) -> Any:
    """Return a result as a frame or a series with the index of X, or as an array.

    A frame where X is a frame or a series, and where the result has a row for each of X's; its
    columns are named by the estimator (transform), by its classes (probabilities), or by the
    columns of Y. A sparse result becomes a frame of sparse columns; where X has no index, it stays
    sparse.
    """
    if is_frame(result) and action == "inverse_transform":
        # Some releases of scikit-learn multiply the frame as it is, and number the columns.
        columns = _columns(result, action=action, model=model, lineage=lineage)
        return result.set_axis(columns, axis="columns")
    if is_frame(result) or is_series(result) or not (is_frame(X) or is_series(X)):
        return result
    pandas = sys.modules["pandas"]
    if isinstance(result, tuple):
        shaped = {"action": action, "model": model, "lineage": lineage}
        return tuple(as_data(part, X, **shaped) for part in result)
    if isinstance(result, list) and action in _OF_CLASSES:
        parts = [
            pandas.DataFrame(part, index=X.index, columns=_labels(part, classes))
            for part, classes in zip(result, model.classes_, strict=True)
        ]
        keys = _y_columns(lineage, len(parts))
        return pandas.concat(parts, axis=1, keys=keys, names=["output", "class"])
    if not hasattr(result, "shape") or result.ndim not in (1, 2) or result.shape[0] != len(X):
        return result
    if result.ndim == 1:
        name = _y_columns(lineage, 1)[0] if action in _PREDICTIONS else action
        return pandas.Series(result, index=X.index, name=name)
    columns = _columns(result, action=action, model=model, lineage=lineage)
    if scipy.sparse.issparse(result):
        return pandas.DataFrame.sparse.from_spmatrix(result, index=X.index, columns=columns)
    return pandas.DataFrame(result, index=X.index, columns=columns)


def storable(result: Any) -> Any:
    """Return a result as it is stored: several arrays as lists, what is sparse as it is."""
    return as_python(result) if isinstance(result, (list, tuple)) else result


def _columns(
    result: Any, *, action: str, model: Any, lineage: Mapping[str, Any] | None
) -> list[Any]:
    width = result.shape[1]
    if action in _PREDICTIONS:
        return _y_columns(lineage, width)
    if action in _OF_CLASSES:
        return _labels(result, getattr(model, "classes_", ()))
    names: list[Any] = []
    # Not every transformer names its output, and a pipeline finds out only when asked.
    with suppress(AttributeError, ValueError):
        if action in ("transform", "fit_transform"):
            names = list(model.get_feature_names_out())
        elif action == "inverse_transform":
            names = list(model.feature_names_in_)
    return names if len(names) == width else [f"{action}_{i}" for i in range(width)]


def _labels(result: Any, classes: Any) -> list[Any]:
    width = result.shape[1]
    labels = np.asarray(classes).tolist() if len(classes) == width else range(width)
    return list(labels)


def _y_columns(lineage: Mapping[str, Any] | None, width: int) -> list[Any]:
    y = lineage.get("Y") if lineage is not None else None
    columns = y.get("columns") if isinstance(y, dict) else None
    if columns is not None and len(columns) == width:
        return list(columns)
    return ["prediction"] if width == 1 else [f"prediction_{i}" for i in range(width)]
