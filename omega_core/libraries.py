"""Which versions of which libraries are at work: what a record of an action says of them."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

CORE = "omega-core"


def versions(distribution: str, values: Iterable[object]) -> dict[str, str]:
    """Return library -> version: Python, the core, a plugin with what it requires, and the data's.

    Parameters
    ----------
    distribution
        Of the plugin; empty for a backend that was registered at run time.
    values
        Types of the data and the models at hand: the libraries that define them.
    """
    found = {"python": platform.python_version(), CORE: _version(CORE) or ""}
    names = dict.fromkeys([*_requirements(distribution), *map(_home, values)])
    for name in names:
        installed = _version(name)
        if installed is not None:
            found.setdefault(name, installed)
    return found


def _home(cls: object) -> str:
    """Return the library that defines a class, by the name of its package."""
    return str(getattr(cls, "__module__", "")).partition(".")[0]


# What is installed does not change in a process, and each question reads files.
@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except (PackageNotFoundError, ValueError):
        return None


@cache
def _requirements(distribution: str) -> tuple[str, ...]:
    """Return a distribution, and what it requires here without any extra."""
    try:
        lines = requires(distribution) or [] if distribution else []
    except PackageNotFoundError:
        return ()
    names = [canonicalize_name(distribution)] if distribution else []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            names.append(canonicalize_name(requirement.name))
    return tuple(names)
