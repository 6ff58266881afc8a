"""The plugins of one `Omega`: loaded, checked, and known by what they offer. pluggy lives here."""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pluggy

from ..config import Config
from ..errors import (
    PluginConflictError,
    PluginContractError,
    PluginDisabledError,
    PluginError,
    PluginLoadError,
    PluginNotFoundError,
    suggestion,
)
from .contract import check_implementations
from .discovery import Plugin, discover, load
from .hookspecs import ROUTED, Declarations, Operations
from .spec import PROJECT, BackendSpec

CORE = "omega_core"


class Plugins:
    """Who is there, and what they offer: ``om.plugins``.

    Iterating gives the installed `Plugin` records; ``om.plugins["pandas"]`` gives one.
    """

    def __init__(self, config: Config, builtin: Iterable[BackendSpec], core_version: str) -> None:
        self._config = config
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(Declarations)
        self.manager.add_hookspecs(Operations)
        self.lock = threading.RLock()
        self.specs: dict[str, BackendSpec] = {}
        self.filesystems: dict[str, tuple[Plugin, Any]] = {}
        self.engines: dict[str, tuple[Plugin, Any]] = {}
        self._settings: dict[str, Any] = {}
        self._conflicts: dict[str, PluginConflictError] = {}
        self._plugins = {plugin.id: plugin for plugin in discover(config.plugins)}
        for spec in builtin:
            self._own(spec, CORE, core_version)
            self.specs[spec.kind] = spec
        for plugin in self._in_order():
            self._load(plugin)
        for kind, winner in config.plugins.kinds.items():
            if kind not in self.specs and self._plugins[winner].state == "enabled":
                raise PluginNotFoundError(
                    f"[plugins] kinds says that {winner!r} stores {kind!r}, and {winner!r} does "
                    f"not declare it.{suggestion(kind, self.specs)} Correct or remove the entry."
                )
        self._report()

    # --- looking -----------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Plugin]:
        return iter(self._plugins.values())

    def __len__(self) -> int:
        return len(self._plugins)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._plugins

    def __getitem__(self, id_: str) -> Plugin:
        try:
            return self._plugins[id_]
        except KeyError:
            raise PluginNotFoundError(
                f"No plugin {id_!r} is installed.{suggestion(id_, self._plugins)} "
                f"Installed: {', '.join(self._plugins) or 'none'}."
            ) from None

    @property
    def kinds(self) -> list[str]:
        """The kinds that can be stored, sorted."""
        return sorted(self.specs)

    def kinds_of(self, plugin: str) -> frozenset[str]:
        """Return the kinds that one plugin stores, by its id."""
        return frozenset(kind for kind, spec in self.specs.items() if spec.plugin == plugin)

    def spec(self, kind: str, *, writer: Mapping[str, Any] | None = None) -> BackendSpec:
        """Return who stores a kind.

        Parameters
        ----------
        writer
            The plugin and version that wrote an object of this kind, as its metadata remembers.

        Raises
        ------
        PluginError
            One class each for: not installed, disabled, failed, incompatible, in conflict.
        """
        if kind in self.specs:
            return self.specs[kind]
        if kind in self._conflicts:
            raise self._conflicts[kind]
        id_ = (writer or {}).get("name") or kind.partition(".")[0]
        wrote = f" (written by {writer['name']} {writer['version']})" if writer else ""
        plugin = self._plugins.get(id_)
        if plugin is None:
            raise PluginNotFoundError(
                f"No enabled plugin stores the kind {kind!r}{wrote}.{suggestion(kind, self.specs)} "
                f"Kinds: {', '.join(self.kinds)}. Is its package installed (pip install "
                f"omega-{id_}?), and enabled in [plugins]?"
            )
        if plugin.state == "disabled":
            raise PluginDisabledError(
                f"The kind {kind!r}{wrote} is stored by {plugin}, which the configuration "
                f"disables. Enable it: omega plugins enable {id_}"
            )
        if plugin.error is not None:
            raise plugin.error
        raise PluginNotFoundError(
            f"{plugin} is enabled, and does not store the kind {kind!r}{wrote}."
            f"{suggestion(kind, self.specs)} It may have been written by another version."
        )

    def settings(self, id_: str) -> Any:
        """Return the validated section of a plugin, or None where it declares none."""
        return self._settings.get(id_)

    def schemas(self) -> dict[str, type]:
        """Return the dataclasses that describe the sections of loaded plugins."""
        return {id_: type(value) for id_, value in self._settings.items()}

    # --- loading -----------------------------------------------------------------------------

    def register(self, spec: BackendSpec, owner: str = "runtime", version: str = "") -> None:
        """Add a backend at run time.

        Raises
        ------
        PluginConflictError
            Where the kind is taken.
        """
        with self.lock:
            taken = self.specs.get(spec.kind)
            if taken is not None:
                raise PluginConflictError(
                    f"The kind {spec.kind!r} is stored by {taken.plugin} {taken.version} already. "
                    "Choose another kind."
                )
            self._own(spec, owner, version)
            self.specs[spec.kind] = spec

    def _in_order(self) -> list[Plugin]:
        """Return the enabled plugins, the outermost wrapper last: pluggy calls that one first."""
        order = self._config.plugins.order
        enabled = [p for p in self._plugins.values() if p.state == "enabled"]
        rank = {id_: position for position, id_ in enumerate(reversed(order))}
        return sorted(enabled, key=lambda p: (rank.get(p.id, -1), p.id))

    def _load(self, plugin: Plugin) -> None:
        target = load(plugin)
        if target is None:
            return
        try:
            check_implementations(self.manager, target, str(plugin))
            self.manager.register(target, name=plugin.id)
        except PluginContractError as exc:
            plugin.fail(exc)
            return
        except (ValueError, pluggy.PluginValidationError) as exc:
            plugin.fail(PluginContractError(f"{plugin} cannot be registered: {exc}"))
            return
        try:
            self._declare(plugin, target)
        except Exception as exc:
            self._withdraw(plugin)
            if isinstance(exc, PluginError):
                plugin.fail(exc)
                return
            error = PluginLoadError(
                f"{plugin} failed to declare what it offers: {type(exc).__name__}: {exc}. The "
                f"other plugins work. Repair it, or disable it: omega plugins disable {plugin.id}"
            )
            error.__cause__ = exc
            plugin.fail(error)

    def _declare(self, plugin: Plugin, target: object) -> None:
        def declared(hook: str, default: Any) -> Any:
            function = _implementation(self.manager, target, hook)
            value = function() if function is not None else None
            return default if value is None else value

        specs = list(declared("backends", []))
        for spec in specs:
            if not isinstance(spec, BackendSpec):
                raise PluginContractError(
                    f"{plugin}, hook 'backends': expected BackendSpec, got {type(spec).__name__}."
                )
        filesystems = dict(declared("filesystems", {}))
        engines = dict(declared("engines", {}))
        schema = declared("settings", None)
        section = self._config.plugins.sections
        if schema is not None:
            self._settings[plugin.id] = self._config.section(plugin.id, schema)
        elif plugin.id in section or plugin.id.replace("-", "_") in section:
            raise PluginContractError(
                f"[plugins.{plugin.id}]: {plugin} declares no settings. Remove the section."
            )
        plugin.wraps = [h for h in ROUTED if _implementation(self.manager, target, h) is not None]
        for spec in specs:
            self._own(spec, plugin.id, plugin.version)
            if self._wins(spec, plugin):
                self.specs[spec.kind] = spec
                plugin.specs.append(spec)
        for offered, mine, name in (
            (filesystems, self.filesystems, "scheme"),
            (engines, self.engines, "engine"),
        ):
            for key, factory in offered.items():
                if key in mine:
                    raise PluginConflictError(
                        f"The {name} {key!r} is offered by {mine[key][0]} and by {plugin}. "
                        "Disable one of them: omega plugins disable ..."
                    )
                mine[key] = (plugin, factory)
        plugin.schemes, plugin.engines = sorted(filesystems), sorted(engines)

    def _withdraw(self, plugin: Plugin) -> None:
        """Forget whatever a plugin declared before it failed."""
        self.manager.unregister(name=plugin.id)
        for spec in plugin.specs:
            self.specs.pop(spec.kind, None)
        for offered in (self.filesystems, self.engines):
            for key in [key for key, (owner, _) in offered.items() if owner is plugin]:
                del offered[key]
        self._settings.pop(plugin.id, None)
        plugin.specs, plugin.wraps = [], []

    def _wins(self, spec: BackendSpec, plugin: Plugin) -> bool:
        """Return whether ``plugin`` is the one to store the kind; note a conflict if nobody is."""
        winner = self._config.plugins.kinds.get(spec.kind)
        taken = self.specs.get(spec.kind)
        if winner is not None:
            return winner == plugin.id
        if taken is None and spec.kind not in self._conflicts:
            return True
        rivals = f"{taken.plugin} {taken.version}" if taken else "others"
        self._conflicts[spec.kind] = PluginConflictError(
            f"The kind {spec.kind!r} is declared by {rivals} and by {plugin}. Say who wins in the "
            f'configuration: [plugins] kinds = {{ "{spec.kind}" = "{plugin.id}" }}'
        )
        if taken is not None and taken.plugin != CORE:
            del self.specs[spec.kind]
            self._plugins[taken.plugin].specs.remove(taken)
        elif taken is not None:
            # A built-in kind stays with the core unless the configuration says otherwise.
            plugin.fail(self._conflicts.pop(spec.kind))
        return False

    @staticmethod
    def _own(spec: BackendSpec, owner: str, version: str) -> None:
        object.__setattr__(spec, "plugin", owner)
        object.__setattr__(spec, "version", version)

    def _report(self) -> None:
        problems = [p.error for p in self._plugins.values() if p.error is not None]
        problems += list(self._conflicts.values())
        if problems and self._config.plugins.strict:
            raise problems[0]
        for problem in dict.fromkeys(problems):
            warnings.warn(str(problem), PluginWarning, stacklevel=2)


class PluginWarning(UserWarning):
    """A plugin does not work; the others do."""


def imported(factory: str | Callable[..., Any] | type, owner: str) -> Any:
    """Return what ``"module:attribute"`` names.

    Raises
    ------
    PluginLoadError
        Where it cannot be imported; names the owner.
    """
    if not isinstance(factory, str):
        return factory
    module, _, attribute = factory.partition(":")
    try:
        target: Any = importlib.import_module(module)
        for name in attribute.split("."):
            target = getattr(target, name)
    except Exception as exc:
        raise PluginLoadError(
            f"{owner} offers {factory!r}, which cannot be imported: {type(exc).__name__}: {exc}. "
            "Install what it needs, or disable it."
        ) from exc
    return target


def _implementation(manager: pluggy.PluginManager, target: object, hook: str) -> Any:
    for attribute in dir(target):
        options = manager.parse_hookimpl_opts(target, attribute)
        if options is not None and (options.get("specname") or attribute) == hook:
            return getattr(target, attribute)
    return None
