"""What the objects of one store are, and how their versions differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from .backends.store import Store
from .catalog import Catalog
from .difference import Change, ColumnChanges, Difference, RowChanges, changes_between
from .mongo.database import Database, answering
from .operations import Operations
from .protocol.lineage import LINEAGE
from .protocol.metadata import Metadata
from .protocol.naming import SECTION
from .summary import Summary

SHOWN = 20
"""So many objects of a store are shown."""

SHOWN_HEAD = ("name", "kind", "version", "modified (UTC)")

_SHOWN = ("name", "kind", "version", "modified")
HIDDEN = re.compile(r"^\.")
"""Names that are shown to nobody who does not ask."""

_MOST = 200
"""So many changes of attributes and details are listed."""

# How long it took, and when, is another at every fit.
_LINEAGE = ("action", "model", "X", "Y", "others", "rows", "libraries")
_OF_A_PART = ("store", "name", "bucket", "version", "rows", "columns")


class Describing:
    """Tells of the objects of one store, by what their backends tell."""

    def __init__(
        self, store: Store, database: Database, catalog: Catalog, operations: Operations
    ) -> None:
        self._store = store
        self._database = database
        self._catalog = catalog
        self._operations = operations

    def describe(self, name: str, *, version: int | str | None = None) -> Summary:
        """Return what an object is, without reading it where its kind can do without.

        Of a frame that is its columns with dtype, missing values, least and greatest value, out of
        statistics that were kept when it was put; of a model its class and parameters, without
        loading it. What is not known is None.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        """
        with answering(self._database):
            meta = self._catalog.existing(name, version)
            told = self._described(meta)
        made = _made(meta)
        return replace(told, details={**told.details, "made of": made}) if made else told

    def _described(self, meta: Metadata) -> Summary:
        told = self._operations.describe(meta)
        return replace(
            told,
            store=SECTION[meta.prefix],
            bucket=meta.bucket,
            name=meta.name,
            version=meta.version,
        )

    def overview(self) -> tuple[int, list[tuple[object, ...]]]:
        """Return how many objects there are, and name, kind, version and time of the first; one
        query.
        """
        key = {"bucket": self._store.bucket, "prefix": self._store.prefix}
        stages: list[dict[str, Any]] = [
            {"$match": {**key, "gen": {"$exists": True}, "name": {"$not": HIDDEN}}},
            {"$project": dict.fromkeys(("name", "kind", "version", "modified"), 1)},
            {"$facet": {
                "all": [{"$count": "count"}],
                "first": [{"$sort": {"name": 1}}, {"$limit": SHOWN}],
            }},
        ]  # fmt: skip
        with answering(self._database):
            [found] = self._database.metadata.aggregate(stages)
        rows = [tuple(row.get(field) for field in _SHOWN) for row in found["first"]]
        return sum(counted["count"] for counted in found["all"]), [
            (*row, at if at is None else f"{at:%Y-%m-%d %H:%M:%S}") for *row, at in rows
        ]

    def diff(self, name: str, one: int | str, two: int | str | None = None) -> Difference:
        """Return what differs between two versions of an object.

        Their metadata and summaries are compared for every kind. Where the kind can tell, the
        rows are as well: by position, and by index where that says something else. Both versions
        are read for that, unless they are the same to the byte.

        Parameters
        ----------
        one, two
            Versions that `versions` lists, or aliases; None is the current one.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        """
        with answering(self._database):
            before, after = self._catalog.existing(name, one), self._catalog.existing(name, two)
            told = self._described(before), self._described(after)
        same = _same_payload(before, after)
        note = ""
        changes: tuple[RowChanges, ...] = ()
        if before.kind != after.kind:
            note = f"{before.kind} and {after.kind} have no rows in common"
        elif not same:
            note, changes = self._rows(before, after)
        return Difference(
            SECTION[before.prefix],
            before.bucket,
            name,
            (before.version, after.version),
            (before.kind, after.kind),
            (told[0].rows, told[1].rows),
            (told[0].size, told[1].size),
            same,
            changes,
            ColumnChanges.between(told[0].columns, told[1].columns),
            _changes(_attributes(before), _attributes(after)),
            _changes(told[0].details, told[1].details),
            _changes(_lineage(before), _lineage(after)),
            note,
        )

    def _rows(self, before: Metadata, after: Metadata) -> tuple[str, tuple[RowChanges, ...]]:
        """Return how rows differ, by the backend; or why nobody can tell."""
        backend = self._operations.backend_of(after)
        reads: list[Callable[..., Any]] = [
            partial(self._store.get, meta.name, version=meta.version) for meta in (before, after)
        ]
        changes = tuple(backend.changed_rows(*reads))
        return ("" if changes else f"the contents of {after.kind} are not compared"), changes


def _same_payload(before: Metadata, after: Metadata) -> bool | None:
    """Return whether two payloads are the same to the byte, where their metadata tells."""
    if before.gen == after.gen:
        return True
    one, two = (meta.integrity or {} for meta in (before, after))
    if before.kind != after.kind or "sha256" not in one or "sha256" not in two:
        return None
    return bool(one["sha256"] == two["sha256"])


def _made(meta: Metadata) -> dict[str, Any]:
    """Return what the lineage of a version says, in a few words."""
    record = meta.lineage or {}
    made: dict[str, Any] = {}
    for role in ("model", "X", "Y"):
        part = record.get(role)
        if isinstance(part, Mapping):
            name = "a value" if part.get("name") is None else repr(part["name"])
            version = f", version {part['version']}" if part.get("version") else ""
            made[role] = f"{name}{version}"
    return {"action": record["action"], **made} if made else {}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    return tuple(changes_between(before, after, most=_MOST))


def _attributes(meta: Metadata) -> dict[str, Any]:
    hidden = meta.lineage is not None
    return {key: v for key, v in meta.attributes.items() if not (hidden and key == LINEAGE)}


def _lineage(meta: Metadata) -> dict[str, Any]:
    """Return what a version was made of, without what is another each time."""
    record = meta.lineage or {}
    told: dict[str, Any] = {}
    for key in _LINEAGE:
        part = record.get(key)
        if isinstance(part, Mapping) and key != "libraries":
            part = {k: part[k] for k in _OF_A_PART if part.get(k) is not None}
        elif isinstance(part, list) and key == "others":
            part = [other.get("name") for other in part if isinstance(other, Mapping)]
        if part is not None:
            told[key] = part
    return told
