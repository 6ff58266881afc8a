"""The plugins of one `Omega`: loaded, checked, and known by what they offer. pluggy lives here."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pluggy

from ..config import Config
from ..errors import (
    ConfigError,
    OmegaError,
    PluginConflictError,
    PluginContractError,
    PluginDisabledError,
    PluginError,
    PluginLoadError,
    PluginNotFoundError,
    suggestion,
)
from ..visible import Visible
from .binding import Hooks, bind, require_some
from .builtin import FILE_FORMATS
from .contract import check_implementations, check_kinds, check_names, check_suffixes
from .discovery import Plugin, discover, load
from .factories import named
from .hookspecs import ROUTED, Declarations, Operations
from .marker import PROJECT
from .remedies import disabling, enabling, installation
from .spec import BackendSpec

CORE = "omega_core"
RUNTIME = "runtime"
"""Who owns the backends that were registered at run time."""


class Plugins(Visible):
    """Who is there, and what they offer: ``om.plugins``.

    Iterating gives the installed `Plugin` records; ``om.plugins["pandas"]`` gives one.

    Parameters
    ----------
    lenient
        Note whatever is wrong in the records alone; for those who report it themselves.

    Raises
    ------
    ConfigError
        A section of a plugin has a mistake, or gives a kind to somebody who cannot have it.
    PluginError
        A plugin does not work, and the configuration is strict.
    """

    _inner = frozenset(
        {"kinds_of", "lock", "manager", "missing", "not_working", "register", "schemas", "specs"}
    )

    def __init__(
        self,
        config: Config,
        builtin: Iterable[BackendSpec],
        core_version: str,
        *,
        lenient: bool = False,
    ) -> None:
        self._config = config
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(Declarations)
        self.manager.add_hookspecs(Operations)
        self.lock = threading.RLock()
        self.specs: dict[str, BackendSpec] = {}
        self.filesystems: dict[str, tuple[Plugin, Any]] = {}
        self.engines: dict[str, tuple[Plugin, Any]] = {}
        self.file_formats: dict[str, tuple[Plugin, Any]] = {}
        self._settings: dict[str, Any] = {}
        self._conflicts: dict[str, PluginError] = {}
        self._declared: dict[str, list[tuple[Plugin, BackendSpec]]] = {}
        self._plugins = {plugin.id: plugin for plugin in discover(config.plugins)}
        for spec in builtin:
            spec.own(CORE, core_version)
            self.specs[spec.kind] = spec
        self._check_choices()
        for plugin in self._in_order():
            self._load(plugin)
        for kind in [*self._declared, *config.plugins.kinds]:
            self._settle(kind)
        if not lenient:
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
                f"No plugin {id_!r} is installed."
                f"{suggestion(id_, self._plugins) or installation(id_)} "
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
                f"No enabled plugin stores the kind {kind!r}{wrote}.{suggestion(kind, self.specs)}"
                f"{self._remedy(id_, writer)} Kinds: {', '.join(self.kinds)}.{self.not_working()}"
            )
        if plugin.state == "disabled":
            raise PluginDisabledError(
                f"The kind {kind!r}{wrote} is stored by {plugin}, which the configuration "
                f"disables. Enable it: {enabling(self._config, id_)}"
            )
        if plugin.error is not None:
            raise plugin.error
        raise PluginNotFoundError(
            f"{plugin} is enabled, and does not store the kind {kind!r}{wrote}."
            f"{suggestion(kind, self.specs)} It may have been written by another version."
        )

    def not_working(self) -> str:
        """Return what to know where nobody stores something: who could not be asked, and why."""
        errors = [plugin.error for plugin in self if plugin.error is not None]
        reasons = [*dict.fromkeys(map(str, [*errors, *self._conflicts.values()]))]
        if not reasons:
            return ""
        return f" Not everybody could be asked: {' '.join(reasons)}"

    @staticmethod
    def _remedy(id_: str, writer: Mapping[str, Any] | None) -> str:
        if writer is not None and id_ == RUNTIME:
            return " It was registered at run time: register that class with register_backend."
        if writer is not None and id_ == CORE:
            return " It is of another version of the core. Upgrade: pip install -U omega-core"
        return installation(id_, writer)

    def missing(self, id_: str) -> str:
        """Return how to get a plugin that is not there, as a sentence; nothing if it is."""
        plugin = self._plugins.get(id_)
        if plugin is None:
            return installation(id_)
        if plugin.state == "disabled":
            return f" {plugin} is disabled. Enable it: {enabling(self._config, id_)}"
        return ""

    def settings(self, id_: str) -> Any:
        """Return the validated section of a plugin, or None where it declares none."""
        return self._settings.get(id_)

    def schemas(self) -> dict[str, type]:
        """Return the dataclasses that describe the sections of loaded plugins."""
        return {id_: type(value) for id_, value in self._settings.items()}

    # --- loading -----------------------------------------------------------------------------

    def register(self, spec: BackendSpec) -> BackendSpec | None:
        """Add a backend at run time, and return the one that it replaces.

        A class replaces the one of its own name: a cell of a notebook is run again, and makes
        another class.

        Raises
        ------
        PluginConflictError
            Where the kind is somebody else's.
        """
        with self.lock:
            if spec.kind in self._conflicts:
                raise self._conflicts[spec.kind]
            taken = self.specs.get(spec.kind)
            if taken is not None and (taken.plugin != RUNTIME or taken.distribution):
                raise PluginConflictError(
                    f"The kind {spec.kind!r} is stored by {taken.plugin} {taken.version} already. "
                    "Choose another kind."
                )
            if taken is not None and named(taken.factory) != named(spec.factory):
                raise PluginConflictError(
                    f"The kind {spec.kind!r} is stored by {named(taken.factory)} already, which "
                    f"{named(spec.factory)} does not replace, as its name is another one. Choose "
                    "another kind."
                )
            spec.own(RUNTIME, "")
            self.specs[spec.kind] = spec
            return taken

    def _check_choices(self) -> None:
        """Refuse a choice between plugins that is not the configuration's to make."""
        for kind, winner in self._config.plugins.kinds.items():
            if kind in self.specs:
                place = self._config.origin.place(("plugins", "kinds", kind))
                raise ConfigError(
                    f"{place}: [plugins] kinds gives {kind!r} to {winner!r}, and it is a kind of "
                    "the core, which stays with it. Remove the entry."
                )

    def _in_order(self) -> list[Plugin]:
        """Return the enabled plugins, the outermost wrapper last: pluggy calls that one first."""
        order = self._config.plugins.order
        enabled = [p for p in self._plugins.values() if p.state == "enabled"]
        rank = {id_: position for position, id_ in enumerate(reversed(order))}
        return sorted(enabled, key=lambda p: (rank.get(p.id, -1), p.id))

    def _load(self, plugin: Plugin) -> None:
        target = load(plugin, disabling(self._config, plugin.id))
        if target is None:
            return
        for other in self:
            if other is not plugin and other.module is target and other.error is None:
                plugin.fail(
                    PluginConflictError(
                        f"{plugin} names {plugin.target!r}, as {other} does. Each would run what "
                        "is there; remove one of the two entry points."
                    )
                )
                return
        try:
            hooks = bind(self.manager, target, str(plugin), plugin.doubts)
            require_some(hooks, target, plugin.target, str(plugin))
            check_implementations(self.manager, hooks, str(plugin))
            self.manager.register(hooks, name=plugin.id)
        except PluginContractError as exc:
            plugin.fail(exc)
            return
        except (ValueError, pluggy.PluginValidationError) as exc:
            plugin.fail(PluginContractError(f"{plugin} cannot be registered: {exc}"))
            return
        try:
            self._declare(plugin, hooks)
        except Exception as exc:
            self.manager.unregister(name=plugin.id)
            if isinstance(exc, ConfigError):
                plugin.fail(exc, "misconfigured")
                return
            if isinstance(exc, PluginError):
                plugin.fail(exc)
                return
            error = PluginLoadError(
                f"{plugin} failed to declare what it offers: {type(exc).__name__}: {exc}. The "
                "other plugins work. Repair it, or disable it: "
                f"{disabling(self._config, plugin.id)}"
            )
            error.__cause__ = exc
            plugin.fail(error)

    def _declare(self, plugin: Plugin, hooks: Hooks) -> None:
        implemented = implementations(self.manager, hooks)

        def declared(hook: str, default: Any) -> Any:
            function = implemented.get(hook)
            value = function() if function is not None else None
            return default if value is None else value

        specs = list(declared("backends", []))
        filesystems = dict(declared("filesystems", {}))
        engines = dict(declared("engines", {}))
        formats = dict(declared("file_formats", {}))
        settings = self._checked_section(plugin, declared("settings", None))
        check_kinds(plugin, specs, own=self.specs)
        check_names(plugin, "scheme", filesystems, self.filesystems, own="file")
        check_names(plugin, "engine", engines, self.engines, own="local")
        check_suffixes(plugin, formats)
        for own in FILE_FORMATS:
            check_names(plugin, "file format", formats, self.file_formats, own=own)
        # Nothing below can fail: what a plugin declares is taken as a whole, or not at all.
        if settings is not None:
            self._settings[plugin.id] = settings
        plugin.wraps = [h for h in ROUTED if h in implemented]
        for spec in specs:
            spec.own(plugin.id, plugin.version, plugin.distribution)
            self._declared.setdefault(spec.kind, []).append((plugin, spec))
        self.filesystems.update({key: (plugin, made) for key, made in filesystems.items()})
        self.engines.update({key: (plugin, made) for key, made in engines.items()})
        self.file_formats.update({key: (plugin, made) for key, made in formats.items()})
        plugin.schemes, plugin.engines = sorted(filesystems), sorted(engines)
        plugin.file_formats = sorted(formats)

    def _checked_section(self, plugin: Plugin, schema: type | None) -> Any:
        if schema is not None:
            try:
                return self._config.section(plugin.id, schema)
            except PluginContractError as exc:
                raise PluginContractError(f"{plugin}, hook 'settings': {exc}") from None
        for spelled in (plugin.id, plugin.id.replace("-", "_")):
            if spelled in self._config.plugins.sections:
                place = self._config.origin.place(("plugins", spelled))
                raise ConfigError(
                    f"{place}: [plugins.{spelled}]: {plugin} declares no settings. Remove the "
                    "section."
                )
        return None

    def _settle(self, kind: str) -> None:
        """Give a kind to the plugin that stores it; note a conflict where that is nobody."""
        claims = {plugin.id: (plugin, spec) for plugin, spec in self._declared.get(kind, [])}
        winner = self._config.plugins.kinds.get(kind)
        if winner is None and len(claims) == 1:
            [winner] = claims
        if winner in claims:
            plugin, spec = claims[winner]
            self.specs[kind] = spec
            plugin.specs.append(spec)
        elif winner is None:
            rivals = " and by ".join(str(plugin) for plugin, _ in claims.values())
            self._conflicts[kind] = PluginConflictError(
                f"The kind {kind!r} is declared by {rivals}. Say who wins in the configuration: "
                f'[plugins] kinds = {{ "{kind}" = "{list(claims)[-1]}" }}'
            )
        elif self._plugins[winner].state == "enabled":
            raise PluginNotFoundError(
                f"[plugins] kinds says that {winner!r} stores {kind!r}, and {winner!r} does "
                f"not declare it.{suggestion(kind, self.specs)} Correct or remove the entry."
            )
        elif claims:
            self._conflicts[kind] = PluginConflictError(
                f"The kind {kind!r} is stored by {self._plugins[winner]}, as [plugins] kinds says, "
                f"and that is {self._plugins[winner].state}. It is declared by "
                f"{', '.join(claims)} as well: correct the entry, or mend {winner!r}."
            )

    def _report(self) -> None:
        # A mistake in the configuration is the user's to mend, wherever it stands.
        for plugin in self:
            if plugin.state == "misconfigured" and plugin.error is not None:
                raise plugin.error
        problems: list[OmegaError] = [p.error for p in self if p.error is not None]
        problems += self._conflicts.values()
        if problems and self._config.plugins.strict:
            raise problems[0]
        doubts = [doubt for plugin in self for doubt in plugin.doubts]
        for problem in dict.fromkeys([*map(str, problems), *doubts]):
            warnings.warn(problem, PluginWarning, stacklevel=2)


class PluginWarning(UserWarning):
    """A plugin does not work, or not in every order of imports; the others do."""


def implementations(manager: pluggy.PluginManager, hooks: Hooks) -> dict[str, Any]:
    """Return the functions of a plugin by the names of the hooks that they implement."""
    found: dict[str, Any] = {}
    for attribute in dir(hooks):
        options = manager.parse_hookimpl_opts(hooks, attribute)
        if options is not None:
            found.setdefault(options.get("specname") or attribute, getattr(hooks, attribute))
    return found
