"""Every part of a model, held to every description and check that is for its class."""

from __future__ import annotations

from sklearn.base import BaseEstimator

from ..object_graph import parts
from . import coefficients, compiled_objects, encoders, every_estimator, neighbors, trees
from .descriptions import Checks, Descriptions, UnsoundError, match

_DESCRIPTIONS: Descriptions = {
    **trees.DESCRIPTIONS,
    **coefficients.DESCRIPTIONS,
    **neighbors.DESCRIPTIONS,
}
_CHECKS: Checks = (
    *compiled_objects.CHECKS,
    (object, every_estimator.check_attributes),
    (BaseEstimator, every_estimator.check_parameters),
    *trees.CHECKS,
    *coefficients.CHECKS,
    *neighbors.CHECKS,
    *encoders.CHECKS,
)


def check(model: object) -> None:
    """Raise where compiled code could read or write outside the arrays of ``model``.

    Raises
    ------
    UnsoundError
        Naming what does not fit together, and how.
    UndescribedError
        Naming what an honest model may be, too, but which cannot be told from a crafted one.
    """
    for part in parts(model):
        try:
            for cls, description in _DESCRIPTIONS.items():
                if isinstance(part, cls):
                    match(part, description(part) if callable(description) else description)
            for classes, examine in _CHECKS:
                if isinstance(part, classes):
                    examine(part)
        except UnsoundError:
            raise
        except Exception as error:
            # What the description takes for granted is missing, or of another type.
            what = f"{type(part).__module__}.{type(part).__qualname__}"
            raise UnsoundError(
                f"a {what} is not as described: {type(error).__name__}: {error}"
            ) from error
