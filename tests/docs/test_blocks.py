"""The page on large data tells the truth: its code runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omega_core import Omega

PAGE = Path(__file__).parents[2] / "docs" / "blocks.md"
BLOCK = re.compile(r"^(<!-- run -->\n)?```python\n(.*?)^```$", re.M | re.S)


@pytest.mark.needs_plugins("pandas", "sklearn")
@pytest.mark.filterwarnings("ignore:Maximum number of iteration")
def test_the_code_of_the_page_does_what_it_says(om: Omega) -> None:
    names = {"om": om}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 3
    for mark, code in blocks:
        assert mark
        exec(compile(code, "docs/blocks.md", "exec"), names)
