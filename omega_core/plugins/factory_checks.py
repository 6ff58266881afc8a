"""What is wrong with what a plugin names as text: file systems, engines, formats of files."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..errors import PluginLoadError, suggestion
from .backend_contract import signature_of
from .discovery import Plugin
from .factories import imported, named
from .findings import Finding

Doing = Callable[[str], None]
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")


def resolved(
    subject: str, plugin: Plugin, factory: Any, doing: Doing
) -> Generator[Finding, None, tuple[bool, Any]]:
    """Yield what keeps a factory from being imported; return whether it was, and what it is."""
    doing(
        f"import {named(factory) if isinstance(factory, str | type) else factory!r}, of {subject}"
    )
    try:
        return True, imported(factory, str(plugin))
    except PluginLoadError as exc:
        yield Finding("error", "unresolved-factory", subject, str(exc))
    except SystemExit as exc:
        told = f"The import of {factory!r} exits, with {exc.code!r}."
        yield Finding("error", "unresolved-factory", subject, told)
    return False, None


def check_filesystem(scheme: str, subject: str, made: Any) -> Iterator[Finding]:
    if not _SCHEME.match(scheme):
        yield Finding(
            "error",
            "odd-scheme",
            subject,
            "No URI has such a scheme: small letters and digits, and a letter first.",
            "Rename it; '://' is no part of it.",
        )
    yield from _takes_one(subject, made, "the settings of the plugin")
    if isinstance(made, type):
        yield from _lacks(subject, made, {"open": 1, "info": 1, "rm_file": 1})


def check_engine(name: str, subject: str, made: Any) -> Iterator[Finding]:
    yield from _takes_one(subject, made, "the Omega")
    if isinstance(made, type):
        yield from _lacks(subject, made, {"submit": 1, "close": 0})


def check_file_format(suffix: str, subject: str, made: Any) -> Iterator[Finding]:
    yield from _takes_one(subject, made, "the Omega")
    if isinstance(made, type):
        yield from _lacks(subject, made, {"read": 1, "write": 2})


def _takes_one(subject: str, made: Any, what: str) -> Iterator[Finding]:
    if not callable(made):
        told = f"What it names is no class and no function, but a {type(made).__name__}."
        yield Finding("error", "unresolved-factory", subject, told, f"Name what takes {what}.")
        return
    with suppress(ValueError):  # of some builtin classes, Python knows no signature
        try:
            inspect.signature(made).bind(object())
        except TypeError as exc:
            told = f"It cannot be called with {what}: {exc}."
            yield Finding("error", "signature", subject, told, f"Let it take {what}.")


def _lacks(subject: str, cls: type, needed: Mapping[str, int]) -> Iterator[Finding]:
    for name, count in needed.items():
        if not callable(getattr(cls, name, None)):
            near = suggestion(name, [n for n in dir(cls) if not n.startswith("_")])
            told = f"{cls.__name__} has no {name}().{near}"
            yield Finding("error", "missing-method", subject, told, f"Write {name}().")
            continue
        signature = signature_of(cls, name)
        try:
            if signature is not None:
                signature.bind(*range(count))
        except TypeError as exc:
            told = f"{cls.__name__}.{name}{signature} cannot be called as the core does: {exc}."
            yield Finding("error", "signature", subject, told, f"It is called with {count}.")
