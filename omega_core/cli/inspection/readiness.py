"""What `omega worker --check` looks for: what a worker here would fail for want of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...errors import OmegaError
from .health import Finding, examine

if TYPE_CHECKING:
    from ...config import Config
    from ...omega import Omega

_DECISIVE = frozenset({"configuration", "plugins", "runtime", "server", "user"})
"""Checks after which there is nothing more to try, where they find a problem."""


def missing(
    load: Callable[[], tuple[Config, list[str]]],
    engine: Callable[[Omega], Any],
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Finding]:
    """Yield what is missing, each with its remedy; nothing where a worker is ready.

    Parameters
    ----------
    load
        Returns the configuration, and the warnings about it.
    engine
        Returns the engine that is to be served.
    advance
        Called after each model that was read.
    """
    from ...omega import Omega

    broken = False
    for finding in examine(load):
        # Who may not store is worth knowing elsewhere; a worker is of no use then.
        if finding.level == "problem" or (finding.check, finding.level) == ("user", "warning"):
            broken = broken or finding.check in _DECISIVE
            yield finding
    if broken:
        return
    with Omega(load()[0]) as om:
        yield from _engine(om, engine)
        yield from _versions(om)
        yield from _models(om, advance)


def _engine(om: Omega, engine: Callable[[Omega], Any]) -> Iterator[Finding]:
    try:
        for told in engine(om).check():
            yield Finding("engine", "problem", told)
    except OmegaError as exc:
        yield Finding("engine", "problem", str(exc))


def _versions(om: Omega) -> Iterator[Finding]:
    """Look for models that a later version of a plugin wrote."""
    import importlib_metadata
    from packaging.version import InvalidVersion, Version

    stages: list[dict[str, Any]] = [
        {
            "$match": {
                "gen": {"$exists": True},
                "prefix": om.models.prefix,
                "plugin.name": {"$gt": ""},
            }
        },
        {"$group": {"_id": "$plugin", "count": {"$sum": 1}, "name": {"$first": "$name"}}},
    ]
    for row in om.database.metadata.aggregate(stages):
        writer = row["_id"]
        try:
            own = importlib_metadata.version(str(writer["distribution"]))
            older = Version(own) < Version(str(writer["version"]))
        except (KeyError, InvalidVersion, importlib_metadata.PackageNotFoundError):
            continue  # that it is not installed is found where the objects are looked at
        if older:
            yield Finding(
                "versions",
                "problem",
                f"{writer['distribution']} is {own} here, and {writer['version']} wrote "
                f"{row['count']} of the models, such as {row['name']!r}.",
                f"pip install -U '{writer['distribution']}>={writer['version']}'",
            )


def _models(om: Omega, advance: Callable[[], None]) -> Iterator[Finding]:
    """Read every model, as an action would."""
    for bucket in om.buckets:
        models = om[bucket].models
        for name in models.list(hidden=True):
            where = f"{name!r} in bucket {bucket!r}"
            try:
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    models.get(name)
            except OmegaError as exc:
                yield Finding("models", "problem", str(exc))
            except Exception as exc:
                said = f"{where} cannot be read: {type(exc).__name__}: {exc}"
                yield Finding("models", "problem", said, "Install what it needs, or fit it again.")
            else:
                for category in {warning.category for warning in told}:
                    first = next(str(w.message) for w in told if w.category is category)
                    said = f"{where}: {category.__name__}: {first}"
                    remedy = "Install the versions that it was fitted with, or fit it again."
                    yield Finding("models", "problem", said, remedy)
            advance()
