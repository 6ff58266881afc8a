"""What holds for every object of scikit-learn: its attributes hide nothing, its numbers fit."""

from __future__ import annotations

from functools import cache
from typing import Any

from sklearn.utils._param_validation import make_constraint

from .descriptions import is_integer, require

_MOST_THREADS = 4096

NEED_NO_FIT = frozenset(
    {
        *("AdditiveChi2Sampler", "Binarizer", "FeatureHasher", "FunctionTransformer"),
        *("GaussianProcessRegressor", "HashingVectorizer", "Normalizer", "PatchExtractor"),
    }
)
"""The estimators of scikit-learn that answer before any fit, of 1.5 to 1.9."""


def check_attributes(part: Any) -> None:
    """Check that no attribute takes the place of a method, or of what a class says of itself.

    Such a method may be the one that compares X to what was fitted.
    """
    cls: Any = type(part)
    if not cls.__module__.startswith("sklearn.") or not hasattr(part, "__dict__"):
        return
    for name in vars(part):
        require(
            not hasattr(cls, name) or name in _parameters(cls),
            f"a {cls.__name__} with {name} in the place of its own",
        )


def check_parameters(estimator: Any) -> None:
    """Check that numbers among the parameters are those that a fit takes.

    scikit-learn itself looks at them in fit only, so what has yet to be fitted is left to it. So
    are strings and None, since their meaning changes from version to version, and a number cannot
    be made of them.
    """
    own = vars(estimator)
    cls: Any = type(estimator)
    what = cls.__name__
    if _has_yet_to_be_fitted(estimator):
        return
    for name, constraints in _constraints(cls).items():
        value = own.get(name)
        if value is not None and not isinstance(value, str):
            require(
                any(constraint.is_satisfied_by(value) for constraint in constraints),
                f"{name} of a {what} is out of its range",
            )
    for name, least in (("n_features_in_", 1), ("_n_threads", 1)):
        if name in own:
            value = own[name]
            require(is_integer(value) and value >= least, f"{name} of a {what} is no count")
    # More threads than a machine can start end the process.
    require(own.get("_n_threads", 1) <= _MOST_THREADS, f"too many threads in a {what}")


def _has_yet_to_be_fitted(estimator: Any) -> bool:
    """Return whether nothing but a fit, which looks at the parameters, can be done with it."""
    if any(name.endswith("_") for name in vars(estimator)):
        return False
    return not any(base.__name__ in NEED_NO_FIT for base in type(estimator).__mro__)


@cache
def _constraints(cls: type) -> dict[str, list[Any]]:
    declared = getattr(cls, "_parameter_constraints", {})
    return {
        name: [make_constraint(constraint) for constraint in constraints]
        for name, constraints in declared.items()
        if constraints != "no_validation"
    }


@cache
def _parameters(cls: Any) -> frozenset[str]:
    names = getattr(cls, "_get_param_names", list)
    return frozenset(names())
