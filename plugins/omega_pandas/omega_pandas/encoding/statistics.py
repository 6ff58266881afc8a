"""What is known of the values of one column in one segment without reading them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..columns.arrow_types import is_text

Json = Any

LONGEST = 64
"""Characters of text that are kept."""

_STACKED = (
    *(pa.float64(), pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
)
_LAST = "\U0010ffff"
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, kw_only=True)
class Stats:
    """Bounds of the values, and how many are missing.

    Attributes
    ----------
    min, max
        A lower and an upper bound of the values that are neither missing nor NaN, or None where
        nothing is known. A bound need not be a value: text is cut, and the bounds of 32 bit
        floats are one step apart from them, since pandas rounds what it compares them with.
        Times are `pandas.Timestamp`, of zoned ones in UTC.
    nulls, rows
        How many values are missing, of how many.
    nans
        How many of the others are NaN, at most.
    """

    min: Any
    max: Any
    nulls: int
    rows: int
    nans: int = 0


def pack(stats: Mapping[str, Stats]) -> dict[str, Any]:
    """Return the statistics of the fields of a document as BSON: lists in the fields' order."""
    return {
        "fields": list(stats),
        "min": [_to_bson(known.min) for known in stats.values()],
        "max": [_to_bson(known.max) for known in stats.values()],
        "nulls": [known.nulls for known in stats.values()],
        "nans": [known.nans for known in stats.values()],
    }


def unpack(document: dict[str, Any]) -> dict[str, Stats]:
    """Return what `pack` wrote into a document of ``rows``."""
    lists = (document[key] for key in ("fields", "min", "max", "nulls", "nans"))
    rows = document["rows"]
    return {
        field: Stats(min=_from_bson(low), max=_from_bson(high), nulls=nulls, rows=rows, nans=nans)
        for field, low, high, nulls, nans in zip(*lists, strict=True)
    }


def table_stats(table: pa.Table, bounding: Mapping[str, Any]) -> dict[str, Stats]:
    """Return the statistics of the columns of a table.

    Parameters
    ----------
    table
        Of columns in one chunk each.
    bounding
        Of some columns, a few of the values, the least and the greatest among them.
    """
    columns = dict(zip(table.column_names, table.columns, strict=True))
    alike: dict[pa.DataType, list[str]] = {}
    for name, column in columns.items():
        if column.type in _STACKED and name not in bounding and not column.null_count:
            alike.setdefault(column.type, []).append(name)
    known: dict[str, Stats] = {}
    for names in alike.values():
        if len(names) > 1 and table.num_rows:
            known.update(_stacked_stats(table.select(names)))
    return {
        name: known[name] if name in known else column_stats(column, bounding.get(name))
        for name, column in columns.items()
    }


def _stacked_stats(table: pa.Table) -> dict[str, Stats]:
    """Return the statistics of numbers of one type, of which none is missing.

    Of many short columns at once: what numpy does for each is less than what it costs to ask.
    """
    [batch] = table.to_batches()
    values = batch.to_tensor(row_major=False).to_numpy()
    rows = len(values)
    lows, highs = (end.reduce(values, axis=0).tolist() for end in (np.fmin, np.fmax))
    nans = np.isnan(values).sum(axis=0).tolist() if values.dtype.kind == "f" else [0] * len(lows)
    return {
        name: Stats(min=low, max=high, nulls=0, rows=rows, nans=missing)
        if missing < rows
        else Stats(min=None, max=None, nulls=0, rows=rows, nans=missing)
        for name, low, high, missing in zip(table.column_names, lows, highs, nans, strict=True)
    }


def column_stats(array: Any, bounding: Any = None) -> Stats:
    """Return the statistics of an Arrow array, chunked or not, of values as they are.

    Of types other than numbers, bools, text, dates and timestamps there are no bounds.

    Parameters
    ----------
    bounding
        Some of the values, the least and the greatest among them, and NaN if there is any.
    """
    nulls, rows = array.null_count, len(array)
    values = array if bounding is None else bounding
    type_ = array.type
    if pa.types.is_floating(type_) and type_ != pa.float16():
        return _float_stats(array, values)
    if not _is_bounded(type_):
        # Intervals, say, may have NaN inside.
        return Stats(min=None, max=None, nulls=nulls, rows=rows, nans=rows - nulls)
    if nulls == rows:
        return Stats(min=None, max=None, nulls=nulls, rows=rows)
    found = pc.min_max(values)
    low, high = found["min"], found["max"]
    if pa.types.is_timestamp(type_):
        low, high = _moment(low), _moment(high)
    else:
        low, high = low.as_py(), high.as_py()
    if isinstance(low, str):
        low, high = low[:LONGEST], _cut_above(high)
    return Stats(min=low, max=high, nulls=nulls, rows=rows)


def _float_stats(array: Any, values: Any) -> Stats:
    # numpy finds the bounds in a tenth of Arrow's time; what is missing is NaN to it.
    numbers = values.to_numpy(zero_copy_only=False)
    nans = int(np.isnan(numbers).sum())
    if nans and values is not array:
        return _float_stats(array, array)
    nulls, rows = array.null_count, len(array)
    nans -= nulls if values is array else 0
    if nulls + nans == rows:
        return Stats(min=None, max=None, nulls=nulls, rows=rows, nans=nans)
    ends = np.array([np.fmin.reduce(numbers), np.fmax.reduce(numbers)])
    if array.type == pa.float32():
        ends = np.nextafter(ends, np.array([-np.inf, np.inf], np.float32))
    low, high = ends.tolist()
    return Stats(min=low, max=high, nulls=nulls, rows=rows, nans=nans)


def is_telling(spec: Json) -> bool:
    """Return whether the Arrow array of a column holds its values, rather than codes for them.

    Parameters
    ----------
    spec
        The description that `columns.index.encode_column` gave. The statistics of a column
        of another encoding (categories, periods, objects of several types) say nothing.
    """
    if spec["dtype"] == "object":
        return spec["as"] in ("str", "bool", "int", "float", "date", "datetime")
    if spec["dtype"] == "numpy":
        return not spec.get("raw")
    return spec["dtype"] in ("masked", "string", "arrow", "zoned")


def _is_bounded(type_: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(type_)
        or types.is_boolean(type_)
        or is_text(type_)
        or types.is_date(type_)
        or types.is_timestamp(type_)
    )


def _moment(scalar: Any) -> pd.Timestamp:
    # as_py would make a datetime of it, which has no nanoseconds and fewer years.
    moment = pd.Timestamp(np.datetime64(scalar.value, scalar.type.unit))
    return moment if scalar.type.tz is None else moment.tz_localize("UTC")


def _cut_above(text: str) -> str | None:
    """Return a short text that is not less than ``text``."""
    if len(text) <= LONGEST:
        return text
    return None if text[LONGEST] == _LAST else text[:LONGEST] + _LAST


def _to_bson(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        # BSON's own times have milliseconds.
        count = int(value.asm8.astype(np.int64)) if value.tz is None else value._value
        return {"moment": count, "unit": value.unit, "zoned": value.tz is not None}
    if isinstance(value, dt.date):
        return {"day": value.toordinal()}
    if isinstance(value, int) and value not in _INT64:
        return {"int": str(value)}
    return value


def _from_bson(value: Any) -> Any:
    if not isinstance(value, dict):
        # BSON's integers of 64 bits come as a subclass of int.
        return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if "moment" in value:
        moment = pd.Timestamp(np.datetime64(value["moment"], value["unit"]))
        return moment.tz_localize("UTC") if value["zoned"] else moment
    return dt.date.fromordinal(value["day"]) if "day" in value else int(value["int"])
