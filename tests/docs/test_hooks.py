"""Each hook has a page, with the signature that it has in the code, and an example of it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from omega_core.plugins.hookspecs import DECLARED, ROUTED, Declarations, Operations

DOCS = Path(__file__).parents[2] / "docs"
HOOKS = [*DECLARED, *ROUTED]
INSTALLED = re.compile(r"^<!-- installed: \w+ -->\n```python\n(.*?)^```$", re.M | re.S)


def page(hook: str) -> str:
    return (DOCS / "hooks" / f"{hook}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_page_with_its_signature(hook: str) -> None:
    owner = Declarations if hook in DECLARED else Operations
    parameters = [p for p in inspect.signature(getattr(owner, hook)).parameters if p != "self"]
    title, _, text = page(hook).partition("\n")
    assert title == f"# `{hook}({', '.join(parameters)})`"
    assert len(text.partition("```")[0].split()) > 5


@pytest.mark.parametrize("hook", HOOKS)
def test_every_page_has_an_example_of_its_hook(hook: str) -> None:
    examples = "\n".join(INSTALLED.findall(page(hook)))
    mark = r"@hookimpl" if hook in DECLARED else r"@hookimpl\(wrapper=True\)"
    assert re.search(rf"^{mark}\ndef {hook}\(", examples, re.M)


def test_no_page_is_about_a_hook_that_does_not_exist() -> None:
    pages = {path.stem for path in (DOCS / "hooks").glob("*.md")}
    assert pages == {*HOOKS, "index"}
    listed = re.findall(r"^\| \[`(\w+)`\]\(\1\.md\) \|", page("index"), re.M)
    assert sorted(listed) == sorted(HOOKS)


def test_the_smallest_plugin_has_no_more_than_twenty_lines() -> None:
    smallest = INSTALLED.findall((DOCS / "plugins.md").read_text(encoding="utf-8"))[0]
    assert len(smallest.splitlines()) <= 20
