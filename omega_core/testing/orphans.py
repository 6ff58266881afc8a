"""What lies in a database, or in directories, and belongs to no object any more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pymongo.database import Database

from ..protocol.numbering import EMPTY
from ..protocol.resources import Resources

Document = dict[str, Any]

_OF_A_GENERATION = {"$regex": "^[0-9a-f]{32}-"}
# What a plugin keeps in collections that it names itself is its own affair.
_COLLECTION_OF_A_GENERATION = re.compile(r"^omega\..*\b[0-9a-f]{32}\b")


def find_orphans(database: Database[Document], directories: Iterable[Path] = ()) -> list[str]:
    """Return, for people, every piece of data that no live object or version consists of.

    Data of writers at work, and of what the collector still has to free, counts as an orphan: call
    it when all is quiet, after ``om.gc(grace=0)``.

    Parameters
    ----------
    database
        The database of an `Omega`: ``om.database.mongodb``.
    directories
        Where objects with ``uri="file://..."`` are.
    """
    return sorted(_Owned(database).orphans(directories))


class _Owned:
    """What the metadata names."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._generations: set[str] = set()
        self._segments: set[str] = set()
        self._files: set[Any] = set()
        self._collections: set[str] = set()
        self._empty: list[str] = []
        self._astray: list[str] = []
        self._snapshots = set(database["omega.snapshots"].distinct("_id"))
        for document in database["omega.metadata"].find():
            if not EMPTY.keys() & document.keys():
                self._empty.append(f"omega.metadata: the empty document of {document['name']!r}")
            live = [document] if "gen" in document else []
            for payload in [*live, *document.get("versions", []), *document.get("held", [])]:
                self._add(payload)
            self._add_pins(document)

    def _add(self, payload: Document) -> None:
        resources = Resources.from_document(payload.get("res"))
        self._generations.add(payload["gen"])
        batches = payload.get("kind_meta", {}).get("batches", [])
        self._generations.update(batch["gen"] for batch in batches)
        segments = [batch["payload"] for batch in batches if "payload" in batch]
        self._segments.update(segments or [payload["gen"]])
        self._files.update(resources.files)
        self._collections.update(resources.collections)

    def _add_pins(self, document: Document) -> None:
        """Look for what snapshots pin that are gone, and for what is held for nobody."""
        pins = document.get("pins", [])
        unheld = {held["gen"] for held in document.get("held", [])} - {p["gen"] for p in pins}
        ids = {id for pin in pins for id in pin["by"]} - self._snapshots
        self._astray += [f"omega.metadata: pin of {document['name']!r} by {id}" for id in ids]
        self._astray += [f"omega.metadata: held of {document['name']!r}, {gen}" for gen in unheld]

    def orphans(self, directories: Iterable[Path]) -> Iterator[str]:
        yield from self._empty
        yield from self._astray
        for name in self._database.list_collection_names():
            collection = self._database[name]
            if name.endswith(".fs.files"):
                for document in collection.find({}, {"_id": 1}):
                    if not self._owns(document["_id"]):
                        yield f"{name}: file {document['_id']}"
            elif name.endswith(".fs.chunks"):
                for file_id in collection.distinct("files_id"):
                    if not self._owns(file_id):
                        yield f"{name}: chunks of {file_id}"
            elif name.endswith(".segments"):
                for payload in collection.distinct("payload"):
                    if payload not in self._segments:
                        yield f"{name}: documents of payload {payload}"
            elif name not in self._collections:
                if _COLLECTION_OF_A_GENERATION.match(name):
                    yield f"collection {name}"
            else:
                for document in collection.find({"_id": _OF_A_GENERATION}, {"_id": 1}):
                    if document["_id"].partition("-")[0] not in self._generations:
                        yield f"{name}: document {document['_id']}"
        for directory in directories:
            for path in directory.rglob("*"):
                # A file at a URI has its generation in its name; so a blob of a service may.
                if path.is_file() and not any(gen in str(path) for gen in self._generations):
                    yield f"file {path}"

    def _owns(self, file_id: Any) -> bool:
        if isinstance(file_id, str) and file_id.partition("-")[0] in self._generations:
            return True
        return file_id in self._files
