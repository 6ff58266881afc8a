"""What the headers and the statistics of segments tell of a stored table; no value is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from omega_core import ColumnSummary

from ..columns.dtype_differences import printed
from ..encoding.statistics import LONGEST, Stats, is_telling
from ..objects.header import Header, intact
from ..values.numpy_dtypes import decode_dtype
from ..values.tagged_json import decode_value
from ..values.timezones import decode_timezone
from .headers import column_specs
from .stored_table import Stored

Json = Any

_FLOATS = ("float", "double")
_OF_CODES = ("category", "period")
"""Dtypes whose stored values are codes, of which a missing one is a missing value."""

_CODE_BYTES = {"int8": 1, "int16": 2, "int32": 4, "int64": 8}


@intact()
def column_summaries(stored: Stored, *, statistics: bool = True) -> tuple[ColumnSummary, ...]:
    """Return what is known of the columns of a frame, or of the values of a series.

    Parameters
    ----------
    statistics
        Fetch those of the segments: a document for each, or for each few columns of one.
    """
    specs = column_specs(stored.header)
    frame = stored.header["object"] == "frame"
    labels = list(stored.labels) if frame else [_name(stored.header)] * len(specs)
    if not statistics or not specs:
        return tuple(
            ColumnSummary(label, printed(spec)) for label, spec in zip(labels, specs, strict=True)
        )
    pieces = stored.pieces()
    positions = range(len(specs))
    found = stored.statistics(pieces, positions, codes=True)
    # Columns of Python objects are described by each batch.
    telling = [
        all(
            is_telling(stored.batch_spec(number, position)) for number in range(len(stored.batches))
        )
        for position in positions
    ]
    return tuple(
        _summary(
            label,
            stored.batch_spec(0, position),
            stored.header["types"].get(f"c{position}"),
            [stats[position] for stats in found if position in stats],
            telling[position],
        )
        for position, label in enumerate(labels)
    )


def _summary(
    label: Any, spec: Json, stored: str | None, stats: Sequence[Stats], telling: bool
) -> ColumnSummary:
    """Return what is known of one column; ``stored`` is the Arrow type of its values."""
    name = printed(spec)
    nulls = sum(known.nulls for known in stats)
    if not telling:
        return ColumnSummary(label, name, nulls if spec["dtype"] in _OF_CODES else None)
    floats = stored in _FLOATS or (spec["dtype"] == "object" and spec["as"] == "float")
    # Of types without bounds, that there may be some NaN is all that was noted.
    bounded = all(known.min is not None or known.nulls == known.rows for known in stats)
    nans = sum(known.nans for known in stats) if floats else 0 if bounded else None
    low = _bound(stats, least=True)
    high = _bound(stats, least=False)
    if stored == "float":
        low, high = _step_back(low, np.inf), _step_back(high, -np.inf)
    if spec["dtype"] == "zoned":
        zone = decode_timezone(spec["tz"])
        low, high = (None if end is None else end.tz_convert(zone) for end in (low, high))
    exact = not any(isinstance(end, str) and len(end) >= LONGEST for end in (low, high))
    return ColumnSummary(label, name, nulls, low, high, nans, exact)


def _bound(stats: Sequence[Stats], *, least: bool) -> Any:
    """Return the least, or the greatest, of the bounds of all segments; None where one lacks it."""
    ends = []
    for known in stats:
        end = known.min if least else known.max
        if end is not None:
            ends.append(end)
        elif known.nulls + known.nans < known.rows or (known.min, known.max) != (None, None):
            return None
    try:
        return (min if least else max)(ends, default=None)
    except TypeError:
        return None  # Python objects of several types, in several batches


def _step_back(bound: float | None, towards: float) -> float | None:
    """Return the 32 bit float that the statistics noted one step off."""
    if bound is None or np.isinf(bound):
        return None  # of an infinity, it is not known which of two it was
    return float(np.nextafter(np.float32(bound), np.float32(towards)))


def _name(header: Header) -> Any:
    return decode_value(header["name"]) if "name" in header else None


@intact()
def table_details(stored: Stored) -> dict[str, Any]:
    """Return what else there is to tell: the index, how the rows lie, memory where it is known."""
    details: dict[str, Any] = {
        "index": _index(stored.batch_header(0)["index"], len(stored.batches)),
        "batches": len(stored.batches),
        "written by": f"pandas {stored.header['pandas']}",
    }
    widths = [*_widths(stored.header)]
    if None not in widths:
        details["bytes in memory"] = stored.rows * sum(
            width for width in widths if width is not None
        )
    return details


def _index(spec: Json, batches: int) -> Json:
    """Return what kind of index it is, in words; of several batches, each has labels of its own."""
    if spec["index"] == "range":
        start, stop, step = spec["range"]
        text = f"range from {start} to {stop}" + ("" if step == 1 else f" by {step}")
        if batches > 1:
            text += ", and more in other batches"
        return _named(text, decode_value(spec["name"]))
    if spec["index"] == "multi":
        names = [decode_value(name) for name in spec["names"]]
        levels = [printed(level["values"]) if "values" in level else "range"
                  for level in spec["levels"]]  # fmt: skip
        return [_named(text, name) for text, name in zip(levels, names, strict=True)]
    text = printed(spec["values"])
    return _named(text, decode_value(spec["name"]))


def _named(text: str, name: Any) -> str:
    return text if name is None else f"{name}: {text}"


def _widths(header: Header) -> Iterator[int | None]:
    """Yield the bytes of a value of each column in memory; None where values have their own."""
    for position, spec in enumerate(column_specs(header)):
        match spec["dtype"]:
            case "numpy":
                yield decode_dtype(spec["numpy"]).itemsize
            case "masked":
                yield np.dtype("bool" if spec["name"] == "boolean" else spec["name"].lower()
                               ).itemsize + 1  # fmt: skip
            case "zoned" | "period":
                yield 8
            case "category":
                yield _CODE_BYTES.get(header["types"].get(f"c{position}", ""))
            case _:
                yield None
