"""An object under another name, in another store or on another server: as the bytes that it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, BinaryIO

from pymongo.errors import AutoReconnect

from ..errors import (
    ConflictError,
    OmegaError,
    ServerError,
    StaleReadError,
    UnsupportedOptionError,
)
from ..mongo.database import answering
from ..protocol.document import check, check_field
from ..protocol.files import DamagedError
from ..protocol.metadata import Metadata
from ..protocol.naming import check_name
from ..protocol.reading import UNSEEN, numbered, read, versions_of
from .arrivals import Arrivals
from .contents import StoredContents
from .placement import UnboundError

Document = dict[str, Any]
Versions = str | Sequence[int | str] | None
Tell = Callable[[float, float | None], object]

_ATTEMPTS = 5
_WITH_VERSIONS = {field: 0 for field in UNSEEN if field != "versions"}


class Copying:
    """Reads the versions of one store's objects, and lets them arrive elsewhere."""

    def __init__(self, source: Arrivals) -> None:
        self.here = source
        self._payloads = source.payloads
        self._catalog = source.catalog

    # --- copy and move -----------------------------------------------------------------------

    def copy(
        self,
        name: str,
        there: Arrivals,
        to: str,
        *,
        versions: Versions = None,
        if_rev: int | None = None,
        tell: Tell | None = None,
    ) -> Metadata:
        """Copy the chosen versions, the oldest first; return the metadata of the last."""
        return self._copy(name, there, to, versions, if_rev, tell)[0]

    def move(
        self,
        name: str,
        there: Arrivals,
        to: str,
        *,
        versions: Versions = "all",
        if_rev: int | None = None,
        tell: Tell | None = None,
    ) -> Metadata:
        """Copy, and drop what was copied, if nobody changed it meanwhile."""
        saved, rev = self._copy(name, there, to, versions, if_rev, tell)
        key = self._payloads.key(name)
        live = self._catalog.look(name)
        if live is None or live.rev != rev or not self._drop(name, live, rev):
            raise ConflictError(
                f"{key} was changed or dropped while it was moved. Nothing is lost: it is what "
                f"somebody made of it, and what it was before is {saved!r}. Move it again, or drop "
                "one of the two."
            )
        return saved

    def _drop(self, name: str, live: Metadata, rev: int) -> bool:
        return self.here.operations.drop(name, live, if_rev=rev)

    def _copy(
        self,
        name: str,
        there: Arrivals,
        to: str,
        versions: Versions,
        if_rev: int | None,
        tell: Tell | None,
    ) -> tuple[Metadata, int]:
        check_name(name)
        check_name(to)
        source, target = self._payloads.key(name), there.payloads.key(to)
        if source == target and _is_same(self.here, there):
            raise UnsupportedOptionError(
                f"copy of {source}: it would be copied onto itself. Give it another name, store, "
                f"bucket or Omega; restore({name!r}, version) makes a version the current one."
            )
        chosen, current = self.chosen(name, versions)
        total = 0 if tell is None else sum(self.contents(one).size() for one in chosen)
        done = 0

        def each(size: int) -> None:
            nonlocal done
            done += size
            if tell is not None:
                tell(done, max(total, done) if total else None)

        saved: Metadata | None = None
        restored: int | None = None
        numbers: dict[int, int | None] = {}
        for document in chosen:
            saved = self._copied(
                document, there, to, each, if_rev, len(chosen), numbered=versions is not None
            )
            if if_rev is not None:
                if_rev = saved.rev
            if document["gen"] == current["gen"]:
                restored = saved.version
            numbers[document["version"]] = saved.version
        assert saved is not None, "at least one version is chosen"
        if restored is not None and restored != saved.version:
            saved = there.catalog.restore(to, restored)
        if versions is not None:
            saved = there.name(to, saved, aliases_of(current), numbers)
        return saved, current["rev"]

    def _copied(
        self,
        document: Document,
        there: Arrivals,
        to: str,
        each: Callable[[int], None],
        if_rev: int | None,
        count: int,
        *,
        numbered: bool,
    ) -> Metadata:
        name: str = document["name"]
        for attempt in range(1, _ATTEMPTS + 1):
            meta = Metadata.from_document(document, self._payloads)
            if (document.get("res") or {}).get("backend"):
                return self._by_get_and_put(meta, there, to, if_rev)
            try:
                return there.receive(
                    self.contents(document),
                    to,
                    each,
                    if_rev=if_rev,
                    at_least=count,
                    version=document["version"] if numbered else None,
                    check=partial(self._check_kept, meta),
                )
            except UnboundError:
                return self._by_get_and_put(meta, there, to, if_rev)
            except (AutoReconnect, ServerError, ConflictError):
                raise
            except Exception as exc:
                # Either it is damaged, or was replaced and collected, or compacted, meanwhile.
                if self._catalog.is_kept(meta):
                    if isinstance(exc, DamagedError):
                        raise self._payloads.damage(meta, str(exc)) from exc
                    raise
                document = self.again(name, document["version"] if numbered else None, exc)
                if attempt == _ATTEMPTS:
                    raise stale(meta) from exc
        raise AssertionError("unreachable")

    def again(self, name: str, version: int | None, error: Exception) -> Document:
        """Return the document of what was replaced, or compacted, while it was read."""
        found = read(self._payloads.database, self._payloads.key(name), version)
        if found is None:
            raise self._catalog.not_found(name, version) from error
        return found

    def _check_kept(self, meta: Metadata) -> None:
        if not self._catalog.is_kept(meta):
            raise stale(meta)

    def _by_get_and_put(
        self, meta: Metadata, there: Arrivals, to: str, if_rev: int | None
    ) -> Metadata:
        """Copy what its backend alone can read and write."""
        try:
            obj = self.here.store.get(meta.name, version=meta.version)
            saved = there.store.put(
                obj, to, kind=meta.kind, attributes=meta.attributes, if_rev=if_rev
            )
        except OmegaError as exc:
            exc.add_note(
                f"{meta!r} is kept by its backend, so that a copy of it is got and put: both need "
                "the plugin that wrote it."
            )
            raise
        if saved.attributes != meta.attributes:
            # Those of what was replaced were updated, as a put does.
            saved.attributes = dict(meta.attributes)
            saved.save()
        return saved

    # --- reading -----------------------------------------------------------------------------

    def chosen(self, name: str, versions: Versions) -> tuple[list[Document], Document]:
        """Return the documents of the chosen versions, by their numbers; and the current one.

        Parameters
        ----------
        versions
            None: the current one; ``"all"``; or a list of those that `versions` lists.
        """
        key = self._payloads.key(name)
        with answering(self._payloads.database):
            document = self._payloads.database.metadata.find_one(
                key.filter(gen={"$exists": True}),
                dict.fromkeys(("pending", "retired", "tasks", "held", "pins"), 0),
            )
        if document is None:
            raise self._catalog.not_found(name)
        own = {field: value for field, value in document.items() if field != "versions"}
        if versions is None:
            return [own], own
        every = sorted([*versions_of(document), own], key=lambda kept: kept["version"])
        if versions == "all":
            return every, own
        if isinstance(versions, str) or not isinstance(versions, Sequence) or not versions:
            raise UnsupportedOptionError(
                f"copy of {key}: versions= takes None for the current one, 'all', or a list of "
                f"versions, not {versions!r}."
            )
        wanted: list[Document] = []
        by_number = {kept["version"]: kept for kept in every}
        listed: list[Any] = list(dict.fromkeys(versions))
        for version in listed:
            number = numbered(document, version)
            if number not in by_number:
                raise self._catalog.not_found(name, version)
            if by_number[number] not in wanted:
                wanted.append(by_number[number])
        return sorted(wanted, key=lambda found: found["version"]), own

    def contents(self, document: Document) -> StoredContents:
        """Return what a version consists of, after a look at its document."""
        check(document)
        payloads = self._payloads
        meta = Metadata.from_document(document, payloads)

        def open_uri(uri: str) -> BinaryIO:
            if uri == meta.uri:
                return payloads.open_file(meta)
            return payloads.locations.open(uri)

        return StoredContents(payloads.database, payloads.locations, document, open_uri)


def aliases_of(document: Document) -> dict[str, int]:
    """Return which version each alias of an object names."""
    check_field(document, "aliases")
    return {alias: entry["version"] for alias, entry in document.get("aliases", {}).items()}


def stale(meta: Metadata) -> StaleReadError:
    """Return the error for an object that somebody replaces all the time."""
    return StaleReadError(
        f"{meta!r} was replaced, and collected, while it was read. Repeat it, or raise "
        "[stores] grace for slow readers."
    )


def _is_same(one: Arrivals, other: Arrivals) -> bool:
    """Return whether two stores are of one database: where that is unknown, they are not."""
    mine, theirs = one.payloads.database, other.payloads.database
    if mine is theirs:
        return True
    return _address(mine) == _address(theirs)


def _address(database: Any) -> tuple[Any, str]:
    return database.client.address, database.mongodb.name
