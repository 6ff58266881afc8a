"""The page on schedules says how soon they are heeded."""

from __future__ import annotations

from pathlib import Path

from omega_core.scheduling.schedules import HORIZON

PAGE = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text(encoding="utf-8")


def test_the_page_says_how_soon_a_change_is_seen() -> None:
    assert f"within {HORIZON:g} seconds" in PAGE
