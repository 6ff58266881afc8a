"""Plugins loaded to be looked at: whatever is wrong with them becomes a fact, not an end."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...config import Config
    from ...plugins.registry import Plugins

_SECONDS = 60.0
_ALIVE = 42
_IMPORTS = f"""
import importlib, sys
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except (Exception, SystemExit):
        pass  # seen again, and noted, when it is loaded
sys.exit({_ALIVE})
"""


def inspect(config: Config, only: str | None = None) -> Plugins:
    """Load the enabled plugins, each failure noted in its record.

    Also of a plugin that would end the process at its import: they are all imported in another
    process first.

    Parameters
    ----------
    only
        Load this plugin alone; the others count as disabled.
    """
    import importlib_metadata

    from ...errors import PluginLoadError
    from ...plugins.builtin import builtin_specs
    from ...plugins.discovery import discover
    from ...plugins.registry import Plugins

    chosen = config.plugins
    if only is not None and (chosen.enabled is None or only in chosen.enabled):
        chosen = dataclasses.replace(chosen, enabled=(only,))
    found = [plugin for plugin in discover(chosen) if plugin.state == "enabled"]
    deadly = _deadly({plugin.id: plugin.target.partition(":")[0].strip() for plugin in found})
    safe = dataclasses.replace(chosen, disabled=(*chosen.disabled, *deadly))
    plugins = Plugins(
        dataclasses.replace(config, plugins=safe),
        builtin_specs(),
        importlib_metadata.version("omega-core"),
        lenient=True,  # who inspects, reports the states
    )
    for id_ in deadly:
        plugins[id_].fail(
            PluginLoadError(
                f"{plugins[id_]} ends the process that imports {plugins[id_].target!r}, and so "
                f"every use of omega_core. Disable it: omega plugins disable {id_}"
            )
        )
    return plugins


def declarations(plugins: Plugins) -> dict[str, list[str]]:
    """Return, for each kind, the plugins that declare it, those that lost it included."""
    found: dict[str, list[str]] = {}
    implementations: Any = plugins.manager.hook.backends.get_hookimpls()
    for implementation in implementations:
        for spec in implementation.function():
            found.setdefault(spec.kind, []).append(implementation.plugin_name)
    return found


def wrappers(plugins: Plugins) -> dict[str, list[str]]:
    """Return the ids of the plugins around each operation, the outermost first."""
    from ...plugins.hookspecs import ROUTED

    chains = {}
    for hook in ROUTED:
        # pluggy lists them in the order of registration, and calls the last one first.
        implementations = getattr(plugins.manager.hook, hook).get_hookimpls()
        ids = [impl.plugin_name for impl in reversed(implementations) if impl.wrapper]
        if ids:
            chains[hook] = ids
    return chains


def _deadly(modules: dict[str, str]) -> list[str]:
    """Return the plugins whose import does not return."""
    if not modules or _survives(modules.values()):
        return []
    return [id_ for id_, module in modules.items() if not _survives([module])]


def _survives(modules: Iterable[str]) -> bool:
    try:
        done = subprocess.run(
            # -P: the working directory is no place to import from.
            [sys.executable, "-P", "-c", _IMPORTS, *modules],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == _ALIVE
