"""The page on what objects show does what it says, and its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omega_core import Omega

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "show.md").read_text(encoding="utf-8")


@pytest.mark.needs_plugins("pandas")
def test_the_code_of_the_page_does_what_it_says(om: Omega) -> None:
    names = {"om": om}
    blocks = re.findall(r"^<!-- run -->\n```python\n(.*?)^```$", PAGE, flags=re.M | re.S)
    assert len(blocks) == 4
    for code in blocks:
        exec(compile(code, "docs/show.md", "exec"), names)


def test_the_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"!\[[^]]+\]\((images/[^)]+)\)", PAGE)
    assert len(pictures) == 2
    for picture in pictures:
        assert 0 < (DOCS / picture).stat().st_size < 150_000
