"""Which dtype a column gets: the one that omega|ml wrote down, where its values still have it.

omega|ml writes each value as BSON has it, and the dtype of each column beside: of integers, floats
and times it keeps the value and loses the width; of categories their order, and those that do not
occur; of times what is below a millisecond. Its own ``get`` returns what pandas infers.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128

NULLS = frozenset({"null", "missing", "undefined", "empty", "nan"})
_INTEGERS = frozenset({"int", "long"})
_NUMBERS = frozenset({"int", "long", "double"})
_EXACT = 2**53
_TIME = re.compile(r"datetime64\[(s|ms|us|ns)(?:, (.+))?\]")
_NULLABLE = re.compile(r"U?Int(8|16|32|64)|boolean|Float(32|64)|string")
_FLOAT = re.compile(r"float(16|32|64)")
_INTEGER = re.compile(r"u?int(8|16|32|64)")


class WiderError(Exception):
    """A value does not fit the dtype that was planned; ``column`` has one that is wider."""

    def __init__(self, column: Column) -> None:
        super().__init__(column.field)
        self.column = column


@dataclass(frozen=True)
class Found:
    """What the server tells of the values of a field, over all rows.

    Attributes
    ----------
    types : frozenset of str
        The types of BSON; of a text without characters ``"empty"``, and of NaN ``"nan"``.
    low, high
        Of the integers; None where there are none.
    """

    types: frozenset[str]
    low: Any = None
    high: Any = None


@dataclass(frozen=True)
class Column:
    """How the values of a field become those of a column.

    Attributes
    ----------
    dtype : str
        As pandas writes it; ``"text"`` is what the installed pandas makes of texts.
    recorded : str or None
        What it was when it was put.
    categories
        Of a column of categories.
    """

    field: str
    dtype: str
    recorded: str | None = None
    categories: tuple[Any, ...] | None = None

    def series(self, values: Sequence[Any]) -> pd.Series:
        """Return values as a Series of the dtype.

        Raises
        ------
        WiderError
            One of them does not fit.
        """
        time = _TIME.fullmatch(self.dtype)
        if time is not None:
            return self._times(values, *time.groups())
        if self.dtype == "category":
            return pd.Series(pd.Categorical(values, categories=list(self.categories or ())))
        if self.dtype == "text":
            return pd.Series(list(values), dtype=text_dtype())
        if self.dtype == "object":
            made = np.empty(len(values), dtype=object)
            made[:] = [_plain(value) for value in values]
            return pd.Series(made, dtype=object)
        if self.dtype != "float64" and _FLOAT.fullmatch(self.dtype):
            wide = pd.Series(values, dtype="float64")
            with np.errstate(over="ignore"):
                narrow = wide.astype(self.dtype)
            if not ((narrow.astype("float64") == wide) | wide.isna()).all():
                raise WiderError(replace(self, dtype="float64"))
            return narrow
        try:
            return pd.Series(values, dtype=self.dtype)
        except (TypeError, ValueError, OverflowError):
            raise WiderError(replace(self, dtype="object")) from None

    def _times(self, values: Sequence[Any], unit: str, zone: str | None) -> pd.Series:
        # Nothing is finer than a millisecond; a text in a column of times stands for NaT.
        found = np.array([_milliseconds(value) for value in values], dtype="datetime64[ms]")
        made = pd.Series(found)
        try:
            same = made.astype(f"datetime64[{unit}]")
        except (pd.errors.OutOfBoundsDatetime, OverflowError):
            same = None
        if same is None or not ((same == made) | made.isna()).all():
            zoned = f", {zone}" if zone else ""
            raise WiderError(replace(self, dtype=f"datetime64[ms{zoned}]"))
        return same if zone is None else same.dt.tz_localize("UTC").dt.tz_convert(zone)

    @property
    def change(self) -> str | None:
        """What is not as it was put, for the report."""
        if self.dtype == "category":
            return f"column {self.field!r}: categories are those that occur, in no order"
        if self.recorded is None or self.dtype == self.recorded:
            return None
        if self.dtype in ("text", "object") and self.recorded in ("object", "str"):
            return None
        now = "text" if self.dtype == "text" else self.dtype
        return f"column {self.field!r}: was put as {self.recorded}, is {now}"


def planned(
    field: str, found: Found, recorded: str | None, categories: tuple[Any, ...] | None = None
) -> Column:
    """Return how a field is read, after what all of its values are."""
    return Column(field, _dtype(found, recorded, categories), recorded, categories)


def _dtype(found: Found, recorded: str | None, categories: tuple[Any, ...] | None) -> str:
    was = recorded or ""
    values, has_nulls = found.types - NULLS, bool(found.types & NULLS)
    if was == "category" and categories is not None:
        return was
    if values <= {"date"} and _TIME.fullmatch(was):
        return was
    if "empty" in found.types and values != {"date"}:
        values, has_nulls = values | {"string"}, has_nulls and found.types & NULLS != {"empty"}
    if not values:
        return was if _FLOAT.fullmatch(was) or _NULLABLE.fullmatch(was) else "object"
    if values == {"date"}:
        return "datetime64[ns]"
    if values == {"string"}:
        return "string" if was == "string" else "text"
    if values == {"bool"}:
        return "boolean" if was == "boolean" else "object" if has_nulls else "bool"
    if values <= _INTEGERS:
        return _integer(found, was, has_nulls)
    if values <= _NUMBERS:
        exact = found.low is None or max(abs(found.low), abs(found.high)) <= _EXACT
        floats = _FLOAT.fullmatch(was) or was.startswith("Float")
        return (was if floats else "float64") if exact else "object"
    return "object"


def _integer(found: Found, was: str, has_nulls: bool) -> str:
    low, high = found.low or 0, found.high or 0
    if _NULLABLE.fullmatch(was) and "Int" in was:
        bounds = np.iinfo(was.lower())
        return was if bounds.min <= low and high <= bounds.max else "Int64"
    exact = max(abs(low), abs(high)) <= _EXACT
    if has_nulls:
        return was if exact and _FLOAT.fullmatch(was) else "float64" if exact else "Int64"
    if _FLOAT.fullmatch(was) and exact:
        return was
    if _INTEGER.fullmatch(was):
        bounds = np.iinfo(was)
        if bounds.min <= low and high <= bounds.max:
            return was
    return "int64"


def text_dtype() -> Any:
    """Return the dtype that the installed pandas gives to texts."""
    return pd.Series(["a"]).dtype


def _milliseconds(value: Any) -> Any:
    if isinstance(value, DatetimeMS):
        return np.datetime64(int(value), "ms")
    return value if isinstance(value, dt.datetime) else None


def _plain(value: Any) -> Any:
    return value.to_decimal() if isinstance(value, Decimal128) else value
