"""The settings that the page on copies and archives names are some."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from omega_core import Omega

PAGE = (Path(__file__).parents[2] / "docs" / "transfer.md").read_text(encoding="utf-8")


def test_the_settings_of_the_page_are_taken(make_omega: Callable[..., Omega]) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)
    assert make_omega(**tomllib.loads(text)).config.ui.progress == "off"
