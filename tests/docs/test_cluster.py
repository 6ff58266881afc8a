"""The page on clusters tells the truth: its configurations load, its code runs."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.config import load_config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.needs_plugins("dask", "celery")
@pytest.mark.parametrize("text", blocks("toml"))
def test_the_configurations_are_valid(text: str) -> None:
    from omega_celery import CelerySettings
    from omega_dask import DaskSettings

    tables: dict[str, Any] = tomllib.loads(text)
    config = load_config(tables)
    for plugin, schema in (("dask", DaskSettings), ("celery", CelerySettings)):
        if plugin in tables.get("plugins", {}):
            assert config.section(plugin, schema) is not None


@pytest.mark.needs_plugins("dask", "celery")
def test_the_tables_name_every_setting() -> None:
    from omega_celery import CelerySettings
    from omega_dask import DaskSettings

    for plugin, schema in (("Dask", DaskSettings), ("Celery", CelerySettings)):
        [section] = re.findall(rf"^## {plugin}\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
        rows = " ".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE))
        named = re.findall(r"`(\w+)`", rows)
        assert named == [field.name for field in dataclasses.fields(schema)]


@pytest.mark.needs_plugins("pandas", "sklearn")
def test_the_code_of_the_page_runs_as_it_stands(make_omega: Callable[..., Omega]) -> None:
    from sklearn.linear_model import LogisticRegression

    [code] = blocks("python")
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    names = {"om": make_omega(), "X": X, "y": y, "LogisticRegression": LogisticRegression}
    exec(compile(code, "docs/cluster.md", "exec"), names)
    assert names["result"].get() == y
