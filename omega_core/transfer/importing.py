"""Objects out of an archive: looked at as a whole, then stored as by puts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ..backends.base import BaseDataBackend
from ..errors import ArchiveError, ConflictError, UnsupportedOptionError
from ..protocol.metadata import Metadata
from ..protocol.naming import check_name, generation_key
from . import archive_format as form
from .archive_reader import Archive, ArchivedContents
from .arrivals import Arrivals
from .copying import Tell
from .renaming import Renaming

Document = dict[str, Any]


def import_(
    path: str | os.PathLike[str],
    stores: Mapping[str, Arrivals],
    *,
    single: tuple[Arrivals, str | None] | None = None,
    replace: bool = False,
    uri: str | None = None,
    tell: Tell | None = None,
) -> list[Metadata]:
    """Store what is in an archive, and return the metadata of each object.

    Parameters
    ----------
    stores
        Where objects go, by the store that they came from.
    single
        Where the only object goes, and its name; None: its own.
    replace
        Put it on top of what is there; else, what is there is an error.
    uri
        Where files at URIs go, with ``{key}``; None: under the prefix where they were.

    Raises
    ------
    ArchiveError
        It is none, or not any more what was written.
    ConflictError
        An object is there already.
    UriNotAllowedError, PluginNotFoundError
        A file may not be written where it was, or a plugin is missing that reads what was written.
        Nothing was imported, as with the others.
    """
    with Archive(path) as archive:
        return _Import(archive, stores, single, replace, uri, tell).run()


class _Import:
    def __init__(
        self,
        archive: Archive,
        stores: Mapping[str, Arrivals],
        single: tuple[Arrivals, str | None] | None,
        replace: bool,
        uri: str | None,
        tell: Tell | None,
    ) -> None:
        self._archive = archive
        self._stores = stores
        self._single = single
        self._replace = replace
        self._uri = uri
        self._tell = tell
        self._done = 0
        # It is read twice: looked at as a whole before anything is written.
        self._total = 2 * archive.size()

    def _each(self, size: int) -> None:
        self._done += size
        if self._tell is not None:
            self._tell(min(self._done, self._total), self._total)

    def run(self) -> list[Metadata]:
        self._archive.check(self._each)
        objects = self._archive.objects
        if self._single is not None and len(objects) != 1:
            raise UnsupportedOptionError(
                f"{str(self._archive.path)!r} holds {len(objects)} objects, and a store imports "
                "one at a time. Import them all with om.import_(path)."
            )
        todo = [(*self._destination(entry), entry, versions) for entry, versions in objects]
        for arrivals, name, _, versions in todo:
            self._check_room(arrivals, name)
            for contents in versions:
                self._check_possible(arrivals, contents)
        return [self._object(*one) for one in todo]

    def _destination(self, entry: Document) -> tuple[Arrivals, str]:
        if self._single is not None:
            arrivals, name = self._single
            return arrivals, check_name(entry["name"] if name is None else name)
        return self._stores[entry["store"]], check_name(entry["name"])

    def _check_room(self, arrivals: Arrivals, name: str) -> None:
        if not self._replace and arrivals.catalog.look(name) is not None:
            raise ConflictError(
                f"import of {str(self._archive.path)!r}: there is {arrivals.payloads.key(name)} "
                "already. Nothing was imported. With replace=True, the imported one becomes the "
                "current version."
            )

    def _check_possible(self, arrivals: Arrivals, contents: ArchivedContents) -> None:
        document = contents.document
        locations = arrivals.collaborators.locations
        if contents.form == form.READABLE:
            spec = arrivals.operations.router.spec(document["kind"], writer=document.get("plugin"))
            cls = arrivals.operations.router.adapter(spec).cls
            if cls.import_payload is BaseDataBackend.import_payload:
                raise ArchiveError(
                    f"{contents.key}, of kind {spec.kind!r}, was exported by a plugin that this "
                    f"{spec.plugin} {spec.version} does not read. Nothing was imported. Upgrade it."
                )
            return
        if document.get("uri") is not None and not contents.uris():
            locations.check(document["uri"])  # a reference stays one
        for part in contents.uris():
            if self._uri is None:
                locations.check(part.uri)
            else:
                locations.resolve(self._uri, key="x")

    def _object(
        self, arrivals: Arrivals, name: str, entry: Document, versions: list[ArchivedContents]
    ) -> Metadata:
        saved: Metadata | None = None
        numbers: dict[int, int | None] = {}
        for contents in versions:
            conditions: Document = {
                "at_least": len(versions),
                "version": contents.document["version"],
            }
            if not self._replace:
                # Whoever was faster is not replaced, also between two versions.
                conditions["if_rev"] = 0 if saved is None else saved.rev
            saved = self._version(arrivals, name, contents, conditions)
            numbers[contents.document["version"]] = saved.version
        assert saved is not None, "an object has at least one version"
        current = numbers.get(entry.get("current", 0))
        if current is not None and current != saved.version:
            saved = arrivals.catalog.restore(name, current)
        return arrivals.name(name, saved, entry.get("aliases", {}), numbers)

    def _version(
        self, arrivals: Arrivals, name: str, contents: ArchivedContents, conditions: Document
    ) -> Metadata:
        if contents.form == form.READABLE:
            document = contents.document

            def read(backend: BaseDataBackend) -> Metadata:
                attributes = Metadata.from_document(document, arrivals.payloads).attributes
                kind_meta = dict(document.get("kind_meta", {}))
                return backend.import_payload(name, contents.open, kind_meta, attributes)

            saved = arrivals.receive_readable(document, name, read, **conditions)
            for member in contents.members:
                self._each(member["size"])
            return saved
        contents.load_inline()
        place = None if self._uri is None else self._placed
        return arrivals.receive(contents, name, self._each, place=place, **conditions)

    def _placed(self, renaming: Renaming, uri: str) -> str:
        assert self._uri is not None
        key = generation_key(renaming.target.name, renaming.new_gen)
        suffix = PurePosixPath(uri).suffix
        arrivals = next(iter(self._stores.values()))
        return arrivals.collaborators.locations.resolve(self._uri, key=f"{key}{suffix}")
