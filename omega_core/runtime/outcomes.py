"""Outcomes: what came of a task, as JSON, for the record of it and for whoever waits elsewhere.

What an action returns travels by what it is: metadata as the name and the version of its object,
bound again where it is read; plain Python of up to 64 kB as itself; and all else as a dataset under
a hidden name, which is removed once it is read. Nothing is pickled.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

from pymongo.errors import PyMongoError

from ..errors import IntegrityError, ObjectNotFoundError, OmegaError, TaskError
from ..protocol.metadata import Metadata
from ..protocol.naming import HIDDEN, SECTION
from ..shapes import GENERATION, anything, fields, integer, mapping, one_of, text
from .remote_errors import error_from_json, error_to_json
from .task import Worker

Document = dict[str, Any]

INLINE_LIMIT = 64 * 1024
"""Bytes of JSON that travel in the outcome itself."""

RESULT_SECONDS = 24 * 3600.0
"""When the collector drops a result that was stored for its reader, should nobody read it."""

_DEPTH = 40
_PREFIX = {section: prefix for prefix, section in SECTION.items()}

_NAME = text("(?s).+")
_METADATA = fields(
    {
        "bucket": _NAME,
        "store": one_of(*_PREFIX),
        "name": _NAME,
        "version": integer(1),
        "kind": _NAME,
        "gen": GENERATION,
        "rev": integer(1),
    }
)
_RESULT = fields(
    {},
    {
        "value": anything,
        "metadata": _METADATA,
        "stored": fields({"name": text(HIDDEN)}),
        "absent": text(),
    },
)
_OUTCOME = fields(
    {"status": one_of("success", "failure", "cancelled")},
    {"result": _RESULT, "error": mapping(), "recorded": one_of(True)},
)


class _NotPlainError(Exception):
    """A value is not, or not only, what JSON can tell; or it is large."""


# --- the whole of it -------------------------------------------------------------------------


def success(result: Document) -> str:
    """Return the outcome of a task that returned; ``result`` is of `encode_result`."""
    return json.dumps({"status": "success", "result": result}, allow_nan=False)


def failure(error: BaseException, status: str = "failure") -> str:
    """Return the outcome of a task that raised, or that was cancelled."""
    return json.dumps({"status": status, "error": error_to_json(error)}, allow_nan=False)


def recorded(outcome: str) -> str:
    """Return what is said of an outcome that the record has: how it ended, and no data."""
    return json.dumps({"status": json.loads(outcome)["status"], "recorded": True})


def read_outcome(outcome: str | None, *, from_worker: bool = False) -> Document:
    """Return what `success` or `failure` wrote, and what `recorded` did, where a worker says it.

    Raises
    ------
    IntegrityError
        It is something else.
    """
    try:
        document: Document = json.loads(outcome or "")
    except (TypeError, ValueError, RecursionError) as exc:
        raise IntegrityError(f"What was recorded of a task is no outcome: {exc}.") from None
    fault = _OUTCOME(document, "the outcome")
    if fault is None and not (from_worker and "recorded" in document):
        needs = {"result": anything} if document["status"] == "success" else {"error": mapping()}
        fault = fields(needs)(document, "the outcome")
    if fault is not None:
        raise IntegrityError(f"What was recorded of a task is no outcome: {fault}.")
    return document


def value_of(document: Document, bucket: Worker) -> Any:
    """Return what an outcome says that the task returned, or raise what it raised."""
    if document["status"] != "success":
        raise error_from_json(document["error"])
    return decode_result(document["result"], bucket)


# --- results ---------------------------------------------------------------------------------


def encode_result(value: Any, bucket: Worker, *, stores: bool = True) -> Document:
    """Return what an action returned as JSON values.

    Parameters
    ----------
    bucket
        The `Omega` whose datasets take what does not travel by itself.
    stores
        Whether they take it; else the result says that it is absent.

    Raises
    ------
    TaskError
        No enabled plugin stores the value.
    """
    if isinstance(value, Metadata) and value.gen is not None:
        own = ("name", "version", "kind", "gen", "rev")
        where = {"bucket": value.bucket, "store": SECTION[value.prefix]}
        return {"metadata": {**where, **{field: getattr(value, field) for field in own}}}
    with suppress(_NotPlainError):
        return {"value": _plain(value)}
    what = f"{type(value).__module__}.{type(value).__qualname__}"
    if not stores:
        return {"absent": what}
    try:
        # By its type, it would come back as a file.
        kind = "python.data" if isinstance(value, bytes) else None
        meta = bucket.datasets.put_temporary(value, seconds=RESULT_SECONDS, kind=kind)
    except OmegaError as exc:
        raise TaskError(
            f"The action returned {what}, which cannot be brought back from the worker: {exc} "
            "Ask for plain Python (pure_python=True), or let the worker store the result "
            "(rName=...)."
        ) from exc
    return {"stored": {"name": meta.name}}


def decode_result(document: Any, bucket: Worker) -> Any:
    """Return the value that `encode_result` was given.

    Raises
    ------
    IntegrityError
        This is nothing that it returned.
    TaskError
        The value was not kept, or somebody has read it already.
    """
    fault = _RESULT(document, "the result")
    if fault is None and len(document) != 1:
        fault = "the result is not one of value, metadata, stored and absent"
    if fault is not None:
        raise IntegrityError(f"What was recorded of a task is no result: {fault}.")
    [(how, told)] = document.items()
    if how == "metadata":
        return _bound(told, bucket)
    if how == "stored":
        return _fetched(told["name"], bucket)
    if how == "absent":
        raise TaskError(
            f"The task has succeeded. What it returned, {told}, was given to the process that "
            "submitted it, and is too large to be recorded. Pass rName= to keep a result."
        )
    if how != "value":
        raise IntegrityError(f"What was recorded of a task is no result: {how!r} is unknown.")
    try:
        return _from_plain(told, _DEPTH)
    except (_NotPlainError, ValueError) as exc:
        raise IntegrityError(f"What was recorded of a task is no result: {exc}.") from None


def _bound(told: Document, bucket: Worker) -> Metadata:
    if told["bucket"] != bucket.bucket:
        raise IntegrityError(
            f"What was recorded of a task is no result: it is of bucket {told['bucket']!r}, and "
            f"the task of {bucket.bucket!r}."
        )
    store = getattr(bucket, told["store"])
    try:
        found: Metadata | None = store.metadata(told["name"], version=told["version"])
    except OmegaError:
        found = None  # damaged since; whoever reads the object is told
    if found is not None and found.gen == told["gen"]:
        return found
    # It was replaced or dropped since: this is what the task has stored, nevertheless.
    return Metadata.retired({**told, "prefix": _PREFIX[told["store"]]}, store)


def _fetched(name: str, bucket: Worker) -> Any:
    try:
        value = bucket.datasets.get(name)
    except ObjectNotFoundError:
        raise TaskError(
            "The result of the task was read already, or was not read in time, and is removed. "
            "Pass rName= to keep a result."
        ) from None
    with suppress(OmegaError, PyMongoError):
        bucket.datasets.discard(name)  # else the collector drops it in its time
    return value


def is_there(document: Document, bucket: Worker) -> bool:
    """Return whether the result of a success can be read still."""
    stored = document.get("result", {}).get("stored")
    return stored is None or bucket.datasets.exists(stored["name"])


# --- plain Python ----------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    room = [INLINE_LIMIT]
    document = _as_json(value, _DEPTH, room)
    if len(json.dumps(document)) > INLINE_LIMIT:
        raise _NotPlainError("large")
    return document


def _as_json(value: Any, depth: int, room: list[int]) -> Any:
    kind = type(value)
    room[0] -= len(value) if kind is str else 2
    if room[0] < 0 or depth == 0:
        raise _NotPlainError("large or deep")
    if value is None or kind is bool or kind is str:
        return value
    if kind is int and abs(value) < 2**64:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if kind is list:
        return [_as_json(item, depth - 1, room) for item in value]
    if kind is tuple:
        return {"$tuple": [_as_json(item, depth - 1, room) for item in value]}
    if kind is dict and all(type(key) is str and not key.startswith("$") for key in value):
        room[0] -= sum(map(len, value))
        return {key: _as_json(item, depth - 1, room) for key, item in value.items()}
    raise _NotPlainError(kind.__name__)


def _from_plain(value: Any, depth: int) -> Any:
    if depth == 0:
        raise _NotPlainError("it is nested too deep")
    if isinstance(value, list):
        return [_from_plain(item, depth - 1) for item in value]
    if not isinstance(value, dict):
        return value
    tags = [key for key in value if key.startswith("$")]
    if not tags:
        return {key: _from_plain(item, depth - 1) for key, item in value.items()}
    tag, inner = tags[0], value[tags[0]]
    if len(value) == 1 and tag == "$float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if len(value) == 1 and tag == "$tuple" and isinstance(inner, list):
        return tuple(_from_plain(item, depth - 1) for item in inner)
    raise _NotPlainError(f"{tag!r} is unknown")
