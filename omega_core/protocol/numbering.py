"""The numbers of a name, `rev` and `version`: they never come again, also after a drop.

Who remembers a revision for ``if_rev=``, or a version in the lineage of a model, remembers one
object; a new object of the same name must not fit. So what the collector deletes of a name leaves
a few bytes behind, without the name itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..mongo.database import Database
from .naming import Key

# Of these, none is ever given twice.
_TEMPORARY = re.compile(r"\.temporary/[0-9a-f]{32}")


@dataclass(frozen=True)
class Numbers:
    """The last revision and the last version that a name has had."""

    rev: int = 0
    version: int = 0


def remember(database: Database, document: Mapping[str, Any]) -> None:
    """Keep the numbers of a metadata document that is about to be deleted."""
    if not document["rev"] or _TEMPORARY.fullmatch(document["name"]):
        return
    key = Key(document["bucket"], document["prefix"], document["name"])
    numbers = {"rev": document["rev"], "version": document.get("last_version", 0)}
    database.dropped.update_one({"_id": key.digest}, {"$max": numbers}, upsert=True)


def recall(database: Database, key: Key) -> Numbers:
    """Return the numbers that a name had reached before its document was deleted."""
    found = database.dropped.find_one({"_id": key.digest}, {"_id": 0})
    return Numbers() if found is None else Numbers(**found)
