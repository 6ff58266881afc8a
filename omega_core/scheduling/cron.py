"""The slots of a schedule: the moments that a cron expression means, on the clocks of a time zone.

Where clocks change, it is as Debian's cron has it. A time of day that a night leaves out comes
when the gap is over, and one that a night has twice comes the first time alone; while an expression
whose hours or minutes begin with ``*`` goes by the time that passes, and minds no clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo, available_timezones

from ..errors import ScheduleError, suggestion

_LONGEST = 200

_FIELDS = (
    "It has five fields, minute, hour, day of the month, month and day of the week, as "
    "'0 6 * * MON-FRI' for six on working days; a sixth one in front are seconds."
)

_WINDOWS = tuple(
    dt.timedelta(**window)
    for window in ({"minutes": 1}, {"hours": 1}, {"days": 1}, {"days": 40}, {"days": 400})
)
"""How far to look back for the latest slot, one after the other: few slots are in each."""


def checked(cron: object, tz: object) -> tuple[str, str]:
    """Return both, the blanks between the fields single, where they say when.

    Raises
    ------
    ScheduleError
        The expression is none, or means no moment at all, or there is no such time zone.
    """
    if not isinstance(cron, str) or len(cron) > _LONGEST:
        raise ScheduleError(
            f"cron is a text of at most {_LONGEST} characters, not {_shown(cron)}. {_FIELDS}"
        )
    if not isinstance(tz, str):
        raise ScheduleError(f"tz is the name of a time zone, as 'Europe/Rome', not {tz!r}.")
    cron = " ".join(cron.split())
    zone(tz)
    if next_slot(cron, tz, dt.datetime.now(dt.UTC)) is None:
        raise ScheduleError(f"cron={cron!r} means no moment of the next 50 years. {_FIELDS}")
    return cron, tz


def next_slot(cron: str, tz: str, after: dt.datetime) -> dt.datetime | None:
    """Return the first slot after a moment, in UTC; None where none comes in 50 years."""
    return next(_slots(cron, tz, after), None)


def latest_slot(cron: str, tz: str, since: dt.datetime, until: dt.datetime) -> dt.datetime:
    """Return the last slot up to ``until``, in UTC, where ``since`` is one."""
    for window in _WINDOWS:
        if until - window <= since:
            break
        found = _last(cron, tz, until - window, until)
        if found is not None:
            return found
    return _last(cron, tz, since, until) or since


def zone(tz: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises
    ------
    ScheduleError
        There is none here.
    """
    try:
        return ZoneInfo(tz)
    # What is no key at all, such as a path, ends in one of the latter.
    except (KeyError, ValueError, OSError):
        known = available_timezones()
        none = " None is known here at all: pip install tzdata." if not known else ""
        raise ScheduleError(
            f"There is no time zone {_shown(tz)}.{suggestion(tz, known)}{none} "
            "Name one of the IANA database, as 'Europe/Rome' or 'UTC'."
        ) from None


def _last(cron: str, tz: str, after: dt.datetime, until: dt.datetime) -> dt.datetime | None:
    found = None
    for slot in _slots(cron, tz, after):
        if slot > until:
            break
        found = slot
    return found


def _slots(cron: str, tz: str, after: dt.datetime) -> Iterator[dt.datetime]:
    from cronsim import CronSim, CronSimError

    here = zone(tz)
    start = after.astimezone(dt.UTC if here.key == "UTC" else here)
    try:
        simulated = CronSim(cron, start)
    # Of some texts it says no more than that it had not thought of them.
    except (CronSimError, AssertionError, TypeError, ValueError) as exc:
        why = f": {exc}" if isinstance(exc, CronSimError) else ""
        raise ScheduleError(f"cron={cron!r} is no cron expression{why}. {_FIELDS}") from None
    for slot in simulated:
        # Compared in UTC: of two times of one zone, Python compares what clocks show. And in the
        # hour that a night has twice, the slots of the first one are found again in the second.
        found = slot.astimezone(dt.UTC)
        if found > after:
            yield found


def _shown(value: object) -> str:
    return f"{value[:40]!r}..." if isinstance(value, str) and len(value) > 40 else repr(value)
