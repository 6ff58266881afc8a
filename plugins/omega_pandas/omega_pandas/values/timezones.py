"""Time zones as JSON, each restored as the class that it was."""

from __future__ import annotations

import datetime as dt
import importlib
import re
import sys
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dateutil.tz

from omega_core.errors import IntegrityError

from .unfaithful import Unfaithful, type_name

Json = Any
_REMEDY = "use datetime.timezone, or a zoneinfo.ZoneInfo with a key"
# A key becomes a path, in zoneinfo and more so in dateutil; this leaves no way out of theirs.
_KEY = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*")
_MICROSECOND = dt.timedelta(microseconds=1)


def encode_timezone(tz: dt.tzinfo) -> Json:
    """Return a JSON description of ``tz``."""
    spec = _describe(tz)
    if spec is None or not _same(tz, decode_timezone(spec)):
        raise Unfaithful(f"has the time zone {tz!r} of type {type_name(tz)}", _REMEDY)
    return spec


def _describe(tz: dt.tzinfo) -> Json:
    if tz is dt.UTC:
        return ["utc"]
    if type(tz) is dt.timezone:
        offset = tz.utcoffset(None)
        name = tz.tzname(None)
        return ["fixed", offset // _MICROSECOND, name if repr(name) in repr(tz) else None]
    if type(tz) is ZoneInfo:
        return ["zoneinfo", tz.key] if tz.key and _KEY.fullmatch(tz.key) else None
    if isinstance(tz, dateutil.tz.tzutc):
        return ["dateutil-utc"]
    if isinstance(tz, dateutil.tz.tzoffset):
        offset = tz.utcoffset(None)
        return ["dateutil-fixed", offset // _MICROSECOND, tz.tzname(None)]
    if isinstance(tz, dateutil.tz.tzfile):
        key = str(getattr(tz, "_filename", "")).rpartition("zoneinfo/")[2]
        return ["dateutil", key] if _KEY.fullmatch(key) and dateutil.tz.gettz(key) else None
    if is_pytz(tz):
        zone = getattr(tz, "zone", None)
        if zone is None:
            return ["pytz-fixed", getattr(tz, "_minutes", None)]
        return ["pytz", zone] if _KEY.fullmatch(zone) else None
    return None


def is_pytz(tz: dt.tzinfo | None) -> bool:
    """Return whether ``tz`` is pytz's own, without importing pytz."""
    return "pytz" in sys.modules and type(tz).__module__.partition(".")[0] == "pytz"


def _same(tz: dt.tzinfo, other: dt.tzinfo) -> bool:
    # An instance of a pytz zone stands for one offset of it; the zone is what it belongs to.
    return type(tz) is type(other) if is_pytz(tz) else type(tz) is type(other) and tz == other


def decode_timezone(spec: Json) -> dt.tzinfo:
    """Make the time zone of a description.

    Where pytz wrote and is not installed here, the zone of the same name comes from zoneinfo.
    """
    match spec:
        case ["utc"]:
            return dt.UTC
        case ["fixed", int(micros), None]:
            return dt.timezone(micros * _MICROSECOND)
        case ["fixed", int(micros), str(name)]:
            return dt.timezone(micros * _MICROSECOND, name)
        case ["zoneinfo", str(key)] if _KEY.fullmatch(key):
            return _zone(key)
        case ["dateutil-utc"]:
            utc: dt.tzinfo = dateutil.tz.tzutc()
            return utc
        case ["dateutil-fixed", int(micros), None | str() as name]:
            offset: dt.tzinfo = dateutil.tz.tzoffset(name, micros * _MICROSECOND)
            return offset
        case ["dateutil", str(key)] if _KEY.fullmatch(key):
            return dateutil.tz.gettz(key) or _zone(key)
        case ["pytz", str(key)] if _KEY.fullmatch(key):
            pytz = _pytz()
            if pytz is None:
                return _zone(key)
            zone: dt.tzinfo = pytz.timezone(key)
            return zone
        case ["pytz-fixed", int(minutes)]:
            pytz = _pytz()
            if pytz is None:
                return dt.timezone(dt.timedelta(minutes=minutes))
            fixed: dt.tzinfo = pytz.FixedOffset(minutes)
            return fixed
    raise IntegrityError(f"The stored time zone {spec!r} is not understood by this omega-pandas.")


def _zone(key: str) -> dt.tzinfo:
    try:
        return ZoneInfo(key)
    except ZoneInfoNotFoundError:
        raise IntegrityError(
            f"This machine does not know the time zone {key!r} that the object needs. "
            "Install the tzdata package: pip install tzdata"
        ) from None


def _pytz() -> Any:
    # Optional since pandas 3: what pandas 2.2 wrote with it must still be readable without.
    try:
        return importlib.import_module("pytz")
    except ModuleNotFoundError:
        return None
