"""A column of a frame as values of BSON, one per row; and back.

The codec has made an Arrow array and a description of each column. Here is decided which Arrow
values BSON has exactly, and as what other tools of MongoDB see them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bson.datetime_ms import DatetimeMS

from omega_core.errors import IntegrityError

from ..columns.arrow_types import parse_type
from ..columns.header_arrays import Arrow, Chunked, Parts, whole
from ..columns.index import decode_index, encode_column
from ..values.unfaithful import Unfaithful

Json = Any

_DAY_MS = 86_400_000
_REMEDY = "leave layout='rows' out: the default layout takes it"
_CATEGORY = "category"
# What the codec packs into an Arrow array that says nothing to a reader of the documents.
_PACKED = {
    "sparse": "is sparse",
    "period": "holds periods",
    "interval": "holds intervals",
}


@dataclass(frozen=True)
class Field:
    """One column, or one level of the index, as a field of the documents.

    Attributes
    ----------
    name
        The key in the documents.
    type
        The Arrow type of the stored array.
    values
        The values that the array's codes stand for, where it is of a category or a level.
    """

    name: str
    type: pa.DataType
    values: tuple[Any, ...] | None = None

    @property
    def is_float(self) -> bool:
        return self.values is None and bool(pa.types.is_floating(self.type))

    def to_json(self) -> Json:
        """Return what the header keeps of it; the values of a category it has already."""
        return [self.name, _CATEGORY if self.values is not None else str(self.type)]

    def prepare(self, array: Arrow) -> Arrow:
        """Return the array with the numbers that BSON takes, after a check of every value.

        Raises
        ------
        Unfaithful
            For a value that BSON would round or not hold.
        """
        if self.values is not None:
            return array
        kind = self.type
        try:
            if pa.types.is_timestamp(kind):
                return array.cast(pa.timestamp("ms", kind.tz)).cast(pa.int64())
            if pa.types.is_date32(kind):
                return pc.multiply(array.cast(pa.int32()).cast(pa.int64()), _DAY_MS)
            if pa.types.is_duration(kind) or pa.types.is_uint64(kind):
                return array.cast(pa.int64())
        except pa.ArrowInvalid:
            raise _beyond(kind, array) from None
        return array.cast(pa.float64()) if pa.types.is_floating(kind) else array

    def dump(self, array: Arrow) -> list[Any]:
        """Return the values of a prepared array, or of a slice of it."""
        if self.values is not None:
            values = self.values
            codes = array.to_pylist()
            return [None if code is None else values[code] for code in codes]
        if array.null_count or not _is_number(array.type):
            found: list[Any] = array.to_pylist()
        else:
            found = array.to_numpy(zero_copy_only=False).tolist()
        if _is_moment(self.type):
            return [None if value is None else DatetimeMS(value) for value in found]
        return found

    def load(self, values: list[Any]) -> Arrow:
        """Make the stored array of values that came out of documents."""
        if self.values is not None:
            codes = {value: code for code, value in enumerate(self.values)}
            found = [None if value is None else codes[value] for value in values]
            return pa.array(found, type=self.type)
        kind = self.type
        if _is_moment(kind):
            moments = [None if value is None else int(value) for value in values]
            if pa.types.is_date32(kind):
                days = [None if value is None else value // _DAY_MS for value in moments]
                return pa.array(days, type=pa.int32()).cast(kind)
            numbers = pa.array(moments, type=pa.int64())
            return numbers.cast(pa.timestamp("ms", kind.tz)).cast(kind)
        if pa.types.is_duration(kind):
            return pa.array(values, type=pa.int64()).cast(kind)
        if pa.types.is_floating(kind):
            return _narrowed(pa.array(values, type=pa.float64(), from_pandas=False), kind)
        return pa.array(values, type=kind, from_pandas=False)


def make_field(name: str, spec: Json, array: Arrow | Chunked, parts: Parts) -> Field:
    """Return the field for a column of the codec.

    Parameters
    ----------
    spec, array
        As `columns.index.encode_column` returns them.
    parts
        Has the categories.

    Raises
    ------
    Unfaithful
        Where BSON has no type for the values.
    """
    dtype = spec["dtype"]
    if dtype == _CATEGORY:
        return Field(name, pa.int32(), _categories(spec["categories"], parts))
    if dtype in _PACKED:
        raise Unfaithful(f"{_PACKED[dtype]}, which BSON has no type for", _REMEDY)
    if spec.get("raw"):
        raise Unfaithful(f"has the dtype {spec['numpy']}, which BSON has no type for", _REMEDY)
    if dtype == "object":
        _check_objects(spec["as"])
    kind = array.type
    try:
        parse_type(str(kind))
    except IntegrityError:
        raise Unfaithful(
            f"has the Arrow type {kind}, which BSON has no type for", _REMEDY
        ) from None
    return Field(name, kind)


def make_level(name: str, level: Json, parts: Parts) -> Field:
    """Return the field for one level of a MultiIndex."""
    return Field(name, pa.int32(), _categories(level, parts))


def read_field(described: Json, categories: Json, parts: Parts) -> Field:
    """Return the field that `Field.to_json` described; ``categories`` are of its column."""
    name, kind = described
    if kind == _CATEGORY:
        return Field(name, pa.int32(), _categories(categories, parts))
    return Field(name, parse_type(kind))


def _categories(spec: Json, parts: Parts) -> tuple[Any, ...]:
    index = decode_index(spec, parts)
    described, array = encode_column(index.array, parts)
    try:
        field = make_field("", described, array, parts)
        values = field.dump(field.prepare(whole(array)))
    except Unfaithful as verdict:
        raise verdict.within("has categories, of which each") from None
    # Otherwise a row would not say which of them it means.
    if None in values or len(set(values)) != len(values):
        raise Unfaithful("has categories that are missing or equal to each other", _REMEDY)
    return tuple(values)


def _check_objects(encoding: str) -> None:
    if encoding == "tagged":
        raise Unfaithful(
            "holds objects of several types, or of one that BSON lacks",
            f"convert it to one type with astype; or {_REMEDY}",
        )
    if encoding in ("decimal", "time"):
        raise Unfaithful(
            f"holds objects of the type {encoding}, which BSON would change",
            f"convert it, for example to text or numbers; or {_REMEDY}",
        )


def _beyond(kind: pa.DataType, array: Arrow) -> Unfaithful:
    if pa.types.is_uint64(kind):
        most = pc.max(array).as_py()
        return Unfaithful(
            f"holds {most}, and the integers of BSON end at 2**63 - 1",
            f"convert it to text or float64; or {_REMEDY}",
        )
    row = _first_inexact(array)
    return Unfaithful(
        f"holds at row {row} a time that is no whole number of milliseconds, or beyond those "
        "of BSON",
        f"round it with .dt.floor('ms'); or {_REMEDY}",
    )


def _first_inexact(array: Arrow) -> int:
    per_ms = {"us": 1000, "ns": 1_000_000}.get(array.type.unit, 1)
    moments = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return int(np.argmax(moments % per_ms != 0))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date32(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _narrowed(array: Arrow, kind: pa.DataType) -> Arrow:
    if not pa.types.is_float16(kind):
        return array.cast(kind)
    # Not all versions of Arrow cast to half floats.
    missing = array.is_null().to_numpy(zero_copy_only=False)
    numbers = array.fill_null(0.0).to_numpy(zero_copy_only=False).astype(np.float16)
    return pa.array(numbers, mask=missing, from_pandas=False)
