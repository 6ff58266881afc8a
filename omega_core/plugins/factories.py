"""What a plugin names as text, ``"module:attribute"``, imported when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..errors import PluginLoadError


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
        if isinstance(target, ModuleType):
            raise TypeError(f"{attribute!r} is the module {target.__name__} there")
    except Exception as exc:
        raise PluginLoadError(
            f"{owner} offers {factory!r}, which cannot be imported: {type(exc).__name__}: {exc}. "
            "Install what it needs, or disable it."
        ) from exc
    return target


def named(factory: str | type) -> str:
    """Return what a factory is called, whether it is given as a class or by name."""
    if isinstance(factory, str):
        return factory
    return f"{factory.__module__}:{factory.__qualname__}"
