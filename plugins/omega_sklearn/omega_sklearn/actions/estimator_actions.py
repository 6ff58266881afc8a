"""What is done with a stored estimator, on datasets that are given by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from sklearn.exceptions import NotFittedError

from omega_core import BaseModelBackend, action, check_columns

from .method_call import answer
from .results import as_data, as_python, storable
from .sharing import shared_size

if TYPE_CHECKING:
    from omega_core import Metadata


_FITTING = ("fit", "partial_fit", "fit_transform", "fit_predict")

_OTHER_COLUMNS = ("fit", "fit_transform", "fit_predict", "inverse_transform")
"""What is not asked about the data that a model was fitted on."""


def _asking(contract: Callable[..., Any]) -> Any:
    """Return the method of an action that asks a fitted model, and leaves it as it is."""
    name, signature = contract.__name__, inspect.signature(contract)

    @wraps(contract)
    def ask(self: EstimatorActions, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        del bound.arguments["self"]
        return self._ask(name, **bound.arguments)

    return ask


def _more(name: str, summary: str, **declaration: Any) -> Any:
    """Return the method of such an action that the contract lacks: that of the estimator."""

    def ask(
        self: EstimatorActions,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        return self._ask(
            name,
            modelname=modelname,
            Xname=Xname,
            rName=rName,
            pure_python=pure_python,
            kwargs=kwargs,
        )

    ask.__name__, ask.__doc__ = name, summary
    return action(**declaration)(ask)


class EstimatorActions(BaseModelBackend):
    """The actions of every estimator, whichever format it is stored in.

    What an action makes is stored only after it succeeded; a failed fit leaves everything as it
    was. The core sees to lineage, columns, and to where a fitted model lies.

    ``**kwargs`` go to the estimator's method: ``sample_weight=``, ``classes=`` at the first
    partial_fit, ``return_std=``, and so on.

    Results are lists and scalars. With ``pure_python=False``, and where X has an index, a series
    with that index for one value per row, and a frame for several, or for columns that the
    estimator makes; otherwise an array. ``rName=`` stores that, and returns its metadata.
    """

    kind: ClassVar[str]

    # --- what fits ---------------------------------------------------------------------------

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
        return self._keep(self._act("partial_fit", modelname, Xname, Yname, kwargs))

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
        return self._fit("fit_transform", modelname, Xname, Yname, rName, pure_python, kwargs)

    @action(fits="anew")
    def fit_predict(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Fit the estimator, store it as a new version, and return the predictions for X."""
        return self._fit("fit_predict", modelname, Xname, Yname, rName, pure_python, kwargs)

    # --- what asks ---------------------------------------------------------------------------

    transform = _asking(BaseModelBackend.transform)
    predict = _asking(BaseModelBackend.predict)
    predict_proba = _asking(BaseModelBackend.predict_proba)
    decision_function = _asking(BaseModelBackend.decision_function)
    score = _asking(BaseModelBackend.score)

    # Beyond what every model backend may have. Each is the method of that name of the estimator.

    predict_log_proba = _more(
        "predict_log_proba", "Return the logarithms of the class probabilities for X."
    )
    inverse_transform = _more(
        "inverse_transform", "Return X as it was before it was transformed.", checks_columns=False
    )
    score_samples = _more("score_samples", "Return how likely, or how normal, each row of X is.")
    kneighbors = _more("kneighbors", "Return the distances to the nearest rows, and their numbers.")
    apply = _more("apply", "Return the leaves of the trees in which each row of X ends.")

    def shared_size(self, model: Any) -> int | None:
        return shared_size(model)

    # --- how ---------------------------------------------------------------------------------

    def _act(
        self, action: str, modelname: str, Xname: str, Yname: str | None, kwargs: dict[str, Any]
    ) -> Acted:
        """Call the method of a fresh copy of the stored model. Nothing is stored yet."""
        meta = self.model_store.metadata(modelname)
        assert meta is not None, "inside an action there is one"
        model = self.model_store.get(modelname)
        method = self._method(model, action, meta)
        X = self.data_store.get(Xname)
        Y = self.data_store.get(Yname) if Yname is not None else None
        if action not in _OTHER_COLUMNS and meta.lineage is None:
            # It was fitted before it was stored, and remembers the columns itself.
            names = getattr(model, "feature_names_in_", None)
            X = check_columns(X, names, dataset=Xname, model=modelname)
        try:
            output = answer(method, X, Y, kwargs, action=action, meta=meta)
        except NotFittedError as error:
            if action in _FITTING:
                raise
            raise _not_fitted(model, action, meta) from error
        return Acted(action, model, meta, X, output)

    def _keep(self, fit: Acted) -> Metadata:
        """Store a fitted model as a new version of its name."""
        return self.model_store.put(fit.model, fit.meta.name, kind=self.kind)

    def _fit(
        self,
        action: str,
        modelname: str,
        Xname: str,
        Yname: str | None,
        rName: str | None,
        pure_python: bool,
        kwargs: dict[str, Any],
    ) -> Any:
        """Fit a model, store it, and shape what its method returned besides."""
        fit = self._act(action, modelname, Xname, Yname, kwargs)
        value = fit.as_data(None)
        if rName is not None:
            # Whether anything can store the result is asked before the model changes.
            self.data_store.get_backend_byobj(storable(value), rName)
        self._keep(fit)
        if rName is not None:
            return self.data_store.put(storable(value), rName)
        return as_python(fit.output) if pure_python else value

    def _ask(
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
        value = acted.as_data(acted.meta.lineage)
        return value if rName is None else self.data_store.put(storable(value), rName)

    def _method(self, model: Any, action: str, meta: Metadata) -> Callable[..., Any]:
        method: Callable[..., Any] | None = getattr(model, action, None)
        if method is None:
            raise NotImplementedError(
                f"{self.kind}: the model {meta.name!r} is a {type(model).__name__}, which does not "
                f"offer {action!r}."
            )
        return method


@dataclass(frozen=True)
class Acted:
    """What a copy of a model did, and became. Neither is stored yet."""

    action: str
    model: Any
    meta: Metadata
    X: Any
    output: Any

    def as_data(self, lineage: Mapping[str, Any] | None) -> Any:
        """Return the output as a frame, a series or an array, as X is one."""
        return as_data(self.output, self.X, action=self.action, model=self.model, lineage=lineage)


def _not_fitted(model: Any, action: str, meta: Metadata) -> NotFittedError:
    return NotFittedError(
        f"The model {meta.name!r} in bucket {meta.bucket!r} ({type(model).__name__}, version "
        f"{meta.version}) is not fitted, so it cannot {action}. Fit it first: "
        f"om.runtime.model({meta.name!r}).fit(X, Y)"
    )
