"""What is there in a store, and how it goes: names, versions, drop, restore, gc."""

from __future__ import annotations

import builtins
import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .errors import ConflictError, ObjectNotFoundError
from .mongo.database import answering
from .mongo.persist import persist
from .near_names import whereabouts
from .payloads import Payloads
from .protocol import pipelines
from .protocol.collect import Collected, Collector
from .protocol.document import explained
from .protocol.metadata import Metadata
from .protocol.naming import check_name
from .protocol.reading import read, versions_of
from .protocol.scope import Scope, current_scope, entered

DATA, MODELS, JOBS = "data/", "models/", "jobs/"

SECTION = {DATA: "datasets", MODELS: "models", JOBS: "jobs"}
"""The attribute of an `Omega`, and the key of the configuration, for each prefix."""

_LISTED = {"pending": 0, "retired": 0, "versions": 0, "inline": 0}


class Catalog(Payloads):
    """The objects of a store by name: everything that is done with them but put and get."""

    _inner = frozenset({"discard", "retire"})

    # --- what is there -----------------------------------------------------------------------

    def exists(self, name: str) -> bool:
        """Return whether there is an object of this name, hidden or not."""
        return self._look(check_name(name)) is not None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(name) and self.exists(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

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
        return [Metadata.listed(d, self) if raw else d["name"] for d in found]

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
        every = [Metadata.listed(d, self) for d in (*versions_of(document), document)]
        return sorted(every, key=lambda meta: meta.version or 0)

    # --- drop, restore, collect --------------------------------------------------------------

    def drop(self, name: str, *, missing_ok: bool = False) -> bool:
        """Remove an object and its versions; return whether there was one.

        Slow readers keep what they read for the grace; then the collector frees it.

        Raises
        ------
        ObjectNotFoundError
            There is none, unless ``missing_ok``.
        """
        meta = self._look(check_name(name))
        if meta is None:
            if missing_ok:
                return False
            raise self.not_found(name)
        known = explained(self.database, self.key(name))
        scope = Scope("drop", self, name, self.prefix, meta)
        with answering(self.database), known, entered(scope):
            return bool(
                self.omega.router.call("drop", None, store=self, meta=meta, name=name, options={})
            )

    def retire(self, name: str) -> bool:
        """Make the name point at nothing; what it pointed at is left to the collector."""
        attempts = 0

        def drop() -> bool:
            nonlocal attempts
            attempts += 1
            result = self.database.metadata.update_one(
                self.key(name).filter(gen={"$exists": True}), pipelines.drop()
            )
            # Nothing there at a second attempt: it was the first that dropped it, most likely.
            return bool(result.matched_count) or attempts > 1

        return persist(self.database, drop)

    def discard(self, name: str) -> None:
        """Drop a temporary object, if it is there, and free it at once: nobody else reads it."""
        self.drop(name, missing_ok=True)
        with answering(self.database):
            Collector(self.omega.freer).run(self.key(name).filter(), 0.0)

    def restore(self, name: str, version: int) -> Metadata:
        """Make a kept version the current one; what was current becomes a version.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        """
        chosen = self._existing(name, version)
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
        restored = self._existing(name)
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
        grace = self.config.stores.grace if grace is None else grace
        with answering(self.database):
            return Collector(self.omega.freer).run(within, grace, dry_run=dry_run)

    # --- their parts -------------------------------------------------------------------------

    def _read(self, name: str, version: int | None = None) -> Metadata | None:
        # A scope of the same name may be around, as in a wrapper of put: this asks the server.
        with answering(self.database), _outside():
            return self.metadata(name, version=version)

    def _look(self, name: str, version: int | None = None) -> Metadata | None:
        """Return what `_read` does, and of what is damaged that it is there."""
        with answering(self.database):
            document = read(self.database, self.key(check_name(name)), version)
        return None if document is None else Metadata.listed(document, self)

    def _is_kept(self, meta: Metadata) -> bool:
        """Return whether the payload is still live or a version, so that nobody has freed it."""
        now = self._look(meta.name, meta.version)
        if now is None or now.gen != meta.gen:
            return False
        # A compaction replaces batches of a generation. An append adds behind, and harms no reader.
        batches = meta.kind_meta.get("batches", [])
        return bool(now.kind_meta.get("batches", [])[: len(batches)] == batches)

    def _existing(self, name: str, version: int | None = None) -> Metadata:
        meta = self._read(check_name(name), version)
        if meta is None:
            raise self.not_found(name, version)
        return meta

    def not_found(self, name: str, version: int | None = None) -> ObjectNotFoundError:
        """Return the error that names store, bucket and name, and where it is, or near names."""
        where = f"the {SECTION[self.prefix]} of bucket {self.bucket!r}"
        if version is not None and self._look(name) is not None:
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


@contextmanager
def _outside() -> Iterator[None]:
    """Look at the store as if no operation were under way."""
    scope = current_scope()
    if scope is None:
        yield
        return
    with entered(Scope("look", scope.store, scope.name, scope.home)):
        yield
