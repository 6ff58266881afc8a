"""Datasets, models and jobs of a database of omega|ml 0.18, put into the stores of an `Omega`.

What is imported says where it comes from, in its attribute ``omegaml``: so a second run finds what
the first one did, and goes on where it was killed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ..errors import ConflictError, OmegaError, PluginError, UntrustedFormatError
from ..omega import Omega
from ..progress import Wanted, told
from ..protocol.metadata import Metadata
from ..protocol.naming import SECTION
from ..store import OmegaStore
from .readings import LeftOutError, Reading, reading
from .report import Outcome, Report
from .source import DEFAULT_BUCKET, Entry, Source, is_version

_MARK = "omegaml"
_ALIAS = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ALIAS = 64


def import_database(
    om: Omega,
    url: str,
    *,
    buckets: Mapping[str, str | None] | Sequence[str] | None = None,
    only: str | Sequence[str] | None = None,
    kind: str | Sequence[str] | None = None,
    dry_run: bool = False,
    skip_existing: bool = False,
    replace: bool = False,
    attributes: bool = True,
    progress: Wanted = None,
) -> Report:
    """Import what a database of omega|ml 0.18 holds, and return what became of each object.

    The database is only read. omega|ml need not be installed. Names stay what they are. An object
    is put as a whole or not at all; an error of one does not end the others. What was imported
    before and has not changed there is left alone, and of a model that has new versions there,
    those are put.

    Parameters
    ----------
    om
        Where it goes to: the default bucket of omega|ml to the bucket of this `Omega`, others to
        buckets of the same names.
    url
        ``mongodb://user:password@host/database``, as its ``OMEGA_MONGO_URL`` says.
    buckets
        Only these, or a mapping of theirs to ours. ``"default"`` is the default one of each.
    only
        Shell globs of names. Hidden names, which begin with a dot or ``_``, are taken where a glob
        begins so.
    kind
        Shell globs of kinds of omega|ml: ``"pandas.*"``.
    dry_run
        Find out what would happen, and put nothing.
    skip_existing
        Leave alone what has a name that is taken here. Otherwise it counts as failed.
    replace
        Put on top of what is there, which becomes a version.
    attributes
        Whether the users' attributes come along.
    progress
        As in `OmegaStore.put`, in objects.

    Raises
    ------
    ServerError, StoreError
        The database cannot be read, or is none of omega|ml.
    ConflictError
        Both ``skip_existing`` and ``replace``.

    Examples
    --------
    >>> report = import_database(om, url, only="sales*")                  # doctest: +SKIP
    >>> [o.name for o in report.objects if not o.is_here]                 # doctest: +SKIP
    """
    if skip_existing and replace:
        raise ConflictError("skip_existing= and replace= exclude each other: give one of them.")
    chosen = _Choice(_mapped(buckets, om.bucket), _globs(only), _globs(kind), om.bucket)
    with Source(url) as source:
        entries = source.entries()
        wanted = [entry for entry in entries if chosen(entry)]
        taken = [entry for entry in wanted if chosen.is_shown(entry)]
        hidden = sum(not is_version(entry) for entry in wanted) - len(taken)
        report = Report(source.described, hidden=hidden, dry_run=dry_run)
        work = _Import(
            om,
            source,
            chosen,
            {(entry.bucket, entry.prefix, entry.name): entry for entry in entries},
            dry_run=dry_run,
            skip_existing=skip_existing,
            replace=replace,
            attributes=attributes,
        )
        with told("import-omegaml", progress, om.config.ui.progress) as tell:
            for done, entry in enumerate(taken):
                if tell is not None:
                    tell(done, len(taken), "objects")
                report.objects.append(work.outcome(entry))
    return report


# --- which ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Choice:
    """Which objects are asked for, and to which bucket they go.

    Attributes
    ----------
    default
        The bucket here that takes their default one.
    """

    buckets: Mapping[str, str] | None
    only: tuple[str, ...]
    kinds: tuple[str, ...]
    default: str

    def __call__(self, entry: Entry) -> bool:
        return (
            (self.buckets is None or entry.bucket in self.buckets)
            and (not self.only or any(fnmatchcase(entry.name, glob) for glob in self.only))
            and (not self.kinds or any(fnmatchcase(entry.kind, glob) for glob in self.kinds))
        )

    def is_shown(self, entry: Entry) -> bool:
        """Whether it is taken for itself: it is not hidden, or a glob that begins so names it."""
        if is_version(entry):
            return False
        return not entry.hidden or any(
            glob[0] == entry.name[0] and fnmatchcase(entry.name, glob) for glob in self.only
        )

    def bucket(self, entry: Entry) -> str:
        if self.buckets is not None:
            return self.buckets[entry.bucket]
        return self.default if entry.bucket == DEFAULT_BUCKET else entry.bucket


def _mapped(
    buckets: Mapping[str, str | None] | Sequence[str] | None, default: str
) -> dict[str, str] | None:
    if buckets is None:
        return None
    pairs = buckets if isinstance(buckets, Mapping) else dict.fromkeys(_globs(buckets))
    mapped = {}
    for theirs, ours in pairs.items():
        is_default = theirs in ("default", DEFAULT_BUCKET)
        mapped[DEFAULT_BUCKET if is_default else theirs] = ours or (
            default if is_default else theirs
        )
    return mapped


def _globs(given: str | Sequence[str] | None) -> tuple[str, ...]:
    found = (given,) if isinstance(given, str) else tuple(given or ())
    return tuple(glob for glob in found if glob)


# --- one after the other -------------------------------------------------------------------------


class _Import:
    def __init__(
        self,
        om: Omega,
        source: Source,
        choice: _Choice,
        entries: Mapping[tuple[str, str, str], Entry],
        *,
        dry_run: bool,
        skip_existing: bool,
        replace: bool,
        attributes: bool,
    ) -> None:
        self._om = om
        self._source = source
        self._choice = choice
        self._entries = entries
        self._dry_run = dry_run
        self._skip_existing = skip_existing
        self._replace = replace
        self._attributes = attributes

    def outcome(self, entry: Entry) -> Outcome:
        """Import one object, and return what became of it; it raises nothing that is its fault."""
        bucket = self._choice.bucket(entry)
        store = SECTION.get(entry.prefix)
        told = Outcome(
            bucket, store or entry.prefix.rstrip("/"), entry.name, entry.bucket, entry.kind
        )
        try:
            if store is None:
                raise LeftOutError(_no_store(entry))
            self._import(entry, getattr(self._om[bucket], store), told)
        except (LeftOutError, PluginError, UntrustedFormatError) as error:
            told.status, told.reason = "left out", _reason(error)
        except Exception as error:
            # Whatever is wrong with one object, the others are imported.
            told.status, told.reason = "failed", _reason(error)
        return told

    def _import(self, entry: Entry, store: OmegaStore, told: Outcome) -> None:
        here = store.metadata(entry.name)
        mark = _mark_of(here)
        is_ours = mark is not None and mark.get("id") == str(entry.id)
        if is_ours and mark is not None and mark.get("modified") == entry.modified:
            told.status, told.kind = "present", here.kind if here is not None else None
            return
        goes_on = is_ours and entry.commits
        if here is not None and not goes_on and self._skip_existing:
            told.status, told.kind = "skipped", here.kind
            return
        if here is not None and not goes_on and not self._replace:
            what = "changed there since it was imported" if is_ours else "is here already"
            raise ConflictError(
                f"{entry.name!r} {what}. Give --replace to put it on top, which makes a version, "
                "or --skip-existing to leave it."
            )
        if here is not None and is_ours and mark is not None and "version" in mark:
            # Whoever was killed between a put and its aliases had still to give those.
            self._alias(entry, mark["version"], here, store)
        versions = self._versions(entry, store, mark if is_ours else None, told)
        readings = [(self._reading(version, store), version, ref) for version, ref in versions]
        told.status = "planned"
        for i, (read, version, ref) in enumerate(readings):
            if not self._dry_run:
                is_last = i == len(readings) - 1
                # What is current has the attributes that were given after its put.
                here = self._put(read, entry, entry if is_last else version, ref, store, here)
                told.status = "imported"
            told.kind, told.rows, told.bytes = read.kind, read.rows, read.bytes
            told.versions += 1
            told.changed += [change for change in read.changed if change not in told.changed]
        if entry.shared:
            others = ", ".join(map(repr, entry.shared))
            told.changed.append(
                f"shares its rows with {others}, whose name omega|ml gave the same collection: "
                "each has the rows of all"
            )

    def _reading(self, entry: Entry, store: OmegaStore) -> Reading:
        return reading(self._source, entry, store)

    def _put(
        self,
        read: Reading,
        base: Entry,
        described: Entry,
        ref: str | None,
        store: OmegaStore,
        here: Metadata | None,
    ) -> Metadata:
        given = dict(described.attributes) if self._attributes else {}
        if base.commits:
            given.pop("versions", None)
        given[_MARK] = {
            "id": str(base.id),
            "kind": base.kind,
            "bucket": base.bucket,
            "created": described.created,
            # Only what is complete says so: its last version, once it has its aliases.
            "modified": None if ref is not None else base.modified,
            **({} if ref is None else {"version": ref}),
        }
        was = _mark_of(here)
        if here is not None and was is not None and ref is not None and was.get("version") == ref:
            # A version does not change there; its metadata do.
            here.attributes.update(given)
            return self._finish(base, ref, here, store, complete=described is base)
        rev = 0 if here is None else here.rev
        saved = read.put(base.name, attributes=given, if_rev=rev, progress=False)
        others = set() if here is None else set(here.attributes) - set(given)
        if others:
            # A put adds its attributes to those that are there, which are another object's.
            for key in others:
                saved.attributes.pop(key, None)
            saved = saved.save()
        if ref is not None:
            saved = self._finish(base, ref, saved, store, complete=described is base)
        return saved

    def _finish(
        self, entry: Entry, ref: str, meta: Metadata, store: OmegaStore, *, complete: bool
    ) -> Metadata:
        """Give the current version of a model the aliases for its tags; say that it is complete."""
        self._alias(entry, ref, meta, store)
        if not complete:
            return meta
        meta.attributes[_MARK] = {**meta.attributes[_MARK], "modified": entry.modified}
        return meta.save()

    def _alias(self, entry: Entry, ref: str, meta: Metadata, store: OmegaStore) -> None:
        wanted = {_alias(tag) for tag, of in entry.tags.items() if of == ref}
        if wanted and not self._dry_run:
            for alias in wanted - set(store.aliases(entry.name)):
                store.alias(entry.name, alias, meta.version)

    # --- the versions of a model -----------------------------------------------------------------

    def _versions(
        self, entry: Entry, store: OmegaStore, mark: Mapping[str, Any] | None, told: Outcome
    ) -> list[tuple[Entry, str | None]]:
        """Return what is to be put, the oldest first, each with its reference."""
        commits = entry.commits
        if not commits:
            return [(entry, None)]
        refs = [ref for ref, _ in commits]
        if mark is not None and mark.get("version") in refs:
            # Where none is new, the metadata of the last one are.
            commits = commits[refs.index(mark["version"]) + 1 :] or commits[-1:]
        found: list[tuple[Entry, str | None]] = []
        for ref, name in commits:
            version = self._entries.get((entry.bucket, entry.prefix, name))
            if version is None:
                told.changed.append(f"version {ref[:10]} is not there any more")
            else:
                found.append((version, ref))
        keep = store.config.stores.keep[told.store]
        tagged = set(entry.tags.values())
        stay = [
            (version, ref)
            for i, (version, ref) in enumerate(found)
            if i >= len(found) - keep or ref in tagged
        ]
        if len(stay) < len(found):
            told.changed.append(
                f"{len(found) - len(stay)} older versions without a tag are left out: "
                f"[stores] keep has {keep} of {told.store} stay"
            )
        told.changed += [
            f"the tag {tag!r} is the alias {_alias(tag)!r}"
            for tag in entry.tags
            if tag != _alias(tag)
        ]
        return stay or [(entry, None)]


def _mark_of(meta: Metadata | None) -> Mapping[str, Any] | None:
    mark = None if meta is None else meta.attributes.get(_MARK)
    return mark if isinstance(mark, Mapping) else None


def _alias(tag: str) -> str:
    """Return the alias for a tag: omega|ml takes any text, and a number is a version here."""
    made = _ALIAS.sub("_", tag)[:_LONGEST_ALIAS] or "_"
    return made if made[0].isalpha() or made[0] == "_" else f"_{made}"[:_LONGEST_ALIAS]


def _no_store(entry: Entry) -> str:
    if entry.prefix == "scripts/":
        return (
            "it is a script, a package of Python. Install the package with pip where it runs; a "
            "notebook or a script of one file is a job: om.jobs.put(pathlib.Path('...'), name)."
        )
    if entry.prefix == "streams/":
        return "it is a stream. Append to a dataset: om.datasets.put(rows, name, append=True)."
    return f"the store {entry.prefix!r} has nothing like it here. Get it with omega|ml."


def _reason(error: Exception) -> str:
    text = str(error)
    return text if isinstance(error, OmegaError) else f"{type(error).__name__}: {text[:500]}"
