"""Everything that a reader may do with a model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse

ASKED = (
    *("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples"),
    *("transform", "apply", "decision_path", "kneighbors", "kneighbors_graph"),
    *("radius_neighbors", "radius_neighbors_graph", "staged_predict", "staged_predict_proba"),
    *("staged_decision_function", "staged_score", "mahalanobis", "error_norm", "perplexity"),
)


class InvalidResultError(Exception):
    """A sparse result that would make its reader read out of bounds."""


def use(model: Any, x: Any, y: Any) -> None:
    """Ask ``model`` everything it can answer, and ignore what it refuses."""
    for call in _calls(model, x, y):
        try:
            _consume(call())
        except InvalidResultError:
            raise
        except (Exception, SystemExit):
            pass


def _calls(model: Any, x: Any, y: Any) -> Iterator[Any]:
    for data in _forms(x):
        for method in ASKED:
            if _has(model, method):
                yield lambda method=method, data=data: getattr(model, method)(data)
    if _has(model, "inverse_transform"):
        yield lambda: model.inverse_transform(model.transform(x))
    if _has(model, "_compute_partial_dependence_recursion"):
        from sklearn.inspection import partial_dependence

        yield lambda: partial_dependence(model, x, [0], method="recursion")
    for method in ("dbscan_clustering",):
        if _has(model, method):
            yield lambda method=method: getattr(model, method)(0.5)
    for method in ("sample", "get_feature_names_out", "get_precision", "sparsify", "densify"):
        if _has(model, method):
            yield lambda method=method: getattr(model, method)()
    for name in dir(type(model)):
        if isinstance(getattr(type(model), name, None), property):
            yield lambda name=name: getattr(model, name)
    if _has(model, "score"):
        yield lambda: model.score(x, y)
    if _has(model, "partial_fit"):
        for data in _forms(x):
            yield lambda data=data: model.partial_fit(data, y)
        for method in ("predict", "transform"):
            if _has(model, method):
                yield lambda method=method: getattr(model, method)(x)
    if getattr(model, "warm_start", False):
        yield lambda: model.fit(x, y)
        # Also on data of another width, which a fit takes without looking back.
        if isinstance(x, np.ndarray) and x.ndim == 2:
            yield lambda: model.fit(np.hstack([x, x]), y)


def _has(model: Any, method: str) -> bool:
    try:
        return callable(getattr(model, method, None))
    except Exception:
        return False


def _forms(x: Any) -> list[Any]:
    if isinstance(x, np.ndarray) and x.ndim == 2 and x.dtype.kind == "f":
        return [x, scipy.sparse.csr_array(x), scipy.sparse.csr_matrix(x)]
    return [x]


def _consume(result: Any) -> None:
    if scipy.sparse.issparse(result):
        if result.format in ("csr", "csc", "bsr"):
            try:
                result.check_format(full_check=True)
            except ValueError as error:
                raise InvalidResultError(str(error)) from error
        elif result.format == "coo" and result.nnz:
            for index, length in zip(result.coords, result.shape, strict=True):
                if index.min() < 0 or index.max() >= length:
                    raise InvalidResultError("coo")
    elif isinstance(result, (list, tuple)):
        for part in result[:20]:
            _consume(part)
    elif hasattr(result, "__next__"):
        for part in itertools.islice(result, 20):
            _consume(part)
