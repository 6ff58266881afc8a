"""A filter as a query that fetches every row that may match; pandas then decides.

Only what MongoDB and pandas surely compare alike is left to the server.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core import possible_matches
from omega_core.query import Comparison, Condition, Every, Not, Q, Some, is_null, parse

from .documents import RowLayout
from .fields import Field

Json = Any
Query = dict[str, Any]

_EXACT = 2**53
"""Below, integers are floats without rounding."""
_MEMBERSHIP = ("eq", "ne", "in", "nin")
_TEXT = ("contains", "startswith", "endswith")


def possible_rows(filter: Any, layout: RowLayout, labels: Any) -> Query:
    """Return the query for a filter on the rows of one batch.

    Parameters
    ----------
    labels
        The column labels of the whole frame.
    """
    if not isinstance(filter, Mapping | Q):
        return {}
    columns = {
        label: (layout.fields[f"c{position}"], layout.spec(position))
        for position, label in enumerate(labels)
    }
    return possible_matches(_widened(parse(filter), columns, True))


def _widened(condition: Condition, columns: dict[Any, tuple[Field, Json]], wide: bool) -> Condition:
    """Replace what the server cannot decide by true; and by false where that is negated."""
    if isinstance(condition, Not):
        return Not(_widened(condition.part, columns, not wide))
    if not isinstance(condition, Comparison):
        return type(condition)(tuple(_widened(part, columns, wide) for part in condition.parts))
    translated = None
    # A missing value of a nullable dtype neither equals nor differs, to pandas.
    unsure = not wide and condition.operator in ("ne", "nin")
    if condition.label in columns and not unsure:
        translated = _translated(condition, *columns[condition.label])
    if translated is not None:
        return translated
    return Every(()) if wide else Some(())


def _translated(condition: Comparison, field: Field, spec: Json) -> Comparison | None:
    """Return the comparison with a value of BSON; None where pandas has to decide."""
    operator, value = condition.operator, condition.value
    if operator == "isnull":
        # To a nullable dtype NaN is a value, to MongoDB's side of the filter it is not.
        return None if field.is_float and spec["dtype"] != "numpy" else condition
    text = field.values is None and _is_text(field)
    if operator in _TEXT:
        return condition if text else None
    if field.values is not None and operator not in _MEMBERSHIP:
        return None  # the order of categories is their own
    translate = translation(field, spec)
    if translate is None:
        return None
    several = isinstance(value, tuple)
    values = [translate(item) for item in (value if several else (value,))]
    if None in values:
        return None
    return Comparison(field.name, operator, tuple(values) if several else values[0], explicit=True)


def translation(field: Field, spec: Json) -> Callable[[Any], Any] | None:
    """Return what makes a user's value one of the field's, or None where that is not exact."""
    if field.values is not None:
        kinds = set(map(type, field.values))
        return _text if kinds <= {str} else _number if kinds <= {int} else None
    if _is_text(field):
        return _text
    if spec["dtype"] == "object":
        return None
    kind = field.type
    if pa.types.is_integer(kind) or pa.types.is_float64(kind):
        return _number
    if pa.types.is_floating(kind):
        narrow = np.float16 if pa.types.is_float16(kind) else np.float32
        return lambda value: _representable(value, narrow)
    if pa.types.is_timestamp(kind):
        return lambda value: _moment(value, kind.tz is not None)
    return None


def _is_text(field: Field) -> bool:
    return bool(pa.types.is_string(field.type) or pa.types.is_large_string(field.type))


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _number(value: Any) -> int | float | None:
    plain = value.item() if isinstance(value, np.integer | np.floating) else value
    if type(plain) not in (int, float) or is_null(plain) or abs(plain) >= _EXACT:
        return None
    number: int | float = plain
    return number


def _representable(value: Any, narrow: type[np.floating[Any]]) -> int | float | None:
    number = _number(value)
    if number is None or abs(number) > np.finfo(narrow).max:
        return None
    # pandas compares in the precision of the column.
    return number if float(narrow(number)) == number else None


def _moment(value: Any, zoned: bool) -> dt.datetime | None:
    if not isinstance(value, dt.datetime) or is_null(value):
        return None
    moment = pd.Timestamp(value)
    if (moment.tz is not None) != zoned or moment.nanosecond:
        return None
    if moment.tz is not None:
        moment = moment.tz_convert("UTC").tz_localize(None)
    plain: dt.datetime = moment.to_pydatetime()
    return plain
