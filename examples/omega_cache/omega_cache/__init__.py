"""A cache around the gets of an omega_core store. This module only declares."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omega_core import answer_with, hookimpl

if TYPE_CHECKING:
    from omega_core import Metadata, Omega, Store

    from .cache import Counts


@dataclass(frozen=True, kw_only=True)
class CacheSettings:
    """``[plugins.cache]``: of which kinds objects are kept, and how much of them."""

    kinds: tuple[str, ...] = ()
    megabytes: float = 256.0
    entries: int = 1000

    def __post_init__(self) -> None:
        if not self.megabytes > 0:
            raise ValueError(f"megabytes is {self.megabytes:g}: take a number above 0.")
        if self.entries < 1:
            raise ValueError(f"entries is {self.entries}: take a number above 0.")


@hookimpl
def settings() -> type[CacheSettings]:
    return CacheSettings


# Innermost, whatever the order: what it answers passes through the other wrappers, as what the
# backend answers does, and so it has to be just that.
@hookimpl(wrapper=True, trylast=True)
def get(store: Store, meta: Metadata, options: Mapping[str, Any]) -> Generator[None, Any, Any]:
    from .cache import cache_of, key_of

    cache = cache_of(store.config)
    key = key_of(meta, options) if meta.kind in cache.settings.kinds else None
    if key is None:
        return (yield)
    kept = cache.find(key)
    if kept is not None:
        answer_with(kept.copy())
        return (yield)
    result = yield
    cache.keep(key, result)
    return result


def counts(om: Omega) -> Counts:
    """Return how often the cache had what was asked for, and how much it holds."""
    from .cache import cache_of

    return cache_of(om.config).counts()
