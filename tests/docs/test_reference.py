"""The reference has every public name, every key of the configuration and every command."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import omega_core
import omega_core.testing
from omega_core.cli.main import app
from omega_core.config import Config
from omega_core.config.schema import meanings

DOCS = Path(__file__).parents[2] / "docs"
MODULES = ("errors", "query", "shapes", "writing")


def described() -> list[str]:
    pages = (DOCS / "reference").glob("*.md")
    found = [re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.M) for page in pages]
    return [name for names in found for name in names]


def built(name: str) -> ModuleType:
    """Import a module of the build of the site, one that needs nothing but omega_core."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "building" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_is_described_once() -> None:
    names = described()
    assert len(names) == len(set(names))
    public = {f"omega_core.{name}" for name in omega_core.__all__} - {"omega_core.__version__"}
    public |= {f"omega_core.testing.{name}" for name in omega_core.testing.__all__}
    public |= {f"omega_core.{name}" for name in MODULES}
    # `OmegaError` is one of the errors.
    assert public - {"omega_core.OmegaError"} <= set(names)


@pytest.mark.parametrize("name", described())
def test_what_is_described_is_there_and_has_a_docstring(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    try:
        found: Any = importlib.import_module(name)
    except ModuleNotFoundError:
        found = getattr(importlib.import_module(module), attribute)
    assert name == "omega_core.ACTIONS" or found.__doc__


def test_every_key_of_the_configuration_says_what_it_means() -> None:
    made = built("configuration")
    text = made.reference()
    names = {name for name, _ in made.sections()}
    assert names == {f.name for f in dataclasses.fields(Config)} - {"source", "origin"}
    for name, schema in made.sections():
        [section] = re.findall(rf"^## `\[{name}\]`\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        keys = [f.name for f in dataclasses.fields(schema) if f.name != "sections"]
        assert re.findall(r"^\| `(\w+)` \|", section, re.M) == keys
        assert list(meanings(schema)) == keys
        assert all(meaning.endswith(".") for meaning in meanings(schema).values())


def test_every_command_is_in_the_reference() -> None:
    from typer.main import get_command

    titles = re.findall(r"^#+ (omega.*)$", built("commands").reference(), re.M)

    def names(command: Any, name: str) -> list[str]:
        if not hasattr(command, "list_commands"):
            return [name]
        context = command.context_class(command, info_name=name)
        subs = [(sub, command.get_command(context, sub)) for sub in command.list_commands(context)]
        inner = [names(found, f"{name} {sub}") for sub, found in subs if not found.hidden]
        return [name, *(one for some in inner for one in some)]

    assert sorted(titles) == sorted(names(get_command(app), "omega"))
    assert len(titles) > 60
