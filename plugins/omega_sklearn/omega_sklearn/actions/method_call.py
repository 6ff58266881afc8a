"""The call of an estimator's method, on X alone or on X and Y."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from omega_core.errors import UnsupportedOptionError

from .datasets import as_target

if TYPE_CHECKING:
    from omega_core import Metadata

# What Python says, and what scikit-learn says where y may be left out by the signature, as in the
# last step of a pipeline.
_NO_TARGET = re.compile(
    r"missing \d+ required positional arguments?: .*'[yY](_true)?'|requires y to be passed"
    r"|'y_true' parameter .* Got None|\by is required"
)


def answer(
    method: Callable[..., Any],
    X: Any,
    Y: Any,
    kwargs: Mapping[str, Any],
    *,
    action: str,
    meta: Metadata,
) -> Any:
    """Return what a method of an estimator makes of its data.

    Raises
    ------
    UnsupportedOptionError
        Where it needs Y, and there is none.
    """
    if Y is not None:
        return method(X, as_target(Y), **kwargs)
    try:
        return method(X, **kwargs)
    except (TypeError, ValueError) as error:
        if not (_takes_y(method) or _NO_TARGET.search(str(error))):
            raise
        raise UnsupportedOptionError(
            f"{action} of {meta.name!r}: this model needs a target, and no Y was given. Pass the "
            f"name of the dataset that holds it as Yname: om.runtime.model({meta.name!r})."
            f"{action}(X, Y). Nothing was stored."
        ) from error


def _takes_y(method: Callable[..., Any]) -> bool:
    """Return whether a method cannot be called without y."""
    try:
        parameters = inspect.signature(method).parameters
    except (TypeError, ValueError):
        return False
    return any(
        name in parameters and parameters[name].default is inspect.Parameter.empty
        for name in ("y", "Y")
    )
