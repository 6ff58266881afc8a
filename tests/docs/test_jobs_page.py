"""The page on jobs tells the truth: its code runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Omega

PAGE = Path(__file__).parents[2] / "docs" / "jobs.md"
BLOCK = re.compile(r"^(<!-- run -->\n)?```python\n(.*?)^```$", re.M | re.S)


@pytest.mark.needs_plugins("notebook")
def test_the_code_of_the_page_does_what_it_says(
    make_omega: Callable[..., Omega], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jupytext")
    monkeypatch.chdir(tmp_path)
    names = {"om": make_omega(security={"run_jobs": "allow"})}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert [bool(mark) for mark, _ in blocks].count(False) == 1
    for mark, code in blocks:
        if mark:
            exec(compile(code, "docs/jobs.md", "exec"), names)
        else:
            ast.parse(code)
