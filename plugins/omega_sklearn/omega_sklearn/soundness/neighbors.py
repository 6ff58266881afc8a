"""Neighbours and clusters: the classes of the rows, the centres, and who was merged with whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.cluster import HDBSCAN, BisectingKMeans
from sklearn.cluster._bisect_k_means import _BisectingTree
from sklearn.cluster._kmeans import _BaseKMeans
from sklearn.covariance import EmpiricalCovariance
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neighbors._base import NeighborsBase

from .descriptions import Checks, Description, Descriptions, UndescribedError, match, require


def _neighbors(model: Any) -> Description:
    layout = "csr:" if scipy.sparse.issparse(vars(model).get("_fit_X")) else ""
    # A tree compares the width of X to its own; distances to all rows count on n_features_in_.
    width = {"n_features_in_": "int 1.."} if vars(model).get("_fit_method") == "brute" else {}
    fitted = f"{layout}any[n_samples_fit_, n_features_in_]"
    return {**width, "n_samples_fit_": "int 1..", "_fit_X": fitted}


def _classified(model: Any) -> Description:
    own = vars(model)
    if "_y" not in own or own.get("outputs_2d_") is True:
        return {}
    # Each row adds to the count of its class.
    return {"_y": "int[n_samples_fit_] 0..len(classes_)"}


DESCRIPTIONS: Descriptions = {
    NeighborsBase: _neighbors,
    KNeighborsClassifier: _classified,
    RadiusNeighborsClassifier: _classified,
    _BaseKMeans: {
        "cluster_centers_": "float32|float64[clusters, n_features_in_]",
        "_n_threads": "int 1..",
        "_counts": "?float[clusters]",
    },
    # scipy does not compare the matrix of a Mahalanobis distance to the width of the data.
    EmpiricalCovariance: {
        "covariance_": "float[n_features_in_, n_features_in_]",
        "precision_": "?float[n_features_in_, n_features_in_]",
    },
    HDBSCAN: {"_single_linkage_tree_": "any[merges]"},
}


def check_centres(model: Any) -> None:
    """Check that there is a centre for the rows to be near to."""
    centres = vars(model).get("cluster_centers_")
    require(centres is None or len(centres) > 0, f"a {type(model).__name__} without centres")


def check_bisecting(model: Any) -> None:
    """Check the centres in the tree of a bisecting k-means."""
    stack = [vars(model).get("_bisecting_tree")]
    while stack:
        node = stack.pop()
        if node is not None:
            require(type(node) is _BisectingTree, "the tree of a BisectingKMeans")
            match(node, {"center": f"float32|float64[{int(model.n_features_in_)}]"})
            require((node.left is None) == (node.right is None), "the tree of a BisectingKMeans")
            stack += [node.left, node.right]


def check_linkage(model: Any) -> None:
    """Check that what HDBSCAN has merged was there to be merged."""
    tree = vars(model).get("_single_linkage_tree_")
    if tree is not None:
        there = np.arange(len(tree)) + len(tree) + 1
        for side in ("left_node", "right_node"):
            merged = tree[side]
            require(
                bool(np.all((merged >= 0) & (merged < there))),
                "an HDBSCAN has merged what was not there",
            )


def check_neighbors(model: Any) -> None:
    """Check the rows of nearest neighbours: that they are numbers, and those of the tree."""
    rows, metric = vars(model).get("_fit_X"), vars(model).get("metric")
    if isinstance(rows, np.ndarray) and rows.dtype.kind == "f" and metric != "nan_euclidean":
        # Of what is at no distance, the nearest is not found.
        require(bool(np.isfinite(rows).all()), f"the rows of a {type(model).__name__}")
    tree = vars(model).get("_tree")
    if tree is not None:
        count = len(tree.__getstate__()[0])
        require(count == model.n_samples_fit_, f"the rows of a {type(model).__name__} do not match")


def check_metric(estimator: Any) -> None:
    """Check variances, and refuse a matrix that scipy reads at the width of whatever data come."""
    for name in ("metric_params", "effective_metric_params_"):
        given = vars(estimator).get(name)
        if isinstance(given, dict) and "VI" in given:
            raise UndescribedError(
                f"a {type(estimator).__name__} with VI among its {name}, which scipy does not "
                "compare to the width of the data. Give the covariance as V"
            )
        variances = given.get("V") if isinstance(given, dict) else None
        if isinstance(variances, np.ndarray) and variances.ndim == 1:
            require(
                variances.dtype.kind in "fiu" and bool((variances > 0).all()),
                f"a {type(estimator).__name__} with variances that are none",
            )


CHECKS: Checks = (
    (_BaseKMeans, check_centres),
    (BisectingKMeans, check_bisecting),
    (HDBSCAN, check_linkage),
    (NeighborsBase, check_neighbors),
    (BaseEstimator, check_metric),
)
