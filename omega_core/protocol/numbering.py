"""The numbers of a name, `rev` and `version`: they never come again, also after a drop.

Who remembers a revision for ``if_rev=``, or a version in the lineage of a model, remembers one
object; a new object of the same name must not fit. So what the collector deletes of a name leaves
a few bytes behind, without the name itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..mongo.database import Database
from .naming import HIDDEN, Key

EMPTY = {field: {"$exists": False} for field in ("gen", "pending", "retired", "held", "pins")}
"""The condition on a document that nobody needs any more."""

_TEMPORARY = re.compile(HIDDEN)


@dataclass(frozen=True)
class Numbers:
    """The last revision and the last version that a name has had, and its commits for tasks."""

    rev: int = 0
    version: int = 0
    tasks: Sequence[Mapping[str, Any]] = ()


def delete_empty(database: Database, id_: Any, *, begin_anew: bool = False) -> None:
    """Delete a metadata document that nobody needs any more, and remember its numbers.

    Parameters
    ----------
    begin_anew
        Do not remember them: where nobody can know any.
    """
    empty = database.metadata.find_one({"_id": id_, **EMPTY})
    if empty is None:
        return
    if not begin_anew:
        _remember(database, empty)
    # A put that began meanwhile has an intent there, or has gone on with the numbers.
    database.metadata.delete_one({"_id": id_, **EMPTY, "rev": empty["rev"]})


def _remember(database: Database, document: Mapping[str, Any]) -> None:
    if not document["rev"] or _TEMPORARY.fullmatch(document["name"]):
        return
    key = Key(document["bucket"], document["prefix"], document["name"])
    numbers = {"rev": document["rev"], "version": document.get("last_version", 0)}
    update: dict[str, Any] = {"$max": numbers}
    if document.get("tasks"):
        update["$set"] = {"tasks": document["tasks"]}
    database.dropped.update_one({"_id": key.digest}, update, upsert=True)


def recall(database: Database, key: Key) -> Numbers:
    """Return the numbers that a name had reached before its document was deleted."""
    found = database.dropped.find_one({"_id": key.digest}, {"_id": 0})
    return Numbers() if found is None else Numbers(**found)
