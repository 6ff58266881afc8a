"""Which plugins are installed, which are enabled, and what became of them.

Nothing here imports a plugin except `load`, and that only for enabled ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import importlib_metadata
from packaging.specifiers import SpecifierSet

from ..config import PluginsConfig
from ..errors import (
    OmegaError,
    PluginConflictError,
    PluginIncompatibleError,
    PluginLoadError,
    PluginNotFoundError,
    suggestion,
)
from ..visible import Visible
from .binding import resolve
from .marker import PROJECT
from .remedies import installation
from .spec import BackendSpec

_REQUIREMENT = re.compile(r"\s*(?P<name>[\w.-]+)\s*(\[[^]]*\])?\s*\(?(?P<versions>[^;@)]*)")
"""The start of a requirement: ``name[extras] (versions) ; markers``, or ``name @ url``."""

State = Literal["enabled", "disabled", "incompatible", "conflict", "misconfigured", "failed"]


# eq=False: these are told apart by identity, in pluggy's registry and in sets.
@dataclass(eq=False)
class Plugin(Visible):
    """One installed plugin.

    Attributes
    ----------
    id
        The name of its entry point, as the configuration says it.
    distribution, version
        The installed package.
    target
        What the entry point names.
    state
        ``enabled``; ``disabled`` by the configuration; ``incompatible`` with this core; in
        ``conflict`` with a namesake; ``misconfigured``, where its section has a mistake; or
        ``failed`` to load or to declare.
    error
        Why, where the state is not enabled or disabled.
    doubts
        What its author should change, though it works.
    requires
        The requirements of its distribution.
    specs
        What it declared, once it is loaded.
    """

    _inner = frozenset({"fail", "module", "requires"})

    id: str
    distribution: str
    version: str
    target: str
    summary: str = ""
    state: State = "enabled"
    error: OmegaError | None = None
    doubts: list[str] = field(default_factory=list)
    requires: tuple[str, ...] = ()
    module: object | None = None
    specs: list[BackendSpec] = field(default_factory=list)
    schemes: list[str] = field(default_factory=list)
    engines: list[str] = field(default_factory=list)
    file_formats: list[str] = field(default_factory=list)
    wraps: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"plugin {self.id!r} ({self.distribution} {self.version})"

    def fail(self, error: OmegaError, state: State = "failed") -> None:
        self.state, self.error = state, error


def discover(config: PluginsConfig) -> list[Plugin]:
    """Return every installed plugin, sorted by id, with its state; imports none.

    Raises
    ------
    PluginNotFoundError
        Where the configuration names a plugin that is not installed.
    """
    plugins = _installed()
    known = [plugin.id for plugin in plugins]
    named = [("enabled", config.enabled or ()), ("disabled", config.disabled)]
    named += [("order", config.order), ("kinds", tuple(config.kinds.values()))]
    for key, ids in named:
        for id_ in ids:
            # What is not installed is as good as disabled.
            if id_ not in known and key != "disabled":
                raise PluginNotFoundError(
                    f"[plugins] {key} names {id_!r}, which is not installed."
                    f"{suggestion(id_, known) or installation(id_)} "
                    f"Installed: {', '.join(known) or 'none'}. "
                    "Correct the configuration, or remove it there."
                )
    for section in config.sections:
        if section not in known and section.replace("_", "-") not in known:
            raise PluginNotFoundError(
                f"[plugins.{section}]: no plugin of this name is installed."
                f"{suggestion(section, known) or installation(section)} "
                f"Installed: {', '.join(known) or 'none'}. Correct or remove the section."
            )
    core = _one(_about(importlib_metadata.Distribution.from_name("omega-core")), "Version", "?")
    for plugin in plugins:
        if plugin.state == "conflict":
            continue
        chosen = config.enabled is None or plugin.id in config.enabled
        if not chosen or plugin.id in config.disabled:
            plugin.state = "disabled"
        elif (wanted := _unmet(plugin, core)) is not None:
            plugin.fail(
                PluginIncompatibleError(
                    f"{plugin} requires {wanted}, and omega-core {core} is installed. "
                    f"Upgrade one of them: pip install -U omega-core {plugin.distribution}"
                ),
                "incompatible",
            )
    return plugins


def _installed() -> list[Plugin]:
    found: dict[str, Plugin] = {}
    # An editable install can list an entry point twice, and the order is the file system's.
    points = {}
    for point in importlib_metadata.entry_points(group=PROJECT):
        about = _about(point.dist)
        points[point.name, point.value, _one(about, "Name", "?")] = about
    for (id_, value, distribution), about in sorted(points.items(), key=lambda item: item[0]):
        version, summary = _one(about, "Version", "?"), _one(about, "Summary", "")
        plugin = Plugin(id_, distribution, version, value, summary)
        plugin.requires = tuple(about.get("Requires-Dist", ()))
        if id_ in found:
            first = found[id_]
            error = PluginConflictError(
                f"Two distributions offer the plugin {id_!r}: {first.distribution} "
                f"{first.version} ({first.target}) and {distribution} {version} ({value}). "
                "Uninstall one of them."
            )
            first.fail(error, "conflict")
            continue
        found[id_] = plugin
    return list(found.values())


def _about(distribution: importlib_metadata.Distribution | None) -> dict[str, list[str]]:
    """Return the headers of the core metadata of a distribution.

    They have a line each, apart from those that nobody here asks for. To have them parsed as a mail
    takes longer than to find and list all plugins.
    """
    found: dict[str, list[str]] = {}
    if distribution is not None:
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        for line in text.partition("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            found.setdefault(name, []).append(value.strip())
    return found


def _one(about: dict[str, list[str]], name: str, default: str) -> str:
    return about.get(name, [default])[0]


def _unmet(plugin: Plugin, core: str) -> str | None:
    """Return what the plugin requires of the core and does not get."""
    wanted = versions_of_core(plugin.requires)
    if wanted is None or wanted.contains(core, prereleases=True):
        return None
    return f"omega-core{wanted}"


def versions_of_core(requirements: Iterable[str]) -> SpecifierSet | None:
    """Return which versions of the core these requirements allow; None: they do not speak of it.

    Only what is asked of the core is looked at, by the light part of packaging: an exotic
    requirement on something else cannot break this, and the list of plugins stays quick.
    """
    for text in requirements:
        match = _REQUIREMENT.match(text)
        if match is not None and re.sub(r"[-_.]+", "-", match["name"]).lower() == "omega-core":
            return SpecifierSet(match["versions"].strip())
    return None


def bounds() -> str:
    """Return what a plugin that works with this core says of the cores that it works with."""
    major, minor = map(int, importlib_metadata.version("omega-core").split(".")[:2])
    # Before the first stable release, a minor one may change the contract.
    return f">={major}.{minor},<{f'0.{minor + 1}' if major == 0 else major + 1}"


def load(plugin: Plugin, remedy: str) -> object | None:
    """Import the light module of an enabled plugin; a failure is noted in it, not raised.

    Parameters
    ----------
    remedy
        How to disable it.
    """
    try:
        target = resolve(plugin.target)
    except (Exception, SystemExit) as exc:
        # Whatever a third party's module raises must not take the other plugins down.
        error = PluginLoadError(
            f"{plugin} failed to import {plugin.target!r}: {type(exc).__name__}: {exc}. The other "
            f"plugins work. Repair or upgrade it, or disable it: {remedy}"
        )
        error.__cause__ = exc
        plugin.fail(error)
        return None
    plugin.module = target
    return target
