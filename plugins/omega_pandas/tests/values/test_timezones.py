"""The description of a time zone names one in the database of zones."""

from __future__ import annotations

from typing import Any

import pytest

from omega_core.errors import IntegrityError
from omega_pandas.values.timezones import decode_timezone


@pytest.mark.parametrize(
    "spec",
    [
        ["zoneinfo", "/etc/passwd"],
        ["zoneinfo", "../../etc/passwd"],
        ["dateutil", "/etc/localtime"],
        ["dateutil", "../x"],
        ["pytz", "../x"],
        ["zoneinfo", "Mars/Olympus"],
        ["os", "system"],
        "utc",
    ],
    ids=str,
)
def test_a_stored_time_zone_reaches_no_file_but_the_database_of_zones(spec: Any) -> None:
    with pytest.raises(IntegrityError):
        decode_timezone(spec)
