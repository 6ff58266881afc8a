"""Backends behind the hooks: the plain methods of a class, for exactly the calls meant for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..backends.base import BaseDataBackend, BaseModelBackend
from ..protocol.scope import current_scope
from .marker import hookimpl
from .spec import BackendSpec

if TYPE_CHECKING:
    from ..protocol.metadata import Metadata
    from ..store import OmegaStore

F = TypeVar("F", bound=Callable[..., Any])


class Call:
    """One call of a routed hook: who is to answer it, and what came of that."""

    def __init__(self, answerer: object) -> None:
        self.answerer = answerer
        self.answered = False
        self.answer: Any = None
        self.error: BaseException | None = None


CALL: ContextVar[Call] = ContextVar("omega_core_call")
"""The call of a routed hook that is under way."""


def answers(method: F) -> F:
    """Mark an implementation that answers only the calls that are meant for its object.

    pluggy's subset of a hook is a live view: of two threads, one may activate a backend between
    the moment when the other picks the subset and the moment when it is called. And what the
    backend answered is noted, because a wrapper may lose it.
    """

    @wraps(method)
    def answer(self: object, *arguments: Any) -> Any:
        call = CALL.get(None)
        if call is None or call.answerer is not self:
            return None
        call.answered = True
        try:
            call.answer = method(self, *arguments)
        except BaseException as exc:
            call.error = exc
            raise
        return call.answer

    return cast(F, hookimpl(answer))


class Adapter:
    """Puts the plain methods of one backend class behind the routed hooks.

    A backend is instantiated once per `Omega`, that is once per bucket in use, because its
    ``data_store`` and ``model_store`` are those of one bucket.
    """

    def __init__(self, spec: BackendSpec, cls: type[BaseDataBackend], settings: Any) -> None:
        self.spec = spec
        self.cls = cls
        self._settings = settings
        self._instances: dict[str, BaseDataBackend] = {}

    def backend(self, store: OmegaStore) -> BaseDataBackend:
        """Return the instance that serves the bucket of ``store``."""
        instance = self._instances.get(store.bucket)
        if instance is None:
            instance = self.cls(data_store=store.omega.datasets, model_store=store.omega.models)
            instance.settings = self._settings
            # setdefault is atomic: of two threads, both get the one that came first.
            instance = self._instances.setdefault(store.bucket, instance)
        return instance

    def model_backend(self, store: OmegaStore, action: str, name: str) -> BaseModelBackend:
        backend = self.backend(store)
        if not isinstance(backend, BaseModelBackend):
            raise NotImplementedError(
                f"{name!r} is of kind {self.spec.kind!r}, which is data: it has no {action!r}."
            )
        return backend

    @answers
    def supports(self, store: OmegaStore, obj: Any, name: str, options: Mapping[str, Any]) -> bool:
        return bool(self.backend(store).supports(obj, name, **options))

    @answers
    def put(
        self,
        store: OmegaStore,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None,
        options: Mapping[str, Any],
    ) -> Metadata:
        scope = current_scope()
        assert scope is not None, "a put is an operation"
        with scope.at_work():
            return self.backend(store).put(obj, name, attributes=attributes, **options)

    @answers
    def get(self, store: OmegaStore, name: str, options: Mapping[str, Any]) -> Any:
        return self.backend(store).get(name, **options)

    @answers
    def fit(
        self,
        store: OmegaStore,
        modelname: str,
        Xname: str,
        Yname: str | None,
        pure_python: bool,
        options: Mapping[str, Any],
    ) -> Metadata:
        backend = self.model_backend(store, "fit", modelname)
        return backend.fit(modelname, Xname, Yname, pure_python=pure_python, **options)

    @answers
    def partial_fit(
        self,
        store: OmegaStore,
        modelname: str,
        Xname: str,
        Yname: str | None,
        pure_python: bool,
        options: Mapping[str, Any],
    ) -> Metadata:
        backend = self.model_backend(store, "partial_fit", modelname)
        return backend.partial_fit(modelname, Xname, Yname, pure_python=pure_python, **options)

    @answers
    def fit_transform(
        self,
        store: OmegaStore,
        modelname: str,
        Xname: str,
        Yname: str | None,
        rName: str | None,
        pure_python: bool,
        options: Mapping[str, Any],
    ) -> Any:
        backend = self.model_backend(store, "fit_transform", modelname)
        return backend.fit_transform(
            modelname, Xname, Yname, rName=rName, pure_python=pure_python, **options
        )

    @answers
    def score(
        self,
        store: OmegaStore,
        modelname: str,
        Xname: str,
        Yname: str | None,
        rName: str | None,
        pure_python: bool,
        options: Mapping[str, Any],
    ) -> Any:
        backend = self.model_backend(store, "score", modelname)
        return backend.score(
            modelname, Xname, Yname, rName=rName, pure_python=pure_python, **options
        )

    # The actions that take X alone differ in nothing but their name.

    @answers
    def transform(self, store: OmegaStore, modelname: str, Xname: str, rName: str | None,
                  pure_python: bool, options: Mapping[str, Any]) -> Any:  # fmt: skip
        return self._on_x("transform", store, modelname, Xname, rName, pure_python, options)

    @answers
    def predict(self, store: OmegaStore, modelname: str, Xname: str, rName: str | None,
                pure_python: bool, options: Mapping[str, Any]) -> Any:  # fmt: skip
        return self._on_x("predict", store, modelname, Xname, rName, pure_python, options)

    @answers
    def predict_proba(self, store: OmegaStore, modelname: str, Xname: str, rName: str | None,
                      pure_python: bool, options: Mapping[str, Any]) -> Any:  # fmt: skip
        return self._on_x("predict_proba", store, modelname, Xname, rName, pure_python, options)

    @answers
    def decision_function(self, store: OmegaStore, modelname: str, Xname: str, rName: str | None,
                          pure_python: bool, options: Mapping[str, Any]) -> Any:  # fmt: skip
        return self._on_x("decision_function", store, modelname, Xname, rName, pure_python, options)

    def _on_x(
        self,
        action: str,
        store: OmegaStore,
        modelname: str,
        Xname: str,
        rName: str | None,
        pure_python: bool,
        options: Mapping[str, Any],
    ) -> Any:
        method = getattr(self.model_backend(store, action, modelname), action)
        return method(modelname, Xname, rName=rName, pure_python=pure_python, **options)


class Retirement:
    """Answers the hook `drop` for every kind: it needs no backend, and so no plugin."""

    @answers
    def drop(self, store: OmegaStore, name: str) -> bool:
        return store.retire(name)


def is_model_backend(adapter: Adapter) -> bool:
    """Return whether the backend's own store is the models store."""
    return issubclass(adapter.cls, BaseModelBackend)
