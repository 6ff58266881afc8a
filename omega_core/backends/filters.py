"""Filters: an allow list of operators on values, compiled to a MongoDB query.

A filter is a mapping of ``"key"`` or ``"key__operator"`` to a value. Values are values, never
operators: anything that MongoDB could take for one is refused, at any depth.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UnsupportedOptionError, UnsupportedValueError, suggestion
from .faithful import encode

Query = dict[str, Any]


def _membership(operator: str) -> Callable[[Any, str], Query]:
    def build(value: Any, where: str) -> Query:
        if not isinstance(value, list | tuple | set | frozenset):
            raise UnsupportedOptionError(f"{where} takes a list of values, not {value!r}.")
        return {operator: [_scalar(item, where) for item in value]}

    return build


def _comparison(operator: str) -> Callable[[Any, str], Query]:
    return lambda value, where: {operator: _scalar(value, where)}


def _between(value: Any, where: str) -> Query:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise UnsupportedOptionError(f"{where} takes (low, high), both included, not {value!r}.")
    return {"$gte": _scalar(value[0], where), "$lte": _scalar(value[1], where)}


def _matching(before: str, after: str) -> Callable[[Any, str], Query]:
    def build(value: Any, where: str) -> Query:
        if not isinstance(value, str):
            raise UnsupportedOptionError(f"{where} takes a string, not {value!r}.")
        return {"$regex": before + re.escape(value) + after}

    return build


def _is_null(value: Any, where: str) -> Query:
    if not isinstance(value, bool):
        raise UnsupportedOptionError(f"{where} takes True or False, not {value!r}.")
    return {"$eq": None} if value else {"$ne": None}


_OPERATORS: dict[str, Callable[[Any, str], Query]] = {
    "eq": _comparison("$eq"),
    "ne": _comparison("$ne"),
    "gt": _comparison("$gt"),
    "gte": _comparison("$gte"),
    "lt": _comparison("$lt"),
    "lte": _comparison("$lte"),
    "in": _membership("$in"),
    "nin": _membership("$nin"),
    "between": _between,
    "contains": _matching("", ""),
    "startswith": _matching("^", ""),
    "endswith": _matching("", r"\z"),
    "isnull": _is_null,
}


def compile_filter(filter: Mapping[str, Any] | None, name: str) -> Query:
    """Return the MongoDB query for a filter on the object ``name``.

    Raises
    ------
    UnsupportedOptionError
        An unknown operator, or a value that the operator does not take.
    UnsupportedValueError
        A value that is not a scalar, such as an operator of MongoDB.
    """
    if filter is None:
        return {}
    if not isinstance(filter, Mapping):
        raise UnsupportedOptionError(
            f"get of {name!r}: filter takes a mapping such as {{'qty__gt': 3}}, "
            f"not {type(filter).__name__}."
        )
    return {"$and": [_condition(key, value, name) for key, value in filter.items()] or [{}]}


def _condition(key: Any, value: Any, name: str) -> Query:
    if not isinstance(key, str) or not key or key.startswith("$") or "\0" in key:
        raise UnsupportedOptionError(
            f"get of {name!r}: {key!r} is not the key of an item. Filters take keys and values, "
            "never operators of MongoDB."
        )
    field, separator, operator = key.rpartition("__")
    if not separator:
        field, operator = key, "eq"
    build = _OPERATORS.get(operator)
    if build is None:
        raise UnsupportedOptionError(
            f"get of {name!r}: filter {key!r} has the unknown operator {operator!r}."
            f"{suggestion(operator, _OPERATORS)} Operators: {', '.join(_OPERATORS)}."
        )
    return {field: build(value, f"get of {name!r}: filter {key!r}")}


def _scalar(value: Any, where: str) -> Any:
    if not isinstance(value, str | int | float | bool | bytes | dt.datetime | None):
        encoded = encode(value, where)
        if isinstance(value, list | dict) or not isinstance(encoded, dict):
            raise UnsupportedValueError(
                f"{where} takes a value, not a {type(value).__name__}: {value!r}."
            )
        return encoded
    return encode(value, where)
