"""A filter as a query that fetches every row that may match; pandas then decides.

Only what MongoDB and pandas surely compare alike is left to the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omega_core import possible_matches
from omega_core.query import Comparison, Condition, Every, Not, Q, Some, parse

from ..columns.arrow_types import is_text
from ..filters.exact_values import among, of_type
from .documents import RowLayout
from .fields import Field

Json = Any
Query = dict[str, Any]

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
    text = field.values is None and is_text(field.type)
    if operator in _TEXT:
        return condition if text else None
    if field.values is None:
        translate = of_type(field.type) if text or spec["dtype"] != "object" else None
    else:
        # The order of categories is their own.
        translate = among(field.values) if operator in _MEMBERSHIP else None
    if translate is None:
        return None
    several = isinstance(value, tuple)
    values = [translate(item) for item in (value if several else (value,))]
    if None in values:
        return None
    return Comparison(field.name, operator, tuple(values) if several else values[0], explicit=True)
