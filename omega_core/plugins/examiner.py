"""Looks a plugin through, in a process of its own: see `examination`, which starts it.

What is found is written to the standard output, one JSON document a line, as soon as it is found:
whatever is imported next may end this process.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import importlib_metadata
import pluggy

from ..config import load_config
from ..errors import OmegaError
from .binding import bind, forgotten_marks
from .builtin import builtin_specs
from .declared_checks import check_declared
from .discovery import Plugin, bounds, discover, load, versions_of_core
from .findings import Finding
from .marker import PROJECT
from .module_checks import check_module
from .registry import Plugins
from .sources import read_sources

_DRIVER = frozenset({"bson", "gridfs", "mongoengine", "pymongo"})
_MANY = 100
"""Modules of one library from which on its import is no small matter."""


def main() -> None:
    """Examine the plugin that the standard input names."""
    asked = json.load(sys.stdin)
    sys.path[:] = asked["path"]
    # What a plugin prints is not for whoever reads this.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def tell(**said: Any) -> None:
        channel.write(json.dumps(said) + "\n")
        channel.flush()

    warnings.simplefilter("ignore")
    for finding in _examined(asked["id"], tell):
        tell(finding=asdict(finding))
    tell(done=True)
    # Not by way of what the plugin registered to be done at exit, and not after its threads.
    channel.close()
    os._exit(0)


def _examined(id_: str, tell: Callable[..., None]) -> Iterator[Finding]:
    config = load_config({"plugins": {"enabled": [id_]}}, environ={})
    [plugin] = [known for known in discover(config.plugins) if known.id == id_]
    yield from _read(plugin)
    if plugin.error is not None:
        yield Finding("error", plugin.state, id_, str(plugin.error))
        return
    _weigh(plugin, tell)
    tell(doing=f"load {id_}")
    version = importlib_metadata.version("omega-core")
    plugins = Plugins(config, builtin_specs(), version, lenient=True)
    yield from _loaded(plugins[id_])
    yield from _declared(plugins, plugins[id_], lambda doing: tell(doing=doing), claims=True)


def glance(plugins: Plugins, plugin: Plugin) -> list[Finding]:
    """Return what an examination finds in a plugin that is loaded already, but for its claims.

    In this process, as whoever asks has imported all of it; and so without what its import costs.
    """
    read = _read(plugin)
    looked = _declared(plugins, plugin, lambda doing: None, claims=False)
    return list(dict.fromkeys([*read, *looked]))


def _read(plugin: Plugin) -> Iterator[Finding]:
    yield from _requirement(plugin)
    yield from read_sources(plugin.target)


def _declared(
    plugins: Plugins, plugin: Plugin, doing: Callable[[str], None], *, claims: bool
) -> Iterator[Finding]:
    if plugin.module is None:
        return
    manager = pluggy.PluginManager(PROJECT)
    yield from check_module(manager, plugin)
    try:
        hooks = bind(manager, plugin.module, str(plugin), [])
    except OmegaError:
        return  # which was found when it was loaded
    yield from check_declared(plugins, plugin, hooks, doing, claims=claims)


def _loaded(plugin: Plugin) -> Iterator[Finding]:
    """Yield what the core says of it whenever it is loaded."""
    if plugin.error is not None:
        codes = {
            "PluginContractError": "contract",
            "PluginConflictError": "conflict",
            "PluginLoadError": "load",
            "ConfigError": "settings",
        }
        name = type(plugin.error).__name__
        yield Finding("error", codes.get(name, "load"), plugin.id, str(plugin.error))
    forgotten = forgotten_marks(plugin.module, str(plugin)) if plugin.module is not None else {}
    for doubt in plugin.doubts:
        # Those are found one by one, with their remedies.
        if doubt not in forgotten.values():
            yield Finding("warning", "shadowed-hook", plugin.id, doubt)


def _requirement(plugin: Plugin) -> Iterator[Finding]:
    allowed, distribution = versions_of_core(plugin.requires), plugin.distribution
    remedy = f'dependencies = ["omega-core{bounds()}"]'
    if allowed is None:
        yield Finding(
            "warning",
            "no-requirement",
            distribution,
            "It does not say that it requires omega-core, nor which one it works with.",
            remedy,
        )
    elif not {s.operator for s in allowed} & {"<", "<=", "==", "===", "~="}:
        yield Finding(
            "warning",
            "no-upper-bound",
            distribution,
            f"It requires 'omega-core{allowed}', and so any core to come, whatever changes there.",
            remedy,
        )


def _weigh(plugin: Plugin, tell: Callable[..., None]) -> None:
    """Import the module of the entry point, and tell what comes with it."""
    tell(doing=f"import {plugin.target.partition(':')[0]!r}")
    before = set(sys.modules)
    print("omega_core: the import begins", file=sys.stderr, flush=True)
    begun = time.perf_counter()
    load(plugin, "")
    milliseconds = (time.perf_counter() - begun) * 1000
    print("omega_core: the import ends", file=sys.stderr, flush=True)
    tell(milliseconds=milliseconds)
    own = {plugin.target.partition(".")[0].partition(":")[0], "omega_core"}
    brought: dict[str, int] = {}
    for name in set(sys.modules) - before:
        top = name.partition(".")[0]
        if top not in own and top not in sys.stdlib_module_names and not top.startswith("_"):
            brought[top] = brought.get(top, 0) + 1
    known = {name.partition(".")[0] for name in before}
    heavy = {}
    for top in sorted(brought.keys() - known):
        finding = Finding(
            "error" if top in _DRIVER or brought[top] >= _MANY else "warning",
            "heavy-import",
            plugin.target,
            f"It imports {top}, {brought[top]} modules, and is imported itself to list the plugins "
            "and to store whatever else.",
            f"Import {top} in the modules that the declarations name, or inside of functions.",
        )
        heavy[top] = asdict(finding)
    tell(heavy=heavy)
