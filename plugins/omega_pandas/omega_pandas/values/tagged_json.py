"""Python values as JSON with tags, such that type and value come back exactly.

``None``, booleans, text, finite floats and integers of 64 bits stand for themselves, a list is a
list, and everything else is an object with one key, its tag. Only exact types are taken: a
subclass would come back as its base. The tags are the only thing that reading looks up.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import math
import re
import struct
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from omega_core.errors import IntegrityError

from .datetimes import (
    decode_datetime,
    decode_time,
    decode_timestamp,
    encode_datetime,
    encode_time,
    encode_timestamp,
)
from .numpy_dtypes import array_bytes, decode_dtype, empty_array, encode_dtype, memory_order
from .offsets import OFFSET_TYPES, build_offset, offset_parts
from .timezones import decode_timezone, encode_timezone
from .unfaithful import Unfaithful, type_name

Json = Any
_MAX_DEPTH = 100
_REMEDY = "convert it to plain Python, numpy or pandas values, for example to text, or leave it out"
_INT64 = range(-(2**63), 2**63)
_DIGITS = re.compile(r"-?0x[0-9a-f]+")
_NAN = struct.pack(">d", np.nan).hex()


def encode_value(value: Any, depth: int = 0) -> Json:
    """Return ``value`` as JSON.

    Raises
    ------
    Unfaithful
        For a type that has no exact encoding, naming it and where in ``value`` it lies.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if depth > _MAX_DEPTH:
        raise Unfaithful("is nested too deeply, or contains itself", _REMEDY)
    encode = _ENCODERS.get(kind)
    if encode is not None:
        return encode(value, depth + 1)
    if isinstance(value, np.generic) and kind is value.dtype.type:
        return _encode_scalar(value)
    if isinstance(value, dt.tzinfo):
        return {"tz": encode_timezone(value)}
    raise Unfaithful(f"is a {type_name(value)}, a type with no exact encoding", _REMEDY)


def decode_value(spec: Json) -> Any:
    """Make the value of a JSON description; an unknown tag is an `IntegrityError`."""
    if isinstance(spec, list):
        return [decode_value(item) for item in spec]
    if not isinstance(spec, dict):
        return spec
    if len(spec) == 1:
        ((tag, body),) = spec.items()
        decode = _DECODERS.get(tag)
        if decode is not None:
            try:
                return decode(body)
            except (ValueError, TypeError, ArithmeticError, LookupError, struct.error) as error:
                raise IntegrityError(f"The stored {tag!r} value is malformed: {error}") from error
    raise IntegrityError(
        f"The stored value has the unknown tag {', '.join(map(repr, spec))}; "
        "it was written by a newer omega-pandas, or is damaged."
    )


def dump_value(value: Any) -> str:
    """Return ``value`` as JSON text."""
    return json.dumps(encode_value(value), separators=(",", ":"), ensure_ascii=False)


def load_value(text: str) -> Any:
    """Make the value of a JSON text."""
    try:
        return decode_value(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"A stored value is malformed: {error}") from error


# --- text and numbers ----------------------------------------------------------------------

_PLAIN = frozenset({type(None), bool})


def _encode_str(value: str, depth: int) -> Json:
    try:
        value.encode()
    except UnicodeEncodeError:
        # Lone surrogates: not text for JSON or Arrow, which may fuse two of them into one.
        return {"str": _b64(value.encode("utf-8", "surrogatepass"))}
    return value


def _encode_int(value: int, depth: int) -> Json:
    # In hexadecimal: Python limits the digits of a decimal literal.
    return value if value in _INT64 else {"int": hex(value)}


def _decode_int(body: str) -> int:
    if not _DIGITS.fullmatch(body):
        raise ValueError("not an integer")
    return int(body, 16)


def _encode_float(value: float, depth: int) -> Json:
    return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}


def _decode_float(body: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(body))[0]
    # As a label, NaN is found by its identity, and this is the one that everybody uses.
    return np.nan if body == _NAN else value


def _encode_complex(value: complex, depth: int) -> Json:
    return {"complex": struct.pack(">dd", value.real, value.imag).hex()}


def _b64(value: bytes | memoryview) -> str:
    return base64.b64encode(value).decode("ascii")


def _unb64(body: str) -> bytes:
    return base64.b64decode(body, validate=True)


# --- containers ------------------------------------------------------------------------------


def _encode_items(values: Any, depth: int) -> Json:
    items = []
    for position, item in enumerate(values):
        try:
            items.append(encode_value(item, depth))
        except Unfaithful as verdict:
            raise verdict.within(f"item {position}") from None
    return items


def _encode_dict(value: dict[Any, Any], depth: int) -> Json:
    pairs = []
    for key, item in value.items():
        try:
            pairs.append([encode_value(key, depth), encode_value(item, depth)])
        except Unfaithful as verdict:
            raise verdict.within(f"key {key!r}") from None
    return {"dict": pairs}


def _decode_dict(body: Json) -> dict[Any, Any]:
    return {decode_value(key): decode_value(item) for key, item in body}


# --- pandas ----------------------------------------------------------------------------------


def _encode_pd_timedelta(value: pd.Timedelta, depth: int) -> Json:
    return {"pd.timedelta": [int(value.asm8.view("i8")), value.unit]}


def _decode_period(body: Json) -> Any:
    ordinal, freq = body
    return pd.Period(ordinal=ordinal, freq=decode_offset(freq))


def _encode_offset(value: pd.offsets.BaseOffset, depth: int) -> Json:
    return {"offset": encode_offset(value)}


