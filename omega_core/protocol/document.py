"""What a metadata document has to look like, and the seal by which an edit of it is found.

`check` is called once, where a document becomes `Metadata`; nothing behind it guesses.

A writer seals what it commits: the kind, what the backend notes, and the pointers, bound to the
object and its generation; and each batch for itself, since they come one by one. The server adds
what it alone knows: the version, and how many batches there are. A seal is no signature: it finds
what was edited, also where that looks right, and not what was forged. What was stored before there
were seals has none, and is checked for its shape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import bson
from bson.datetime_ms import DatetimeMS
from pymongo.errors import OperationFailure, PyMongoError

from ..errors import IntegrityError, PluginContractError, UnsupportedValueError
from ..mongo.database import CODEC, Database
from ..shapes import (
    DIGEST,
    GENERATION,
    anything,
    binary,
    each,
    either,
    fields,
    flag,
    integer,
    mapping,
    moment,
    nothing,
    text,
)
from .naming import Key

Document = dict[str, Any]

SEALED_FIELDS = (
    *("kind", "kind_meta", "collection", "gridfile", "uri", "integrity", "plugin", "options"),
)

BY_THE_SERVER = ("rev", "at", "since", "seal")
"""What the server adds to a batch."""

MAX_DEPTH = 100
"""Levels of ``kind_meta``; MongoDB stops at 200, and a version adds some."""

KIND_META_LIMIT = 8 * 1024 * 1024
"""Bytes of BSON: half of what a document may have."""

_NAMED = text("(?s).+")
_WRITER = fields({"name": text(), "version": text()}, {"distribution": text()})
_LENGTHS = {"length": integer(), "sha256": DIGEST, "chunk_size": integer(1, 16 * 1024 * 1024)}
_MOMENT = fields({"rev": integer(1), "at": moment})
_BATCH = fields({}, {"rev": integer(1), "at": moment, "since": _MOMENT, "seal": DIGEST})
_NAMES = each(_NAMED)
_RESOURCES = fields(
    {},
    {
        "gridfs": flag,
        "files": each(anything),
        "segments": flag,
        "batches": _NAMES,
        "collections": _NAMES,
        "rows": _NAMES,
        "uris": _NAMES,
        "backend": flag,
    },
    only=True,
)

KEY = ("bucket", "prefix", "name")
_KEY = dict.fromkeys(KEY, _NAMED)
_POINTERS = {
    "kind": _NAMED,
    "kind_meta": fields({}, {"batches": each(_BATCH)}),
    "collection": either(nothing, _NAMED),
    "uri": either(nothing, _NAMED),
    "plugin": either(nothing, _WRITER),
    "res": _RESOURCES,
}
_COUNTS = {"rev": integer(1), "version": integer(1)}
_PAYLOAD = fields(
    {**_KEY, **_COUNTS, "gen": GENERATION, "kind": _NAMED, "modified": moment},
    {
        **_POINTERS,
        "attributes": mapping(),
        "inline": either(nothing, binary),
        "integrity": either(nothing, fields({}, _LENGTHS)),
        "options": either(nothing, mapping()),
        "seal": fields({"sha256": DIGEST, "version": integer(1)}, {"batches": integer()}),
        "created": moment,
    },
)
_OTHERS = ("versions", "pending", "retired", "tasks", "aliases", "held", "pins")
_INTENT = fields(
    {"lease": moment}, {"kind": _NAMED, "plugin": _WRITER, "res": _RESOURCES, "task": _NAMED}
)
_OF_A_TASK = fields({"id": _NAMED, "n": integer(), "gen": GENERATION, "version": integer(1)})
_MOVE = fields({"version": integer(1), "at": moment, "by": text()})
_ALIAS = fields({"version": integer(1), "at": moment, "by": text(), "before": each(_MOVE)})
_PIN = fields(
    {"gen": GENERATION, **_COUNTS, "modified": moment, "by": each(GENERATION)},
    {"created": moment, "attributes": mapping()},
)
_RETIRED = fields({"at": moment}, {**_POINTERS, "condemned": flag, "swept": flag})
_BOOKS = {
    "pending": mapping(_INTENT),
    "retired": mapping(_RETIRED),
    "expires": moment,
    "rev": integer(),
    "last_version": integer(1),
    "versions": each(fields({"gen": GENERATION})),
    "tasks": each(_OF_A_TASK),
    "aliases": mapping(_ALIAS),
    "held": each(fields({"gen": GENERATION})),
    "pins": each(_PIN),
}

_NOT_COLLECTED = ("versions", "tasks", "aliases", "held", "pins")


# --- the seal --------------------------------------------------------------------------------


def sealed(key: Key, gen: str, payload: Document) -> Document:
    """Return the payload fields of a commit with their seal.

    Raises
    ------
    PluginContractError
        For a ``kind_meta`` that BSON does not take.
    UnsupportedValueError
        For one that is too large.
    """
    payload = _as_stored(key, payload)
    batches = payload.get("kind_meta", {}).get("batches")
    seal: Document = {"sha256": _digest_of(key, gen, payload)}
    if batches is not None:
        payload["kind_meta"]["batches"] = sealed_batches(key, gen, payload["kind"], batches)
        seal["batches"] = len(batches)
    return {**payload, "seal": seal}


def sealed_batches(key: Key, gen: str, kind: str, batches: list[Document]) -> list[Document]:
    """Return batches, each with its seal; ``gen`` is that of the object that they belong to."""
    stored = _as_stored(key, {"kind": kind, "kind_meta": {"batches": batches}})
    found = stored["kind_meta"]["batches"]
    fault = each(mapping())(found, "kind_meta['batches']")
    if fault is not None:
        raise PluginContractError(f"{key}: the backend of kind {kind!r} set {fault}.")
    return [{**batch, "seal": _digest_of_batch(gen, batch)} for batch in found]


def _as_stored(key: Key, payload: Document) -> Document:
    """Return the fields as they will be read: BSON knows fewer types than Python."""
    who = f"{key}: the backend of kind {payload.get('kind')!r}"
    try:
        encoded = bson.encode(payload, codec_options=CODEC)
        stored = bson.decode(encoded, CODEC)
    except (bson.errors.BSONError, ValueError, OverflowError, RecursionError) as exc:
        raise PluginContractError(
            f"{who} set in kind_meta, or a pointer, what BSON does not take: {exc}. Nothing was "
            "stored. Such data belongs into the payload."
        ) from exc
    if _is_deep(stored):
        raise PluginContractError(
            f"{who} nests what it sets in kind_meta more than {MAX_DEPTH} levels deep, or it "
            "contains itself. Nothing was stored."
        )
    if len(encoded) > KIND_META_LIMIT:
        raise UnsupportedValueError(
            f"{who} notes {len(encoded):,} bytes in kind_meta, and may note {KIND_META_LIMIT:,}. "
            "Nothing was stored. Put the object in fewer pieces, or in several objects."
        )
    return stored


def _is_deep(document: Document) -> bool:
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        inner = [list(v.values()) if isinstance(v, dict) else v for v in level]
        level = [part for parts in inner if isinstance(parts, list) for part in parts]
    return bool(level)


def _digest_of(key: Key, gen: str, document: Mapping[str, Any]) -> str:
    parts = {name: document[name] for name in SEALED_FIELDS if document.get(name) is not None}
    kind_meta = dict(parts.get("kind_meta", {}))
    kind_meta.pop("batches", None)
    parts["kind_meta"] = kind_meta
    return _digest([key.bucket, key.prefix, key.name, gen, parts])


def _digest_of_batch(gen: str, batch: Mapping[str, Any]) -> str:
    return _digest([gen, {k: v for k, v in batch.items() if k not in BY_THE_SERVER}])


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(bson.encode({"": parts}, codec_options=CODEC)).hexdigest()


# --- reading ---------------------------------------------------------------------------------


def check(document: Mapping[str, Any]) -> None:
    """Look at a document, with one of its payloads live, before anything else does.

    Raises
    ------
    IntegrityError
        Naming the object, the version, and the field that is not as it was written.
    """
    # Of the other payloads, what is wrong with one does not matter to this one.
    own = {field: value for field, value in document.items() if field not in _OTHERS}
    fault = _unreadable(own, "") or _PAYLOAD(own, "") or _unsealed(own)
    if fault is not None:
        raise damaged(document, fault)


def check_entry(document: Mapping[str, Any]) -> None:
    """Look at what the collector reads of a document, as `check` does at the rest."""
    books = {field: shape for field, shape in _BOOKS.items() if field not in _NOT_COLLECTED}
    fault = _unreadable(document, "") or fields(_KEY, books)(document, "")
    if fault is not None:
        raise damaged(document, fault)


def check_field(document: Mapping[str, Any], field: str) -> None:
    """Look at what an object has besides its payloads: its ``aliases``, or its ``pins``."""
    value = document.get(field)
    fault = value is not None and (_unreadable(value, field) or _BOOKS[field](value, field))
    if fault:
        raise damaged(document, fault)


def commits_of_tasks(document: Mapping[str, Any]) -> list[Document]:
    """Return which tasks have committed an object, and what; checked as `check` does."""
    entries: Any = document.get("tasks", [])
    fault = each(_OF_A_TASK)(entries, "tasks")
    if fault is not None:
        raise damaged(document, fault)
    return list(entries)


@contextmanager
def explained(database: Database, key: Key) -> Iterator[None]:
    """Tell a document that the server cannot work with from other failures of its commands."""
    try:
        yield
    except OperationFailure as exc:
        document = None
        with suppress(PyMongoError):
            document = database.metadata.find_one(key.filter())
        if document is not None:
            fault = _unreadable(document, "") or fields(_KEY, _BOOKS)(document, "")
            if fault is not None:
                raise damaged(document, fault) from exc
            if "gen" in document:
                check(document)
        raise


def damaged(document: Mapping[str, Any], fault: str) -> IntegrityError:
    """Return the error that tells people which document was edited, and where."""
    name = document.get("name")
    where = f"{document.get('prefix')}{name!r} in bucket {document.get('bucket')!r}"
    return IntegrityError(
        f"{where}, version {document.get('version')}: its metadata document is damaged: {fault}. "
        "Something else than omega_core edited it. Restore another version (store.versions"
        f"({name!r}) shows which are sound), drop it, or bring the document back from a backup."
    )


def _unreadable(value: Any, where: str) -> str | None:
    """Return where a document holds what no value of Python is, as the driver lets it through."""
    if isinstance(value, dict):
        for key, item in value.items():
            place = f"{where}[{key!r}]" if where else str(key)
            fault = _unreadable(key, f"a key of {where or 'the document'}") or _unreadable(
                item, place
            )
            if fault is not None:
                return fault
    elif isinstance(value, list):
        for number, item in enumerate(value):
            fault = _unreadable(item, f"{where}[{number}]")
            if fault is not None:
                return fault
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            return f"{where} is no valid UTF-8"
    elif isinstance(value, DatetimeMS):
        return f"{where} is a time beyond the year 9999, or before the year 1"
    return None


def _unsealed(document: Mapping[str, Any]) -> str | None:
    """Return what does not fit the seals, or the order in which the server adds batches."""
    key = Key(document["bucket"], document["prefix"], document["name"])
    gen: str = document["gen"]
    batches: list[Document] = document.get("kind_meta", {}).get("batches", [])
    seal = document.get("seal")
    if seal is not None:
        if seal["version"] != document["version"]:
            return f"version is {document['version']}, and was written as {seal['version']}"
        if seal["sha256"] != _digest_of(key, gen, document):
            return f"one of gen, {', '.join(SEALED_FIELDS)} is not what was written"
        if seal.get("batches", 0) != len(batches):
            return (
                f"kind_meta['batches'] has {len(batches)} entries, and {seal.get('batches', 0)} "
                "were written"
            )
    before = 0
    for number, batch in enumerate(batches):
        where = f"kind_meta['batches'][{number}]"
        if "seal" in batch and batch["seal"] != _digest_of_batch(gen, batch):
            return f"{where} is not what was written"
        rev = batch.get("rev", before)
        if not before <= rev <= document["rev"]:
            return f"{where}['rev'] is {rev}, which is not its turn"
        before = rev
    return None
