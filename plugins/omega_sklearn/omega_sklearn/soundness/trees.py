"""Ensembles of trees: which features their trees read, and where their answers go."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn._loss.link import BaseLink
from sklearn._loss.loss import BaseLoss
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
)
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from sklearn.tree import BaseDecisionTree, DecisionTreeRegressor
from sklearn.tree._tree import Tree
from sklearn.utils.validation import check_array

from .descriptions import Checks, Description, Descriptions, UndescribedError, match, require

_HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)

DESCRIPTIONS: Descriptions = {
    BaseGradientBoosting: {
        "n_features_in_": "int 1..",
        "n_trees_per_iteration_": "int 1..",
        # The answers of each column of trees are added to that column of the raw predictions.
        "estimators_": "any[stages, n_trees_per_iteration_]",
    },
}


def check_decision_tree(estimator: Any) -> None:
    """Check that a tree reads no feature that its estimator does not expect."""
    if "tree_" in vars(estimator):
        tree = estimator.tree_
        require(
            type(tree) is Tree and estimator.n_features_in_ == tree.n_features,
            f"the Tree of a {type(estimator).__name__} has other features",
        )


def check_forest(forest: Any) -> None:
    """Check that the trees of a forest read no feature that the forest does not expect.

    scikit-learn compares the width of X to ``n_features_in_`` once, at the outermost estimator, and
    hands X to the compiled trees below without another look.
    """
    own = vars(forest)
    what = type(forest).__name__
    if "estimators_" not in own:
        return
    _check_members(what, own["estimators_"], BaseDecisionTree)
    widths = [tree.tree_.n_features for tree in own["estimators_"]]
    if isinstance(forest, IsolationForest):
        subsets = own["estimators_features_"]
        require(
            all(
                np.ndim(subset) == 1 and np.asarray(subset).dtype.kind in "iu" for subset in subsets
            )
            and all(width <= own["n_features_in_"] for width in widths)
            and widths == [len(subset) for subset in subsets],
            f"a Tree of a {what} has other features",
        )
    else:
        _require_widths(what, widths, own["n_features_in_"])
    refuse_warm_start(forest)


def check_boosting(boosting: Any) -> None:
    """Check that the answers of a gradient boosting's trees have a place to go."""
    own = vars(boosting)
    what = type(boosting).__name__
    if "estimators_" not in own:
        return
    columns = own["n_trees_per_iteration_"]
    members = list(_flat(own["estimators_"]))
    _check_members(what, members, DecisionTreeRegressor)
    _require_widths(what, [member.tree_.n_features for member in members], own["n_features_in_"])
    if isinstance(boosting, GradientBoostingClassifier):
        refuse_warm_start(boosting)
    loss = own["_loss"]
    require(isinstance(loss, BaseLoss) and isinstance(loss.link, BaseLink), f"the loss of a {what}")
    many = bool(loss.is_multiclass)
    require(columns == 1 or many, f"a {what} has more trees than its loss has answers")
    first = own["init_"]
    if isinstance(boosting, GradientBoostingClassifier) and isinstance(first, DummyClassifier):
        classes = vars(first)["n_classes_"]
        match(first, _DUMMY_CLASSIFIER)
        require(classes == columns if many else columns == 1, f"the classes of a {what}")
    elif isinstance(first, DummyRegressor):
        match(first, _DUMMY_REGRESSOR)
        require(not many, f"the loss of a {what}")
    elif not (isinstance(first, str) and first == "zero"):
        raise UndescribedError(
            f"a {what} that begins with a {type(first).__name__}, whose answers cannot be "
            f"foreseen. Fit the {what} with init=None or init='zero'"
        )


_DUMMY_CLASSIFIER: Description = {
    "n_outputs_": "int 1..2",
    "n_classes_": "int 1..",
    "class_prior_": "float64[n_classes_]",
}
_DUMMY_REGRESSOR: Description = {
    "n_outputs_": "int 1..2",
    "constant_": "number[1, n_outputs_]",
}


def check_histograms(boosting: Any) -> None:
    """Check that the trees of a histogram gradient boosting read features that there are."""
    own = vars(boosting)
    what = type(boosting).__name__
    if "_predictors" not in own:
        return
    width = own["n_features_in_"]
    for predictor in _flat(own["_predictors"]):
        require(type(predictor) is TreePredictor, f"a {what} predicts by other than its trees")
        used = predictor.nodes["feature_idx"][predictor.nodes["is_leaf"] == 0]
        require(bool(np.all(used < width)), f"a TreePredictor of a {what} has other features")
    bins = own["_bin_mapper"]
    require(type(bins) is _BinMapper, f"the bins of a {what}")
    match(bins, {"is_categorical_": f"uint8[{int(width)}]"})
    require(len(bins.bin_thresholds_) == width, f"the bins of a {what} do not match its features")
    _check_preprocessor(what, own["_preprocessor"], width)
    refuse_warm_start(boosting)


def _check_preprocessor(what: str, preprocessor: Any, width: int) -> None:
    """Check that what comes before the trees leaves as many columns as there were."""
    if preprocessor is None:
        return
    require(type(preprocessor) is ColumnTransformer, f"the preprocessor of a {what}")
    require(preprocessor.n_features_in_ == width, f"the preprocessor of a {what}")
    encoder, numerical, *rest = preprocessor.transformers_
    require(
        type(encoder[1]) is OrdinalEncoder
        and type(numerical[1]) is FunctionTransformer
        and isinstance(numerical[1].func, partial)
        and numerical[1].func.func is check_array
        and all(name == "remainder" and step == "drop" for name, step, _ in rest),
        f"the preprocessor of a {what}",
    )
    masks = [np.asarray(columns) for _, _, columns in (encoder, numerical)]
    require(
        all(mask.dtype == bool and mask.shape == (width,) for mask in masks)
        and bool(np.all(masks[0] != masks[1])),
        f"the preprocessor of a {what} loses features",
    )


def refuse_warm_start(estimator: Any) -> None:
    """Refuse what a fit would continue on any data, without comparing them to what is here."""
    if vars(estimator).get("warm_start"):
        what = type(estimator).__name__
        raise UndescribedError(
            f"a fitted {what} with warm_start, which would continue on data of another width or "
            "other classes without a check. Store it after set_params(warm_start=False), and set "
            "it again after reading it"
        )


def _check_members(what: str, members: Any, cls: type) -> None:
    for member in members:
        require(
            isinstance(member, cls) and "tree_" in vars(member),
            f"a {what} of other than fitted trees",
        )


def _require_widths(what: str, widths: list[int], width: int) -> None:
    require(all(other == width for other in widths), f"a Tree of a {what} has other features")


def _flat(members: object) -> Iterator[Any]:
    # By hand, since numpy would take a Pipeline for a sequence as well.
    if isinstance(members, np.ndarray):
        members = members.tolist()
    if isinstance(members, (list, tuple)):
        for member in members:
            yield from _flat(member)
    else:
        yield members


CHECKS: Checks = (
    (BaseDecisionTree, check_decision_tree),
    ((BaseForest, IsolationForest), check_forest),
    (BaseGradientBoosting, check_boosting),
    (_HISTOGRAMS, check_histograms),
)
