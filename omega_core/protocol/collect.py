"""The collector: gives crashed writers up, and frees what no name points at any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pymongo.errors import PyMongoError

from ..errors import IntegrityError
from . import pipelines
from .commit import Document
from .document import KEY, check_entry, explained
from .naming import Key
from .numbering import delete_empty
from .resources import Freer
from .snapshots import collect_dead

SECOND_SWEEP = 24 * 3600.0
"""Seconds until a condemned generation is swept again, in case its paused writer woke up."""

CROWDED = 128
"""Retired generations of one object from which on its writers thin them out, grace or no grace.

Each put rewrites the list of them: with 128 a put takes twice as long as with none, with 2,000
eight times, and with some 80,000 the document would be full.
"""

SPARED = 64
"""The newest of them keep the whole grace, and the others this many seconds."""

CROWDED_GRACE = 1.0

_UNSEEN = ("versions", "aliases", "held", "pins", "attributes", "kind_meta", "inline")


@dataclass
class Collected:
    """What a run of the collector did, or would do.

    Attributes
    ----------
    condemned
        Intents of writers, and snapshots that were being taken, whose lease was over.
    freed
        Generations whose data was deleted.
    expired
        Temporary objects that were dropped.
    waiting
        Generations that stay until the grace or a lease is over.
    blocked
        Generations that could not be freed, each with the reason.
    """

    condemned: int = 0
    freed: int = 0
    expired: int = 0
    waiting: int = 0
    blocked: list[str] = field(default_factory=list)


class Collector:
    """Frees generations. Several may run at once, anywhere, and each may crash anywhere."""

    def __init__(self, freer: Freer) -> None:
        self._freer = freer
        self._database = freer.database

    def run(
        self,
        within: Document,
        grace: float,
        *,
        limit: int = 0,
        dry_run: bool = False,
        overdue: float = 0.0,
        begin_anew: bool = False,
    ) -> Collected:
        """Collect over all documents that match ``within``.

        Parameters
        ----------
        grace
            Seconds for which slow readers keep what was retired.
        limit
            Look at so many documents at most; 0 means all.
        dry_run
            Count, and change nothing.
        overdue
            Look only at documents that have been due for so many seconds.
        begin_anew
            Let the numbers of dropped names begin anew: where nobody can remember any.
        """
        collected = Collected()
        # In passing, a put looks after objects alone: there are few snapshots, and who takes the
        # next one looks after them.
        if "name" not in within and not limit:
            collected.condemned += collect_dead(self._database, dry_run=dry_run)
        for document, now in self._due(within, overdue, limit):
            try:
                check_entry(document)
                with explained(self._database, Key(*(document[part] for part in KEY))):
                    self._collect(document, now, grace, collected, dry_run)
            except IntegrityError as exc:
                # Nobody can tell what it is made of; the others are collected.
                collected.blocked.append(str(exc))
                continue
            if not dry_run:
                delete_empty(self._database, document["_id"], begin_anew=begin_anew)
        return collected

    def _due(self, within: Document, overdue: float, limit: int) -> Iterator[tuple[Document, Any]]:
        latest = {"$subtract": ["$$NOW", round(overdue * 1000)]}
        stages: list[Document] = [
            {"$match": {**within, "gc_at": {"$exists": True}}},
            {"$match": {"$expr": {"$lte": ["$gc_at", latest]}}},
            {"$project": dict.fromkeys(_UNSEEN, 0)},
            # At random: the oldest may be those that cannot be freed, and would come first always.
            *([{"$sample": {"size": limit}}] if limit else []),
            {"$addFields": {"now": "$$NOW"}},
        ]
        for document in self._database.metadata.aggregate(stages):
            yield document, document.pop("now")

    def _collect(
        self, document: Document, now: Any, grace: float, collected: Collected, dry_run: bool
    ) -> None:
        metadata = self._database.metadata
        this = {"_id": document["_id"]}
        expires = document.get("expires")
        if expires is not None and expires <= now:
            collected.expired += 1
            if not dry_run:
                live = {**this, "expires": expires, "gen": {"$exists": True}}
                metadata.update_one(live, pipelines.drop())
                refreshed = metadata.find_one(this)
                if refreshed is None:
                    return
                document = refreshed
        for gen, intent in document.get("pending", {}).items():
            if intent["lease"] > now:
                collected.waiting += 1
                continue
            collected.condemned += 1
            if dry_run:
                continue
            # On the same lease: a writer that renewed meanwhile is alive.
            same = {**this, f"pending.{gen}.lease": intent["lease"]}
            condemned = metadata.find_one_and_update(
                same, pipelines.condemn(gen), return_document=True
            )
            if condemned is not None:
                self._free(condemned, gen, condemned["retired"][gen], collected)
        self._free_retired(document, now, grace, collected, dry_run)

    def _free_retired(
        self, document: Document, now: Any, grace: float, collected: Collected, dry_run: bool
    ) -> None:
        oldest_first = sorted(document.get("retired", {}).items(), key=lambda item: item[1]["at"])
        crowd = len(oldest_first) - SPARED if len(oldest_first) > CROWDED else 0
        freed: list[str] = []
        for position, (gen, entry) in enumerate(oldest_first):
            patience = min(grace, CROWDED_GRACE) if position < crowd else grace
            wait = 0.0 if entry.get("condemned") else patience
            if (now - entry["at"]).total_seconds() < wait:
                collected.waiting += 1
            elif dry_run:
                collected.freed += 1
            elif self._free(document, gen, entry, collected):
                freed.append(gen)
        if freed:
            this = {"_id": document["_id"]}
            self._database.metadata.update_one(this, pipelines.forget(*freed))

    def _free(self, document: Document, gen: str, entry: Document, collected: Collected) -> bool:
        """Delete the data of a generation, and return whether its entry may go."""
        key = Key(document["bucket"], document["prefix"], document["name"])
        condemned = bool(entry.get("condemned"))
        try:
            self._freer.free(key, gen, entry, condemned=condemned)
        except PyMongoError:
            raise
        except Exception as exc:
            # Whatever a backend or a file system raises, the others are freed. The entry stays: the
            # data is still there, and whoever can free it finds it.
            collected.blocked.append(f"{key}, generation {gen}: {type(exc).__name__}: {exc}")
            return False
        collected.freed += 1
        if not condemned or entry.get("swept"):
            return True
        this = {"_id": document["_id"], f"retired.{gen}": {"$exists": True}}
        self._database.metadata.update_one(this, pipelines.sweep_again(gen, SECOND_SWEEP))
        return False
