"""The page on the architecture names files that exist, and floors that are enforced."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TOP = ("omega_core", "plugins", "tests", "docs", "examples", "pyproject.toml")
NAMED = [
    path
    for path in re.findall(r"`([\w./]+)`", PAGE)
    if path.split("/")[0] in TOP and ("/" in path or path == "pyproject.toml")
]


def floors() -> list[list[str]]:
    """Return the floors of the core, the topmost first, as import-linter is told of them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "layers")
    return [re.split(r"\s*[|:]\s*", line) for line in layers]


@pytest.mark.parametrize("path", sorted(set(NAMED)))
def test_what_the_page_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_page_names_enough_to_find_the_way() -> None:
    assert len(set(NAMED)) > 40


def test_the_arrows_of_the_picture_lead_to_lower_floors() -> None:
    height = {module: -i for i, floor in enumerate(floors()) for module in floor}
    rooms = dict(re.findall(r"(\w+)\[\"(\w+)[./][^\"]*\"\]", PAGE))
    arrows = re.findall(r"^    (\w+)(?:\[.*?\])? --> (\w+)", PAGE, flags=re.M)
    assert len(arrows) >= 12
    for upper, lower in arrows:
        assert height[rooms[upper]] > height[rooms[lower]], f"{upper} --> {lower}"


def test_each_of_ten_usual_changes_has_its_place() -> None:
    (table,) = re.findall(r"^## Where to make a change\n(.*?)^## ", PAGE, flags=re.M | re.S)
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    assert all(re.search(r"`[\w/]+\.py`|`[\w/]+/[\w/]+`", row) for row in rows)
