"""Backends behind the hooks: the plain methods of a class, for exactly the calls meant for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..backends.actions import Action
from ..backends.base import (
    ACTION_TABLE,
    BaseDataBackend,
    BaseJobBackend,
    BaseModelBackend,
    actions_of,
)
from ..backends.store import Store
from ..protocol.naming import DATA, JOBS, MODELS
from ..protocol.scope import asked_model, current_scope
from .hookspecs import with_parameters
from .marker import hookimpl
from .model_cache import ModelCache
from .spec import BackendSpec
from .wrapping import CALL

if TYPE_CHECKING:
    from ..protocol.metadata import Metadata
    from ..summary import Summary

F = TypeVar("F", bound=Callable[..., Any])


def answers(method: F) -> F:
    """Mark an implementation that answers only the calls that are meant for its object.

    pluggy's subset of a hook is a live view: of two threads, one may activate a backend between
    the moment when the other picks the subset and the moment when it is called. And what the
    backend answered is noted, because a wrapper may lose it. Where a wrapper has answered, the
    backend is not asked.
    """

    @wraps(method)
    def answer(self: object, *arguments: Any) -> Any:
        call = CALL.get(None)
        if call is None or call.answerer is not self:
            return None
        call.answered = True
        try:
            call.answer = method(self, *arguments) if call.given is None else call.given()
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

    def __init__(
        self,
        spec: BackendSpec,
        cls: type[BaseDataBackend],
        settings: Any,
        models: ModelCache | None = None,
    ) -> None:
        self.spec = spec
        self._models = models
        self.cls = cls
        self.actions = actions_of(cls)
        self._settings = settings
        self._instances: dict[str, BaseDataBackend] = {}

    def backend(self, store: Store) -> BaseDataBackend:
        """Return the instance that serves the bucket of ``store``."""
        instance = self._instances.get(store.bucket)
        if instance is None:
            instance = self.cls(data_store=store.stores[DATA], model_store=store.stores[MODELS])
            instance.job_store = store.stores[JOBS]
            instance.settings = self._settings
            # setdefault is atomic: of two threads, both get the one that came first.
            instance = self._instances.setdefault(store.bucket, instance)
        return instance

    def require_model(self, action: str, name: str) -> None:
        """Raise `NotImplementedError` where an action is asked of what is data."""
        if not issubclass(self.cls, BaseModelBackend):
            raise NotImplementedError(
                f"{name!r} is of kind {self.spec.kind!r}, which is {self.what}: it has no "
                f"{action!r}."
            )

    @property
    def what(self) -> str:
        """What the objects of the kind are, for people."""
        return {DATA: "data", MODELS: "a model", JOBS: "a job"}[self.home]

    @property
    def home(self) -> str:
        """The prefix of the store that the backend calls its own."""
        if issubclass(self.cls, BaseJobBackend):
            return JOBS
        return MODELS if issubclass(self.cls, BaseModelBackend) else DATA

    @answers
    def supports(self, store: Store, obj: Any, name: str, options: Mapping[str, Any]) -> bool:
        return bool(self.backend(store).supports(obj, name, **options))

    @answers
    def put(
        self,
        store: Store,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None,
        options: Mapping[str, Any],
    ) -> Metadata:
        scope = current_scope()
        assert scope is not None, "a put is an operation"
        with scope.at_work():
            obj = CALL.get().changed(obj)
            return self.backend(store).put(obj, name, attributes=attributes, **options)

    @answers
    def get(self, store: Store, name: str, options: Mapping[str, Any]) -> Any:
        backend = self.backend(store)
        asked = None if options or self._models is None else asked_model()
        if asked is None or self._models is None or not isinstance(backend, BaseModelBackend):
            return backend.get(name, **options)
        # Behind the hook, so that the wrappers of get see each of them.
        key = (self, *asked)  # of a kind that is registered anew, the models are read anew
        return self._models.get(key, lambda: backend.get(name), backend.shared_size)

    @answers
    def describe(self, store: Store, name: str, options: Mapping[str, Any]) -> Summary:
        return self.backend(store).describe(name, **options)

    @answers
    def run(
        self,
        store: Store,
        jobname: str,
        params: Mapping[str, Any] | None,
        rName: str,
        options: Mapping[str, Any],
    ) -> Metadata:
        scope, backend = current_scope(), self.backend(store)
        assert scope is not None, "a run is an operation"
        assert isinstance(backend, BaseJobBackend), "who runs a job has looked"
        with scope.at_work():
            return backend.run(jobname, params, rName=rName, **options)

    @answers
    def act(
        self,
        store: Store,
        action: str,
        modelname: str,
        arguments: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> Any:
        return self._perform(store, action, {"modelname": modelname, **arguments}, options)

    def _perform(
        self, store: Store, action: str, given: dict[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """Call the backend's method as its contract has it."""
        positional = [given.pop(key) for key in ("modelname", "Xname", "Yname") if key in given]
        scope = current_scope()
        assert scope is not None, "an action is an operation"
        with scope.at_work():
            return getattr(self.backend(store), action)(*positional, **given, **options)


def _acting(action: Action) -> Any:
    """Return the hook of an action that the contract names."""

    def act(given: dict[str, Any]) -> Any:
        adapter, store, options = (given.pop(key) for key in ("self", "store", "options"))
        return adapter._perform(store, action.name, given, options)

    return with_parameters(action.name, ("self", "store", *action.parameters, "options"), act)


for _action in ACTION_TABLE.values():
    setattr(Adapter, _action.name, answers(_acting(_action)))


class Retirement:
    """Answers the hooks that need no backend, and so no plugin: `drop` and `copy`."""

    @answers
    def drop(self, store: Store, name: str, options: Mapping[str, Any]) -> bool:
        return store.retire(name, **options)

    @answers
    def copy(self, write: Callable[[], Metadata]) -> Metadata:
        return write()


def is_model_backend(adapter: Adapter) -> bool:
    """Return whether the backend's own store is the models store."""
    return issubclass(adapter.cls, BaseModelBackend)