def encode_offset(offset: pd.offsets.BaseOffset) -> Json:
    """Return a date offset as JSON."""
    name, n, normalize, keywords = offset_parts(offset)
    return [name, n, normalize, encode_value(keywords)]


def decode_offset(body: Json) -> pd.offsets.BaseOffset:
    """Make a date offset of its JSON description."""
    name, n, normalize, keywords = body
    return build_offset(name, n, normalize, decode_value(keywords))


# --- numpy -----------------------------------------------------------------------------------


def _encode_scalar(value: np.generic) -> Json:
    if isinstance(value, np.str_):
        # A dtype, and str() too, would lose trailing NULs; a slice does not.
        return {"np.str": _encode_str(value[:], 0)}
    if isinstance(value, np.bytes_):
        return {"np.bytes": _b64(value[:])}
    array = np.array(value)
    return {"scalar": [encode_dtype(array.dtype), _b64(array.tobytes())]}


def _decode_scalar(body: Json) -> Any:
    dtype, data = body
    return _fill(dtype, (), "C", data)[()]


def _encode_array(value: np.ndarray[Any, Any], depth: int) -> Json:
    shape = list(value.shape)
    if value.dtype == np.dtype(object):
        return {"objects": [shape, _encode_items(value.ravel().tolist(), depth)]}
    spec = encode_dtype(value.dtype)
    return {"array": [spec, shape, memory_order(value), _b64(array_bytes(value).data)]}


def _decode_objects(body: Json) -> np.ndarray[Any, Any]:
    shape, items = body
    flat = np.empty(len(items), dtype=object)
    for position, item in enumerate(items):
        flat[position] = decode_value(item)
    return flat.reshape(shape)


def _fill(dtype: Json, shape: Any, order: str, data: str) -> np.ndarray[Any, Any]:
    raw = np.frombuffer(_unb64(data), dtype=np.uint8)
    kind = decode_dtype(dtype)
    if math.prod(shape) * kind.itemsize != raw.size:
        raise ValueError("its length does not fit its shape")
    array, view = empty_array(kind, tuple(shape), order)
    view[:] = raw
    return array


# --- the tables ------------------------------------------------------------------------------

_ENCODERS: dict[type, Callable[[Any, int], Json]] = {
    str: _encode_str,
    int: _encode_int,
    float: _encode_float,
    complex: _encode_complex,
    bytes: lambda value, depth: {"bytes": _b64(value)},
    bytearray: lambda value, depth: {"bytearray": _b64(value)},
    decimal.Decimal: lambda value, depth: {"decimal": str(value)},
    uuid.UUID: lambda value, depth: {"uuid": value.hex},
    list: _encode_items,
    tuple: lambda value, depth: {"tuple": _encode_items(value, depth)},
    set: lambda value, depth: {"set": _encode_items(value, depth)},
    frozenset: lambda value, depth: {"frozenset": _encode_items(value, depth)},
    dict: _encode_dict,
    dt.date: lambda value, depth: {"date": value.isoformat()},
    dt.datetime: lambda value, depth: {"datetime": encode_datetime(value)},
    dt.time: lambda value, depth: {"time": encode_time(value)},
    dt.timedelta: lambda value, depth: {
        "timedelta": [value.days, value.seconds, value.microseconds]
    },
    np.ndarray: _encode_array,
    type(pd.NA): lambda value, depth: {"pd": "NA"},
    type(pd.NaT): lambda value, depth: {"pd": "NaT"},
    pd.Timestamp: lambda value, depth: {"timestamp": encode_timestamp(value)},
    pd.Timedelta: _encode_pd_timedelta,
    pd.Period: lambda value, depth: {"period": [value.ordinal, encode_offset(value.freq)]},
    pd.Interval: lambda value, depth: {
        "interval": [
            encode_value(value.left, depth),
            encode_value(value.right, depth),
            value.closed,
        ]
    },
    **dict.fromkeys(OFFSET_TYPES, _encode_offset),
}

_DECODERS: dict[str, Callable[[Json], Any]] = {
    "str": lambda body: _unb64(body).decode("utf-8", "surrogatepass"),
    "int": _decode_int,
    "float": _decode_float,
    "complex": lambda body: complex(*struct.unpack(">dd", bytes.fromhex(body))),
    "bytes": _unb64,
    "bytearray": lambda body: bytearray(_unb64(body)),
    "decimal": decimal.Decimal,
    "uuid": lambda body: uuid.UUID(hex=body),
    "tuple": lambda body: tuple(decode_value(body)),
    "set": lambda body: set(decode_value(body)),
    "frozenset": lambda body: frozenset(decode_value(body)),
    "dict": _decode_dict,
    "date": dt.date.fromisoformat,
    "datetime": decode_datetime,
    "time": decode_time,
    "timedelta": lambda body: dt.timedelta(body[0], body[1], body[2]),
    "tz": decode_timezone,
    "np.str": lambda body: np.str_(decode_value(body)),
    "np.bytes": lambda body: np.bytes_(_unb64(body)),
    "scalar": _decode_scalar,
    "array": lambda body: _fill(body[0], body[1], body[2], body[3]),
    "objects": _decode_objects,
    "pd": lambda body: {"NA": pd.NA, "NaT": pd.NaT}[body],
    "timestamp": decode_timestamp,
    "pd.timedelta": lambda body: pd.Timedelta(np.timedelta64(body[0], body[1])),
    "period": _decode_period,
    "interval": lambda body: pd.Interval(decode_value(body[0]), decode_value(body[1]), body[2]),
    "offset": decode_offset,
}
