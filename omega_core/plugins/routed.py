"""A backend in the hands of its user: what it does goes the way that the store goes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..backends.actions import Action
from ..backends.base import BaseDataBackend, BaseJobBackend
from ..backends.store import Store
from ..errors import UnsupportedOptionError
from ..protocol.naming import DATA, JOBS, MODELS
from .routing import Router
from .spec import BackendSpec


class RoutedBackend:
    """What `get_backend` returns: the backend, with every wrapper around what it does.

    ``put``, ``get``, ``describe``, ``supports`` and the actions are those of the store from which
    the backend was got, so that audits and permissions see them, and a put is as atomic as any. All
    else, the attributes and further methods, is the backend's own; and it is an instance of its
    class.
    """

    __slots__ = ("_backend", "_router", "_spec", "_store")

    _backend: BaseDataBackend
    _spec: BackendSpec
    _store: Store
    _router: Router

    def __init__(self, spec: BackendSpec, store: Store, router: Router) -> None:
        backend = router.adapter(spec).backend(store)
        for name, value in zip(self.__slots__, (backend, router, spec, store), strict=True):
            object.__setattr__(self, name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._backend)

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._backend, name)
        route = self._routes().get(name)
        if route is None:
            return own

        @wraps(own)
        def routed(*args: Any, **kwargs: Any) -> Any:
            return route(*args, **kwargs)

        return routed

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._backend, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._backend, name)

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._backend) if not name.startswith("_")]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RoutedBackend) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        return id(self._backend), self._spec.kind, self._store.prefix

    def __repr__(self) -> str:
        return f"<{type(self._backend).__name__} of {self._spec.kind!r} for {self._store!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return self._store.get_backend_bykind, (self._spec.kind,)

    # --- what goes through the store ---------------------------------------------------------

    def _routes(self) -> dict[str, Callable[..., Any]]:
        routes: dict[str, Callable[..., Any]] = {
            "put": self._put,
            "get": self._get,
            "describe": self._describe,
            "supports": self._supports,
        }
        adapter = self._router.adapter(self._spec)
        if issubclass(adapter.cls, BaseJobBackend):
            routes["run"] = self._run
        actions = adapter.actions
        return routes | {name: self._acting(action) for name, action in actions.items()}

    def _put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        return self._store.put(obj, name, kind=self._spec.kind, attributes=attributes, **kwargs)

    def _get(self, name: str, **kwargs: Any) -> Any:
        self._require_own(self._store, name, kwargs.get("version"))
        return self._store.get(name, **kwargs)

    def _describe(self, name: str, **kwargs: Any) -> Any:
        self._require_own(self._store, name, kwargs.get("version"))
        return self._store.describe(name, **kwargs)

    def _supports(self, obj: Any, name: str, **kwargs: Any) -> Any:
        return self._router.call(
            "supports",
            self._router.adapter(self._spec),
            store=self._store,
            meta=None,
            obj=obj,
            name=name,
            options=kwargs,
        )

    def _run(self, jobname: str, params: Any = None, **kwargs: Any) -> Any:
        store = self._store.stores[JOBS]
        self._require_own(store, jobname)
        return store.perform("run", jobname, params=params, **kwargs)

    def _acting(self, action: Action) -> Callable[..., Any]:
        def act(*args: Any, **kwargs: Any) -> Any:
            given, options = action.contracted(*args, **kwargs)
            name, X, Y = given.pop("modelname"), given.pop("Xname"), given.pop("Yname", None)
            # What acts is a model, also for who asked om.datasets for the backend of its kind.
            stores = self._store.stores
            store = stores[MODELS] if self._store is stores[DATA] else self._store
            self._require_own(store, name)
            return store.perform(action.name, name, X, Y, **given, **options)

        return act

    def _require_own(self, store: Store, name: str, version: int | str | None = None) -> None:
        """Refuse an object of another backend, which would answer in the place of this one."""
        meta = store.metadata(name, version=version)
        if meta is None:
            return  # the store says so, and knows near names
        if self._router.spec(meta.kind, writer=meta.plugin).factory != self._spec.factory:
            raise UnsupportedOptionError(
                f"{meta!r} is of another kind than {self._spec.kind!r}, of which this is the "
                f"backend. Take the one of the object: get_backend({name!r})."
            )
