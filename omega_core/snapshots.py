"""Snapshots of a bucket: taken, listed, dropped, and read as if they were its stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gridfs import GridFS

from .errors import (
    IntegrityError,
    ObjectNotFoundError,
    ReadOnlyError,
    UnsupportedOptionError,
    suggestion,
)
from .mongo.database import Database, answering
from .protocol import snapshots as records
from .protocol.document import KEY
from .protocol.metadata import Metadata
from .protocol.naming import DATA, JOBS, MODELS, SECTION, check_name
from .protocol.pins import as_pinned
from .protocol.snapshots import Snapshot, SnapshotRecords
from .selection import Selecting, Selection
from .store import OmegaStore
from .visible import Visible

Document = dict[str, Any]


class Snapshots:
    """The snapshots of one bucket, by name."""

    def __init__(self, stores: Mapping[str, OmegaStore], database: Database, lease: float) -> None:
        self._stores = stores
        self._database = database
        self._bucket = stores[DATA].bucket
        self._records = SnapshotRecords(database, self._bucket, lease)

    def take(self, name: str, chosen: Mapping[str, Selecting], note: str | None) -> Snapshot:
        """Take one; ``chosen`` says which objects of each store, by its prefix."""
        check_name(name, "name of the snapshot")
        if note is not None and not isinstance(note, str):
            raise UnsupportedOptionError(f"snapshot {name!r}: note= is a text, not {note!r}.")
        selections = self._selections(chosen, name)
        with answering(self._database):
            return self._records.take(name, selections, note)

    def _selections(self, chosen: Mapping[str, Selecting], name: str) -> list[records.Selection]:
        """Return what a snapshot is about, or refuse a name that finds nothing."""
        selections = []
        for prefix, asked in chosen.items():
            selection = Selection(asked, f"snapshot {name!r}: {SECTION[prefix]}=")
            store = self._stores[prefix]
            missing = selection.unmatched(store.list(hidden=True)) if selection.items else []
            if missing:
                raise store.not_found(missing[0])
            if selection:
                selections.append(records.Selection(prefix, selection, selection.query()))
        return selections

    def drop(self, name: str, *, missing_ok: bool) -> bool:
        check_name(name, "name of the snapshot")
        with answering(self._database):
            if self._records.drop(name):
                return True
        if missing_ok:
            return False
        raise self._not_found(name)

    def list(self) -> list[Snapshot]:
        with answering(self._database):
            return self._records.list()

    def at(self, name: str) -> SnapshotView:
        """Return the view of one."""
        check_name(name, "name of the snapshot")
        with answering(self._database):
            found = self._records.find(name)
        if found is None:
            raise self._not_found(name)
        return SnapshotView(records.from_record(found), found["_id"], self._stores)

    def _not_found(self, name: str) -> ObjectNotFoundError:
        known = [snapshot.name for snapshot in self.list()]
        return ObjectNotFoundError(
            f"No snapshot {name!r} of bucket {self._bucket!r}.{suggestion(name, known)} "
            "om.snapshots() lists them."
        )


class SnapshotView(Visible):
    """A bucket as it was at one moment, to read: ``om.at("2024-q1").datasets.get("sales")``.

    Attributes
    ----------
    snapshot : Snapshot
    datasets, models, jobs : SnapshotStore
    """

    def __init__(self, snapshot: Snapshot, id: str, stores: Mapping[str, OmegaStore]) -> None:
        self.snapshot = snapshot
        made = {prefix: SnapshotStore(snapshot, id, stores[prefix]) for prefix in SECTION}
        self.datasets, self.models, self.jobs = made[DATA], made[MODELS], made[JOBS]

    def __repr__(self) -> str:
        of = self.snapshot
        return f"<Snapshot {of.name!r} of bucket {of.bucket!r}, {of.at:%Y-%m-%d %H:%M:%S} UTC>"


class SnapshotStore(Visible):
    """One store of a snapshot, to read: one version of each object."""

    def __init__(self, snapshot: Snapshot, id: str, store: OmegaStore) -> None:
        self._snapshot = snapshot
        self._id = id
        self._store = store
        self._keeper = _ReadOnly(self, store, snapshot.name)

    def get(self, name: str, **options: Any) -> Any:
        """Return an object as it was, with the options of its kind.

        Raises
        ------
        ObjectNotFoundError
            It is not part of the snapshot, or the snapshot was dropped.
        """
        if "version" in options:
            raise UnsupportedOptionError(
                f"get of {name!r}: the snapshot {self._snapshot.name!r} has one version of each "
                "object. Leave version= out, or ask the store for it."
            )
        meta = self.metadata(name)
        if meta is None:
            raise self._not_found(name)
        return self._store.get_pinned(meta, options)

    def metadata(self, name: str) -> Metadata | None:
        """Return the metadata of an object as it was; None if it is not part of the snapshot."""
        found = next(self._documents(name=check_name(name)), None)
        return None if found is None else Metadata.from_document(found, self._keeper)

    def exists(self, name: str) -> bool:
        """Return whether an object is part of the snapshot."""
        return self.metadata(name) is not None

    def list(
        self,
        pattern: str | None = None,
        *,
        kind: str | Iterable[str] | None = None,
        raw: bool = False,
    ) -> list[Any]:
        """Return the names of the objects, sorted; with ``raw`` their metadata.

        Parameters
        ----------
        pattern
            A shell glob that the whole name matches.
        kind
            A kind, or several.
        """
        if kind is None and not raw:
            matches = Selection(pattern, "list") if pattern is not None else None
            return [*filter(matches, self._names())]
        kinds = None if kind is None else [kind] if isinstance(kind, str) else [*kind]
        chosen = Selection(pattern, "list") if pattern is not None else lambda name: True
        found = [
            document
            for document in self._documents()
            if chosen(document["name"]) and (kinds is None or document.get("kind") in kinds)
        ]
        found.sort(key=lambda document: str(document["name"]))
        return [Metadata.listed(d, self._keeper) if raw else d["name"] for d in found]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(name) and self.exists(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return, for what a store has besides, a method that says why a snapshot has it not."""
        if name.startswith("_") or not callable(getattr(OmegaStore, name, None)):
            raise AttributeError(f"{self!r} has no attribute {name!r}.")

        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise _refusal(self._snapshot.name, f"{name} of {self._section}", self._section)

        return refuse

    def __repr__(self) -> str:
        return f"<SnapshotStore {self._section} of the snapshot {self._snapshot.name!r}>"

    @property
    def _section(self) -> str:
        return SECTION[self._store.prefix]

    def _names(self) -> Sequence[str]:
        of = {"bucket": self._store.bucket, "prefix": self._store.prefix, "pins.by": self._id}
        database = self._store.database
        with answering(database):
            found = [*database.metadata.find(of, {"name": 1, "_id": 0})]
        return sorted(document["name"] for document in found)

    def _documents(self, **more: Any) -> Iterator[Document]:
        """Yield the documents of the pinned objects as they were."""
        of = {"bucket": self._store.bucket, "prefix": self._store.prefix, "pins.by": self._id}
        unseen = dict.fromkeys(("pending", "retired", "tasks"), 0)
        database = self._store.database
        with answering(database):
            for document in [*database.metadata.find({**of, **more}, unseen)]:
                try:
                    found = as_pinned(document, self._id)
                except IntegrityError:
                    found = {part: document[part] for part in KEY}  # one must not hide the others
                if found is not None:
                    yield found

    def _not_found(self, name: str) -> ObjectNotFoundError:
        names = self.list()
        gone = "" if names else " Perhaps it was dropped meanwhile: om.snapshots() lists them."
        return ObjectNotFoundError(
            f"No object {name!r} in the {self._section} of the snapshot {self._snapshot.name!r} "
            f"of bucket {self._store.bucket!r}.{suggestion(name, names)}{gone}"
        )


class _ReadOnly:
    """Keeps the metadata of a snapshot, of which nothing is saved."""

    def __init__(self, view: SnapshotStore, store: OmegaStore, snapshot: str) -> None:
        self._view = view
        self._store = store
        self._snapshot = snapshot

    @property
    def fs(self) -> GridFS:
        return self._store.fs

    def metadata(self, name: str) -> Metadata | None:
        return self._view.metadata(name)

    def save_metadata(self, meta: Metadata) -> Metadata:
        section = SECTION[self._store.prefix]
        raise _refusal(self._snapshot, f"saving the metadata of {meta.name!r}", section)


def _refusal(snapshot: str, what: str, section: str) -> ReadOnlyError:
    return ReadOnlyError(
        f"The snapshot {snapshot!r} is read-only, and has no versions: {what} is refused. Nothing "
        f"was changed. Ask the store itself, om.{section}."
    )
