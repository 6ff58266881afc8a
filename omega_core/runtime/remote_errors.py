"""Errors as JSON: what a worker writes of an exception, and what its reader makes of that.

Whoever can write to the database, or to a broker, can write anything there. So the reader imports
nothing that an error names, and runs none of its code: a class that this process has imported
already is looked up, and its instance is made without a call of its constructor. Of every other
class, `RemoteError` tells the name.
"""

from __future__ import annotations

import builtins
import json
import math
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from .. import errors
from ..errors import RemoteError
from ..shapes import anything, each, either, fields, mapping, nothing, text

Document = dict[str, Any]

TEXT_LIMIT = 16 * 1024
"""Characters of a message, of a note, and of a traceback; of the latter, the last ones stay."""

_NOTES = 16
_IN_A_GROUP = 100
_DEPTH = 8
_ARGS_LIMIT = 64 * 1024

_SHAPE = fields(
    {"module": text(), "name": text(), "message": text()},
    {
        "args": either(nothing, each(anything)),
        "state": mapping(),
        "notes": each(text()),
        "traceback": text(),
        "exceptions": each(mapping()),
    },
)


def error_to_json(error: BaseException) -> Document:
    """Return an exception as JSON values: class, arguments, message, notes and traceback."""
    return _to_json(error, _DEPTH)


def error_from_json(document: Mapping[str, Any]) -> Exception:
    """Return the exception that `error_to_json` was given, or a `RemoteError` that tells of it.

    It is of its own class where that is one of exceptions, this process has imported it, and its
    arguments and attributes are JSON values. Its traceback is its last note.
    """
    return _from_json(document, _DEPTH)


# --- writing ---------------------------------------------------------------------------------


def _to_json(error: BaseException, depth: int) -> Document:
    cls = type(error)
    document: Document = {
        "module": cls.__module__,
        "name": cls.__qualname__,
        "message": _cut(_message(error)),
    }
    grouped = isinstance(error, BaseExceptionGroup) and depth > 0
    args = [error.message] if isinstance(error, BaseExceptionGroup) else list(error.args)
    if isinstance(error, OSError) and len(args) == 2 and error.filename is not None:
        args.append(error.filename)  # which is told in the message, and not among the arguments
    state = {key: value for key, value in vars(error).items() if key != "__notes__"}
    if cls.__module__ != "__main__" and _is_plain([args, state]):
        document["args"] = args
        if state:
            document["state"] = state
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list):
        document["notes"] = [_cut(str(note)) for note in notes[:_NOTES]]
    if error.__traceback__ is not None:
        told = "".join(traceback.format_exception(error))
        document["traceback"] = told if len(told) <= TEXT_LIMIT else f"...{told[-TEXT_LIMIT:]}"
    if grouped and isinstance(error, BaseExceptionGroup):
        inner = error.exceptions[:_IN_A_GROUP]
        document["exceptions"] = [_to_json(each_one, depth - 1) for each_one in inner]
    return document


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as exc:
        return f"(its message cannot be told: {type(exc).__name__})"


def _cut(told: str) -> str:
    left_out = len(told) - TEXT_LIMIT
    return told if left_out <= 0 else f"{told[:TEXT_LIMIT]}... ({left_out:,} characters left out)"


def _is_plain(value: Any) -> bool:
    """Return whether JSON brings it back the same, and it is not large."""
    try:
        written = json.dumps(value, allow_nan=False) if _has_json_types(value, _DEPTH) else ""
    except (TypeError, ValueError):
        return False
    return 0 < len(written) <= _ARGS_LIMIT


def _has_json_types(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind is list:
        return depth > 0 and all(_has_json_types(item, depth - 1) for item in value)
    if kind is dict:
        return depth > 0 and all(
            type(key) is str and _has_json_types(item, depth - 1) for key, item in value.items()
        )
    if kind is float:
        return math.isfinite(value)
    return value is None or kind in (bool, int, str)


# --- reading ---------------------------------------------------------------------------------


def _from_json(document: Any, depth: int) -> Exception:
    fault = _SHAPE(document, "the error") if depth > 0 else "the error is nested too deep"
    if fault is not None:
        return RemoteError(f"A task failed, and what was written of its error is damaged: {fault}.")
    error = _group(document, depth) or _instance(document) or _told(document)
    notes = list(document.get("notes", []))
    if "traceback" in document:
        notes.append(f"On the worker:\n{document['traceback']}".rstrip())
    for note in notes:
        error.add_note(note)
    return error


def _told(document: Document) -> RemoteError:
    module, name = document["module"], document["name"]
    whose = name if module == "builtins" else f"{module}.{name}"
    message = document["message"]
    return RemoteError(f"{whose}: {message}" if message else whose)


def _group(document: Document, depth: int) -> Exception | None:
    named = (document["module"], document["name"])
    inner = document.get("exceptions")
    args = document.get("args")
    groups = [("builtins", "ExceptionGroup"), ("builtins", "BaseExceptionGroup")]
    if named not in groups or not inner or not args or type(args[0]) is not str:
        return None
    return ExceptionGroup(args[0], [_from_json(each_one, depth - 1) for each_one in inner])


def _instance(document: Document) -> Exception | None:
    args, state = document.get("args"), document.get("state", {})
    cls = _known(document["module"], document["name"])
    if cls is None or args is None or any(not isinstance(key, str) for key in state):
        return None
    # Of the classes that Python itself defines, the first: it knows how an instance is laid out.
    base = next(c for c in cls.__mro__ if vars(builtins).get(c.__name__) is c)
    try:
        error = base.__new__(cls, *args)
        base.__init__(error, *args)
        if not isinstance(error, OSError):  # which has understood them
            error.args = tuple(args)
        vars(error).update(state)
        same = _cut(str(error)) == document["message"]
    except Exception:
        return None
    return error if same and isinstance(error, Exception) else None


def _known(module: str, name: str) -> type[Exception] | None:
    """Return a class of exceptions that is there already; nothing is imported for it."""
    if module == errors.__name__:
        found: Any = errors
    elif module == "__main__":
        return None  # the reader's is another one than the worker's
    else:
        found = sys.modules.get(module)
    for part in name.split("."):
        # Not getattr, by which some modules import others.
        found = getattr(found, "__dict__", {}).get(part)
    # The exact metaclass, so that no other code than Python's own answers.
    if not isinstance(found, type) or not issubclass(found, Exception):
        return None
    return None if issubclass(found, BaseExceptionGroup) else found
