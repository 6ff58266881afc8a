"""Python data as BSON, and back, without a change: what BSON lacks is written as a tagged document.

A tagged document is ``{"$tag": [...]}``; no user's document has that shape, because a dict with a
key that begins with ``$`` is itself written as tagged pairs.
"""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bson.objectid import ObjectId

from .errors import IntegrityError, UnsupportedValueError

Encoder = Callable[[Any, str, int, "Rules"], Any]

MAX_DEPTH = 40
"""Levels of nesting. A level takes up to two of BSON's, and MongoDB stops at 100."""

_INT64 = range(-(2**63), 2**63)
_MALFORMED = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Rules:
    """How some data is to be written.

    Attributes
    ----------
    plain_zone
        The time zone, or None for no zone, of the datetimes that become dates of BSON; the others
        are tagged. What reads them has to know.
    understand
        Returns a value of another type as Python's own, or unchanged.
    """

    plain_zone: dt.tzinfo | None = None
    understand: Callable[[Any], Any] | None = None


_AS_THEY_ARE = Rules()


def encode(value: Any, path: str, rules: Rules = _AS_THEY_ARE) -> Any:
    """Return ``value`` as what BSON stores.

    Parameters
    ----------
    path
        How the user would write the value, for errors.
    rules
        For data that is read in another way than ``python.data``.

    Raises
    ------
    UnsupportedValueError
        Something would not come back equal and of the same type; names its path.
    """
    return _encode(value, path, 0, rules)


def _encode(value: Any, path: str, depth: int, rules: Rules) -> Any:
    if depth > MAX_DEPTH:
        raise UnsupportedValueError(
            f"{path} is nested more than {MAX_DEPTH} levels deep, or contains itself. "
            "Flatten it, or store the parts under names of their own."
        )
    # The exact class: a subclass would come back as its base.
    encoder = _ENCODERS.get(type(value))
    if encoder is None and rules.understand is not None:
        value = rules.understand(value)
        encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise UnsupportedValueError(
            f"{path} is a {type(value).__module__}.{type(value).__qualname__}, which would not "
            "come back as itself. Convert it to plain Python data, or store it by itself with a "
            "plugin for its type."
        )
    return encoder(value, path, depth + 1, rules)


def _plain(value: Any, path: str, depth: int, rules: Rules) -> Any:
    return value


def _text(value: str, path: str, depth: int, rules: Rules) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"$str": [value.encode("utf-16-le", "surrogatepass")]}
    return value


def _int(value: int, path: str, depth: int, rules: Rules) -> Any:
    return value if value in _INT64 else {"$int": [format(value, "x")]}


def _float(value: float, path: str, depth: int, rules: Rules) -> Any:
    return value


def _complex(value: complex, path: str, depth: int, rules: Rules) -> Any:
    return {"$complex": [value.real, value.imag]}


def _sequence(tag: str | None) -> Encoder:
    def encoder(value: Any, path: str, depth: int, rules: Rules) -> Any:
        items = [_encode(item, f"{path}[{i}]", depth, rules) for i, item in enumerate(value)]
        return items if tag is None else {tag: items}

    return encoder


def _dict(value: dict[Any, Any], path: str, depth: int, rules: Rules) -> Any:
    if all(is_plain_key(key) for key in value):
        return {key: _encode(item, f"{path}[{key!r}]", depth, rules) for key, item in value.items()}
    return {
        "$dict": [
            [
                _encode(key, f"key {key!r} of {path}", depth, rules),
                _encode(item, f"{path}[{key!r}]", depth, rules),
            ]
            for key, item in value.items()
        ]
    }


def is_plain_key(key: Any) -> bool:
    """Return whether BSON and MongoDB take ``key`` as it is, and it looks like no tag."""
    return (
        type(key) is str
        and bool(key)
        and key[0] != "$"
        and "\0" not in key
        and "." not in key
        and not any("\ud800" <= c <= "\udfff" for c in key)
    )


def _datetime(value: dt.datetime, path: str, depth: int, rules: Rules) -> Any:
    # BSON has milliseconds since 1970 in UTC, and neither a zone nor a fold.
    plain = value.tzinfo is rules.plain_zone and not value.fold
    if plain and value.microsecond % 1000 == 0:
        return value
    naive = value.replace(tzinfo=None, fold=0).isoformat()
    return {"$datetime": [naive, value.fold, *_zone(value.tzinfo, path)]}


