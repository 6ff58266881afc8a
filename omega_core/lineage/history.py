"""The way along the records: from a model back to its data, from data to what was made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..backends.store import Store
from ..errors import IntegrityError
from ..mongo.database import Database, answering
from ..protocol.lineage import LINEAGE, Record, recorded
from ..protocol.metadata import Metadata
from ..protocol.naming import DATA, JOBS, MODELS, SECTION, check_name
from .origin import Lineage, Origin

_PREFIXES = {section: prefix for prefix, section in SECTION.items()}
_EXPECTED = {"model": MODELS, "job": JOBS}


@dataclass(frozen=True)
class Use:
    """One version of a model or a result, which was made of a dataset, or by a model.

    Attributes
    ----------
    store, name, version
        What was made. ``is_current`` tells whether it is what the name points at.
    action
        How.
    roles
        What the one that was asked about was to it: ``"X"``, ``"Y"``, ``"model"``, ``"job"``,
        ``"other"``.
    used
        Which version of that.
    """

    store: str
    name: str
    version: int | None
    is_current: bool
    action: str
    roles: tuple[str, ...]
    used: int | None

    def __str__(self) -> str:
        roles = " and ".join(self.roles)
        return f"{self.store} {self.name!r}, version {self.version}: {self.action}, as {roles}"


class History:
    """What the records of one store say."""

    def __init__(self, store: Store, database: Database) -> None:
        self._store = store
        self._database = database

    def lineage(self, name: str, *, version: int | str | None = None) -> Lineage:
        """Return where an object comes from, back to what somebody put as it is.

        A fitted model leads to its data, a result to the model that made it and to the data, and
        each of these to what it was made of in turn, in the versions that were used.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        """
        meta = self._store.metadata(name, version=version)
        if meta is None:
            raise self._store.not_found(name, version)
        return Lineage(self._origin("", meta, {}, set()))

    def used_by(self, name: str) -> list[Use]:
        """Return what was made of a dataset, or by a model: in which versions; one query.

        Versions that are kept are found as well, and what was made of a dataset that is gone.
        """
        check_name(name)
        roles = {DATA: ("X", "Y"), MODELS: ("model",), JOBS: ("job", "model")}
        paths = [f"{role}.name" for role in (*roles[self._store.prefix], "others")]
        named = [
            {f"{before}attributes.{LINEAGE}.{path}": name}
            for before in ("", "versions.")
            for path in paths
        ]
        condition = {"bucket": self._store.bucket, "gen": {"$exists": True}, "$or": named}
        fields = ("prefix", "name", "version", "attributes", "versions.version")
        projection = dict.fromkeys([*fields, "versions.attributes"], 1)
        with answering(self._database):
            documents = list(self._database.metadata.find(condition, projection))
        uses = [use for document in documents for use in self._uses(name, document)]
        return sorted(uses, key=lambda use: (use.store, use.name, use.version or 0))

    # --- back --------------------------------------------------------------------------------

    def _origin(
        self, role: str, meta: Metadata, told: Mapping[str, Any], seen: set[str | None]
    ) -> Origin:
        """Return a version with its sources; of one that was told of already, without them."""
        record = meta.lineage
        again = record is not None and meta.gen in seen
        seen.add(meta.gen)
        return Origin(
            role,
            SECTION[meta.prefix],
            meta.name,
            meta.version,
            **_size(told),
            record=record,
            note="see above" if again else "",
            sources=() if again or record is None else tuple(self._sources(record, seen)),
        )

    def _sources(self, record: Record, seen: set[str | None]) -> list[Origin]:
        return [self._source(role, part, seen) for role, part in _parts(record)]

    def _source(self, role: str, part: Record, seen: set[str | None]) -> Origin:
        """Return what a record names, as it is now, if it is there still."""
        section = _section(role, part)
        name, version = part.get("name"), part.get("version")
        known: dict[str, Any] = {"role": role, "store": section, "name": name, "version": version}
        if not isinstance(name, str):
            return Origin(**known, **_size(part))
        try:
            meta = self._store.stores[_PREFIXES[section]].metadata(name, version=version)
        except IntegrityError as exc:
            return Origin(**known, **_size(part), note=str(exc))
        if meta is None or meta.gen != part.get("gen"):
            return Origin(**known, **_size(part), note="this version is not kept")
        return self._origin(role, meta, part, seen)

    # --- forth -------------------------------------------------------------------------------

    def _uses(self, name: str, document: Mapping[str, Any]) -> list[Use]:
        own = SECTION[self._store.prefix]
        uses = []
        for payload in (document, *document.get("versions", [])):
            record = recorded(payload.get("attributes", {}))
            found = [
                (role, part)
                for role, part in _parts(record or {})
                if part.get("name") == name and _section(role, part) == own
            ]
            if found and record is not None:
                uses.append(
                    Use(
                        SECTION[document["prefix"]],
                        document["name"],
                        payload.get("version"),
                        payload is document,
                        record["action"],
                        tuple(role for role, _ in found),
                        found[0][1].get("version"),
                    )
                )
        return uses


def _parts(record: Record) -> list[tuple[str, Record]]:
    """Return what a record names, each with its role."""
    others = record.get("others")
    named = [(role, record.get(role)) for role in ("job", "model", "X", "Y")]
    named += [("other", other) for other in (others if isinstance(others, list) else ())]
    return [(role, part) for role, part in named if isinstance(part, dict)]


def _section(role: str, part: Record) -> str:
    """Return the store in which it is."""
    store = part.get("store")
    return store if store in _PREFIXES else SECTION[_EXPECTED.get(role, DATA)]


def _size(told: Mapping[str, Any]) -> dict[str, Any]:
    rows, columns = told.get("rows"), told.get("columns")
    width = len(columns) if isinstance(columns, list) else told.get("width")
    return {
        "rows": rows if isinstance(rows, int) else None,
        "columns": width if isinstance(width, int) else None,
    }
