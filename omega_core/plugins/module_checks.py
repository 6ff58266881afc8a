"""What is wrong with the module of an entry point: hooks that are none, wrappers that lose."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import pluggy

from .binding import forgotten_marks, is_marked, own_functions
from .discovery import Plugin
from .findings import Finding
from .hookspecs import DECLARED, ROUTED, Operations
from .sources import returns_something

_NEAR = 0.8


def check_module(manager: pluggy.PluginManager, plugin: Plugin) -> Iterator[Finding]:
    """Yield near misses among the functions of a module, and wrappers that return nothing."""
    functions = own_functions(plugin.module)
    forgotten = forgotten_marks(plugin.module, str(plugin))
    for name, function in functions.items():
        where = f"{function.__module__}:{name}"
        if is_marked(function):
            options: Any = manager.parse_hookimpl_opts(plugin.module, name) or {}
            if options.get("wrapper") and not returns_something(function):
                yield Finding(
                    "error",
                    "lost-result",
                    where,
                    "The wrapper returns nothing, and so loses what the backend returns.",
                    "result = yield; return result",
                )
            continue
        if name in forgotten:
            yield Finding(
                "error",
                "forgotten-mark",
                where,
                "It has the name of a hook, and no mark, so that nobody calls it.",
                f"Mark it with {_mark(name)}, or rename it.",
            )
        elif name in ROUTED and _takes_what_the_hook_has(name, function):
            yield Finding(
                "warning",
                "forgotten-mark",
                where,
                "It has the name and the arguments of an operation, and is no hook.",
                "A wrapper yields once and is marked with @hookimpl(wrapper=True); a backend "
                "answers in the methods of its class. Else rename it.",
            )
        elif near := get_close_matches(name, DECLARED + ROUTED, n=1, cutoff=_NEAR):
            if near[0] in functions or not _could_be(near[0], function):
                continue
            yield Finding(
                "error" if inspect.isgeneratorfunction(function) else "warning",
                "near-hook",
                where,
                f"Its name is nearly that of the hook {near[0]!r}, and it is no hook.",
                f"Call it {near[0]} and mark it with {_mark(near[0])}, or give it another name.",
            )
    if not any(is_marked(value) for value in _values(plugin.module)):
        yield Finding(
            "error",
            "no-hooks",
            plugin.target,
            "It has no hook at all, so that the plugin offers nothing.",
            f"Declare what it offers: @hookimpl on {', '.join(DECLARED)}.",
        )


def _values(target: object) -> Iterator[object]:
    for name in dir(target):
        yield getattr(target, name, None)


def _mark(name: str) -> str:
    return "@hookimpl" if name in DECLARED else "@hookimpl(wrapper=True)"


def _could_be(hook: str, function: Any) -> bool:
    if hook in DECLARED:
        return not inspect.signature(function).parameters
    return inspect.isgeneratorfunction(function)


def _takes_what_the_hook_has(hook: str, function: Any) -> bool:
    known = set(inspect.signature(getattr(Operations, hook)).parameters) - {"self"}
    parameters = set(inspect.signature(function).parameters)
    return "store" in parameters and parameters <= known
