"""The contents of compiled objects, and of those that are read by compiled code as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.interpolate
import scipy.sparse
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import _ball_tree as ball_tree
from sklearn.neighbors import _kd_tree as kd_tree
from sklearn.tree._tree import Tree

from ..trust.parameter_check import SPLINES
from .descriptions import Checks, UnsoundError, require

_NEIGHBORS_TREES = tuple(
    {
        cls
        for module in (kd_tree, ball_tree)
        for width in ("", "64", "32")
        for tree in ("KDTree", "BallTree")
        if (cls := getattr(module, f"{tree}{width}", None)) is not None
    }
)


def check_tree(tree: Any) -> None:
    """Check that the nodes of a decision tree are a tree, and that its features exist."""
    # First, since every other property of the tree trusts node_count.
    require(0 < tree.node_count <= tree.capacity, "a Tree has no nodes, or not those it counts")
    require(0 not in tree.value.shape, "a Tree has no values")
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = np.flatnonzero(left != -1)
    _require_tree("Tree", inner, left[inner], right[inner], tree.node_count)
    require(
        bool(np.all((feature[inner] >= 0) & (feature[inner] < tree.n_features))),
        "a Tree splits on a feature that it does not have",
    )
    # decision_path allocates as much as it says.
    deepest = int(tree.compute_node_depths().max()) - 1
    require(deepest <= tree.max_depth < tree.node_count, "a Tree is not as deep as it says")


def check_predictor(predictor: Any) -> None:
    """Check the nodes of one tree of a histogram gradient boosting."""
    nodes = predictor.nodes
    require(isinstance(nodes, np.ndarray) and nodes.ndim == 1 and len(nodes) > 0, "no nodes")
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    left, right = (nodes[side][inner].astype(np.int64) for side in ("left", "right"))
    _require_tree("TreePredictor", inner, left, right, len(nodes))
    require(bool(np.all(nodes["feature_idx"][inner] >= 0)), "a TreePredictor splits on no feature")
    bitset = nodes["bitset_idx"][inner][nodes["is_categorical"][inner] != 0]
    for sets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        require(
            np.ndim(sets) == 2 and np.shape(sets)[1] == 8 and bool(np.all(bitset < len(sets))),
            "a TreePredictor refers to a set of categories that it does not hold",
        )


def _require_tree(
    what: str,
    inner: np.ndarray[Any, Any],
    left: np.ndarray[Any, Any],
    right: np.ndarray[Any, Any],
    count: int,
) -> None:
    for child in (left, right):
        # Growing order also rules out a cycle, which predict would follow for ever.
        require(
            bool(np.all((child > inner) & (child < count))), f"a {what} has a child outside itself"
        )
    # With two parents, there are more ways than nodes through it, and partial dependence walks all.
    children = np.sort(np.concatenate([left, right]))
    require(
        np.array_equal(children, np.arange(1, count)),
        f"a {what} has a node with other than one parent",
    )


def check_neighbors_tree(tree: Any) -> None:
    """Check the nodes, the index and the metric of a KDTree or a BallTree."""
    (data, index, nodes, bounds, leaf_size, _, n_nodes, _, _, _, _, metric, weight) = (
        tree.__getstate__()
    )
    kind = type(tree).__name__
    rows, features = np.shape(data)
    require(0 < n_nodes == len(nodes) and leaf_size > 0, f"a {kind} has more nodes than it stores")
    require(
        np.shape(bounds) == (2 if "KD" in kind else 1, n_nodes, features),
        f"the bounds of a {kind} do not match its nodes",
    )
    require(
        np.array_equal(np.sort(index), np.arange(rows)),
        f"a {kind} refers to rows that it does not hold",
    )
    start, end = nodes["idx_start"], nodes["idx_end"]
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    require(bool(np.all(2 * inner + 2 < n_nodes)), f"a {kind} has a child outside its nodes")
    left, right = 2 * inner + 1, 2 * inner + 2
    # Every query counts on finding each row once.
    require(
        (start[0], end[0]) == (0, rows)
        and bool(np.all((start >= 0) & (start <= end) & (end <= rows)))
        and np.array_equal(start[left], start[inner])
        and np.array_equal(end[left], start[right])
        and np.array_equal(end[right], end[inner]),
        f"a node of a {kind} refers to rows that it does not hold",
    )
    require(weight is None or len(weight) == rows, f"the weights of a {kind} do not match")
    _, vector, matrix = metric.__getstate__()[:3]
    if "Mahalanobis" in type(metric).__name__:
        require(np.shape(matrix) == (features, features), f"the metric of a {kind} does not fit")
    elif "SEuclidean" in type(metric).__name__ or (
        "Minkowski" in type(metric).__name__ and len(vector) > 0
    ):
        require(len(vector) == features, f"the metric of a {kind} does not fit its data")
    elif "Haversine" in type(metric).__name__:
        require(features == 2, f"the metric of a {kind} does not fit its data")


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


def check_random_state(source: Any) -> None:
    """Check that a random number generator is inside its buffer, and moves.

    numpy takes any position, and reads on from there.
    """
    if isinstance(source, np.random.RandomState):
        state: Any = source.get_state(legacy=False)
    else:
        state = source.bit_generator.state
    words = {"MT19937": 624, "Philox": 4}
    kind = state["bit_generator"]
    if kind in words:
        position = state["buffer_pos"] if kind == "Philox" else state["state"]["pos"]
        require(0 <= position <= words[kind], f"a {kind} is outside of its own state")
    # Some states never change, and sampling by rejection would never end.
    if kind == "MT19937":
        key = state["state"]["key"]
        require(bool(key[0] >> 31) or bool(np.any(key[1:])), f"a {kind} without a state")
    elif kind.startswith("PCG64"):
        require(state["state"]["inc"] % 2 == 1, f"a {kind} without a state")


CHECKS: Checks = (
    (Tree, check_tree),
    (TreePredictor, check_predictor),
    (_NEIGHBORS_TREES, check_neighbors_tree),
    ((scipy.sparse.spmatrix, scipy.sparse.sparray), check_sparse),
    (SPLINES, check_spline),
    ((np.random.RandomState, np.random.Generator), check_random_state),
)