def _time(value: dt.time, path: str, depth: int, rules: Rules) -> Any:
    naive = value.replace(tzinfo=None, fold=0).isoformat()
    return {"$time": [naive, value.fold, *_zone(value.tzinfo, path)]}


def _zone(zone: dt.tzinfo | None, path: str) -> list[Any]:
    if zone is None:
        return []
    if type(zone) is zoneinfo.ZoneInfo and zone.key is not None:
        return ["zoneinfo", zone.key]
    if type(zone) is dt.timezone:
        offset = zone.utcoffset(None)
        name = zone.tzname(None)
        known = name if name != dt.timezone(offset).tzname(None) else None
        return ["offset", *_delta_parts(offset), known]
    raise UnsupportedValueError(
        f"{path} has a time zone of the class {type(zone).__module__}.{type(zone).__qualname__}. "
        "Use zoneinfo.ZoneInfo or datetime.timezone."
    )


def _delta_parts(value: dt.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


_ENCODERS: dict[type, Encoder] = {
    type(None): _plain,
    bool: _plain,
    bytes: _plain,
    str: _text,
    int: _int,
    float: _float,
    complex: _complex,
    list: _sequence(None),
    tuple: _sequence("$tuple"),
    set: _sequence("$set"),
    frozenset: _sequence("$frozenset"),
    dict: _dict,
    bytearray: lambda value, path, depth, rules: {"$bytearray": [bytes(value)]},
    dt.datetime: _datetime,
    dt.date: lambda value, path, depth, rules: {"$date": [value.isoformat()]},
    dt.time: _time,
    dt.timedelta: lambda value, path, depth, rules: {"$timedelta": _delta_parts(value)},
    Decimal: lambda value, path, depth, rules: {"$decimal": [str(value)]},
    uuid.UUID: lambda value, path, depth, rules: {"$uuid": [value.bytes]},
    ObjectId: _plain,
}


def decode(value: Any) -> Any:
    """Return the value that `encode` wrote.

    Raises
    ------
    IntegrityError
        A tag is unknown, since a later version wrote it; or the data is damaged.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        # With a zone, a date of BSON is one of UTC, in a class of the driver's own.
        aware = isinstance(value, dt.datetime) and value.tzinfo is not None
        return value.replace(tzinfo=dt.UTC) if aware else value
    if len(value) == 1:
        (tag, parts), *_ = value.items()
        if tag.startswith("$"):
            decoder = _DECODERS.get(tag)
            if decoder is None:
                raise IntegrityError(
                    f"The stored data has the unknown tag {tag!r}: a later version of omega_core "
                    "may have written it. Upgrade omega-core."
                )
            try:
                return decoder(parts)
            except IntegrityError:
                raise
            except _MALFORMED as exc:
                raise IntegrityError(
                    f"The stored data has {tag!r} with contents that it never has "
                    f"({type(exc).__name__}: {exc})."
                ) from exc
    return {key: decode(item) for key, item in value.items()}


def _to_datetime(parts: list[Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(parts[0]).replace(fold=parts[1], tzinfo=_to_zone(parts[2:]))


def _to_time(parts: list[Any]) -> dt.time:
    return dt.time.fromisoformat(parts[0]).replace(fold=parts[1], tzinfo=_to_zone(parts[2:]))


def _to_zone(parts: list[Any]) -> dt.tzinfo | None:
    if not parts:
        return None
    if parts[0] == "zoneinfo":
        return zoneinfo.ZoneInfo(parts[1])
    days, seconds, microseconds, name = parts[1:]
    offset = dt.timedelta(days, seconds, microseconds)
    return dt.timezone(offset) if name is None else dt.timezone(offset, name)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$str": lambda parts: parts[0].decode("utf-16-le", "surrogatepass"),
    "$int": lambda parts: int(parts[0], 16),
    "$complex": lambda parts: complex(parts[0], parts[1]),
    "$tuple": lambda parts: tuple(decode(part) for part in parts),
    "$set": lambda parts: {decode(part) for part in parts},
    "$frozenset": lambda parts: frozenset(decode(part) for part in parts),
    "$dict": lambda parts: {decode(key): decode(item) for key, item in parts},
    "$bytearray": lambda parts: bytearray(parts[0]),
    "$datetime": _to_datetime,
    "$date": lambda parts: dt.date.fromisoformat(parts[0]),
    "$time": _to_time,
    "$timedelta": lambda parts: dt.timedelta(*parts),
    "$decimal": lambda parts: Decimal(parts[0]),
    "$uuid": lambda parts: uuid.UUID(bytes=parts[0]),
}
