"""What was read before, as bytes: nobody can change what others get of it."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import threading
import weakref
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omega_core import Config, Metadata

from . import CacheSettings

_CACHES: dict[tuple[int, int], Cache] = {}
"""By process, and by the configuration of an `Omega`, which lives as long as that does."""


@dataclass(frozen=True)
class Counts:
    """How often a cache was asked, and what it holds."""

    hits: int
    misses: int
    entries: int
    bytes: int


@dataclass(frozen=True)
class Kept:
    """One object, as it was when the backend returned it."""

    data: bytes

    def copy(self) -> Any:
        """Return the object, a new one each time.

        These bytes were made by this process, of what it had read, and have never left its memory:
        no pickle of anybody else is loaded here.
        """
        return pickle.loads(self.data)


class Cache:
    """Keeps what was read last, up to a number of objects and of bytes; for all threads."""

    def __init__(self, settings: CacheSettings) -> None:
        self.settings = settings
        self._most_bytes = int(settings.megabytes * 1e6)
        self._most_entries = settings.entries
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._bytes = self._hits = self._misses = 0

    def find(self, key: Hashable) -> Kept | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                self._misses += 1
                return None
            self._hits += 1
            self._kept.move_to_end(key)
            return found

    def keep(self, key: Hashable, value: Any) -> None:
        """Keep an object, if it is one that can be copied, and not too large."""
        data = _copied(value, self._most_bytes)
        if data is None:
            return
        with self._lock:
            before = self._kept.pop(key, None)
            self._bytes += len(data) - (0 if before is None else len(before.data))
            self._kept[key] = Kept(data)
            while self._bytes > self._most_bytes or len(self._kept) > self._most_entries:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest.data)

    def counts(self) -> Counts:
        with self._lock:
            return Counts(self._hits, self._misses, len(self._kept), self._bytes)


def cache_of(config: Config) -> Cache:
    """Return the cache that belongs to a configuration, and to this process.

    Not to a database: another `Omega` on the same one may be told to trust less.
    """
    owner = (id(config), os.getpid())
    found = _CACHES.get(owner)
    if found is None:
        made = Cache(config.section("cache", CacheSettings))
        found = _CACHES.setdefault(owner, made)  # of two threads, both get the one of the first
        if found is made:
            weakref.finalize(config, _CACHES.pop, owner, None)
    return found


def key_of(meta: Metadata, options: Mapping[str, Any]) -> Hashable | None:
    """Return what names the object that a get returns, for ever; None where nothing does.

    A generation is one payload, but appends add to it, and a snapshot sees it as it was before: so
    revision and ``kind_meta``, which has the batches, belong to the name.
    """
    if meta.uri is not None and meta.integrity is None:
        return None  # a file of somebody else, which may be another one tomorrow
    asked = _plain(dict(options))
    if asked is None:
        return None
    batches = hashlib.sha256(repr(meta.kind_meta).encode()).digest()
    return meta.bucket, meta.prefix, meta.name, meta.gen, meta.rev, batches, asked


def _plain(value: Any) -> Hashable | None:
    """Return a value with the types of all that is in it; None where that does not tell it."""
    kind = type(value)
    if kind in (str, bytes, int, float, bool, type(None)):
        return kind, repr(value)
    if kind is dict:
        items = [part for pair in value.items() for part in pair]
    elif kind in (list, tuple):
        items = list(value)
    else:
        return None
    parts = [_plain(item) for item in items]
    return None if None in parts else (kind, tuple(parts))


def _copied(value: Any, most: int) -> bytes | None:
    if isinstance(value, Iterator):
        return None  # it is read once, whoever reads it
    file = _Bounded(most)
    try:
        _Pickler(file, protocol=5).dump(value)
    # An open file, a lock, what reads from a store, what is too large: each in its own way.
    except Exception:
        return None
    return file.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if type(obj).__module__.partition(".")[0] == "omega_core":
            # A store in an object that reads later: a copy of it would be another client.
            raise pickle.PicklingError("it reads from a store")
        return NotImplemented


class _Bounded(io.BytesIO):
    """Bytes that refuse to become too many, before they are."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def write(self, data: Any) -> int:
        self._left -= memoryview(data).nbytes
        if self._left < 0:
            raise ValueError("it is too large")
        return super().write(data)
