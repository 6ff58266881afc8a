"""The page on copies and archives tells the truth: its code runs, and its settings are some."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Omega

PAGE = (Path(__file__).parents[2] / "docs" / "transfer.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(<!-- run -->\n)?```python\n(.*?)^```$", re.M | re.S)


@pytest.mark.needs_plugins("pandas")
def test_the_code_of_the_page_does_what_it_says(om: Omega, tmp_path: Path) -> None:
    names = {"om": om, "backup": om["backup"], "directory": tmp_path}
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) == 4
    for mark, code in blocks:
        assert mark
        exec(compile(code, "docs/transfer.md", "exec"), names)
    assert om.datasets.list() == ["older", "sales", "sales/2026"]


def test_the_settings_of_the_page_are_taken(make_omega: Callable[..., Omega]) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)
    assert make_omega(**tomllib.loads(text)).config.ui.progress == "off"
