"""Linear models and support vector machines: how many vectors, classes and coefficients."""

from __future__ import annotations

from types import BuiltinFunctionType
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.linear_model import ElasticNet, SGDOneClassSVM
from sklearn.linear_model._stochastic_gradient import BaseSGDClassifier, BaseSGDRegressor
from sklearn.svm._base import BaseLibSVM

from ..trust.trusted_types import SHIPPED
from .descriptions import Checks, Description, Descriptions, require
from .trees import refuse_warm_start

_CLASSIFIES = ("c_svc", "nu_svc")


def _libsvm(machine: Any) -> Description:
    own = vars(machine)
    classifies = machine._impl in _CLASSIFIES
    outputs = "len(classes_) - 1" if classifies else "1"
    pairs = "len(classes_) * (len(classes_) - 1) // 2" if classifies else "1"
    rated = np.size(own.get("_probA", ())) > 0
    layout = "csr:" if own.get("_sparse") else ""
    vectors = "vectors, n_features_in_"
    if not layout and (callable(own.get("kernel")) or own.get("kernel") == "precomputed"):
        vectors = "0, any_width"
    return {
        "_n_support": "int32[len(classes_)] 0.." if classifies else "int32[2]",
        "support_": "int32[vectors] 0..",
        "_intercept_": f"float64[{pairs}]",
        "_probA": f"float64[{pairs if rated else 0}]",
        "_probB": f"float64[{pairs if rated else 0}]",
        "_gamma": "number 0..",
        "support_vectors_": f"{layout}float64[{vectors}]",
        "_dual_coef_": f"{layout}float64[{outputs}, vectors]",
    }


def _sgd_classifier(model: Any) -> Description:
    rows = "len(classes_)" if len(vars(model).get("classes_", ())) > 2 else "1"
    return _sgd(model, f"[{rows}, n_features_in_]", f"[{rows}]")


def _sgd(model: Any, coefficients: str, intercept: str) -> Description:
    own = vars(model)
    layout = "csr:" if scipy.sparse.issparse(own.get("coef_")) else ""
    described = {"coef_": f"{layout}float{coefficients}"}
    for name in ("_standard_coef", "_average_coef"):
        # Before the last average, a binary classifier keeps them without the first axis.
        whole = np.ndim(own.get(name)) == coefficients.count(",") + 1
        described[name] = f"?float{coefficients if whole else '[n_features_in_]'}"
    for name in ("intercept_", "offset_", "_standard_intercept", "_average_intercept"):
        described[name] = f"?float{intercept}"
    return described


def _sgd_vector(model: Any) -> Description:
    return _sgd(model, "[n_features_in_]", "[1]")


DESCRIPTIONS: Descriptions = {
    BaseLibSVM: _libsvm,
    BaseSGDClassifier: _sgd_classifier,
    BaseSGDRegressor: _sgd_vector,
    SGDOneClassSVM: _sgd_vector,
    LatentDirichletAllocation: {
        "components_": "float[topics, n_features_in_]",
        "exp_dirichlet_component_": "float[topics, n_features_in_]",
    },
}


def check_libsvm(machine: Any) -> None:
    """Check what a support vector machine says twice, and the kernel that computes its input."""
    own = vars(machine)
    if "support_vectors_" not in own:
        return
    what = type(machine).__name__
    if machine._impl in _CLASSIFIES:
        require(len(own["classes_"]) > 1, f"a {what} of one class")
        # The others do not go by it, and scikit-learn 1.5 does not always set it.
        require(
            sum(own["_n_support"].tolist()) == len(own["support_"]),
            f"the support vectors of a {what} are not as many as it counts",
        )
    rows = own["shape_fit_"][0]
    require(
        isinstance(rows, int) and bool(np.all(own["support_"] < rows)),
        f"a {what} refers to rows that it was not fitted on",
    )
    kernel = own["kernel"]
    if own["_sparse"]:
        require(
            kernel in ("linear", "poly", "rbf", "sigmoid")
            and own["_dual_coef_"].nnz == np.prod(own["_dual_coef_"].shape),
            f"the coefficients of a sparse {what}",
        )
    elif callable(kernel):
        name = f"{getattr(kernel, '__module__', '')}.{getattr(kernel, '__qualname__', '')}"
        require(
            not isinstance(kernel, (np.ufunc, BuiltinFunctionType, type)) and name not in SHIPPED,
            f"the kernel of a {what}",
        )
        require(len(own["_BaseLibSVM__Xfit"]) == rows, f"a {what} of other rows than it had")


def check_elastic_net(model: Any) -> None:
    """Refuse a fit that would continue with coefficients of another width."""
    if "coef_" in vars(model):
        refuse_warm_start(model)


CHECKS: Checks = (
    (BaseLibSVM, check_libsvm),
    (ElasticNet, check_elastic_net),
)
