"""The updates of the metadata document, as pipelines that the server runs atomically.

In short: ``gen`` is the live payload; ``pending`` holds the intents of writers; ``versions`` what
is kept on purpose; ``retired`` what the collector shall free; ``gc_at`` is the earliest time at
which any of these wants the collector. ``tasks`` are the last commits that were made for tasks.
``aliases``, ``pins`` and ``held`` keep what would retire: `omega_core.protocol.holding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .holding import ATTRIBUTES_COPIED, HELD, aliased, not_empty, pinned
from .metadata import PAYLOAD_FIELDS
from .numbering import Numbers

Stage = dict[str, Any]
Pipeline = list[Stage]

TASKS_REMEMBERED = 32
"""Commits of one object that were made for tasks, at most: every put rewrites the list."""

_CARRIED = ("gen", "version", "modified", *PAYLOAD_FIELDS)
_IS_LIVE = {"$ne": [{"$type": "$gen"}, "missing"]}
_SNAPSHOT = {**{field: f"${field}" for field in _CARRIED}, "rev": "$rev", "at": "$$NOW"}
_POINTERS = ("kind", "kind_meta", "collection", "gridfile", "uri", "plugin", "res")
_RETIRED_FIELDS = (*_POINTERS, "version", "rev")


def _entries(name: str) -> Stage:
    return {"$ifNull": [f"${name}", {}]}


def _times(name: str, time: str) -> Stage:
    entries = {"$objectToArray": _entries(name)}
    return {"$map": {"input": entries, "as": "e", "in": f"$$e.v.{time}"}}


def _as_retired(versions: Any) -> Stage:
    """Turn an array of snapshots into ``{gen: what the collector needs to know}``."""
    value: Stage = {field: f"$$v.{field}" for field in _RETIRED_FIELDS}
    pair = {"k": "$$v.gen", "v": {**value, "at": "$$NOW"}}
    return {"$arrayToObject": {"$map": {"input": versions, "as": "v", "in": pair}}}


def let_go(payloads: Any) -> Stage:
    """Return the fields that hold what is neither live nor a version any more, or retire it."""
    retired = _as_retired(pinned(payloads, negate=True))
    return {
        "retired": {"$mergeObjects": [_entries("retired"), retired]},
        "held": {"$concatArrays": [HELD, pinned(payloads)]},
    }


HELD_OR_NOT: Stage = {"$set": {"held": not_empty("$held")}}


def _dated(batches: Any, rev: Any) -> Stage:
    """Note with each batch when it came, for reading the object as of then."""
    moment = {"rev": rev, "at": "$$NOW"}
    return {"$map": {"input": batches, "as": "b", "in": {"$mergeObjects": ["$$b", moment]}}}


def _counted(more: int) -> Stage:
    """Note in the seal that there are so many batches more, where there is a seal."""
    count = {"$add": [{"$ifNull": ["$seal.batches", 0]}, more]}
    counted = {"$mergeObjects": ["$seal", {"batches": count}]}
    return {"$cond": [{"$eq": [{"$type": "$seal"}, "object"]}, counted, "$$REMOVE"]}


_BATCHES: Stage = {"$ifNull": ["$res.batches", []]}

_IS_EMPTY: Stage = {
    "$and": [
        {"$not": [_IS_LIVE]},
        {"$eq": [_entries("pending"), {}]},
        {"$eq": [_entries("retired"), {}]},
        {"$eq": [HELD, []]},
    ]
}

TIDY: Pipeline = [
    {
        "$set": {
            "pending": {"$cond": [{"$eq": [_entries("pending"), {}]}, "$$REMOVE", "$pending"]},
            "retired": {"$cond": [{"$eq": [_entries("retired"), {}]}, "$$REMOVE", "$retired"]},
            "retired_count": {"$size": {"$objectToArray": _entries("retired")}},
            "gc_at": {
                "$min": {
                    "$concatArrays": [
                        _times("pending", "lease"),
                        _times("retired", "at"),
                        [{"$ifNull": ["$expires", None]}],
                        # The last entry may be forgotten by a collector that crashes before it
                        # deletes the document.
                        [{"$cond": [_IS_EMPTY, "$$NOW", None]}],
                    ]
                }
            },
        }
    },
    {"$set": {"gc_at": {"$ifNull": ["$gc_at", "$$REMOVE"]}}},
]
"""Ends every update: no empty field stays, and the collector's fields are right."""


def _lease_end(seconds: float) -> Stage:
    return {"$add": ["$$NOW", round(seconds * 1000)]}


def begin(gen: str, intent: Mapping[str, Any], *, lease: float) -> Pipeline:
    """Open an intent: from now on the collector knows what this writer may leave behind."""
    fields = {field: {"$literal": value} for field, value in intent.items()}
    pending = {**fields, "lease": _lease_end(lease)}
    # The size is what the document has before this writer adds to it.
    return [
        {"$set": {"size": {"$bsonSize": "$$ROOT"}}},
        {"$set": {f"pending.{gen}": pending, "rev": {"$ifNull": ["$rev", 0]}}},
        *TIDY,
    ]


