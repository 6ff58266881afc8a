"""What holds a payload beyond the versions that a store keeps, as expressions of MongoDB.

An alias names a version, which stays among ``versions`` then. A snapshot pins a payload: where it
is neither live nor a version any more, it goes to ``held``, where nobody but the snapshots finds
it. A pin is ``{gen, version, rev, created, modified, by}``, of which ``by`` are the snapshots;
``rev`` says which batches were there, and ``attributes`` are added when those of the payload are
about to change.
"""

from __future__ import annotations

from typing import Any

Stage = dict[str, Any]

PINS: Stage = {"$ifNull": ["$pins", []]}
HELD: Stage = {"$ifNull": ["$held", []]}

_PINNED: Stage = {"$ifNull": ["$pins.gen", []]}
_ALIASES: Stage = {"$objectToArray": {"$ifNull": ["$aliases", {}]}}
_ALIASED: Stage = {"$map": {"input": _ALIASES, "as": "a", "in": "$$a.v.version"}}


def aliased(versions: Any, *, negate: bool = False) -> Stage:
    """Return those of some versions that an alias names; or the others."""
    named: Stage = {"$in": ["$$v.version", _ALIASED]}
    condition = {"$not": [named]} if negate else named
    return {"$filter": {"input": versions, "as": "v", "cond": condition}}


def pinned(payloads: Any, *, negate: bool = False) -> Stage:
    """Return those of some payloads that a snapshot pins; or the others."""
    named: Stage = {"$in": ["$$v.gen", _PINNED]}
    condition = {"$not": [named]} if negate else named
    return {"$filter": {"input": payloads, "as": "v", "cond": condition}}


def not_empty(array: str) -> Stage:
    """Return a field that is an array, which goes where it is empty."""
    return {"$cond": [{"$gt": [{"$size": {"$ifNull": [array, []]}}, 0]}, array, "$$REMOVE"]}


ATTRIBUTES_COPIED: Stage = {
    "$cond": [
        {"$isArray": ["$pins"]},
        {
            "$map": {
                "input": "$pins",
                "as": "p",
                "in": {
                    "$cond": [
                        {
                            "$and": [
                                {"$eq": ["$$p.gen", "$gen"]},
                                {"$eq": [{"$type": "$$p.attributes"}, "missing"]},
                            ]
                        },
                        {
                            "$mergeObjects": [
                                "$$p",
                                {"attributes": {"$ifNull": ["$attributes", {}]}},
                            ]
                        },
                        "$$p",
                    ]
                },
            }
        },
        "$$REMOVE",
    ]
}
"""The pins, with the attributes that the live payload has, before it gets other ones."""
