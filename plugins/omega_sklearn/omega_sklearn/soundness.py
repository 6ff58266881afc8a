"""Whether the contents of a loaded model fit together, beyond the names of its types.

A trusted type says that building the object runs no foreign code. It does not say that the
contents fit together, and scikit-learn's compiled trees follow the indices they hold without a
check: a crafted payload could make `predict` read outside their arrays. What `trusted` lists under
that condition is examined here after loading, before anyone can use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.interpolate
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.ensemble import BaseEnsemble
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import BallTree, KDTree
from sklearn.neighbors import _ball_tree as ball_tree
from sklearn.neighbors import _kd_tree as kd_tree
from sklearn.tree._tree import Tree

from .parts import parts

_NEIGHBORS_TREES = tuple(
    {
        cls
        for module in (kd_tree, ball_tree)
        for width in ("", "64", "32")
        for tree in ("KDTree", "BallTree")
        if (cls := getattr(module, f"{tree}{width}", None)) is not None
    }
) or (KDTree, BallTree)


class UnsoundError(Exception):
    """Says which part of a model does not fit together, and how."""


def check(model: object) -> None:
    """Raise `UnsoundError` where compiled code would read outside the arrays of ``model``."""
    for part in parts(model):
        for cls, examine in _CHECKS:
            if isinstance(part, cls):
                examine(part)


def check_tree(tree: Any) -> None:
    """Check the nodes of a decision tree: children come after parents, features exist."""
    # First, since every other property of the tree trusts node_count.
    _require(0 < tree.node_count <= tree.capacity, "a Tree has no nodes, or not those it counts")
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != -1
    index = np.arange(tree.node_count)
    for child in (left[inner], right[inner]):
        # Growing order also rules out a cycle, which predict would follow for ever.
        _require(
            bool(np.all((child > index[inner]) & (child < tree.node_count))),
            "a Tree has a child outside its nodes",
        )
    _require(
        bool(np.all((feature[inner] >= 0) & (feature[inner] < tree.n_features))),
        "a Tree splits on a feature that it does not have",
    )


def check_predictor(predictor: Any) -> None:
    """Check the nodes of one tree of a histogram gradient boosting."""
    nodes = predictor.nodes
    _require(isinstance(nodes, np.ndarray) and nodes.ndim == 1 and len(nodes) > 0, "no nodes")
    inner = nodes["is_leaf"] == 0
    index = np.arange(len(nodes))[inner]
    for side in ("left", "right"):
        child = nodes[side][inner].astype(np.int64)
        _require(
            bool(np.all((child > index) & (child < len(nodes)))),
            "a TreePredictor has a child outside its nodes",
        )
    _require(bool(np.all(nodes["feature_idx"][inner] >= 0)), "a TreePredictor splits on no feature")
    bitset = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    for sets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        _require(
            np.ndim(sets) == 2 and np.shape(sets)[1] == 8 and bool(np.all(bitset < len(sets))),
            "a TreePredictor refers to a set of categories that it does not hold",
        )


def check_neighbors_tree(tree: Any) -> None:
    """Check the nodes, the index and the metric of a KDTree or a BallTree."""
    (data, index, nodes, bounds, leaf_size, _, n_nodes, _, _, _, _, metric, weight) = (
        tree.__getstate__()
    )
    kind = type(tree).__name__
    rows, features = np.shape(data)
    _require(0 < n_nodes == len(nodes) and leaf_size > 0, f"a {kind} has more nodes than it stores")
    _require(
        np.shape(bounds) == (2 if "KD" in kind else 1, n_nodes, features),
        f"the bounds of a {kind} do not match its nodes",
    )
    _require(
        len(index) == rows and bool(np.all((index >= 0) & (index < rows))),
        f"a {kind} refers to rows that it does not hold",
    )
    start, end = nodes["idx_start"], nodes["idx_end"]
    _require(
        bool(np.all((start >= 0) & (start <= end) & (end <= rows))),
        f"a node of a {kind} refers to rows that it does not hold",
    )
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    _require(bool(np.all(2 * inner + 2 < n_nodes)), f"a {kind} has a child outside its nodes")
    _require(weight is None or len(weight) == rows, f"the weights of a {kind} do not match")
    _, vector, matrix = metric.__getstate__()[:3]
    if "Mahalanobis" in type(metric).__name__:
        _require(np.shape(matrix) == (features, features), f"the metric of a {kind} does not fit")
    elif "SEuclidean" in type(metric).__name__ or (
        "Minkowski" in type(metric).__name__ and len(vector) > 0
    ):
        _require(len(vector) == features, f"the metric of a {kind} does not fit its data")
    elif "Haversine" in type(metric).__name__:
        _require(features == 2, f"the metric of a {kind} does not fit its data")


def check_sparse(matrix: Any) -> None:
    """Check that the indices of a sparse matrix lie inside its shape."""
    if matrix.format in ("csr", "csc", "bsr"):
        try:
            matrix.check_format(full_check=True)
        except ValueError as error:
            raise UnsoundError(f"a sparse matrix does not fit together: {error}") from error


def check_spline(spline: Any) -> None:
    """Check that the knots, the coefficients and the degree of a spline fit together."""
    try:
        scipy.interpolate.BSpline(spline.t, spline.c, spline.k, axis=spline.axis)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnsoundError(f"a BSpline does not fit together: {error}") from error


def check_features(estimator: Any) -> None:
    """Check that the trees of an estimator read no feature that the estimator does not expect.

    scikit-learn compares the width of X to ``n_features_in_`` once, at the outermost estimator, and
    hands X to the compiled trees below without another look.
    """
    own = estimator.__dict__
    width = own.get("n_features_in_")
    what = type(estimator).__name__
    if isinstance(own.get("tree_"), Tree):
        _require(width == own["tree_"].n_features, f"the Tree of a {what} has other features")
    if isinstance(estimator, BaseEnsemble):
        members = list(_flat(own.get("estimators_")))
        subsets = own.get("estimators_features_") or [None] * len(members)
        _require(len(subsets) == len(members), f"the estimators of a {what} do not match")
        for member, subset in zip(members, subsets, strict=True):
            tree = getattr(member, "tree_", None)
            if isinstance(tree, Tree):
                _require(
                    isinstance(width, int)
                    and tree.n_features <= width
                    and (subset is None or tree.n_features == len(subset)),
                    f"a Tree of a {what} has other features",
                )
    for predictor in _flat(own.get("_predictors")):
        if isinstance(predictor, TreePredictor):
            used = predictor.nodes["feature_idx"][predictor.nodes["is_leaf"] == 0]
            _require(
                isinstance(width, int) and bool(np.all(used < width)),
                f"a TreePredictor of a {what} has other features",
            )


def _flat(members: object) -> Iterator[object]:
    # By hand, since numpy would take a Pipeline for a sequence as well.
    if isinstance(members, np.ndarray):
        members = members.tolist()
    if isinstance(members, (list, tuple)):
        for member in members:
            yield from _flat(member)
    elif members is not None:
        yield members


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise UnsoundError(problem)


_CHECKS: tuple[tuple[type | tuple[type, ...], Callable[[Any], None]], ...] = (
    (Tree, check_tree),
    (TreePredictor, check_predictor),
    (_NEIGHBORS_TREES, check_neighbors_tree),
    ((scipy.sparse.spmatrix, scipy.sparse.sparray), check_sparse),
    (scipy.interpolate.BSpline, check_spline),
    (BaseEstimator, check_features),
)
