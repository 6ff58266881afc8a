"""Which command stands where: all that ``omega`` offers, as text until somebody asks for it.

A command is ``module:function`` below `omega_core.cli.commands`. To import them all takes longer
than to run most of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import typer
import typer.main

from .terminal.groups import LazyGroup, extended, lazy_group

_START, _STORED, _SETUP = "Start here", "What is stored", "Setup"

STORES: dict[str, tuple[str, ...]] = {
    "datasets": (
        *("data:put", "data:get"),
        *("look:head", "look:sample", "look:schema", "look:describe"),
    ),
    "models": (
        *("data:put", "data:get", "look:describe"),
        *("models_io:fit", "models_io:predict", "models_io:act", "models_io:inspect"),
    ),
    "jobs": (
        *("jobs:put", "jobs:export", "jobs:run", "jobs:history"),
        *("jobs:schedule", "jobs:schedules", "jobs:unschedule", "jobs:pause", "jobs:resume"),
    ),
}
"""What the commands of a store are beside those that each has."""

EACH = (
    *("moving:cp", "moving:mv", "moving:restore", "moving:diff"),
    *("aliases:alias", "aliases:aliases", "aliases:unalias"),
    "du:du",
)
"""What each store has, beside the commands of ``objects``."""

_GROUPS = {
    "snapshot": (
        "Snapshots: one version of each object of a bucket, as all were at one moment.",
        _STORED,
    ),
    "plugins": ("The installed plugins.", _SETUP),
    "server": ("The embedded MongoDB server, or the configured one.", _SETUP),
    "config": ("The configuration: file, environment and options together.", _SETUP),
}
"""The other groups: each is the ``app`` of the module of its name."""

_FIRST = {"demo": ("demo:demo", _START), "doctor": ("doctor:doctor", _START)}
_LAST = {
    "show": ("show:show", _STORED),
    "export": ("archive:export", _STORED),
    "import": ("archive:import_", _STORED),
    "import-omegaml": ("import_omegaml:import_omegaml", _STORED),
    "du": ("du:usage", _STORED),
    "gc": ("gc:gc", _STORED),
    "worker": ("worker:worker", _SETUP),
    "scheduler": ("scheduler:scheduler", _SETUP),
}
"""Commands that belong to no group."""


def load(command: str) -> Callable[..., Any]:
    """Return the function of a command, as ``"data:put"``."""
    module, _, name = command.partition(":")
    found: Callable[..., Any] = getattr(_module(module), name)
    return found


def whole() -> dict[str, Any]:
    """Return all commands by name, in the order of the help; None is one that `made` makes."""
    stores = {
        name: lazy_group(name, f"The {name} of a bucket.", _STORED, partial(_store, name))
        for name in STORES
    }
    groups: dict[str, LazyGroup] = {
        name: lazy_group(name, about, panel, partial(_app, name))
        for name, (about, panel) in _GROUPS.items()
    }
    return {**dict.fromkeys(_FIRST), **stores, **groups, **dict.fromkeys(_LAST)}


def made(name: str) -> Any:
    """Return the command of this name, one that belongs to no group."""
    command, panel = {**_FIRST, **_LAST}[name]
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, rich_help_panel=panel)(load(command))
    return typer.main.get_command(alone)


def _store(name: str) -> typer.Typer:
    return extended(_app("objects"), map(load, (*STORES[name], *EACH)))


def _app(module: str) -> typer.Typer:
    found: typer.Typer = _module(module).app
    return found


def _module(name: str) -> Any:
    return importlib.import_module(f".commands.{name}", __package__)
