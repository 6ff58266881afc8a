"""Reads an archive, after it has looked at all of it: what is not as it was written is refused."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import bson

from ..errors import ArchiveError, IntegrityError, InvalidNameError
from ..protocol import document as shape
from ..protocol.aliases import check_alias
from ..protocol.naming import SECTION, Key, gen_of_collection
from . import archive_format as form
from .contents import CollectionPart, FilePart, UriPart, blocks, generations
from .raw_documents import read_stream

Document = dict[str, Any]

MOST_MEMBERS = 1_000_000
LARGE = 64 * 1024 * 1024
MOST_EXPANSION = 200
"""How much larger than its bytes in the file a large member may be, when somebody zipped anew."""

_PREFIX = {section: prefix for prefix, section in SECTION.items()}
_ENCRYPTED = 0x1


class ArchivedContents:
    """A version in an archive."""

    def __init__(self, archive: Archive, document: Document, said: Document) -> None:
        self.document = document
        self.key = Key(document["bucket"], document["prefix"], document["name"])
        self.form: str = said["form"]
        self.members: list[Document] = said["members"]
        self._archive = archive

    def _of(self, role: str) -> list[Document]:
        return [member for member in self.members if member["role"] == role]

    def files(self) -> list[FilePart]:
        return [
            FilePart(said["file"], partial(self._archive.pieces, said))
            for said in self._of(form.FILE)
        ]

    def segments(self) -> Iterator[bytes]:
        for said in self._of(form.SEGMENTS):
            yield from self._archive.documents(said)

    def collections(self) -> list[CollectionPart]:
        return [
            CollectionPart(
                said["name"], said.get("indexes", []), partial(self._archive.documents, said)
            )
            for said in self._of(form.COLLECTION)
        ]

    def uris(self) -> list[UriPart]:
        return [
            UriPart(said["uri"], partial(self._archive.pieces, said)) for said in self._of(form.URI)
        ]

    def open(self, filename: str) -> BinaryIO:
        """Open a file of the readable form."""
        for said in self._of(form.PAYLOAD):
            if said.get("filename") == filename:
                return self._archive.open(said)
        raise ArchiveError(f"{self._archive.path}: {self.key} has no file {filename!r} in it.")

    def load_inline(self) -> None:
        """Read the payload that travels in the metadata document."""
        for said in self._of(form.INLINE):
            self.document["inline"] = b"".join(self._archive.pieces(said))


class Archive:
    """A zip file, opened for reading.

    Parameters
    ----------
    each
        Called with the bytes that were read, once while all is looked at.

    Raises
    ------
    ArchiveError
        It is no archive, or not any more what was written. Nothing was imported.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as exc:
            raise self.refusal(f"it is no zip file, or only a part of one ({exc})") from None
        self._infos: dict[str, zipfile.ZipInfo] = {}
        self.objects: list[tuple[Document, list[ArchivedContents]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._zip.close()

    def refusal(self, reason: str) -> ArchiveError:
        return ArchiveError(
            f"{str(self.path)!r} is not an archive that can be imported: {reason}. Nothing was "
            "imported. Export it again, or copy the file again."
        )

    # --- reading -----------------------------------------------------------------------------

    def open(self, said: Document) -> BinaryIO:
        return self._zip.open(said["member"])  # type: ignore[return-value]

    def pieces(self, said: Document) -> Iterator[bytes]:
        with self.open(said) as file:
            yield from blocks(file)

    def documents(self, said: Document) -> Iterator[bytes]:
        with self.open(said) as file:
            yield from read_stream(file, f"{self.path}: {said['member']}")

    # --- looking at all of it ----------------------------------------------------------------

    def check(self, each: Callable[[int], None]) -> None:
        """Look at every byte, and at whatever is said of it."""
        try:
            self._check(each)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as exc:
            raise self.refusal(f"it is damaged ({exc})") from exc
        except IntegrityError as exc:
            raise self.refusal(str(exc).rstrip(".")) from exc

    def size(self) -> int:
        """Return the bytes of all members."""
        return sum(info.file_size for info in self._zip.infolist())

    def _check(self, each: Callable[[int], None]) -> None:
        self._check_names()
        manifest = self._json({"member": form.MANIFEST})
        if manifest.get("format") != form.FORMAT:
            raise self.refusal(f"its {form.MANIFEST} is of something else")
        if isinstance(manifest.get("version"), int) and manifest["version"] > form.VERSION:
            raise self.refusal("it was written by a newer omega-core; upgrade this one")
        self._require(form.MANIFEST_SHAPE(manifest, form.MANIFEST))
        known = {form.MANIFEST, *manifest.get("abandoned", [])}
        for entry in manifest["objects"]:
            versions = [self._version(entry, one, known, each) for one in entry["versions"]]
            self.objects.append((entry, versions))
        for entry, _ in self.objects:
            for alias in entry.get("aliases", {}):
                try:
                    check_alias(alias)
                except InvalidNameError as exc:
                    raise self.refusal(str(exc).rstrip(".")) from None
        names = [(entry["store"], entry["name"]) for entry, _ in self.objects]
        if len(set(names)) < len(names):
            raise self.refusal("it has an object twice")
        foreign = sorted(set(self._infos) - known)
        if foreign:
            raise self.refusal(f"it holds {foreign[0]!r}, of which its manifests do not tell")

    def _check_names(self) -> None:
        infos = self._zip.infolist()
        if len(infos) > MOST_MEMBERS:
            raise self.refusal(f"it has {len(infos):,} members")
        for info in infos:
            name = info.filename
            parts = name.split("/")
            if name in self._infos:
                raise self.refusal(f"it has the member {name!r} twice")
            if not name.isprintable() or "\\" in name or any(p in ("", ".", "..") for p in parts):
                raise self.refusal(f"it has a member with the name {name!r}")
            if info.flag_bits & _ENCRYPTED:
                raise self.refusal(f"{name!r} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self.refusal(f"{name!r} is compressed in another way than zip's own")
            expands = info.file_size > MOST_EXPANSION * max(1, info.compress_size)
            if expands and info.file_size > LARGE:
                raise self.refusal(
                    f"{name!r} would expand from {info.compress_size:,} to {info.file_size:,} bytes"
                )
            self._infos[name] = info

    def _version(
        self, entry: Document, one: Document, known: set[str], each: Callable[[int], None]
    ) -> ArchivedContents:
        self._check_member(one, known, each)
        said = self._json(one)
        self._require(form.VERSION_SHAPE(said, one["member"]))
        document: Document = {**said["document"], "is_current": True}
        shape.check(document)
        stands = (document["prefix"], document["name"], document["version"])
        if stands != (_PREFIX[entry["store"]], entry["name"], one["version"]):
            raise self.refusal(f"{one['member']!r} is of another object than the manifest says")
        contents = ArchivedContents(self, document, said)
        for member in contents.members:
            self._check_member(member, known, each)
            self._check_role(member, contents)
        self._check_pointers(contents)
        return contents

    def _check_member(self, said: Document, known: set[str], each: Callable[[int], None]) -> None:
        name = said["member"]
        info = self._infos.get(name)
        if info is None:
            raise self.refusal(f"it lacks {name!r}")
        if name in known:
            raise self.refusal(f"its manifests name {name!r} twice")
        known.add(name)
        if info.file_size != said["size"]:
            raise self.refusal(f"{name!r} has {info.file_size:,} bytes, not {said['size']:,}")
        digest = hashlib.sha256()
        length = 0
        for piece in self.pieces(said):
            digest.update(piece)
            length += len(piece)
            each(len(piece))
            if length > said["size"]:
                break
        if length != said["size"] or digest.hexdigest() != said["sha256"]:
            raise self.refusal(f"the SHA-256 of {name!r} is not the one that was written")

    def _check_role(self, said: Document, contents: ArchivedContents) -> None:
        name, role = said["member"], said["role"]
        if role in (form.SEGMENTS, form.COLLECTION):
            gens = generations(contents.document)
            for raw in self.documents(said):
                try:
                    found = bson.decode(raw)
                except (bson.errors.BSONError, ValueError) as exc:
                    raise self.refusal(f"{name!r} holds what is no document ({exc})") from None
                bound = [str(found.get(field))[:32] in gens for field in ("_id", "payload")]
                if role == form.SEGMENTS and not all(bound):
                    raise self.refusal(f"{name!r} holds a document of something else")
        if role == form.FILE:
            file = said.get("file", {})
            size, length = file.get("chunkSize"), file.get("length")
            if not isinstance(size, int) or not 1 <= size <= 16 * 1024 * 1024 - 1024:
                raise self.refusal(f"{name!r} is cut into chunks of {size!r} bytes")
            if length != said["size"] or "_id" not in file:
                raise self.refusal(f"{name!r} has not the {length!r} bytes of its file")
        if role == form.INLINE and said["size"] > 1024 * 1024:
            raise self.refusal(f"{name!r} is too large to travel in the metadata")
        if (role == form.COLLECTION and "name" not in said) or (
            role == form.URI and "uri" not in said
        ):
            raise self.refusal(f"{name!r} does not say what it was")

    def _check_pointers(self, contents: ArchivedContents) -> None:
        """Refuse a version that points at what is not a part of it, or lacks what it points at."""
        document = contents.document
        res: Document = document.get("res") or {}
        readable = contents.form == form.READABLE
        by_role = {said["role"] for said in contents.members}
        if readable != (by_role == {form.PAYLOAD}) or (readable and not contents.members):
            raise self.refusal(f"{contents.key}: its files are not of the form {contents.form!r}")
        if readable:
            return
        gen = document["gen"]
        collections = [part.name for part in contents.collections()]
        uris = [part.uri for part in contents.uris()]
        ids = [part.document["_id"] for part in contents.files()]
        inline = form.INLINE in by_role
        whole = (
            sorted(collections) == sorted(res.get("collections", []))
            and sorted(uris) == sorted(res.get("uris", []))
            and all(gen_of_collection(name) == gen for name in collections)
            and document.get("collection") in (None, *collections)
            and (document.get("gridfile") is None or document["gridfile"] in ids)
            and not res.get("backend")
            and (form.SEGMENTS in by_role or not (res.get("segments") or res.get("batches")))
            and [said["role"] for said in contents.members].count(form.INLINE) <= 1
        )
        if not whole:
            raise self.refusal(f"{contents.key}: its members are not those of its metadata")
        integrity = document.get("integrity") or {}
        if not inline or "sha256" not in integrity:
            return
        said = next(said for said in contents.members if said["role"] == form.INLINE)
        if said["sha256"] != integrity["sha256"] or said["size"] != integrity.get("length"):
            raise self.refusal(f"{contents.key}: its payload is not the one that was stored")

    def _json(self, said: Document) -> Document:
        name = said["member"]
        info = self._infos.get(name)
        if info is None:
            raise self.refusal(f"it has no {name}")
        if info.file_size > form.LARGEST_JSON:
            raise self.refusal(f"its {name} has {info.file_size:,} bytes")
        with self._zip.open(name) as file:
            data = file.read(form.LARGEST_JSON + 1)
        return form.load(data, f"{self.path}: {name}")

    def _require(self, fault: str | None) -> None:
        if fault is not None:
            raise self.refusal(fault)
