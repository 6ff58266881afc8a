"""The names in a store: by pattern, by kind, by attributes, by age, in an order of one's choice.

Conditions on attributes mean what they mean for rows, and are the same `omega_core.Q`. The server
leaves out what surely does not match; what may is decoded and looked at here, so that values are
compared as they were given, and nothing that somebody passes is an operator of MongoDB.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .backends.filters import possible_matches
from .backends.matching import matches
from .errors import IntegrityError, UnsupportedOptionError, suggestion
from .faithful import encode
from .mongo.database import answering
from .payloads import Payloads
from .protocol import attributes as attributes_codec
from .protocol.lineage import LINEAGE
from .protocol.metadata import Metadata
from .protocol.naming import SECTION
from .query import Comparison, Condition, Every, Not, Q, comparisons, operator_hint, parse

Document = dict[str, Any]
Where = Mapping[Any, Any] | Q

SORTED_BY = ("name", "modified", "created", "kind", "version")

_LISTED = dict.fromkeys(("pending", "retired", "versions", "held", "pins", "tasks", "inline"), 0)
_MISSING = object()


class Listing:
    """The objects of one store, as lists show them."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads
        self._database = payloads.database

    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | Iterable[str] | None = None,
        where: Where | None = None,
        fitted_on: str | None = None,
        since: dt.datetime | dt.timedelta | None = None,
        sort: str = "name",
        limit: int | None = None,
        hidden: bool = False,
        raw: bool = False,
    ) -> list[Any]:
        """Return the names of objects, sorted; one query.

        Parameters
        ----------
        pattern
            A shell glob that the whole name matches: ``*``, ``?``, ``[...]``. A slash is a
            character like any other.
        regexp
            A regular expression to be found somewhere in the name.
        kind
            A kind, or several.
        where
            Conditions on the attributes: ``{"owner": "ann", "score__gt": 0.9}``, or a `Q`. A dot
            leads into a dict, as ``"team.name"``, and ``tags__contains`` finds a member of a list.
        fitted_on
            The name of a dataset: what was fitted on it, or predicted from it, as X or as Y.
        since
            Only what was stored or changed since then: a time with a time zone, or how long ago
            by the clock of the server.
        sort
            ``"name"``, ``"modified"``, ``"created"``, ``"kind"`` or ``"version"``; with a minus
            the other way round, as ``"-modified"`` for the newest first.
        limit
            So many at most.
        hidden
            Include names that begin with ``.``; a pattern that begins with ``.`` does as well.
        raw
            Return `Metadata` instead of names. Of a document that something else edited, such
            that it cannot be read, it has ``damage``, and little else.

        Raises
        ------
        UnsupportedOptionError, UnsupportedValueError
            A condition, an order or a limit that is none.
        """
        order, backwards = self._order(sort)
        self._check_limit(limit)
        condition = self._condition(where, fitted_on)
        query: Document = {"gen": {"$exists": True}}
        if kind is not None:
            query["kind"] = {"$in": [kind] if isinstance(kind, str) else [*kind]}
        named: list[Callable[[str], Any]] = []
        if pattern is not None:
            # The server narrows down by what comes before the first wildcard, along the index.
            literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
            if literal:
                query["name"] = {"$gte": literal, "$lt": literal + "\U0010ffff"}
            named.append(re.compile(fnmatch.translate(pattern)).match)
            hidden = hidden or pattern.startswith(".")
        if regexp is not None:
            named.append(re.compile(regexp).search)
        if since is not None:
            query |= self._since(since)
        if condition is not None:
            query |= _candidates(condition)
        fields = {"name", order, *(("attributes",) if condition is not None else ())}
        projection = _LISTED if raw else {**dict.fromkeys(fields, 1), "_id": 0}
        of = {"bucket": self._payloads.bucket, "prefix": self._payloads.prefix}
        with answering(self._database):
            documents = [*self._database.metadata.find({**of, **query}, projection)]
        found = [
            document
            for document in documents
            # What is no text names no object, and can be neither asked for nor dropped.
            if isinstance(name := document.get("name"), str)
            and (hidden or not name.startswith("."))
            and all(match(name) for match in named)
            and (condition is None or _holds(condition, document))
        ]
        found.sort(key=lambda document: str(document["name"]))
        if order != "name" or backwards:
            # Those of one rank stay in the order of their names.
            found.sort(key=lambda document: _rank(document.get(order)), reverse=backwards)
        del found[len(found) if limit is None else limit :]
        return [Metadata.listed(d, self._payloads) if raw else d["name"] for d in found]

    # --- what is asked -----------------------------------------------------------------------

    def _condition(self, where: Where | None, fitted_on: str | None) -> Condition | None:
        subject = f"list of {SECTION[self._payloads.prefix]}"
        parts: list[Condition] = []
        if where is not None:
            parts.append(_understood(where, subject))
        if fitted_on is not None:
            if not isinstance(fitted_on, str):
                raise UnsupportedOptionError(
                    f"{subject}: fitted_on= takes the name of a dataset, not {fitted_on!r}."
                )
            asked = Q({f"{LINEAGE}.X.name": fitted_on}) | Q({f"{LINEAGE}.Y.name": fitted_on})
            parts.append(parse(asked, subject))
        return None if not parts else parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _since(self, since: Any) -> Document:
        if isinstance(since, dt.timedelta):
            ago = round(since.total_seconds() * 1000)
            return {"$expr": {"$gte": ["$modified", {"$subtract": ["$$NOW", ago]}]}}
        if isinstance(since, dt.datetime) and since.tzinfo is not None:
            return {"modified": {"$gte": since}}
        raise UnsupportedOptionError(
            f"list of {SECTION[self._payloads.prefix]}: since= takes a time with a time zone, such "
            "as datetime.now(UTC), or a timedelta: how long ago. It was given "
            f"{'a time without a time zone' if isinstance(since, dt.datetime) else repr(since)}."
        )

    def _order(self, sort: Any) -> tuple[str, bool]:
        by = sort.removeprefix("-") if isinstance(sort, str) else sort
        if by in SORTED_BY:
            return by, sort != by
        raise UnsupportedOptionError(
            f"list of {SECTION[self._payloads.prefix]}: sort={sort!r} is no order."
            f"{suggestion(str(by), SORTED_BY)} Orders: {', '.join(SORTED_BY)}; with a minus the "
            "other way round."
        )

    def _check_limit(self, limit: Any) -> None:
        if limit is not None and (type(limit) is not int or limit < 0):
            raise UnsupportedOptionError(
                f"list of {SECTION[self._payloads.prefix]}: limit= takes a whole number from 0, "
                f"not {limit!r}."
            )


