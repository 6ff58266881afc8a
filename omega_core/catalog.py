"""What is there in a store: names, versions, and where a name points."""

from __future__ import annotations

import builtins
import fnmatch
import re
from collections.abc import Callable, Iterable
from typing import Any

from .errors import ConflictError, ObjectNotFoundError
from .mongo.database import answering
from .mongo.persist import persist
from .near_names import whereabouts
from .payloads import Payloads
from .protocol import pipelines
from .protocol.collect import Collected, Collector
from .protocol.document import explained
from .protocol.listed import Listed
from .protocol.metadata import Metadata
from .protocol.naming import SECTION, check_name
from .protocol.reading import read, versions_of
from .protocol.resources import Freer

_LISTED = {"pending": 0, "retired": 0, "versions": 0, "inline": 0}


class Catalog:
    """The objects of one store by name: what is there, and where a name points.

    Whatever is being put or got around it, this looks at what is live.
    """

    def __init__(self, payloads: Payloads, freer: Freer, grace: float) -> None:
        self._payloads = payloads
        self._freer = freer
        self._grace = grace
        self.database = payloads.database
        self.bucket = payloads.bucket
        self.prefix = payloads.prefix
        self.key = payloads.key

    # --- what is there -----------------------------------------------------------------------

    def exists(self, name: str) -> bool:
        """Return whether there is an object of this name, hidden or not."""
        return self.look(name) is not None

    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | Iterable[str] | None = None,
        hidden: bool = False,
        raw: bool = False,
    ) -> list[Any]:
        """Return the names of objects, sorted; one query.

        Parameters
        ----------
        pattern
            A shell glob that the whole name matches: ``*``, ``?``, ``[...]``. A slash is a
            character like any other.
        regexp
            A regular expression to be found somewhere in the name.
        kind
            A kind, or several.
        hidden
            Include names that begin with ``.``; a pattern that begins with ``.`` does as well.
        raw
            Return `Metadata` instead of names. Of a document that something else edited, such
            that it cannot be read, it has ``damage``, and little else.
        """
        query: dict[str, Any] = {"gen": {"$exists": True}}
        if kind is not None:
            query["kind"] = {"$in": [kind] if isinstance(kind, str) else [*kind]}
        matches: list[Callable[[str], Any]] = []
        if pattern is not None:
            # The server narrows down by what comes before the first wildcard, along the index.
            literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
            if literal:
                query["name"] = {"$gte": literal, "$lt": literal + "\U0010ffff"}
            matches.append(re.compile(fnmatch.translate(pattern)).match)
            hidden = hidden or pattern.startswith(".")
        if regexp is not None:
            matches.append(re.compile(regexp).search)
        projection = _LISTED if raw else {"name": 1, "_id": 0}
        with answering(self.database):
            documents = list(
                self.database.metadata.find(
                    {"bucket": self.bucket, "prefix": self.prefix, **query}, projection
                )
            )
        found = sorted(
            (
                document
                for document in documents
                # What is no text names no object, and can be neither asked for nor dropped.
                if isinstance(name := document.get("name"), str)
                and all(match(name) for match in matches)
            ),
            key=lambda document: str(document["name"]),
        )
        if not hidden:
            found = [d for d in found if not d["name"].startswith(".")]
        return [Metadata.listed(d, self._payloads) if raw else d["name"] for d in found]

    def versions(self, name: str) -> builtins.list[Metadata]:
        """Return the metadata of every version that stays, the oldest first.

        ``is_current`` tells which one `get` returns, and ``damage`` which cannot be read.
        """
        with answering(self.database):
            document = self.database.metadata.find_one(
                self.key(check_name(name)).filter(gen={"$exists": True}),
                {"pending": 0, "retired": 0},
            )
        if document is None:
            raise self.not_found(name)
        every = [Metadata.listed(d, self._payloads) for d in (*versions_of(document), document)]
        return Listed(sorted(every, key=lambda meta: meta.version or 0))

    # --- where a name points ------------------------------------------------------------------

    def retire(self, name: str, *, if_rev: int | None = None) -> bool:
        """Make the name point at nothing; what it pointed at is left to the collector.

        Parameters
        ----------
        if_rev
            Only if the object still has this revision.
        """
        attempts = 0
        still = {} if if_rev is None else {"rev": if_rev}

        def drop() -> bool:
            nonlocal attempts
            attempts += 1
            result = self.database.metadata.update_one(
                self.key(name).filter(gen={"$exists": True}, **still), pipelines.drop()
            )
            # Nothing there at a second attempt: it was the first that dropped it, most likely.
            return bool(result.matched_count) or attempts > 1

        return persist(self.database, drop)

    def free(self, name: str) -> None:
        """Free at once what a name does not point at any more, versions included."""
        with answering(self.database):
            Collector(self._freer).run(self.key(name).filter(), 0.0)

    def restore(self, name: str, version: int) -> Metadata:
        """Make a kept version the current one; what was current becomes a version.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        """
        chosen = self.existing(name, version)
        if not chosen.is_current:
            kept = {"versions": {"$elemMatch": {"gen": chosen.gen}}}
            condition = self.key(name).filter(gen={"$exists": True}, **kept)
            with answering(self.database), explained(self.database, self.key(name)):
                persist(
                    self.database,
                    lambda: self.database.metadata.update_one(
                        condition, pipelines.restore(version)
                    ),
                )
        restored = self.existing(name)
        if restored.gen != chosen.gen:
            raise ConflictError(
                f"{self.key(name)} was put anew while version {version} was restored: its current "
                f"version is {restored.version}. Look at versions({name!r}), and repeat."
            )
        return restored

    def gc(self, grace: float | None = None, *, dry_run: bool = False) -> Collected:
        """Free what was retired longer ago than the grace, and what crashed writers left.

        Parameters
        ----------
        grace
            Seconds; default ``[stores] grace``. With 0, everything that is retired goes now.
        dry_run
            Count, and change nothing.
        """
        within = {"bucket": self.bucket, "prefix": self.prefix}
        grace = self._grace if grace is None else grace
        with answering(self.database):
            return Collector(self._freer).run(within, grace, dry_run=dry_run)

    # --- what the store asks -----------------------------------------------------------------

    def read(self, name: str, version: int | None = None) -> Metadata | None:
        """Return the metadata of what is stored, or None."""
        return self._payloads.stored(check_name(name), version)

    def look(self, name: str, version: int | None = None) -> Metadata | None:
        """Return what `read` does, and of what is damaged that it is there."""
        document = read(self.database, self.key(check_name(name)), version)
        return None if document is None else Metadata.listed(document, self._payloads)

    def existing(self, name: str, version: int | None = None) -> Metadata:
        """Return what `read` does, or raise `ObjectNotFoundError`."""
        meta = self.read(name, version)
        if meta is None:
            raise self.not_found(name, version)
        return meta

    def is_kept(self, meta: Metadata) -> bool:
        """Return whether the payload is still live or a version, so that nobody has freed it."""
        now = self.look(meta.name, meta.version)
        if now is None or now.gen != meta.gen:
            return False
        # A compaction replaces batches of a generation. An append adds behind, and harms no reader.
        batches = meta.kind_meta.get("batches", [])
        return bool(now.kind_meta.get("batches", [])[: len(batches)] == batches)

    def not_found(self, name: str, version: int | None = None) -> ObjectNotFoundError:
        """Return the error that names store, bucket and name, and where it is, or near names."""
        where = f"the {SECTION[self.prefix]} of bucket {self.bucket!r}"
        if version is not None and self.look(name) is not None:
            kept = ", ".join(str(meta.version) for meta in self.versions(name))
            return ObjectNotFoundError(
                f"No version {version!r} of {name!r} in {where}. Versions: {kept}."
            )
        others = [prefix for prefix in SECTION if prefix != self.prefix]
        with answering(self.database):
            found, hint = whereabouts(
                self.database.metadata, self.bucket, self.prefix, others, name
            )
        if found:
            stores = sorted(SECTION[prefix] for prefix in found)
            hint = f" There is one in the {' and the '.join(stores)}: om.{stores[0]}.get({name!r})."
        return ObjectNotFoundError(f"No object {name!r} in {where}.{hint} list() shows what is.")
