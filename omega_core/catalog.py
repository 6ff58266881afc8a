"""What is there under a name: its versions, and where it points."""

from __future__ import annotations

from typing import Any

from pymongo import ReturnDocument

from .errors import ConflictError, ObjectNotFoundError, suggestion
from .former_names import former_syntax, former_version
from .mongo.database import answering
from .mongo.persist import persist
from .near_names import whereabouts
from .payloads import Payloads
from .protocol import aliases, pipelines
from .protocol.aliases import Alias, check_alias
from .protocol.collect import Collected, Collector
from .protocol.document import check_field, explained
from .protocol.listed import Listed
from .protocol.metadata import Metadata
from .protocol.naming import SECTION, Key, check_name
from .protocol.reading import find_version, read, read_generation, versions_of
from .protocol.resources import Freer


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

    def versions(self, name: str) -> list[Metadata]:
        """Return the metadata of every version that stays, the oldest first.

        ``is_current`` tells which one `get` returns, ``aliases`` by which words each is known, and
        ``damage`` which cannot be read.
        """
        with answering(self.database):
            document = self.database.metadata.find_one(
                self.key(check_name(name)).filter(gen={"$exists": True}),
                {"pending": 0, "retired": 0, "held": 0, "pins": 0},
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

    def restore(self, name: str, version: int | str) -> Metadata:
        """Make a kept version the current one; what was current becomes a version.

        Parameters
        ----------
        version
            Its number, or an alias.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        """
        chosen = self.existing(name, version)
        number = chosen.version
        if not chosen.is_current and number is not None:
            kept = {"versions": {"$elemMatch": {"gen": chosen.gen}}}
            condition = self.key(name).filter(gen={"$exists": True}, **kept)
            with answering(self.database), explained(self.database, self.key(name)):
                persist(
                    self.database,
                    lambda: self.database.metadata.update_one(condition, pipelines.restore(number)),
                )
        restored = self.existing(name)
        if restored.gen != chosen.gen:
            raise ConflictError(
                f"{self.key(name)} was put anew while version {version} was restored: its current "
                f"version is {restored.version}. Look at versions({name!r}), and repeat."
            )
        return restored

    # --- names of versions --------------------------------------------------------------------

    def alias(self, name: str, alias: str, version: int | str | None = None) -> Metadata:
        """Name a version by a word, wherever a version is asked for: ``version="champion"``.

        The version stays as long as an alias names it, however many are put after it. An alias
        that there is already moves, in one step.

        Parameters
        ----------
        alias
            A letter or ``_``, then letters, digits, ``_`` and ``-``; at most 64 characters.
        version
            A number, or another alias; by default the current version.

        Returns
        -------
        Metadata
            Of the version.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        InvalidNameError
            This word cannot be an alias.
        """
        check_alias(alias)
        key = self.key(check_name(name))
        condition = key.filter(gen={"$exists": True})
        chosen: Any = "$version"
        if version is not None:
            meta = self.existing(name, version)
            chosen = meta.version
            kept = [{"version": chosen}, {"versions": {"$elemMatch": {"version": chosen}}}]
            condition |= {"$or": kept}
        document = self._pointed(key, condition, aliases.point(alias, chosen))
        if document is None:
            # Dropped, or retired by a put, since it was looked at.
            raise self.not_found(name, version)
        found = find_version(document, alias)
        assert found is not None
        return Metadata.from_document(found, self._payloads)

    def unalias(self, name: str, alias: str, *, missing_ok: bool = False) -> bool:
        """Take a word from the version that it names; return whether it named one.

        The version itself stays until a later put retires it, as any other.

        Raises
        ------
        ObjectNotFoundError
            There is no such object; or no such alias, unless ``missing_ok``.
        """
        key = self.key(check_name(name))
        known = self.aliases(name)
        if check_alias(alias) not in known:
            if missing_ok:
                return False
            raise self.not_found(name, alias)
        self._pointed(key, key.filter(gen={"$exists": True}), aliases.remove(alias))
        return True

    def aliases(self, name: str) -> dict[str, Alias]:
        """Return the aliases of an object, sorted: which version each names, since when, by whom.

        Raises
        ------
        ObjectNotFoundError
            There is no such object.
        """
        key = self.key(check_name(name))
        fields = dict.fromkeys(("bucket", "prefix", "name", "version", "aliases"), 1)
        with answering(self.database):
            document = self.database.metadata.find_one(key.filter(gen={"$exists": True}), fields)
        if document is None:
            raise self.not_found(name)
        check_field(document, "aliases")
        return aliases.from_document(document)

    def _pointed(
        self, key: Key, condition: dict[str, Any], update: pipelines.Pipeline
    ) -> dict[str, Any] | None:
        with answering(self.database), explained(self.database, key):
            document: dict[str, Any] | None = persist(
                self.database,
                lambda: self.database.metadata.find_one_and_update(
                    condition,
                    update,
                    projection={"pending": 0, "retired": 0, "tasks": 0, "held": 0, "pins": 0},
                    return_document=ReturnDocument.AFTER,
                ),
            )
        return document

    def _no_alias(self, name: str, alias: str, where: str) -> ObjectNotFoundError:
        known = self.aliases(name)
        listed = ", ".join(f"{word!r} (version {known[word].version})" for word in known)
        hint = f" A version is asked for by its number: version={alias}." if alias.isdigit() else ""
        return ObjectNotFoundError(
            f"No alias {alias!r} of {name!r} in {where}.{suggestion(alias, known)}{hint} "
            f"Aliases: {listed or 'none'}."
        )

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

    def read(self, name: str, version: int | str | None = None) -> Metadata | None:
        """Return the metadata of what is stored, or None."""
        return self._payloads.stored(check_name(name), version)

    def look(self, name: str, version: int | str | None = None) -> Metadata | None:
        """Return what `read` does, and of what is damaged that it is there."""
        document = read(self.database, self.key(check_name(name)), version)
        return None if document is None else Metadata.listed(document, self._payloads)

    def existing(self, name: str, version: int | str | None = None) -> Metadata:
        """Return what `read` does, or raise `ObjectNotFoundError`."""
        meta = self.read(name, version)
        if meta is None:
            raise self.not_found(name, version)
        return meta

    def is_kept(self, meta: Metadata) -> bool:
        """Return whether the payload is still live, kept or held, so that nobody has freed it."""
        key = self.key(check_name(meta.name))
        document = None if meta.gen is None else read_generation(self.database, key, meta.gen)
        if document is None:
            return False
        now = Metadata.listed(document, self._payloads)
        # A compaction replaces batches of a generation. An append adds behind, and harms no reader.
        batches = meta.kind_meta.get("batches", [])
        return bool(now.kind_meta.get("batches", [])[: len(batches)] == batches)

    def not_found(self, name: str, version: int | str | None = None) -> ObjectNotFoundError:
        """Return the error that names store, bucket and name, and where it is, or near names."""
        where = f"the {SECTION[self.prefix]} of bucket {self.bucket!r}"
        if isinstance(version, str) and self.look(name) is not None:
            return self._no_alias(name, version, where)
        if version is not None and self.look(name) is not None:
            kept = ", ".join(str(meta.version) for meta in self.versions(name))
            return ObjectNotFoundError(
                f"No version {version!r} of {name!r} in {where}. Versions: {kept}."
                f"{former_version(version, name)}"
            )
        others = [prefix for prefix in SECTION if prefix != self.prefix]
        with answering(self.database):
            found, hint = whereabouts(
                self.database.metadata, self.bucket, self.prefix, others, name
            )
        if found:
            stores = sorted(SECTION[prefix] for prefix in found)
            hint = f" There is one in the {' and the '.join(stores)}: om.{stores[0]}.get({name!r})."
        hint += former_syntax(name)
        return ObjectNotFoundError(f"No object {name!r} in {where}.{hint} list() shows what is.")
