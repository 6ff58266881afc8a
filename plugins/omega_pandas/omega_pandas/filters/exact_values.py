"""The value of a filter as a column holds it, where MongoDB, Arrow and pandas compare it alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core.query import is_null

from ..columns.arrow_types import is_text

_EXACT = 2**53
"""Below, integers are floats without rounding."""


def among(categories: tuple[Any, ...]) -> Callable[[Any], Any] | None:
    """Return what makes a user's value one of some categories; None where that is not exact."""
    kinds = set(map(type, categories))
    return _text if kinds <= {str} else _number if kinds <= {int} else None


def of_type(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """Return what makes a user's value one of an Arrow type, or None where that is not exact."""
    if is_text(kind):
        return _text
    if pa.types.is_integer(kind) or pa.types.is_float64(kind):
        return _number
    if pa.types.is_floating(kind):
        narrow = np.float16 if pa.types.is_float16(kind) else np.float32
        return lambda value: _representable(value, narrow)
    if pa.types.is_timestamp(kind):
        return lambda value: _moment(value, kind.tz is not None)
    return None


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
