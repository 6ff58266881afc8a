"""A column of Python objects as one Arrow array, chosen by the exact types of its elements.

A column of one type, with at most one kind of missing value, becomes an Arrow array of that type,
which other readers understand. Any mixture is written element by element as tagged JSON text.
The choice looks at `type`, never at equality, since ``True == 1 == 1.0``.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core.errors import IntegrityError

from ..values.tagged_json import dump_value, load_value
from ..values.unfaithful import Unfaithful
from .header_arrays import Arrow

Json = Any
Objects = np.ndarray[Any, np.dtype[np.object_]]

_MISSING: dict[type, tuple[str, Any]] = {
    type(None): ("None", None),
    float: ("nan", np.nan),
    type(pd.NA): ("NA", pd.NA),
    type(pd.NaT): ("NaT", pd.NaT),
}
_BY_NAME = dict(_MISSING.values())


@dataclass(frozen=True)
class _Plain:
    """How elements of one exact Python type become an Arrow array, and come back."""

    name: str
    arrow: pa.DataType
    # False where an element has something that the Arrow type would drop.
    fits: Callable[[Any], bool] | None = None
    write: Callable[[Any], Any] | None = None
    read: Callable[[Any], Any] | None = None


_PLAIN: dict[type, _Plain] = {
    str: _Plain("str", pa.large_string()),
    bytes: _Plain("bytes", pa.large_binary()),
    bool: _Plain("bool", pa.bool_()),
    int: _Plain("int", pa.int64()),
    float: _Plain("float", pa.float64()),
    # As text: an Arrow decimal gives all its elements one scale, and has no NaN.
    decimal.Decimal: _Plain("decimal", pa.large_string(), write=str, read=decimal.Decimal),
    dt.date: _Plain("date", pa.date32()),
    dt.datetime: _Plain(
        "datetime", pa.timestamp("us"), fits=lambda value: value.tzinfo is None and not value.fold
    ),
    dt.time: _Plain(
        "time", pa.time64("us"), fits=lambda value: value.tzinfo is None and not value.fold
    ),
    dt.timedelta: _Plain("timedelta", pa.duration("us")),
}
_PLAIN_BY_NAME = {plain.name: plain for plain in _PLAIN.values()}


def encode_objects(values: Objects) -> tuple[Json, Arrow]:
    """Return the encoding of a one-dimensional object array, and its Arrow array.

    Raises
    ------
    Unfaithful
        Naming the first row whose value has no exact encoding.
    """
    items = values.tolist()
    plain = _plain_encoding(items)
    if plain is not None:
        return plain
    texts = []
    for row, item in enumerate(items):
        try:
            texts.append(dump_value(item))
        except Unfaithful as verdict:
            raise Unfaithful(f"row {row} {verdict.what}", verdict.remedy) from None
        except RecursionError:
            raise Unfaithful(f"row {row} is nested too deeply", "store it as text") from None
    return {"as": "tagged"}, pa.array(texts, type=pa.large_string())


def _plain_encoding(items: list[Any]) -> tuple[Json, Arrow] | None:
    kinds: set[type] = set(map(type, items))
    missing = None
    if len(kinds) == 2:
        # Of a float and a None, the None is what is missing.
        candidates = kinds & _MISSING.keys()
        others = kinds - candidates or kinds & {float}
        if len(others) != 1 or not candidates - others:
            return None
        (missing,) = candidates - others
        kinds = others
    if not kinds:
        return {"as": "null", "missing": "None"}, pa.nulls(0)
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    if kind in _MISSING and kind is not float:
        return {"as": "null", "missing": _MISSING[kind][0]}, pa.nulls(len(items))
    plain = _PLAIN.get(kind)
    if plain is None or (missing is float and not _all_nan(items)):
        return None
    present = items if missing is None else [None if type(v) is missing else v for v in items]
    if plain.fits and not all(v is None or plain.fits(v) for v in present):
        return None
    if plain.write:
        present = [None if v is None else plain.write(v) for v in present]
    try:
        array = pa.array(present, type=plain.arrow, from_pandas=False)
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        # Integers beyond 64 bits, time deltas of millions of years, lone surrogates.
        return None
    spec = {"as": plain.name}
    if missing is not None:
        spec["missing"] = _MISSING[missing][0]
    return spec, array


def _all_nan(items: list[Any]) -> bool:
    return bool(_usual_nan(np.array([item for item in items if type(item) is float])).all())


def _usual_nan(floats: np.ndarray[Any, Any]) -> Any:
    # One bit pattern only: NaNs with a sign or a payload are values like any other.
    return floats.view("i8") == np.array([np.nan]).view("i8")


def decode_objects(spec: Json, array: Arrow) -> Objects:
    """Make the object array of an encoding and its Arrow array."""
    encoding = spec.get("as")
    sentinel = spec.get("missing", "None")
    if sentinel not in _BY_NAME:
        raise IntegrityError(f"The stored missing value {sentinel!r} is not understood.")
    missing = _BY_NAME[sentinel]
    values: Objects
    if encoding == "null":
        values = np.empty(len(array), dtype=object)
        values[:] = missing
        return values
    if encoding == "tagged":
        items = (load_value(str(text)) for text in array.to_pylist())
        return np.fromiter(items, dtype=object, count=len(array))
    plain = _PLAIN_BY_NAME.get(encoding)
    if plain is None or array.type != plain.arrow:
        raise IntegrityError(
            f"The stored encoding {encoding!r} of Python objects as {array.type} is not "
            "understood; it was written by a newer omega-pandas, or is damaged."
        )
    if plain.name in ("str", "bytes"):
        values = array.to_numpy(zero_copy_only=False)
    else:
        found = array.to_pylist()
        if plain.read:
            found = [None if v is None else plain.read(v) for v in found]
        values = np.fromiter(found, dtype=object, count=len(found))
    if plain.name == "float":
        # As a label, NaN is found by its identity, and this is the one that everybody uses.
        values[_usual_nan(array.to_numpy(zero_copy_only=False))] = np.nan
    if array.null_count:
        values[array.is_null().to_numpy(zero_copy_only=False)] = missing
    return values
