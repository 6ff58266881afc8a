"""The page on clusters names every setting of both engines."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")


@pytest.mark.needs_plugins("dask", "celery")
def test_the_tables_name_every_setting() -> None:
    from omega_celery import CelerySettings
    from omega_dask import DaskSettings

    for plugin, schema in (("Dask", DaskSettings), ("Celery", CelerySettings)):
        [section] = re.findall(rf"^## {plugin}\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
        rows = " ".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE))
        named = re.findall(r"`(\w+)`", rows)
        assert named == [field.name for field in dataclasses.fields(schema)]
