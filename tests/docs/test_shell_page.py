"""The page about the shell runs every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omega_core.cli.tree import EACH, STORES, load

PAGE = (Path(__file__).parents[2] / "docs" / "shell.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("attribute", ["datasets", "models"])
def test_the_page_runs_every_command(attribute: str) -> None:
    run = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S))
    commands = map(load, (*STORES[attribute], *EACH))
    for command in commands:
        name = command.__name__
        assert re.search(rf"omega (--bucket \w+ )?(datasets|models) {name}\b", run), name