def renew(gen: str, lease: float) -> Pipeline:
    """Prolong the lease of an intent."""
    return [{"$set": {f"pending.{gen}.lease": _lease_end(lease)}}, *TIDY]


def commit(
    gen: str,
    payload: Mapping[str, Any],
    *,
    keep: int,
    keep_attributes: bool,
    past: Numbers,
    expires: float | None = None,
    task: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Make ``gen`` live; what was live becomes a version, and versions beyond ``keep`` retire.

    Those that an alias names stay, and of those that retire, snapshots hold what they pin.

    Parameters
    ----------
    past
        What the name has reached before its document was collected; its numbers go on from there.
    task
        On whose behalf, for the object to remember.
    """
    older = {"$ifNull": ["$versions", []]}
    stay = keep - 1  # the live one counts
    overflow = {"$max": [0, {"$subtract": [{"$size": "$versions"}, stay]}]}
    beyond = _first("$versions", overflow)
    count = {"$add": [{"$max": ["$last_version", past.version]}, 1]}
    fields: Stage = {
        field: {"$literal": payload[field]} if field in payload else "$$REMOVE"
        for field in PAYLOAD_FIELDS
    }
    if "seal" in payload:
        fields["seal"] = {"$mergeObjects": [{"$literal": payload["seal"]}, {"version": count}]}
    if keep_attributes:
        fields["attributes"] = {"$ifNull": ["$attributes", {}]}
    if task is not None or past.tasks:
        fields["tasks"] = _remembering(task, past.tasks, gen, count)
    dated: Pipeline = []
    if "batches" in payload.get("kind_meta", {}):
        dated = [{"$set": {"kind_meta.batches": _dated("$kind_meta.batches", "$rev")}}]
    return [
        {"$set": {"versions": {"$concatArrays": [older, {"$cond": [_IS_LIVE, [_SNAPSHOT], []]}]}}},
        {
            "$set": {
                **let_go(aliased(beyond, negate=True)),
                "versions": {"$concatArrays": [aliased(beyond), _last("$versions", stay)]},
            }
        },
        HELD_OR_NOT,
        {
            "$set": {
                **fields,
                "gen": gen,
                "rev": {"$add": [{"$max": ["$rev", past.rev]}, 1]},
                "version": count,
                "last_version": count,
                "created": {"$ifNull": ["$created", "$$NOW"]},
                "modified": "$$NOW",
                "expires": "$$REMOVE" if expires is None else _lease_end(expires),
            }
        },
        *dated,
        {"$unset": f"pending.{gen}"},
        *TIDY,
    ]


def append(
    gen: str,
    batches: Sequence[Mapping[str, Any]],
    attributes: Any,
    *,
    segments: bool,
    task: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Add batches to the live payload, which stays the same generation."""
    added = _dated({"$literal": list(batches)}, {"$add": ["$rev", 1]})
    fields: Stage = {
        "kind_meta.batches": {"$concatArrays": [{"$ifNull": ["$kind_meta.batches", []]}, added]},
        "seal": _counted(len(batches)),
        "rev": {"$add": ["$rev", 1]},
        "modified": "$$NOW",
    }
    if segments:
        payloads = [batch["payload"] for batch in batches]
        fields["res.batches"] = {"$concatArrays": [_BATCHES, payloads]}
    if attributes is not None:
        fields |= {"attributes": {"$literal": attributes}, "pins": ATTRIBUTES_COPIED}
    if task is not None:
        fields["tasks"] = _remembering(task, (), gen, "$version")
    return [{"$set": fields}, {"$unset": f"pending.{gen}"}, *TIDY]


def compact(gen: str, batch: Mapping[str, Any], start: int, stop: int) -> Pipeline:
    """Put one batch in the place of those from ``start`` to ``stop``, which retire."""
    batches = "$kind_meta.batches"
    replaced = {"$slice": [batches, start, stop - start]}
    gone = {"$map": {"input": replaced, "as": "b", "in": "$$b.payload"}}
    last = {"$arrayElemAt": [batches, stop - 1]}
    first = {"$arrayElemAt": [batches, start]}
    since = {"$ifNull": ["$$first.since", {"rev": "$$first.rev", "at": "$$first.at"}]}
    merged = {
        "$mergeObjects": [
            {"$literal": dict(batch)},
            # When the rows of the first of them came.
            {"since": {"$let": {"vars": {"first": first}, "in": since}}},
            {"rev": {"$let": {"vars": {"last": last}, "in": "$$last.rev"}}},
            {"at": {"$let": {"vars": {"last": last}, "in": "$$last.at"}}},
        ]
    }
    kept = {"$filter": {"input": _BATCHES, "as": "g", "cond": {"$not": [{"$in": ["$$g", gone]}]}}}
    retired = {"at": "$$NOW", "kind": "$kind", "plugin": "$plugin", "res": {"batches": gone}}
    return [
        # The replaced ones retire under a key of their own: the first of them may be the live one.
        {"$set": {f"retired.{gen}c": retired}},
        {
            "$set": {
                "res.batches": {"$concatArrays": [kept, [batch["payload"]]]},
                "kind_meta.batches": {
                    "$concatArrays": [
                        _first(batches, start),
                        [merged],
                        _from(batches, stop),
                    ]
                },
                "seal": _counted(1 + start - stop),
                "rev": {"$add": ["$rev", 1]},
            }
        },
        {"$unset": f"pending.{gen}"},
        *TIDY,
    ]


def drop() -> Pipeline:
    """Retire what is live, and the versions; the name does not exist any more.

    What a snapshot pins is held.
    """
    everything = {"$concatArrays": [{"$ifNull": ["$versions", []]}, [_SNAPSHOT]]}
    return [
        {"$set": {**let_go(everything), "rev": {"$add": ["$rev", 1]}}},
        {"$unset": ["versions", "aliases", "created", "expires", *_CARRIED]},
        HELD_OR_NOT,
        *TIDY,
    ]


def restore(version: int) -> Pipeline:
    """Make a kept version live again; what was live takes its place among the versions."""
    chosen = {
        "$filter": {"input": "$versions", "as": "v", "cond": {"$eq": ["$$v.version", version]}}
    }
    others = {
        "$filter": {"input": "$versions", "as": "v", "cond": {"$ne": ["$$v.version", version]}}
    }
    return [
        {
            "$set": {
                "versions": {"$concatArrays": [others, [_SNAPSHOT]]},
                "chosen": {"$arrayElemAt": [chosen, 0]},
                "rev": {"$add": ["$rev", 1]},
            }
        },
        {
            "$set": {
                **{field: {"$ifNull": [f"$chosen.{field}", "$$REMOVE"]} for field in _CARRIED},
                "modified": "$$NOW",
            }
        },
        {"$unset": "chosen"},
        *TIDY,
    ]


def save_attributes(attributes: Mapping[str, Any]) -> Pipeline:
    """Set the attributes of what is live."""
    return [
        {
            "$set": {
                "attributes": {"$literal": dict(attributes)},
                "pins": ATTRIBUTES_COPIED,
                "rev": {"$add": ["$rev", 1]},
                "modified": "$$NOW",
            }
        }
    ]


def condemn(gen: str, entry: Mapping[str, Any] | None = None) -> Pipeline:
    """Move an intent to what the collector frees; its writer cannot commit any more.

    Parameters
    ----------
    entry
        What the writer itself knows of its payload; None: what the intent says.
    """
    known: Stage = {field: f"$pending.{gen}.{field}" for field in ("kind", "plugin", "res")}
    if entry is not None:
        known = {field: {"$literal": entry[field]} for field in _POINTERS if field in entry}
    known.update(at="$$NOW", condemned=True)
    return [{"$set": {f"retired.{gen}": known}}, {"$unset": f"pending.{gen}"}, *TIDY]


def sweep_again(gen: str, seconds: float) -> Pipeline:
    """Keep a condemned entry for a second sweep: its paused writer may wake up and write."""
    return [
        {"$set": {f"retired.{gen}.at": _lease_end(seconds), f"retired.{gen}.swept": True}},
        *TIDY,
    ]


def forget(*gens: str) -> Pipeline:
    """Remove the entries of generations whose data is deleted."""
    return [{"$unset": [f"retired.{gen}" for gen in gens]}, *TIDY]


def _remembering(
    task: Mapping[str, Any] | None, past: Sequence[Any], gen: str, version: Any
) -> Stage:
    """Return the commits made for tasks, the newest last, with one more of ``task``."""
    before = {"$ifNull": ["$tasks", {"$literal": list(past)}]}
    if task is None:
        return before
    entry = {**{key: {"$literal": value} for key, value in task.items()}, "gen": gen}
    return {
        "$slice": [{"$concatArrays": [before, [{**entry, "version": version}]]}, -TASKS_REMEMBERED]
    }


def _first(array: str, count: Any) -> Stage:
    # $slice refuses a count of 0.
    return {"$cond": [{"$gt": [count, 0]}, {"$slice": [array, {"$max": [1, count]}]}, []]}


def _last(array: str, count: int) -> Any:
    return {"$slice": [array, -count]} if count else []


def _from(array: str, position: int) -> Stage:
    rest = {"$subtract": [{"$size": array}, position]}
    return {"$cond": [{"$gt": [rest, 0]}, {"$slice": [array, position, {"$max": [1, rest]}]}, []]}
