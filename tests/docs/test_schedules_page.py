"""The page on schedules tells the truth: its code runs."""

from __future__ import annotations

import re
from pathlib import Path

from omega_core import Omega
from omega_core.scheduling.schedules import HORIZON

PAGE = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text(encoding="utf-8")


def test_the_code_of_the_page_does_what_it_says(om: Omega) -> None:
    om.jobs.put({"cells": []}, "daily")
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(blocks) == 3
    for code in blocks:
        exec(compile(code, "docs/schedules.md", "exec"), {"om": om})
    assert om.jobs.schedules() == []


def test_the_page_says_how_soon_a_change_is_seen() -> None:
    assert f"within {HORIZON:g} seconds" in PAGE
