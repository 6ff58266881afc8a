"""One comparison of a column with a value, as the boolean mask that pandas makes by hand.

Missing values are where pandas answers NA: the mask is False there. What can never be equal
because of its type (a time with a zone and one without, a string and a number) is an error rather
than a mask of False, save in columns of objects, whose elements have types of their own.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core.errors import UnsupportedValueError

from ..columns.arrow_types import is_text
from ..values.unfaithful import type_name

Mask = np.ndarray[Any, np.dtype[np.bool_]]

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_NUMBERS = (bool, int, float, complex, Decimal, Fraction, np.number, np.bool_)


def comparison_mask(series: Any, name: str, value: Any, subject: str) -> Mask:
    """Return which values of a column meet a comparison.

    Parameters
    ----------
    series
        The values of any part of a column: each is compared by itself.
    subject
        What an error calls the column.

    Raises
    ------
    UnsupportedValueError
        Values that pandas cannot compare, naming both types.
    """
    try:
        return _mask(series, name, value)
    except _MISMATCHES as error:
        shown = value[0] if name in ("in", "nin", "between") and value else value
        raise UnsupportedValueError(
            f"{subject} of dtype {series.dtype} cannot be compared by {name!r} with {value!r} "
            f"({type_name(shown)}): {error}"
        ) from error


_MISMATCHES = (
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    pa.ArrowException,
)


def _mask(series: Any, name: str, value: Any) -> Mask:
    if name == "isnull":
        null = _bools(series.isna())
        return null if value else ~null
    if name in _TEXT:
        return _text_mask(series, name, value)
    for one in value if name in ("in", "nin", "between") else (value,):
        _check(series.dtype, one, parsed=name not in ("in", "nin"))
    if name in ("in", "nin"):
        among = _bools(series.isin(list(value)))
        return among if name == "in" else ~among
    if name == "between":
        return _bools(series.between(*value))
    return _bools(COMPARE[name](series, value))


def _bools(result: Any) -> Mask:
    if result.dtype == np.dtype(bool):
        return np.asarray(result)
    if isinstance(result.dtype, pd.SparseDtype):
        return np.asarray(result.array, dtype=bool)
    mask: Mask = result.to_numpy(dtype=bool, na_value=False)
    return mask


def _text_mask(series: Any, name: str, value: str) -> Mask:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        known = _text_mask(pd.Series(dtype.categories), name, value)
        # The code of a missing value is -1: the last.
        mask: Mask = np.append(known, False)[series.cat.codes.to_numpy()]
        return mask
    if dtype == np.dtype(object):
        # Whether .str takes a column of objects depends on all of them; each by itself does not.
        holds = _TEXT[name]
        found = (isinstance(one, str) and holds(one, value) for one in series.array)
        return np.fromiter(found, dtype=bool, count=len(series))
    if _family(dtype) != "text":
        raise TypeError("the column holds no text.")
    if name == "contains":
        return _bools(series.str.contains(value, regex=False, na=False))
    return _bools(getattr(series.str, name)(value, na=False))


# --- what has a chance to be equal -----------------------------------------------------------


def _family(dtype: Any) -> str:
    """Return the name of what values of a dtype can be compared with, or "any"."""
    if isinstance(dtype, pd.CategoricalDtype):
        return _family(dtype.categories.dtype)
    if isinstance(dtype, pd.SparseDtype):
        return _family(dtype.subtype)
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_family(dtype.pyarrow_dtype)
    if isinstance(dtype, pd.StringDtype):
        return "text"
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "times with a zone"
    if isinstance(dtype, pd.PeriodDtype):
        return "periods"
    if isinstance(dtype, pd.IntervalDtype):
        return "intervals"
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return "numbers"
    return {"M": "times without a zone", "m": "durations", "U": "text"}.get(dtype.kind, "any")


def _arrow_family(type_: Any) -> str:
    types = pa.types
    if types.is_integer(type_) or types.is_floating(type_) or types.is_boolean(type_):
        return "numbers"
    if is_text(type_):
        return "text"
    if types.is_timestamp(type_):
        return "times without a zone" if type_.tz is None else "times with a zone"
    return "durations" if types.is_duration(type_) else "any"


def _check(dtype: Any, value: Any, *, parsed: bool) -> None:
    """Refuse a value that no value of the dtype can equal; ``parsed`` if pandas parses text."""
    family = _family(dtype)
    if value is None or value is pd.NA or value is pd.NaT or family == "any":
        return
    if isinstance(value, str) and family in _PARSERS:
        if not parsed or isinstance(dtype, pd.CategoricalDtype | pd.ArrowDtype):
            raise TypeError(
                f"the column holds {family}, which text is not compared with; convert it."
            )
        _PARSERS[family](value, dtype)
        return
    if not _ACCEPTS[family](value):
        raise TypeError(f"the column holds {family}.{_HINTS.get(family, '')}")
    if family == "periods" and value.freq != dtype.freq:
        raise TypeError(f"its periods are of the frequency {dtype.freq}.")


def _is_time(value: Any, zoned: bool) -> bool:
    if isinstance(value, np.datetime64):
        return not zoned
    return isinstance(value, dt.datetime) and (value.tzinfo is not None) is zoned


_ACCEPTS: dict[str, Callable[[Any], bool]] = {
    # To numpy, a timedelta64 is an integer.
    "numbers": lambda v: isinstance(v, _NUMBERS) and not isinstance(v, np.timedelta64),
    "text": lambda v: isinstance(v, str),
    "times without a zone": lambda v: _is_time(v, zoned=False),
    "times with a zone": lambda v: _is_time(v, zoned=True),
    "durations": lambda v: isinstance(v, dt.timedelta | np.timedelta64),
    "periods": lambda v: isinstance(v, pd.Period),
    "intervals": lambda v: isinstance(v, pd.Interval),
}
_PARSERS: dict[str, Callable[[str, Any], Any]] = {
    "times without a zone": lambda text, dtype: pd.Timestamp(text),
    "times with a zone": lambda text, dtype: pd.Timestamp(text),
    "durations": lambda text, dtype: pd.Timedelta(text),
    "periods": lambda text, dtype: pd.Period(text, freq=dtype.freq),
}
_HINTS = {
    "times without a zone": " Compare it with a pandas.Timestamp without a time zone.",
    "times with a zone": " Compare it with a pandas.Timestamp with a time zone.",
    "durations": " Compare it with a pandas.Timedelta.",
}
