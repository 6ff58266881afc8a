"""What is done with a stored estimator, on datasets that are given by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from sklearn.exceptions import NotFittedError

from omega_core import BaseModelBackend

from . import lineage
from .datasets import Dataset, fitted_columns
from .method_call import answer
from .results import as_data, as_python, storable

if TYPE_CHECKING:
    from omega_core import Metadata


_BEGINNING = ("fit", "fit_transform")
"""What does not mind how a model was fitted before."""


def _asking(action: str) -> Callable[..., Any]:
    """Return the method of an action that asks a fitted model, and leaves it as it is."""
    contract = getattr(BaseModelBackend, action)
    signature = inspect.signature(contract)

    @wraps(contract)
    def ask(self: EstimatorActions, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        del bound.arguments["self"]
        return self._apply(action, **bound.arguments)

    return ask


class EstimatorActions(BaseModelBackend):
    """The actions of every estimator, whichever format it is stored in.

    A model and its datasets are read at the version that is current when the action begins, and
    named in the lineage. What an action makes is stored only after it succeeded; a failed fit
    leaves everything as it was.

    ``**kwargs`` go to the estimator's method: ``sample_weight=``, ``classes=`` at the first
    partial_fit, ``return_std=``, and so on.

    Results are lists and scalars. With ``pure_python=False``, and where X has an index, a series
    with that index for one value per row, and a frame for several, or for columns that the
    estimator makes; otherwise an array. ``rName=`` stores that, and returns its metadata.
    """

    kind: ClassVar[str]

    def fit(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        """Fit the estimator, and store it as a new version with its lineage.

        Y with a single column is given to the estimator as one dimension.

        Raises
        ------
        ObjectNotFoundError
            Where the model or a dataset does not exist.
        UnsupportedOptionError
            Where the model needs Y, and there is none.
        """
        return self._keep(self._act("fit", modelname, Xname, Yname, kwargs))

    def partial_fit(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        """Fit the estimator on one more batch, and store it as a new version.

        Raises
        ------
        ConflictError
            Where the model was replaced meanwhile: one of the two batches would be lost.
        ColumnMismatchError
            Where a frame has other columns than the batch before.
        """
        fit = self._act("partial_fit", modelname, Xname, Yname, kwargs)
        return self._keep(fit, if_rev=fit.before.rev)

    def fit_transform(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Fit the estimator, store it as a new version, and return X transformed."""
        fit = self._act("fit_transform", modelname, Xname, Yname, kwargs)
        value = as_data(
            fit.output, fit.X.value, action="fit_transform", model=fit.model, lineage=None
        )
        if rName is not None:
            # Whether anything can store the result is asked before the model changes.
            self.data_store.get_backend_byobj(storable(value), rName)
        meta = self._keep(fit)
        if rName is not None:
            return self._store_result(value, rName, fit, meta)
        return as_python(fit.output) if pure_python else value

    transform = _asking("transform")
    predict = _asking("predict")
    predict_proba = _asking("predict_proba")
    decision_function = _asking("decision_function")
    score = _asking("score")

    # --- how ---------------------------------------------------------------------------------

    def _act(
        self, action: str, modelname: str, Xname: str, Yname: str | None, kwargs: dict[str, Any]
    ) -> Acted:
        """Call the method of a fresh copy of the stored model. Nothing is stored yet."""
        clock = lineage.Clock()
        meta, model = self._load(modelname)
        method = self._method(model, action, meta)
        X = Dataset.read(self.data_store, Xname)
        Y = Dataset.read(self.data_store, Yname) if Yname is not None else None
        if action not in _BEGINNING:
            X.check_columns(fitted_columns(model, lineage.recorded(meta)), modelname)
        try:
            output = answer(method, X, Y, kwargs, action=action, meta=meta)
        except NotFittedError as error:
            if action in (*_BEGINNING, "partial_fit"):
                raise
            raise _not_fitted(model, action, meta) from error
        return Acted(action, model, meta, X, Y, output, clock)

    def _keep(self, fit: Acted, if_rev: int | None = None) -> Metadata:
        """Store a fitted model as a new version of its name, where the one before it is stored."""
        options: dict[str, Any] = {}
        if if_rev is not None:
            options["if_rev"] = if_rev
        if fit.before.kind_meta.get("uri") is not None:
            options["uri"] = fit.before.kind_meta["uri"]
        record = lineage.of_fit(fit.action, fit.X, fit.Y, fit.clock)
        return self.model_store.put(
            fit.model,
            fit.before.name,
            kind=self.kind,
            attributes={"lineage": record},
            **options,
        )

    def _apply(
        self,
        action: str,
        *,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None,
        pure_python: bool,
        kwargs: dict[str, Any],
    ) -> Any:
        """Ask a fitted model, and shape its answer."""
        acted = self._act(action, modelname, Xname, Yname, kwargs)
        if pure_python and rName is None:
            return as_python(acted.output)
        recorded = lineage.recorded(acted.before)
        value = as_data(
            acted.output, acted.X.value, action=action, model=acted.model, lineage=recorded
        )
        return value if rName is None else self._store_result(value, rName, acted, acted.before)

    def _load(self, modelname: str) -> tuple[Metadata, Any]:
        """Return the current version of a model: its metadata, and a copy of its own."""
        meta = self.model_store.metadata(modelname)
        if meta is None:
            raise self.model_store.not_found(modelname)
        return meta, self.model_store.get(modelname, version=meta.version)

    def _method(self, model: Any, action: str, meta: Metadata) -> Callable[..., Any]:
        method: Callable[..., Any] | None = getattr(model, action, None)
        if method is None:
            raise NotImplementedError(
                f"{self.kind}: the model {meta.name!r} is a {type(model).__name__}, which does not "
                f"offer {action!r}."
            )
        return method

    def _store_result(self, value: Any, rName: str, acted: Acted, model: Metadata) -> Metadata:
        record = lineage.of_result(acted.action, model, acted.X, acted.Y, acted.clock)
        return self.data_store.put(storable(value), rName, attributes={"lineage": record})


@dataclass(frozen=True)
class Acted:
    """What a copy of a model did, and became. Neither is stored yet."""

    action: str
    model: Any
    before: Metadata
    X: Dataset
    Y: Dataset | None
    output: Any
    clock: lineage.Clock


def _not_fitted(model: Any, action: str, meta: Metadata) -> NotFittedError:
    return NotFittedError(
        f"The model {meta.name!r} in bucket {meta.bucket!r} ({type(model).__name__}, version "
        f"{meta.version}) is not fitted, so it cannot {action}. Fit it first: "
        f"om.runtime.model({meta.name!r}).fit(X, Y)"
    )
