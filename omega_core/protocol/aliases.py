"""Names of one's own for versions: ``"champion"`` is version 7 now, and was version 5 before.

An alias lies in the metadata document of its object, so that naming a version and keeping it are
one update: a put that retires old versions leaves those that an alias names.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidNameError
from .identity import user_at_host
from .pipelines import Pipeline, Stage

Document = dict[str, Any]

MOVES_REMEMBERED = 16
"""Moves of one alias, at most: every put rewrites the document."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Alias:
    """Which version an alias names.

    Attributes
    ----------
    version
        Its number.
    at, by
        Since when, by the clock of the server, and who said so: ``"user@host"``.
    before
        What it named before, the oldest first; the last 16 moves.
    """

    version: int
    at: dt.datetime
    by: str
    before: tuple[Alias, ...] = ()


def check_alias(alias: object) -> str:
    """Return ``alias`` if it can name a version.

    Raises
    ------
    InvalidNameError
        For anything but a letter or ``_``, and then letters, digits, ``_`` and ``-``; at most 64.
    """
    if isinstance(alias, str) and _WORD.fullmatch(alias):
        return alias
    number = isinstance(alias, int) or (isinstance(alias, str) and alias.isdigit())
    hint = f" A version is asked for by its number: version={alias}." if number else ""
    raise InvalidNameError(
        f"{alias!r} is no alias: that is a word of at most 64 letters, digits, '_' and '-', which "
        f"begins with a letter or '_', such as 'champion'.{hint}"
    )


def from_document(document: Mapping[str, Any]) -> dict[str, Alias]:
    """Return all aliases of an object, sorted; the document has been checked."""
    aliases: Mapping[str, Document] = document.get("aliases", {})
    return {
        alias: Alias(**_place(entry), before=tuple(Alias(**_place(e)) for e in entry["before"]))
        for alias, entry in sorted(aliases.items())
    }


def _place(entry: Mapping[str, Any]) -> dict[str, Any]:
    at: dt.datetime = entry["at"]
    return {"version": entry["version"], "at": at.replace(tzinfo=dt.UTC), "by": entry["by"]}


def point(alias: str, version: Any) -> Pipeline:
    """Let an alias name a version, and remember what it named before.

    Parameters
    ----------
    version
        The number; or the field that has it, as ``"$version"``.
    """
    own = f"$aliases.{alias}"
    last = {field: f"{own}.{field}" for field in ("version", "at", "by")}
    past: Stage = {"$ifNull": [f"{own}.before", []]}
    is_new = {"$eq": [{"$type": own}, "missing"]}
    moved = {
        "$slice": [{"$concatArrays": [past, {"$cond": [is_new, [], [last]]}]}, -MOVES_REMEMBERED]
    }
    by = {"$literal": user_at_host()}
    entry = {"version": version, "at": "$$NOW", "by": by, "before": moved}
    # Said twice, as after a lost answer, it is one move.
    same = {"$eq": [f"{own}.version", version]}
    return [{"$set": {f"aliases.{alias}": {"$cond": [same, own, entry]}}}]


def remove(alias: str) -> Pipeline:
    """Let an alias name nothing; what it named is a version like any other."""
    rest = {"$cond": [{"$eq": ["$aliases", {}]}, "$$REMOVE", "$aliases"]}
    return [{"$unset": f"aliases.{alias}"}, {"$set": {"aliases": rest}}]
