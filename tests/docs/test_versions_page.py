"""The page on versions tells the truth: its code runs."""

from __future__ import annotations

import re
from pathlib import Path

from omega_core import Omega

PAGE = Path(__file__).parents[2] / "docs" / "versions.md"
BLOCK = re.compile(r"^<!-- run -->\n```python\n(?P<code>.*?)^```$", re.M | re.S)


def test_the_code_of_the_page_does_what_it_says(om: Omega) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```python")
    names = {"om": om}
    for code in blocks:
        exec(compile(code, "docs/versions.md", "exec"), names)
