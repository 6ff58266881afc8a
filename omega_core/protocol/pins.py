"""How a snapshot pins objects as they are, and how they are read as they were pinned.

A pin names a payload and a revision. A payload changes in two ways only: batches are appended,
which carry the revision at which they came; and its attributes are set, before which the pin gets
a copy of them. So a pin is small, however large the object, until the object changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import IntegrityError
from .document import check, check_field
from .holding import HELD, PINS, not_empty, pinned
from .pipelines import HELD_OR_NOT, TIDY, Pipeline, Stage, let_go
from .reading import find_generation

Document = dict[str, Any]

_OWN = ("gen", "version", "rev", "created", "modified")


def _mine(id: str) -> Stage:
    return {"$filter": {"input": PINS, "as": "p", "cond": {"$in": [id, "$$p.by"]}}}


def _without(id: str) -> Stage:
    """Return the pins of other snapshots."""
    rest = {"$mergeObjects": ["$$p", {"by": {"$setDifference": ["$$p.by", [id]]}}]}
    taken = {"$map": {"input": PINS, "as": "p", "in": rest}}
    return {"$filter": {"input": taken, "as": "p", "cond": {"$gt": [{"$size": "$$p.by"}, 0]}}}


_RELEASE_HELD: Pipeline = [
    {"$set": {"pins": not_empty("$pins")}},
    {"$set": {**let_go(HELD), "held": pinned(HELD)}},
    HELD_OR_NOT,
]
"""Retires what was held, and is pinned no more."""


def pin(id: str) -> Pipeline:
    """Pin what is live, for one snapshot; it pins nothing else of the object from now on."""
    same = {"$and": [{"$eq": ["$$p.gen", "$gen"]}, {"$eq": ["$$p.rev", "$rev"]}]}
    known = {"$filter": {"input": "$pins", "as": "p", "cond": same}}
    joined = {"$mergeObjects": ["$$p", {"by": {"$concatArrays": ["$$p.by", [id]]}}]}
    joining = {
        "$map": {"input": "$pins", "as": "p", "in": {"$cond": [same, joined, "$$p"]}},
    }
    new: Stage = {**{field: f"${field}" for field in _OWN}, "by": [id]}
    chosen = {
        "$cond": [
            {"$gt": [{"$size": known}, 0]},
            joining,
            {"$concatArrays": ["$pins", [new]]},
        ]
    }
    return [{"$set": {"pins": _without(id)}}, {"$set": {"pins": chosen}}, *_RELEASE_HELD, *TIDY]


def unpin(id: str) -> Pipeline:
    """Remove the pin of one snapshot; what nothing else keeps retires."""
    return [{"$set": {"pins": _without(id)}}, *_RELEASE_HELD, *TIDY]


def differs(id: str) -> Stage:
    """Return the condition that an object is not as the snapshot pins it."""
    mine = _mine(id)
    as_pinned = {
        "$gt": [
            {
                "$size": {
                    "$filter": {
                        "input": mine,
                        "as": "p",
                        "cond": {
                            "$and": [{"$eq": ["$$p.gen", "$gen"]}, {"$eq": ["$$p.rev", "$rev"]}]
                        },
                    }
                }
            },
            0,
        ]
    }
    is_live = {"$ne": [{"$type": "$gen"}, "missing"]}
    return {"$cond": [is_live, {"$not": [as_pinned]}, {"$gt": [{"$size": mine}, 0]}]}


def crosses(gen: str, first: int, last: int) -> Document:
    """Return the condition that a snapshot pins some batches of a payload, and not all.

    Parameters
    ----------
    first, last
        The revisions of the first of these batches and of the last.
    """
    return {"pins": {"$elemMatch": {"gen": gen, "rev": {"$gte": first, "$lt": last}}}}


def last_pinned(document: Mapping[str, Any]) -> int:
    """Return the last revision of what is live that a snapshot pins; 0 where none does."""
    check_field(document, "pins")
    mine = [p["rev"] for p in document.get("pins", []) if p["gen"] == document.get("gen")]
    return max(mine, default=0)


def as_pinned(document: Document, id: str) -> Document | None:
    """Return a document as it was when a snapshot pinned it; None where it does not.

    Raises
    ------
    IntegrityError
        Something else than omega_core edited the pins.
    """
    check_field(document, "pins")
    found = next((pin for pin in document.get("pins", []) if id in pin["by"]), None)
    payload = None if found is None else find_generation(document, found["gen"])
    if found is None or payload is None:
        return None
    own = {field: found[field] for field in (*_OWN, "attributes") if field in found}
    was = {key: value for key, value in {**payload, **own}.items() if key not in _NOT_PINNED}
    was["is_current"] = document.get("gen") == found["gen"]
    try:
        return _cut(was, payload, found["rev"])
    except (IntegrityError, AttributeError, TypeError):
        return was  # whoever makes metadata of it is told


_NOT_PINNED = ("aliases", "pins", "held", "versions")


def _cut(was: Document, payload: Document, rev: int) -> Document:
    """Return a document without the batches that came after a revision."""
    kind_meta = payload.get("kind_meta", {})
    batches = kind_meta.get("batches", [])
    kept = [batch for batch in batches if batch.get("rev", 0) <= rev]
    if len(kept) == len(batches):
        return was
    check(payload)  # here, since the seal is another one afterwards
    cut = {**was, "kind_meta": {**kind_meta, "batches": kept}}
    if "seal" in was:
        cut["seal"] = {**was["seal"], "batches": len(kept)}
    return cut
