"""A filter on a frame, compiled: the columns it reads, and which rows of any part of them match.

The mask is the one that pandas makes by hand, on the whole frame: each value is compared by
itself, so it does not matter where the parts begin and end. ``~`` is the complement of a mask:
where a nullable column is NA, a comparison is False and its negation is True.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, Protocol

import numpy as np
import pyarrow.compute as pc

from omega_core.errors import UnsupportedOptionError, suggestion
from omega_core.query import Comparison, Condition, Every, Not, comparisons, operator_hint, parse

from ..encoding.statistics import Stats
from ..objects.column_labels import no_column, positions_of
from .comparisons import comparison_mask
from .expressions import ExpressionPredicate
from .pruning import verdict

Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Predicate(Protocol):
    """What a compiled filter can answer.

    Attributes
    ----------
    positions
        Of the columns that it reads.
    """

    positions: list[int]

    def mask(self, columns: Mapping[int, Any], rows: int) -> Mask:
        """Return which of some rows match, of which the columns are given by position.

        A mask of no rows checks the types alone.

        Raises
        ------
        UnsupportedValueError
            Values that cannot be compared, naming the column and both types.
        """

    def may_match(self, stats: Callable[[int], Stats | None]) -> bool:
        """Return False only if no row matches of a segment with these statistics of columns."""


def compile(filter: Any, labels: Any, subject: str) -> Predicate:
    """Compile a filter.

    Parameters
    ----------
    filter
        A mapping, a `omega_core.Q` or a `pyarrow.compute.Expression`.
    labels
        The labels of all columns of the frame, an Index.
    subject
        What errors call the frame.

    Raises
    ------
    UnsupportedOptionError
        An unknown or ambiguous column, or an unknown operator, with the closest one.
    UnsupportedValueError
        A value that is no scalar.
    """
    if isinstance(filter, pc.Expression):
        return ExpressionPredicate(filter, labels, subject)
    return _ConditionPredicate(parse(filter, subject), labels, subject)


class _ConditionPredicate:
    def __init__(self, condition: Condition, labels: Any, subject: str) -> None:
        self._condition = condition
        self._subject = subject
        self._places = {
            one.label: _position(one, labels, subject) for one in comparisons(condition)
        }
        self.positions = list(dict.fromkeys(self._places.values()))

    def mask(self, columns: Mapping[int, Any], rows: int) -> Mask:
        return self._evaluate(self._condition, columns, rows)

    def may_match(self, stats: Callable[[int], Stats | None]) -> bool:
        return verdict(self._condition, lambda label: stats(self._places[label])).some

    def _evaluate(self, condition: Condition, columns: Mapping[int, Any], rows: int) -> Mask:
        if isinstance(condition, Comparison):
            series = columns[self._places[condition.label]]
            where = f"{self._subject}: column {condition.label!r}"
            return comparison_mask(series, condition.operator, condition.value, where)
        if isinstance(condition, Not):
            return ~self._evaluate(condition.part, columns, rows)
        # All of them, also where the first decides: errors do not depend on the values of others.
        parts = [self._evaluate(part, columns, rows) for part in condition.parts]
        if isinstance(condition, Every):
            return reduce(np.logical_and, parts, np.ones(rows, dtype=bool))
        return reduce(np.logical_or, parts, np.zeros(rows, dtype=bool))


def _position(comparison: Comparison, labels: Any, subject: str) -> int:
    found = positions_of(labels, comparison.label)
    if len(found) == 1:
        return found[0]
    label = comparison.label
    if found:
        raise UnsupportedOptionError(
            f"{subject} has {len(found)} columns {label!r}, at the positions "
            f"{', '.join(map(str, found[:10]))}: a filter needs one. Give them labels of their own."
        )
    raise no_column(subject, label, labels, _advice(comparison, labels))


def _advice(comparison: Comparison, labels: Any) -> str:
    label, misspelt = comparison.label, comparison.unknown_operator
    if misspelt is not None and positions_of(labels, str(label).rpartition("__")[0]):
        return f" If it is a key of a filter, it has the {operator_hint(misspelt)}"
    key = f"{label}__{comparison.operator}"
    if not comparison.explicit and positions_of(labels, key):
        return f" For column {key!r}, use Q.where({key!r}, 'eq', value)."
    known: Iterable[Any] = labels
    return suggestion(str(label), map(str, known))
