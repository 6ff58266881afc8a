"""The documentation tells the truth: quotes are quotes, code runs, signatures are the real ones."""

from __future__ import annotations

import inspect
import re
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import omega_core
from omega_core import Omega
from omega_core.config import load_config
from omega_core.plugins.hookspecs import DECLARED, ROUTED, Declarations, Operations

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(?:<!-- (?P<mark>.*?) -->\n)?```python\n(?P<code>.*?)^```$", re.M | re.S)
BLOCKS = [(match["mark"], match["code"]) for match in BLOCK.finditer(PAGE)]


def marked(mark: str) -> list[tuple[str, str]]:
    """Return what follows the mark, and the code, of all blocks with this mark."""
    found = [(str(of).partition(": "), code) for of, code in BLOCKS]
    return [(rest, code) for (head, _, rest), code in found if head == mark]


def test_every_block_of_code_is_quoted_installed_or_run() -> None:
    marks = [str(mark).partition(":")[0] for mark, _ in BLOCKS]
    assert set(marks) == {"from", "installed", "run"}


@pytest.mark.parametrize(("path", "code"), marked("from"))
def test_a_quote_is_what_stands_in_the_example(path: str, code: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    assert any(textwrap.indent(code, " " * spaces) in source for spaces in (0, 4, 8))


def test_the_code_of_the_page_does_what_it_says(
    make_omega: Callable[..., Omega],
    install: Callable[..., str],
    install_examples: Callable[..., None],
) -> None:
    install_examples("foo")
    ids = ["foo"]
    for module, source in marked("installed"):
        ids.append(module.removeprefix("omega_"))
        install(ids[-1], source, module=module)
    om = make_omega(
        plugins={"enabled": ids, "strict": True},
        uris={"allow": ["scratch://tmp/"]},
        runtime={"engine": "inline"},
    )
    for _, code in marked("run"):
        exec(compile(code, "docs/plugins.md", "exec"), {"om": om, "omega_core": omega_core})


def test_the_code_about_lineage_does_what_it_says(
    make_omega: Callable[..., Omega], install_examples: Callable[..., None]
) -> None:
    install_examples("foo")
    om = make_omega()
    text = (ROOT / "docs" / "lineage.md").read_text(encoding="utf-8")
    blocks = [match["code"] for match in BLOCK.finditer(text)]
    assert blocks
    for code in blocks:
        exec(compile(code, "docs/lineage.md", "exec"), {"om": om})


def test_the_smallest_plugin_has_no_more_than_twenty_lines() -> None:
    assert len(marked("installed")[0][1].splitlines()) <= 20


@pytest.mark.parametrize("text", re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S))
def test_the_configurations_are_valid(text: str) -> None:
    tables: dict[str, Any] = tomllib.loads(text)
    if "plugins" in tables:
        assert load_config(tables).plugins.sections


@pytest.mark.parametrize("hook", [*DECLARED, *ROUTED])
def test_every_hook_has_a_section_with_its_signature(hook: str) -> None:
    owner = Declarations if hook in DECLARED else Operations
    parameters = [p for p in inspect.signature(getattr(owner, hook)).parameters if p != "self"]
    heading = f"#### `{hook}({', '.join(parameters)})`"
    sections = re.split(r"^(?=#)", PAGE, flags=re.M)
    texts = [section for section in sections if section.startswith(heading)]
    assert len(texts) == 1, heading
    assert len(texts[0].splitlines()) > 2


def test_no_section_is_about_a_hook_that_does_not_exist() -> None:
    documented = re.findall(r"^#### `(\w+)\(", PAGE, flags=re.M)
    assert sorted(documented) == sorted([*DECLARED, *ROUTED])


def test_links_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", PAGE, flags=re.M)
    }
    for target in re.findall(r"\]\(#([^)]*)\)", PAGE):
        assert target in anchors
