"""Whether a put has written what is there already, so that no new version is needed.

What was written is compared with what is stored, byte by byte, or by SHA-256 where that was noted:
no checksum that two contents may share decides. Ids of generations are left out of it. Where it
cannot be told, as of what a service outside holds, it counts as changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bson

from ..mongo.database import CODEC
from .commit import Intent
from .document import BY_THE_SERVER
from .metadata import Metadata
from .resources import Resources, ids_of

Document = dict[str, Any]

_COMPARED = ("kind", "kind_meta", "uri", "integrity", "options")
_AT_ONCE = 16
_CHECKSUM = re.compile("-[0-9a-f]{8}$")


def is_unchanged(meta: Metadata, intent: Intent) -> bool:
    """Return whether the payload that ``meta`` is about to commit is that which is live."""
    live = intent.live
    if live is None or intent.appends:
        return False
    old, new = Resources.from_document(live.get("res")), intent.res
    if old.backend or new.backend or old.files or new.files or old.rows or old.batches:
        return False
    payload = {**meta.payload(), "options": intent.options}
    gens = live["gen"], intent.gen
    if any(
        _neutral(live.get(field), gens[0]) != _neutral(payload.get(field), gens[1])
        for field in _COMPARED
    ):
        return False
    is_known = (payload.get("integrity") or {}).get("sha256") is not None
    return (
        (is_known or meta.uri is None or not new.uris)
        and _same_files(intent, gens, is_known)
        and _same_segments(intent, gens, old, new)
        and _same_collections(intent, gens, old, new)
    )


def _neutral(value: Any, gen: str) -> bytes:
    """Return a value as BSON, without the generation, and without what the server adds."""
    return bson.encode({"": _without(value, gen)}, codec_options=CODEC)


def _without(value: Any, gen: str) -> Any:
    if isinstance(value, str):
        return value.replace(gen, "")
    if isinstance(value, list):
        return [_without(item, gen) for item in value]
    if isinstance(value, dict):
        is_batch = value.get("gen") == gen
        return {
            key: _without(item, gen)
            for key, item in value.items()
            if not (is_batch and key in BY_THE_SERVER)
        }
    return value


def _same_files(intent: Intent, gens: tuple[str, str], is_known: bool) -> bool:
    """Compare how many files there are; one alone has its SHA-256 in the metadata."""
    if not intent.res.gridfs and not (intent.live or {}).get("res", {}).get("gridfs"):
        return True
    files = intent.database.data(f"{intent.database.files(intent.namespace)}.files")
    counts = [files.count_documents({"_id": ids_of(gen)}) for gen in gens]
    return counts == [1, 1] and is_known


def _same_segments(intent: Intent, gens: tuple[str, str], old: Resources, new: Resources) -> bool:
    if not old.segments and not new.segments:
        return True
    segments = intent.database.segments(intent.namespace)
    pair = [_documents(segments, {"payload": {"$gte": g, "$lt": f"{g}/"}}, g) for g in gens]
    return _are_same(*pair)


def _same_collections(
    intent: Intent, gens: tuple[str, str], old: Resources, new: Resources
) -> bool:
    names = [sorted(res.collections) for res in (old, new)]
    if len(names[0]) != len(names[1]):
        return False
    for pair in zip(*names, strict=True):
        if _neutral(pair[0], gens[0]) != _neutral(pair[1], gens[1]):
            return False
        collections = [intent.database.data(name) for name in pair]
        indexes = [_indexes(each) for each in collections]
        every = [_documents(c, {}, gen) for c, gen in zip(collections, gens, strict=True)]
        if indexes[0] != indexes[1] or not _are_same(*every):
            return False
    return True


def _indexes(collection: Any) -> Document:
    every: Document = collection.index_information()
    # Old servers say in each whose it is.
    return {name: {k: v for k, v in one.items() if k != "ns"} for name, one in every.items()}


def _documents(collection: Any, query: Document, gen: str) -> Iterator[bytes]:
    """Yield documents without their generation, in the order of their ids.

    Of an id that the driver made, only the order counts; one of ours may end in a checksum, into
    which the generation went.
    """
    found = [document["_id"] for document in collection.find(query, {"_id": 1})]
    ids = sorted(found, key=lambda id: (isinstance(id, str), id if isinstance(id, str) else 0))
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        by_id = {d["_id"]: d for d in collection.find({"_id": {"$in": some}})}
        for id in some:
            document = dict(by_id.get(id, {}))
            own = document.pop("_id", None)
            place = _CHECKSUM.sub("", own) if isinstance(own, str) else None
            yield _neutral({**document, "_id": place}, gen)


def _are_same(one: Iterator[bytes], other: Iterator[bytes]) -> bool:
    missing = object()
    while True:
        pair = next(one, missing), next(other, missing)
        if pair[0] != pair[1]:
            return False
        if pair[0] is missing:
            return True
