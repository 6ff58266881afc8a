"""A filter as a MongoDB query that lets through every document that may match.

What BSON compares otherwise than Python does (values that `faithful` writes as tagged documents,
lists, bytes, True and 1) cannot be left to the server. So each comparison becomes two queries:
one of documents that match for sure, and one of those that may. A negation swaps them, and the
documents that come are looked at again, by `omega_core.backends.matching`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ..errors import UnsupportedOptionError
from ..faithful import encode
from ..query import Comparison, Condition, Every, Not, Q, comparisons, is_null, operator_hint, parse

Query = dict[str, Any]


class _Bounds(NamedTuple):
    """Two queries, between which the documents that match lie."""

    sure: Query
    maybe: Query


_ALL: Query = {}
_NONE: Query = {"$nor": [{}]}
_NO_LIST: Query = {"$not": {"$type": "array"}}
_NULLS: list[Any] = [None, math.nan]
_SYMBOLS = {"gt": "$gt", "gte": "$gte", "lt": "$lt", "lte": "$lte"}
_INT64 = range(-(2**63), 2**63)
# mongod refuses what is nested more than 100 deep, and a level of a filter takes up to four.
_MAX_DEPTH = 16


def understand(filter: Mapping[Any, Any] | Q | None, name: str) -> Condition:
    """Return the condition of a filter on the rows ``name``, after a check of its keys.

    Raises
    ------
    UnsupportedOptionError
        An unknown operator, a key that rows cannot have, or a value that is not taken.
    UnsupportedValueError
        A value that is not a scalar, such as an operator of MongoDB.
    """
    where = f"get of {name!r}"
    condition = parse(filter, where)
    for comparison in comparisons(condition):
        label = comparison.label
        if (
            not isinstance(label, str)
            or not label
            or label == "_id"
            or label.startswith("$")
            or "\0" in label
            or "." in label
        ):
            raise UnsupportedOptionError(
                f"{where}: {label!r} is not the key of an item. Filters take keys and values, "
                "never operators of MongoDB."
            )
        if comparison.unknown_operator is not None:
            raise UnsupportedOptionError(
                f"{where}: filter {label!r} has the {operator_hint(comparison.unknown_operator)} "
                f"If it is a key: Q.where({label!r}, 'eq', value)."
            )
        values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        for value in values:
            encode(value, f"{where}: the value of filter {label!r}")
    return condition


def possible_matches(condition: Condition) -> Query:
    """Return the query of all documents that may meet a condition, and of few others."""
    return _bounds(condition, 0).maybe


def _bounds(condition: Condition, depth: int) -> _Bounds:
    if isinstance(condition, Comparison):
        return _comparison(condition)
    if depth > _MAX_DEPTH:
        return _Bounds(_NONE, _ALL)
    if isinstance(condition, Not):
        return _negated(_bounds(condition.part, depth + 1))
    parts = [_bounds(part, depth + 1) for part in condition.parts]
    combine = _and if isinstance(condition, Every) else _or
    return _Bounds(combine(part.sure for part in parts), combine(part.maybe for part in parts))


def _negated(bounds: _Bounds) -> _Bounds:
    return _Bounds(_nor(bounds.maybe), _nor(bounds.sure))


def _nor(query: Query) -> Query:
    if query == _ALL:
        return _NONE
    return _ALL if query == _NONE else {"$nor": [query]}


def _and(queries: Iterable[Query]) -> Query:
    parts = [query for query in queries if query != _ALL]
    if _NONE in parts:
        return _NONE
    return {"$and": parts} if len(parts) > 1 else parts[0] if parts else _ALL


def _or(queries: Iterable[Query]) -> Query:
    parts = [query for query in queries if query != _NONE]
    if _ALL in parts:
        return _ALL
    return {"$or": parts} if len(parts) > 1 else parts[0] if parts else _NONE


def _comparison(comparison: Comparison) -> _Bounds:
    key, value = str(comparison.label), comparison.value
    match comparison.operator:
        case "isnull":
            null = _among(key, _NULLS, {"object"})
            return null if value else _negated(null)
        case "eq":
            return _equal(key, [value])
        case "ne":
            return _negated(_equal(key, [value]))
        case "in":
            return _equal(key, value)
        case "nin":
            return _negated(_equal(key, value))
        case "between":
            ends = [_ordered(key, "gte", value[0]), _ordered(key, "lte", value[1])]
            return _Bounds(_and(end.sure for end in ends), _and(end.maybe for end in ends))
        case "contains" | "startswith" | "endswith":
            return _text(key, comparison.operator, value)
        case ordered:
            return _ordered(key, ordered, value)


def _equal(key: str, values: Iterable[Any]) -> _Bounds:
    literals: list[Any] = []
    types: set[str] = set()
    for value in values:
        if is_null(value):
            literals += _NULLS
            types.add("object")
        elif isinstance(value, bool | int | float):
            if not isinstance(value, int) or value in _INT64:
                literals.append(value)
            if value in (0, 1):
                # In Python they are equal; a collection of both types is found to be so.
                literals += [int(value), bool(value)]
            types.add("object")
        elif isinstance(value, str | bytes):
            # Text that is not valid Unicode is written as a document.
            if not isinstance(encode(value, key), dict):
                literals.append(value)
            types.add("object")
        elif isinstance(value, dt.datetime) and _is_native(value):
            literals.append(value.replace(fold=0))
            types.add("object")
        else:
            types |= _comparable(value)
    return _among(key, literals, types)


def _among(key: str, literals: list[Any], types: set[str]) -> _Bounds:
    # A list matches in MongoDB if one of its elements does; in Python it equals no scalar.
    sure = {key: {"$in": literals, **_NO_LIST}} if literals else _NONE
    return _Bounds(sure, _or([sure, *_of_type(key, types)]))


def _of_type(key: str, types: set[str]) -> list[Query]:
    return [{key: {"$type": sorted(types), **_NO_LIST}}] if types else []


def _ordered(key: str, name: str, value: Any) -> _Bounds:
    symbol = _SYMBOLS[name]
    literal: Any = None
    if isinstance(value, bool | int | float):
        types = {"object"}
        if isinstance(value, bool):
            literal = int(value)
        elif isinstance(value, float) or value in _INT64:
            literal = value
        else:
            types |= {"number"}
        bools = [one for one in (False, True) if _holds(symbol, one, value)]
        also = [{key: {"$in": bools, **_NO_LIST}}] if bools else []
    elif isinstance(value, str):
        # Only text that is not valid Unicode, here or there, is written as a document.
        literal, types, also = encode(value, key), {"object"}, []
        if not isinstance(literal, str):
            literal, types = None, {"string", "object"}
    elif isinstance(value, dt.datetime) and value.tzinfo is None:
        literal, types, also = value.replace(fold=0), {"object"}, []
        if value.microsecond % 1000:
            # BSON's times are whole milliseconds: those later than this are later than its floor.
            literal = literal.replace(microsecond=value.microsecond // 1000 * 1000)
            symbol = "$gt" if name in ("gt", "gte") else "$lte"
    else:
        types, also = _comparable(value), []
    native = [] if literal is None else [{key: {symbol: literal, **_NO_LIST}}]
    sure = _or([*native, *also])
    return _Bounds(sure, _or([sure, *_of_type(key, types)]))


def _holds(symbol: str, left: Any, right: Any) -> bool:
    holds = {"$gt": left > right, "$gte": left >= right, "$lt": left < right}
    return bool(holds.get(symbol, left <= right))


def _text(key: str, name: str, value: str) -> _Bounds:
    pattern = re.escape(value)
    if name != "contains":
        pattern = f"^{pattern}" if name == "startswith" else rf"{pattern}\z"
    if "\0" in value or not isinstance(encode(value, key), str):
        # Neither NUL nor a lone surrogate can be in a pattern of BSON.
        return _Bounds(_NONE, _or(_of_type(key, {"string", "object"})))
    sure = {key: {"$regex": pattern, **_NO_LIST}}
    return _Bounds(sure, _or([sure, *_of_type(key, {"object"})]))


def _is_native(value: dt.datetime) -> bool:
    return value.tzinfo is None and value.microsecond % 1000 == 0


def _comparable(value: Any) -> set[str]:
    """Return the types of BSON that values are stored as which Python can compare with this."""
    if isinstance(value, Decimal | complex):
        return {"number", "bool", "object"}
    if isinstance(value, bytes):
        # BSON orders by length first.
        return {"binData", "object"}
    if isinstance(value, dt.datetime):
        return {"date", "object"}
    return {"object"}
