"""Whether a segment can hold a row that meets a condition, by its statistics alone.

For each condition two things are asked: whether some row may meet it, and whether every row does
for sure. A negation swaps the two, so that any nesting stays on the safe side.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from omega_core.query import Comparison, Condition, Every, Not, is_null

from ..encoding.statistics import Stats


class Verdict(NamedTuple):
    """Whether some row may meet a condition, and whether every row does for sure."""

    some: bool
    every: bool


_UNKNOWN = Verdict(True, False)
# Before version 3, pandas rounds the times of isin to the unit of the column.
_SECOND = dt.timedelta(seconds=1)


def verdict(condition: Condition, stats: Callable[[Any], Stats | None]) -> Verdict:
    """Return what the statistics say of a condition; ``stats`` takes the label of a column."""
    if isinstance(condition, Comparison):
        known = stats(condition.label)
        if known is None:
            return _UNKNOWN
        try:
            return _compare(condition.operator, condition.value, known)
        except (TypeError, ValueError, ArithmeticError):
            # Not comparable, says Python; what pandas says is found out with the values.
            return _UNKNOWN
    if isinstance(condition, Not):
        inner = verdict(condition.part, stats)
        return Verdict(not inner.every, not inner.some)
    parts = [verdict(part, stats) for part in condition.parts]
    combine = all if isinstance(condition, Every) else any
    return Verdict(combine(p.some for p in parts), combine(p.every for p in parts))


def _compare(name: str, value: Any, stats: Stats) -> Verdict:
    if not stats.rows:
        return Verdict(False, True)
    whole = stats.nulls + stats.nans == 0
    match name:
        case "isnull":
            null = Verdict(not whole, stats.nulls == stats.rows)
            return null if value else Verdict(not null.every, not null.some)
        case "ne":
            equal = _compare("eq", value, stats)
            return Verdict(not whole or not equal.every, whole and not equal.some)
        case "nin":
            among = _compare("in", value, stats)
            return Verdict(not among.every, not among.some)
        case "in":
            found = [_among(one, stats, whole) for one in value]
            return Verdict(any(f.some for f in found), any(f.every for f in found))
        case "between":
            ends = [_compare("gte", value[0], stats), _compare("lte", value[1], stats)]
            return Verdict(all(e.some for e in ends), all(e.every for e in ends))
    if stats.nulls == stats.rows:
        return Verdict(False, False)
    if stats.min is None or stats.max is None:
        return _UNKNOWN
    if name in ("contains", "startswith", "endswith"):
        return Verdict(name != "startswith" or _may_start(value, stats), False)
    some, every = _within(name, _plain(value, stats), stats.min, stats.max)
    return Verdict(some, every and whole)


def _within(name: str, value: Any, low: Any, high: Any) -> tuple[bool, bool]:
    match name:
        case "gt":
            return not high <= value, _less(value, low)
        case "gte":
            return not _less(high, value), value <= low
        case "lt":
            return not value <= low, _less(high, value)
        case "lte":
            return not _less(value, low), high <= value
        case _:
            return not _less(value, low) and not _less(high, value), bool(low == value == high)


def _among(value: Any, stats: Stats, whole: bool) -> Verdict:
    if is_null(value):
        return Verdict(not whole, False)
    plain = _plain(value, stats)
    if isinstance(plain, pd.Timestamp) and stats.min is not None and stats.max is not None:
        near = stats.nulls < stats.rows and (
            stats.min <= plain + _SECOND and stats.max >= plain - _SECOND
        )
        return Verdict(near, False)
    equal = _compare("eq", value, stats)
    # Of values of another type, isin has views of its own.
    return Verdict(equal.some, equal.every and type(plain) is type(stats.min))


def _may_start(prefix: str, stats: Stats) -> bool:
    if not isinstance(stats.min, str):
        return True
    below = stats.max < prefix
    above = stats.min > prefix and not stats.min.startswith(prefix)
    return not below and not above


def _plain(value: Any, stats: Stats) -> Any:
    if isinstance(stats.min, pd.Timestamp):
        # Text is local time, of a zone that is not known here.
        if isinstance(value, str) and stats.min.tz is not None:
            raise TypeError("text compared with zoned times")
        return pd.Timestamp(value)
    return value.item() if isinstance(value, np.generic) else value


def _less(left: Any, right: Any) -> bool:
    """Return whether pandas will say so as well, which may compare numbers as 64 bit floats."""
    if not left < right:
        return False
    numbers = isinstance(left, int | float | Decimal) and isinstance(right, int | float | Decimal)
    return _rounded(left) < _rounded(right) if numbers else True


def _rounded(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
