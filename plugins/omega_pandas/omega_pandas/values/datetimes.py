"""Points in time as JSON: the clock, the zone, and which pass of a repeated hour."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from .timezones import decode_timezone, encode_timezone, is_pytz
from .unfaithful import Unfaithful

Json = Any
_REMEDY = "make it from UTC, with tz_convert"


def encode_datetime(value: dt.datetime) -> Json:
    """Return a datetime as JSON; its wall clock is kept, also where a zone skips it."""
    wall = value.replace(tzinfo=None, fold=0).isoformat()
    zone = None if value.tzinfo is None else encode_timezone(value.tzinfo)
    offset = None
    if is_pytz(value.tzinfo):
        shift = value.utcoffset()
        assert shift is not None
        offset = [shift.days, shift.seconds]
    spec = [wall, value.fold, zone, offset]
    if offset is not None:
        same = decode_datetime(spec)
        if (same.replace(tzinfo=None), same.tzinfo) != (value.replace(tzinfo=None), value.tzinfo):
            raise Unfaithful(
                f"is the time {value!r}, which its pytz zone does not have",
                "make it with the localize method of the zone",
            )
    return spec


def decode_datetime(body: Json) -> dt.datetime:
    """Make the datetime of its JSON description."""
    wall, fold, zone, offset = body
    value = dt.datetime.fromisoformat(wall)
    if zone is None:
        return value.replace(fold=fold)
    tz = decode_timezone(zone)
    if offset is None:
        return value.replace(tzinfo=tz, fold=fold)
    # An instance of a pytz zone knows one offset only; the zone itself picks it.
    moment = value - dt.timedelta(days=offset[0], seconds=offset[1])
    return tz.fromutc(moment if is_pytz(tz) else moment.replace(tzinfo=tz)).replace(fold=fold)


def encode_time(value: dt.time) -> Json:
    """Return a time of day as JSON."""
    zone = None if value.tzinfo is None else encode_timezone(value.tzinfo)
    return [value.replace(tzinfo=None, fold=0).isoformat(), value.fold, zone]


def decode_time(body: Json) -> dt.time:
    """Make the time of day of its JSON description."""
    clock, fold, zone = body
    tz = None if zone is None else decode_timezone(zone)
    return dt.time.fromisoformat(clock).replace(tzinfo=tz, fold=fold)


def encode_timestamp(value: pd.Timestamp) -> Json:
    """Return a Timestamp as JSON: its count in its unit, in UTC where it has a zone."""
    zone = None if value.tzinfo is None else encode_timezone(value.tzinfo)
    spec = [int(value.asm8.view("i8")), value.unit, value.fold, zone]
    same = decode_timestamp(spec)
    if (same, same.unit, same.fold) != (value, value.unit, value.fold):
        raise Unfaithful(f"is the time {value!r}, which its zone does not have", _REMEDY)
    return spec


def decode_timestamp(body: Json) -> Any:
    """Make the Timestamp of its JSON description."""
    count, unit, fold, zone = body
    value = pd.Timestamp(np.datetime64(count, unit))
    if zone is None:
        return value.replace(fold=fold) if fold else value
    return value.tz_localize("UTC").tz_convert(decode_timezone(zone))
