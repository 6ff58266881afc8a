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

from ..backends.base import ACTION_TABLE
from .marker import hookspec
from .spec import BackendSpec

if TYPE_CHECKING:
    from ..backends.store import Store
    from ..protocol.metadata import Metadata
    from ..summary import Summary

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
    def file_formats(self) -> Mapping[str, str | Callable[[Any], Any]]:
        """Return the formats of files that this plugin reads and writes for the command line.

        Returns
        -------
        Mapping
            Suffix, as ``".csv"``, to ``"module:class"``, or the class: an
            `omega_core.FileFormat`. It takes the `Omega`.
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
    before the operation, or None; and ``options``, the keyword options of the call. Below these
    come the actions of models, with the arguments that `BaseModelBackend` gives them.
    """

    @hookspec(firstresult=True)
    def supports(
        self, store: Store, meta: Metadata | None, obj: Any, name: str, options: Options
    ) -> bool:
        """Return whether the backend stores ``obj``; asked while routing."""

    @hookspec(firstresult=True)
    def put(
        self,
        store: Store,
        meta: Metadata | None,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None,
        options: Options,
    ) -> Metadata:
        """Store ``obj`` and return its saved metadata."""

    @hookspec(firstresult=True)
    def get(self, store: Store, meta: Metadata, name: str, options: Options) -> Any:
        """Return the object."""

    @hookspec(firstresult=True)
    def describe(self, store: Store, meta: Metadata, name: str, options: Options) -> Summary:
        """Return what the object is, as far as that is known without reading it."""

    @hookspec(firstresult=True)
    def drop(self, store: Store, meta: Metadata, name: str, options: Options) -> bool:
        """Retire the object and its versions; return whether it was there.

        The core answers this one for every kind, so that an object can be dropped whose plugin is
        gone. The `drop` method of a backend is called later, by the collector.
        """

    @hookspec(firstresult=True)
    def copy(
        self, store: Store, meta: Metadata, name: str, write: Callable[[], Metadata]
    ) -> Metadata:
        """Write an object that arrives as bytes, by `copy`, `move` or `import_`.

        The core answers this one for every kind, by calling ``write``: no backend sees the object.
        ``meta`` is what is copied, of another name, database or archive; ``store`` and ``name``
        say where it goes.
        """

    @hookspec(firstresult=True)
    def run(
        self,
        store: Store,
        meta: Metadata,
        jobname: str,
        params: Mapping[str, Any] | None,
        rName: str,
        options: Options,
    ) -> Metadata:
        """Run a job, and return the saved metadata of ``rName``, which takes what it leaves."""

    @hookspec(firstresult=True)
    def act(
        self,
        store: Store,
        meta: Metadata,
        action: str,
        modelname: str,
        arguments: Mapping[str, Any],
        options: Options,
    ) -> Any:
        """Perform an action that a backend declares beyond those below, and return its result.

        ``arguments`` has ``Xname`` and, where the action takes them, ``Yname``, ``rName`` and
        ``pure_python``.
        """


def with_parameters(name: str, parameters: Iterable[str], call: Callable[[Any], Any]) -> Any:
    """Return a function of these very parameters, which calls ``call`` with all by their names.

    pluggy reads the parameters of a hook off its code, where a ``__signature__`` says nothing.
    """
    listed = [*parameters]
    values = ", ".join(f"{parameter!r}: {parameter}" for parameter in listed)
    namespace: dict[str, Any] = {"call": call}
    exec(f"def {name}({', '.join(listed)}): return call({{{values}}})", namespace)
    return namespace[name]


for _action in ACTION_TABLE.values():
    _names = ("self", "store", "meta", *_action.parameters, "options")
    _hook = with_parameters(_action.name, _names, lambda given: None)
    # By the dot, pluggy knows that ``self`` is no argument of the hook.
    _hook.__qualname__ = f"{Operations.__name__}.{_action.name}"
    _hook.__doc__ = _action.summary
    _hook.__annotations__ = {"store": "Store", "meta": "Metadata", "options": "Options"} | {
        name: parameter.annotation for name, parameter in _action.parameters.items()
    }
    _hook.__annotations__["return"] = _action.signature.return_annotation
    setattr(Operations, _action.name, hookspec(firstresult=True)(_hook))

DECLARED = tuple(name for name in vars(Declarations) if not name.startswith("_"))
ROUTED = tuple(name for name in vars(Operations) if not name.startswith("_"))
