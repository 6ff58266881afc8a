"""What is known of stored objects: where their payloads lie, how big they are, who reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...errors import PluginError

if TYPE_CHECKING:
    from ...omega import Omega
    from ...protocol.metadata import Metadata
    from ...store import OmegaStore


Kept = tuple["Metadata", str]

_NOT_OF_SIZE = {
    **dict.fromkeys(("pending", "retired", "pins", "tasks"), 0),
    **{f"{of}inline": 0 for of in ("", "versions.", "held.")},
}
"""What needs not be read to know how large an object is."""


def records_of(store: OmegaStore, metas: list[Metadata]) -> list[dict[str, Any]]:
    """Return what the commands show of objects, or of versions of them: a record for each."""
    bytes_of = _sizes(store, metas)
    return [
        {
            "name": meta.name,
            "bucket": meta.bucket,
            "store": store.prefix.rstrip("/"),
            "kind": meta.kind,
            "version": meta.version,
            "current": meta.is_current,
            "rev": meta.rev,
            "gen": meta.gen,
            "size": bytes_of[str(meta.gen)],
            "raw": _raw(meta, bytes_of[str(meta.gen)]),
            "place": _place(meta),
            "modified": meta.modified,
            "plugin": meta.plugin,
            "damage": meta.damage,
        }
        for meta in metas
    ]


def payloads(store: OmegaStore, name: str | None = None) -> Iterator[tuple[str, list[Kept]]]:
    """Return, by name, all that is kept, and as what; one query.

    Yields
    ------
    name, kept
        Each of ``kept`` is the metadata, and ``"current"``, ``"version"`` or, where `versions` does
        not list it, ``"snapshot"``.
    """
    from ...protocol.metadata import Metadata
    from ...protocol.reading import as_version, versions_of

    query: dict[str, Any] = {"bucket": store.bucket, "prefix": store.prefix}
    if name is not None:
        query["name"] = name
    for document in store.database.metadata.find(query, _NOT_OF_SIZE):
        if not isinstance(document.get("name"), str):
            continue  # something edited it; it names no object
        held = [as_version(document, entry) for entry in document.get("held", [])]
        kept = [(one, "snapshot") for one in held]
        kept += [(one, "version") for one in versions_of(document)]
        kept += [(document, "current")] if "gen" in document else []
        if kept:
            yield document["name"], [(Metadata.listed(one, store), of) for one, of in kept]


def unreadable(om: Omega, meta: Metadata) -> str | None:
    """Return why nobody here can read the object, or None."""
    try:
        om.router.adapter(om.plugins.spec(meta.kind, writer=meta.plugin))
    except PluginError as exc:
        return str(exc)
    return None


def _place(meta: Metadata) -> str:
    """Return, for people, where a payload lies."""
    if meta.damage is not None:
        return "unknown: its metadata document is damaged"
    if meta.uri is not None:
        from ...secret import redact_text

        return redact_text(meta.uri)
    if meta.collection is not None:
        return f"collection {meta.collection}"
    if meta.gridfile is not None:
        return "GridFS"
    if (meta.res or {}).get("segments"):
        return "segments"
    return "metadata"


def _sizes(store: OmegaStore, metas: Iterable[Metadata]) -> dict[str, int | None]:
    """Return the bytes of each payload by generation; None where only its backend could tell.

    Most are in the metadata. The others are asked for together, except collections.
    """
    found: dict[str, int | None] = {}
    files: dict[Any, str] = {}
    segments: list[str] = []
    for meta in metas:
        gen = str(meta.gen)
        known = (meta.integrity or {}).get("length")
        if known is None and meta.kind == "uri.reference":
            known = meta.kind_meta.get("size")
        batches = meta.kind_meta.get("batches", [])
        if known is None and batches and all("bytes" in batch for batch in batches):
            known = sum(batch["bytes"] for batch in batches)
        found[gen] = known
        if known is not None:
            continue
        if meta.collection is not None:
            found[gen] = _of_collection(store, meta.collection)
        elif meta.gridfile is not None:
            files[meta.gridfile.grid_id] = gen
        elif (meta.res or {}).get("segments"):
            segments.append(gen)
    if files:
        for file in store.fs.find({"_id": {"$in": list(files)}}):
            found[files[file._id]] = file.length
    if segments:
        found.update(_of_segments(store, segments))
    return found


def _raw(meta: Metadata, stored: int | None) -> int | None:
    """Return the bytes that a payload has for its reader; of a file, those that it has."""
    batches = meta.kind_meta.get("batches", [])
    if not batches:
        return stored
    return sum(batch["raw"] for batch in batches) if all("raw" in b for b in batches) else None


def _of_collection(store: OmegaStore, name: str) -> int:
    return int(store.mongodb.command("collStats", name)["size"])


def _of_segments(store: OmegaStore, gens: list[str]) -> dict[str, int | None]:
    group: dict[str, Any] = {"_id": "$payload", "size": {"$sum": {"$bsonSize": "$$ROOT"}}}
    stages: list[dict[str, Any]] = [{"$match": {"payload": {"$in": gens}}}, {"$group": group}]
    return {row["_id"]: row["size"] for row in store.segments.aggregate(stages)}
