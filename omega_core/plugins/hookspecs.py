"""The hooks: what plugins declare, and what wrappers may stand around.

A plugin implements the declaring hooks of `Declarations` as plain functions marked with
``@hookimpl``. The routed hooks of `Operations` are answered by exactly one backend, through the
methods of its class; a plugin may wrap them::

    @hookimpl(wrapper=True)
    def put(store, obj, name):
        result = yield               # the backend stores the object
        audit(store.bucket, name)
        return result                # forget this, and every put returns None

An implementation names the arguments that it wants, without defaults and without ``**kwargs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .marker import hookspec
from .spec import BackendSpec

if TYPE_CHECKING:
    from ..protocol.metadata import Metadata
    from ..store import OmegaStore

Options = Mapping[str, Any]


class Declarations:
    """What a plugin offers. Called once, when the plugin is loaded; must import nothing heavy."""

    @hookspec
    def backends(self) -> Iterable[BackendSpec]:
        """Return the kinds that this plugin stores.

        Example
        -------
        ::

            @hookimpl
            def backends():
                return [BackendSpec("acme.thing", "omega_acme.thing:ThingBackend")]
        """

    @hookspec
    def filesystems(self) -> Mapping[str, str | Callable[[Any], Any]]:
        """Return the URI schemes that this plugin serves.

        Returns
        -------
        Mapping
            Scheme to ``"module:function"``, or the function. It takes the plugin's settings and
            returns an fsspec file system.
        """

    @hookspec
    def engines(self) -> Mapping[str, str | Callable[[Any], Any]]:
        """Return the runtime engines that this plugin offers.

        Returns
        -------
        Mapping
            Name to ``"module:function"``, or the function. It takes the `Omega` and returns an
            object with ``submit(task) -> Result`` and ``close()``.
        """

    @hookspec(firstresult=True)
    def settings(self) -> type | None:
        """Return the dataclass that describes the plugin's section ``[plugins.<id>]``.

        Frozen and keyword-only, each field with a default. Without this hook, a plugin has no
        section, and one in the configuration is an error.
        """


class Operations:
    """What is done with objects. Each call is routed to one backend, and every wrapper runs.

    All take ``store``, the store that was called; ``meta``, the metadata of the object as it is
    before the operation, or None; and ``options``, the keyword options of the call.
    """

    @hookspec(firstresult=True)
    def supports(
        self, store: OmegaStore, meta: Metadata | None, obj: Any, name: str, options: Options
    ) -> bool:
        """Return whether the backend stores ``obj``; asked while routing."""

    @hookspec(firstresult=True)
    def put(
        self,
        store: OmegaStore,
        meta: Metadata | None,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None,
        options: Options,
    ) -> Metadata:
        """Store ``obj`` and return its saved metadata."""

    @hookspec(firstresult=True)
    def get(self, store: OmegaStore, meta: Metadata, name: str, options: Options) -> Any:
        """Return the object."""

    @hookspec(firstresult=True)
    def drop(self, store: OmegaStore, meta: Metadata, name: str, options: Options) -> bool:
        """Retire the object and its versions; return whether it was there.

        The core answers this one for every kind, so that an object can be dropped whose plugin is
        gone. The `drop` method of a backend is called later, by the collector.
        """

    @hookspec(firstresult=True)
    def fit(
        self,
        store: OmegaStore,
        meta: Metadata,
        modelname: str,
        Xname: str,
        Yname: str | None,
        pure_python: bool,
        options: Options,
    ) -> Metadata:
        """Fit the model, and return the metadata of its new version."""

    @hookspec(firstresult=True)
    def partial_fit(
        self,
        store: OmegaStore,
        meta: Metadata,
        modelname: str,
        Xname: str,
        Yname: str | None,
        pure_python: bool,
        options: Options,
    ) -> Metadata:
        """Fit the model further, and return the metadata of its new version."""

    @hookspec(firstresult=True)
    def fit_transform(
        self,
        store: OmegaStore,
        meta: Metadata,
        modelname: str,
        Xname: str,
        Yname: str | None,
        rName: str | None,
        pure_python: bool,
        options: Options,
    ) -> Any:
        """Fit the model, and return X transformed."""

    @hookspec(firstresult=True)
    def transform(
        self,
        store: OmegaStore,
        meta: Metadata,
        modelname: str,
        Xname: str,
        rName: str | None,
        pure_python: bool,
        options: Options,
    ) -> Any:
        """Return X transformed."""

    @hookspec(firstresult=True)
    def predict(
        self,
        store: OmegaStore,
        meta: Metadata,
        modelname: str,
        Xname: str,
        rName: str | None,
        pure_python: bool,
        options: Options,
    ) -> Any:
        """Return the predictions for X."""

    @hookspec(firstresult=True)
    def predict_proba(
        self,
        store: OmegaStore,
        meta: Metadata,
        modelname: str,
        Xname: str,
        rName: str | None,
        pure_python: bool,
        options: Options,
    ) -> Any:
        """Return the class probabilities for X."""

    @hookspec(firstresult=True)
    def decision_function(
        self,
        store: OmegaStore,
        meta: Metadata,
        modelname: str,
        Xname: str,
        rName: str | None,
        pure_python: bool,
        options: Options,
    ) -> Any:
        """Return the decision function of X."""

    @hookspec(firstresult=True)
    def score(
        self,
        store: OmegaStore,
        meta: Metadata,
        modelname: str,
        Xname: str,
        Yname: str | None,
        rName: str | None,
        pure_python: bool,
        options: Options,
    ) -> Any:
        """Return the score of the model on X and Y."""


DECLARED = tuple(name for name in vars(Declarations) if not name.startswith("_"))
ROUTED = tuple(name for name in vars(Operations) if not name.startswith("_"))