def _rank(value: Any) -> tuple[bool, Any]:
    """Return what a field is sorted by; something that cannot be compared comes first."""
    known = isinstance(value, str | int | dt.datetime) and not isinstance(value, bool)
    return known, (value if known else 0)


# --- attributes ------------------------------------------------------------------------------


def _understood(where: Any, subject: str) -> Condition:
    """Return the condition of ``where``, after a check of its keys and values."""
    condition = parse(where, subject)
    for comparison in comparisons(condition):
        label = comparison.label
        if not isinstance(label, str) or not label or "\0" in label or "$" in _firsts(label):
            raise UnsupportedOptionError(
                f"{subject}: {label!r} is not the name of an attribute. Conditions take names and "
                "values, never operators of MongoDB."
            )
        if comparison.unknown_operator is not None:
            raise UnsupportedOptionError(
                f"{subject}: where {label!r} has the {operator_hint(comparison.unknown_operator)} "
                f"If it is an attribute: Q.where({label!r}, 'eq', value)."
            )
        values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        for value in values:
            encode(value, f"{subject}: the value of {label!r}")
    return condition


def _firsts(label: str) -> set[str]:
    return {part[:1] for part in label.split(".")}


def _candidates(condition: Condition) -> Document:
    """Return the query of all objects whose attributes may meet a condition.

    A path of MongoDB leads through lists as well, and an odd key is stored elsewhere: what has
    either is let through.
    """
    narrowed = possible_matches(_prefixed(condition))
    others: list[Document] = [{f"attributes.{attributes_codec.MARK}": {"$exists": True}}]
    for comparison in comparisons(condition):
        parts = str(comparison.label).split(".")
        if "" in parts:
            return {}
        ways = [".".join(parts[: end + 1]) for end in range(len(parts) - 1)]
        if comparison.operator in ("contains", "ne", "nin", "isnull"):
            ways.append(str(comparison.label))
        others += [{f"attributes.{way}": {"$type": "array"}} for way in ways]
    return {"$or": [narrowed, *others]} if narrowed else {}


def _prefixed(condition: Condition) -> Condition:
    """Return a condition on the paths of attributes in a metadata document."""
    if isinstance(condition, Comparison):
        path = f"attributes.{condition.label}"
        return Comparison(path, condition.operator, condition.value, condition.explicit)
    if isinstance(condition, Not):
        return Not(_prefixed(condition.part))
    return type(condition)(tuple(map(_prefixed, condition.parts)))


def _holds(condition: Condition, document: Document) -> bool:
    """Return whether the attributes of an object meet a condition; those it cannot read do not."""
    stored = document.get("attributes", {})
    try:
        attributes = attributes_codec.from_document(stored) if isinstance(stored, dict) else {}
    except IntegrityError:
        return False
    return _meets(condition, attributes)


def _meets(condition: Condition, attributes: Mapping[Any, Any]) -> bool:
    if isinstance(condition, Comparison):
        label = str(condition.label)
        found = _at(attributes, label)
        if condition.operator == "contains" and isinstance(found, list | tuple | set | frozenset):
            return condition.value in found
        return matches(condition, {} if found is _MISSING else {label: found})
    if isinstance(condition, Not):
        return not _meets(condition.part, attributes)
    combine = all if isinstance(condition, Every) else any
    return combine(_meets(part, attributes) for part in condition.parts)


def _at(attributes: Mapping[Any, Any], label: str) -> Any:
    """Return an attribute of this name; or what the dots of it lead to, through dicts."""
    if label in attributes:
        return attributes[label]
    found: Any = attributes
    for part in label.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _MISSING
        found = found[part]
    return found
