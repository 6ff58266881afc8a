"""Which moments a cron expression means, also where clocks change."""

from __future__ import annotations

import datetime as dt
import re
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import ScheduleError
from omega_core.scheduling.cron import checked, latest_slot, next_slot, zone

ZONES = ("UTC", "Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
CRONS = (
    *("0 6 * * *", "30 2 * * *", "15,45 1-3 * * *", "*/20 * * * *", "0 */5 * * *", "5 * * * MON"),
    *("0 0 1 * *", "0 0 L * *", "0 12 * * FRI#1", "0 0 29 2 *", "10 30 2 * * *", "*/7 * * * * *"),
)

moments = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2028, 1, 1), timezones=st.just(dt.UTC))
crons, zones = st.sampled_from(CRONS), st.sampled_from(ZONES)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]


def slots(cron: str, tz: str, after: dt.datetime, count: int) -> list[dt.datetime]:
    found = []
    while len(found) < count:
        slot = next_slot(cron, tz, found[-1] if found else after)
        assert slot is not None
        found.append(slot)
    return found


def on_clocks(cron: str, tz: str, after: dt.datetime, count: int) -> list[str]:
    return [f"{s.astimezone(zone(tz)):%d %H:%M%z}" for s in slots(cron, tz, after, count)]


# --- slots -------------------------------------------------------------------------------------


@given(st.sampled_from(["0 6 * * *", "15,45 1-3 * * *", "5 * * * MON", "0 */5 * * *"]), moments)
def test_in_utc_the_slots_are_the_minutes_that_match(cron: str, after: dt.datetime) -> None:
    matches = {
        "0 6 * * *": lambda t: (t.hour, t.minute) == (6, 0),
        "15,45 1-3 * * *": lambda t: t.hour in (1, 2, 3) and t.minute in (15, 45),
        "5 * * * MON": lambda t: t.weekday() == 0 and t.minute == 5,
        "0 */5 * * *": lambda t: t.hour % 5 == 0 and t.minute == 0,
    }[cron]
    minute = after.replace(second=0, microsecond=0)
    following = (minute + dt.timedelta(minutes=n) for n in range(8 * 24 * 60))
    wanted = islice((t for t in following if t > after and matches(t)), 3)
    assert slots(cron, "UTC", after, 3) == list(wanted)


@given(crons, zones, moments, st.floats(0, 1))
def test_no_slot_lies_between_a_moment_and_the_next_one(
    cron: str, tz: str, after: dt.datetime, part: float
) -> None:
    slot = next_slot(cron, tz, after)
    assert slot is not None
    assert slot > after
    between = after + (slot - after) * part
    assert next_slot(cron, tz, between) == slot or between >= slot


@given(crons, zones, moments, st.floats(0, 1))
def test_the_latest_slot_is_the_last_of_those_that_come_one_by_one(
    cron: str, tz: str, after: dt.datetime, part: float
) -> None:
    passed = slots(cron, tz, after, 30)
    until = passed[0] + (passed[-1] - passed[0]) * part
    wanted = max(slot for slot in passed if slot <= until)
    assert latest_slot(cron, tz, passed[0], until) == wanted


def test_the_latest_of_two_years_of_seconds_is_found_at_once() -> None:
    assert latest_slot("* * * * * *", "Asia/Kathmandu", utc(2024, 1, 1), utc(2026, 1, 1)) == utc(
        2026, 1, 1
    )


# --- where clocks change -----------------------------------------------------------------------


def test_a_time_that_a_night_leaves_out_comes_when_the_gap_is_over() -> None:
    before = utc(2026, 3, 28, 0)
    assert on_clocks("30 2 * * *", "Europe/Rome", before, 3) == [
        *("28 02:30+0100", "29 03:00+0200", "30 02:30+0200")
    ]


def test_a_time_that_a_night_has_twice_comes_the_first_time_alone() -> None:
    before = utc(2026, 10, 24, 23)
    assert on_clocks("30 2 * * *", "Europe/Rome", before, 2) == ["25 02:30+0200", "26 02:30+0100"]
    # Also where the scheduler looks between the two.
    between = dt.datetime(2026, 10, 25, 2, 10, tzinfo=ZoneInfo("Europe/Rome"), fold=1)
    assert on_clocks("30 2 * * *", "Europe/Rome", between, 1) == ["26 02:30+0100"]


def test_what_comes_every_so_often_minds_no_clock() -> None:
    before = utc(2026, 10, 24, 23, 50)
    assert slots("*/30 * * * *", "Europe/Rome", before, 6) == [
        utc(2026, 10, 25) + dt.timedelta(minutes=30 * n) for n in range(6)
    ]


# --- what is none ------------------------------------------------------------------------------


def test_blanks_are_no_matter() -> None:
    assert checked("  0  6 * * *", "UTC") == ("0 6 * * *", "UTC")


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("", "cron='' is no cron expression: Wrong number of fields. It has five fields"),
        ("0 6 * *", "Wrong number of fields"),
        ("61 * * * *", "cron='61 * * * *' is no cron expression: Bad minute."),
        ("* * * * FUN", "Bad day-of-week"),
        ("0 0 31 2 *", "Bad day-of-month"),
        ("@daily", "Wrong number of fields"),
        (7, "cron is a text of at most 200 characters, not 7."),
        pytest.param("1," * 200 + "1 * * * *", "cron is a text of at most 200", id="long"),
    ],
)
def test_what_is_no_expression_is_refused_and_told(cron: object, message: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(message)):
        checked(cron, "UTC")


@given(st.text(alphabet="0123456789*,-/#LW MONFRI", max_size=30), zones)
def test_whatever_the_text_it_is_an_expression_or_refused(cron: str, tz: str) -> None:
    try:
        told, _ = checked(cron, tz)
    except ScheduleError:
        return
    slots(told, tz, utc(2026, 1, 1), 1)


@pytest.mark.parametrize(
    ("tz", "message"),
    [
        ("Europe/Roma", "no time zone 'Europe/Roma'. Did you mean 'Europe/Rome'?"),
        ("", "no time zone ''"),
        ("../../etc/passwd", "no time zone"),
        ("/etc/passwd", "no time zone"),
        ("Europe", "no time zone 'Europe'"),
        pytest.param("x" * 5000, "no time zone 'xxx", id="long"),
        (2, "tz is the name of a time zone, as 'Europe/Rome', not 2."),
    ],
    ids=str,
)
def test_what_is_no_time_zone_is_refused_and_told(tz: object, message: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(message)) as told:
        checked("0 6 * * *", tz)
    assert len(str(told.value)) < 300
