"""The table of broken plugins: each is caught, by whom the table says and in the words it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.testing import DataBackendTests, JobBackendTests

from .broken_backends import KIT, USE, Note, Service, Sound
from .broken_cases import Bench, Broken
from .broken_modules import CHECK, LOAD
from .broken_others import OTHERS, Script, SoundJob

TABLE: list[Broken] = [*LOAD, *USE, *CHECK, *KIT, *OTHERS]


NAMED = {
    "load": r"plugin 'acme' \(omega-acme 1\.0\)|The scheme 's3'|the plugin 'acme'",
    "use": r"kind '[a-z.]+'|Wrappers of '\w+'|nested",
    "check": r"acme|kind '|scheme '|engine '|settings ",
    "kit": "promise: |undeclared: |Error: ",
}
"""What the words name, whoever says them."""


@pytest.fixture
def bench(
    install: Callable[..., str],
    make_omega: Callable[..., Omega],
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    return Bench(install, make_omega, site, tmp_path, monkeypatch)


@pytest.mark.parametrize("broken", TABLE, ids=lambda broken: broken.id)
def test_a_broken_plugin_is_caught(bench: Bench, broken: Broken) -> None:
    said = broken.catch(bench)
    assert broken.by.rpartition(".")[2] in said or broken.caught == "kit", said
    assert broken.says in said, said
    assert re.search(NAMED[broken.caught], said), said


class TestSoundNotes(DataBackendTests):
    """What the broken backends of data derive from passes the kit."""

    @pytest.fixture
    def store(self, om: Omega) -> Any:
        om.datasets.register_backend(Sound)
        return om.datasets

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [Note(["b", "a"]), Note([3, 1])]


class TestSoundService(TestSoundNotes):
    capabilities = ("export",)

    @pytest.fixture
    def store(self, om: Omega) -> Any:
        om.datasets.register_backend(Service)
        return om.datasets


class TestSoundScripts(JobBackendTests):
    @pytest.fixture
    def store(self, make_omega: Callable[..., Omega]) -> Any:
        om = make_omega(security={"run_jobs": "allow"})
        om.jobs.register_backend(SoundJob)
        return om.jobs

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [Script("day * 2"), Script("1 / 0")]

    @pytest.fixture
    def params(self) -> dict[str, Any]:
        return {"day": 2}

    @pytest.fixture
    def failing(self) -> Any:
        return Script("1 / 0")


def test_every_broken_plugin_is_caught_once() -> None:
    assert len(TABLE) >= 45
    assert [broken.id for broken in TABLE if not broken.says] == []
    for field in ("id", "mistake"):
        counted = Counter(getattr(broken, field) for broken in TABLE)
        assert [value for value, count in counted.items() if count > 1] == []
    assert {broken.caught for broken in TABLE} == {"load", "use", "check", "kit"}
