"""A filter as a pyarrow expression that keeps every row that may match; pandas then decides."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Mapping
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from omega_core.query import Comparison, Condition, Every, Q, Some, parse

from ..filters.comparisons import COMPARE
from ..filters.exact_values import of_type

_NS_YEARS = range(1680, 2260)


def possible_rows(filter: Any, types: Mapping[Any, pa.DataType]) -> Any:
    """Return the expression, or None where all rows may match.

    Parameters
    ----------
    filter
        A mapping or a `Q`; anything else keeps all rows.
    types
        The columns of the table, by name.
    """
    if not isinstance(filter, Mapping | Q):
        return None
    return _possible(parse(filter), types)


def _possible(condition: Condition, types: Mapping[Any, pa.DataType]) -> Any:
    if isinstance(condition, Comparison):
        return _comparison(condition, types)
    if isinstance(condition, Every):
        known = [e for e in (_possible(part, types) for part in condition.parts) if e is not None]
        return reduce(operator.and_, known) if known else None
    if isinstance(condition, Some):
        parts = [_possible(part, types) for part in condition.parts]
        every = all(part is not None for part in parts)
        return reduce(operator.or_, parts) if parts and every else None
    # Nulls are neither true nor false to Arrow, and both have to stay here.
    return None


def _comparison(condition: Comparison, types: Mapping[Any, pa.DataType]) -> Any:
    kind = types.get(condition.label)
    if kind is None:
        return None
    column = pc.field(condition.label)
    if condition.operator == "between":
        low, high = (_literal(item, kind) for item in condition.value)
        return None if low is None or high is None else (column >= low) & (column <= high)
    if condition.operator == "in":
        items = [_literal(item, kind) for item in condition.value]
        known = items and all(item is not None for item in items)
        return reduce(operator.or_, [column == item for item in items]) if known else None
    # Of nulls, pandas says that they differ.
    compare = COMPARE.get(condition.operator) if condition.operator != "ne" else None
    literal = None if compare is None else _literal(condition.value, kind)
    return None if compare is None or literal is None else compare(column, literal)


def _literal(value: Any, kind: pa.DataType) -> Any:
    """Return a value as an Arrow scalar, or None where Arrow and pandas may compare otherwise."""
    translate = of_type(kind)
    exact = None if translate is None else translate(value)
    if exact is None:
        return None
    if not isinstance(exact, dt.datetime):
        return pa.scalar(exact)
    if kind.unit == "ns" and exact.year not in _NS_YEARS:
        return None
    naive = pa.scalar(exact, type=pa.timestamp("us"))
    return naive if kind.tz is None else naive.cast(pa.int64()).cast(pa.timestamp("us", kind.tz))
