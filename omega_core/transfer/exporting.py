"""Objects into an archive: as files that others read, where a kind offers that, or raw."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import importlib_metadata

from ..backends.base import BaseDataBackend
from ..errors import (
    ArchiveError,
    PluginError,
    UnsupportedValueError,
)
from ..mongo.database import answering
from ..protocol.files import DamagedError
from ..protocol.metadata import Metadata
from ..protocol.naming import SECTION
from . import archive_format as form
from .archive_writer import ArchiveWriter
from .contents import StoredContents
from .copying import Copying, Tell, Versions, aliases_of, stale

Document = dict[str, Any]
Create = Callable[[str], Any]

_ATTEMPTS = 5
_UNTOLD = (
    *("inline", "pending", "retired", "tasks", "versions", "aliases", "held", "pins", "gc_at"),
    *("retired_count", "size"),
)


def export(
    path: str | os.PathLike[str],
    chosen: Sequence[tuple[Copying, str]],
    versions: Versions,
    tell: Tell | None,
) -> Path:
    """Write objects to an archive.

    Parameters
    ----------
    chosen
        Stores, and names of their objects.
    versions
        Of each object, as `Copying.chosen` has it.

    Returns
    -------
    Path
        Of the archive.
    """
    return _Export(path, versions, tell).run(chosen)


class _Export:
    def __init__(self, path: str | os.PathLike[str], versions: Versions, tell: Tell | None) -> None:
        self._versions = versions
        self._tell = tell
        self._done = self._total = 0
        self._writer = ArchiveWriter(path, self._each)
        self._abandoned: list[str] = []

    def _each(self, size: int) -> None:
        self._done += size
        if self._tell is not None:
            self._tell(self._done, max(self._total, self._done) if self._total else None)

    def run(self, chosen: Iterable[tuple[Copying, str]]) -> Path:
        objects: list[Document] = []
        with self._writer:
            for number, (copying, name) in enumerate(chosen, start=1):
                with answering(copying.here.payloads.database):
                    objects.append(self._object(number, copying, name))
            self._writer.finish(
                {
                    "format": form.FORMAT,
                    "version": form.VERSION,
                    "written_by": f"omega-core {importlib_metadata.version('omega-core')}",
                    "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                    "objects": objects,
                    **({"abandoned": self._abandoned} if self._abandoned else {}),
                }
            )
        return self._writer.path

    def _object(self, number: int, copying: Copying, name: str) -> Document:
        documents, current = copying.chosen(name, self._versions)
        section = SECTION[copying.here.payloads.prefix]
        folder = f"{section}/{number:04d}-{form.slug(name)}"
        if self._tell is not None:
            self._total += sum(copying.contents(one).size() for one in documents)
        versions = [self._kept_version(copying, document, folder) for document in documents]
        said: Document = {"store": section, "name": name, "versions": versions}
        numbers = [document["version"] for document in documents]
        named = {a: number for a, number in aliases_of(current).items() if number in numbers}
        if named:
            said["aliases"] = named
        return {**said, "current": current["version"]} if current["version"] in numbers else said

    def _kept_version(self, copying: Copying, document: Document, folder: str) -> Document:
        """Write a version; anew, where it was replaced and collected, or compacted, meanwhile."""
        payloads, catalog = copying.here.payloads, copying.here.catalog
        name: str = document["name"]
        for attempt in range(1, _ATTEMPTS + 1):
            meta = Metadata.from_document(document, payloads)
            begun = len(self._writer.members)
            again = "" if attempt == 1 else f".{attempt}"
            try:
                said = self._version(copying, document, meta, f"{folder}/{meta.version}{again}")
                if catalog.is_kept(meta):
                    return said
                raise stale(meta)
            except Exception as exc:
                if catalog.is_kept(meta):
                    if isinstance(exc, DamagedError):
                        raise payloads.damage(meta, str(exc)) from exc
                    raise
                version = None if self._versions is None else document["version"]
                document = copying.again(name, version, exc)
                if attempt == _ATTEMPTS:
                    raise stale(meta) from exc
                self._abandoned += self._writer.members[begun:]
        raise AssertionError("unreachable")

    def _version(
        self, copying: Copying, document: Document, meta: Metadata, folder: str
    ) -> Document:
        contents = copying.contents(document)
        members = self._readable(copying, meta, folder)
        way = form.RAW if members is None else form.READABLE
        if members is None:
            members = self._raw(copying, contents, folder)
        told = {field: value for field, value in document.items() if field not in _UNTOLD}
        said = {
            "document": {field: value for field, value in told.items() if field != "_id"},
            "form": way,
            "members": members,
        }
        data = form.dump(said)
        if form.load(data, str(meta)) != said:
            raise UnsupportedValueError(
                f"{meta!r} cannot be exported: its metadata would not come back the same from "
                "JSON. Copy it with store.copy(name, omega=...)."
            )
        checked = self._writer.write(f"{folder}/version.json", data)
        return {"version": document["version"], **checked}

    # --- the payload -------------------------------------------------------------------------

    def _readable(self, copying: Copying, meta: Metadata, folder: str) -> list[Document] | None:
        """Let the backend write files that others read; None where there is no such form."""
        operations = copying.here.operations
        try:
            spec = operations.spec_of(meta)
            adapter = operations.router.adapter(spec)
        except PluginError:
            return None  # as it is, it can be exported without its plugin
        if adapter.cls.export_payload is BaseDataBackend.export_payload:
            return None
        members: list[Document] = []
        with ExitStack() as stack:

            def create(filename: str) -> BinaryIO:
                stack.close()
                file: BinaryIO = stack.enter_context(self._payload(members, folder, filename))
                return file

            scope = operations.scope("get", adapter, meta.name, meta)
            operations.check_shape(adapter, meta)
            with operations.operating(scope, spec):
                done = adapter.backend(copying.here.store).export_payload(meta, create)
        if not done and members:
            raise ArchiveError(
                f"{meta!r} was not exported: its backend wrote a file, and then said that it has "
                "no readable form. That is a mistake of its plugin."
            )
        return members if done else None

    @contextmanager
    def _payload(self, members: list[Document], folder: str, filename: str) -> Any:
        name = f"{folder}/{form.slug(Path(filename).stem)}{Path(filename).suffix}"
        with self._writer.member(name) as (file, said):
            yield file
        members.append({**said, "role": form.PAYLOAD, "filename": filename})

    def _raw(self, copying: Copying, contents: StoredContents, folder: str) -> list[Document]:
        document = contents.document
        if (document.get("res") or {}).get("backend"):
            raise UnsupportedValueError(
                f"{contents.key}, of kind {document['kind']!r}, cannot be exported: its backend "
                "keeps the payload, and offers no export_payload, or is not installed. Copy it "
                "with store.copy(name, omega=...), or get it."
            )
        members: list[Document] = []
        extension = self._extension(copying, contents)
        if document.get("inline") is not None:
            said = self._writer.write(f"{folder}/payload.{extension}", bytes(document["inline"]))
            members.append({**said, "role": form.INLINE})
        for number, file in enumerate(contents.files()):
            name = f"payload.{extension}"
            if file.document["_id"] != document.get("gridfile"):
                name = f"file-{number}.bin"
            said = self._stream(f"{folder}/{name}", file.pieces())
            members.append({**said, "role": form.FILE, "file": file.document})
        if contents.segment_conditions():
            said = self._stream(f"{folder}/segments.bson", contents.segments())
            members.append({**said, "role": form.SEGMENTS})
        for number, part in enumerate(contents.collections()):
            name = f"documents-{number}.bson" if number else "documents.bson"
            said = self._stream(f"{folder}/{name}", part.documents())
            about = {"name": part.name, "indexes": part.indexes}
            members.append({**said, "role": form.COLLECTION, **about})
        for number, uri in enumerate(contents.uris()):
            name = f"file-{number}-at-uri.bin"
            if uri.uri == document.get("uri"):
                name = f"payload.{extension}"
            said = self._stream(f"{folder}/{name}", uri.pieces())
            members.append({**said, "role": form.URI, "uri": uri.uri})
        return members

    def _stream(self, name: str, pieces: Iterable[bytes]) -> Document:
        with self._writer.member(name) as (file, said):
            for piece in pieces:
                file.write(piece)
        return said

    @staticmethod
    def _extension(copying: Copying, contents: StoredContents) -> str:
        """Return what people expect at the end of the name of the payload's one file."""
        document = contents.document
        names = [(document.get("kind_meta") or {}).get("filename"), document.get("uri")]
        names += [
            file.document.get("filename")
            for file in contents.files()
            if file.document["_id"] == document.get("gridfile")
        ]
        for name in names:
            suffix = name.rpartition(".")[2] if isinstance(name, str) and "." in name else ""
            if suffix.isascii() and suffix.isalnum() and len(suffix) <= 10:
                return suffix
        operations = copying.here.operations
        try:
            spec = operations.router.spec(document["kind"], writer=document.get("plugin"))
            return operations.router.adapter(spec).cls.extension
        except PluginError:
            return "bin"
