"""The first rows of an object, or some of them, as plain dictionaries."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import UnsupportedOptionError
from ...plugins.file_formats import FileFormats
from ...protocol.naming import SECTION

if TYPE_CHECKING:
    from ...protocol.metadata import Metadata
    from ...store import OmegaStore

_LINES = ".jsonl"


def head(
    store: OmegaStore, meta: Metadata, count: int, asked: Mapping[str, Any], version: Any
) -> list[dict[str, Any]]:
    """Return the first rows; of a condition, the first that meet it.

    Raises
    ------
    UnsupportedOptionError
        The object has no rows.
    """
    if _is_table(meta):
        if "filter" not in asked:
            asked = {"rows": slice(0, count), **asked}
            return _plain(store, store.get(str(meta.name), version=version, **asked))
        found: list[dict[str, Any]] = []
        pieces = store.get(str(meta.name), version=version, chunksize=1 << 17, **asked)
        for piece in pieces:
            found += _plain(store, piece[: count - len(found)])
            if len(found) >= count:
                break
        return found
    return _whole(store, meta, asked, version)[:count]


def sample(
    store: OmegaStore, meta: Metadata, count: int, seed: int | None, version: Any
) -> list[dict[str, Any]]:
    """Return rows at random, in their order; the same ones for the same seed."""
    chance = random.Random(seed)
    if not _is_table(meta):
        rows = _whole(store, meta, {}, version)
        chosen = sorted(chance.sample(range(len(rows)), min(count, len(rows))))
        return [rows[place] for place in chosen]
    name = str(meta.name)
    total = len(store.get(name, version=version, lazy=True))
    found: list[dict[str, Any]] = []
    for place in sorted(chance.sample(range(total), min(count, total))):
        piece = store.get(name, version=version, rows=slice(place, place + 1))
        found += _plain(store, piece)
    return found


def _is_table(meta: Metadata) -> bool:
    """Return whether parts of it can be read by their rows."""
    return meta.kind in ("pandas.dataframe", "pandas.series") and meta.uri is None


def _whole(
    store: OmegaStore, meta: Metadata, asked: Mapping[str, Any], version: Any
) -> list[dict[str, Any]]:
    if meta.kind == "python.file":
        raise UnsupportedOptionError(
            f"{meta.prefix}{meta.name!r} is a file, and has no rows. To look into it: "
            f"omega {SECTION[store.prefix]} get {meta.name} | head"
        )
    obj = store.get(str(meta.name), version=version, **asked)
    if isinstance(obj, Mapping):
        return [{"key": key, "value": value} for key, value in obj.items()]
    if isinstance(obj, list | tuple | set | frozenset):
        return [dict(o) if isinstance(o, Mapping) else {"value": o} for o in obj]
    if meta.kind == "python.data":
        return [{"value": obj}]
    return _plain(store, obj)


def _plain(store: OmegaStore, obj: Any) -> list[dict[str, Any]]:
    """Return the rows of a table as its plugin writes them as lines of JSON."""
    formats = FileFormats(store.omega.plugins, store.omega)
    lines = io.BytesIO()
    formats.get(_LINES).write(obj, lines)
    return [json.loads(line) for line in lines.getvalue().splitlines()]
