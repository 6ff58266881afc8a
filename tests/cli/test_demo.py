"""`omega demo`: shows real results, leaves nothing behind, and notices when something is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest

from omega_core import Omega

Run = Callable[..., Any]

needs_both = pytest.mark.needs_plugins("pandas", "sklearn")


@pytest.fixture
def wrapper(install: Callable[..., str]) -> Callable[[str], object]:
    """Install a plugin of this source, which may wrap what the demo does."""
    return lambda source: install("saboteur", source, distribution="saboteur")


@needs_both
def test_the_demo_shows_equal_results_and_leaves_nothing_behind(omega: Run, om: Omega) -> None:
    om.datasets.put({"mine": 1}, "breast_cancer/X")
    before = set(om.database.mongodb.list_collection_names())
    result = omega("demo", "--json")
    assert result.exit_code == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["equal"] is True
    assert len(report["comparisons"]) == 14
    assert {o["kind"] for o in report["objects"]} == {
        "pandas.dataframe", "pandas.series", "sklearn.skops",
    }  # fmt: skip
    for model in report["models"]:
        assert model["score"] == pytest.approx(model["local_score"])
        assert model["version"] == 2
    assert om.buckets == ["default"]
    assert om.datasets.get("breast_cancer/X") == {"mine": 1}
    assert om.database.metadata.count_documents({}) == 1
    # The records of tasks have one collection, for all buckets.
    assert set(om.database.mongodb.list_collection_names()) == before | {"omega.tasks"}
    assert om.database.mongodb["omega.tasks"].count_documents({}) == 0


@needs_both
def test_the_demo_kept_can_be_looked_at_as_it_says(omega: Run, om: Omega) -> None:
    result = omega("demo", "--keep")
    assert result.exit_code == 0, result.stdout + result.stderr
    assert "accuracy 0.9" in result.stdout
    assert "8 datasets came back equal, to the last bit" in result.stdout
    [bucket] = om.buckets
    assert f"omega --bucket {bucket} datasets list" in result.stdout
    listed = omega("--bucket", bucket, "datasets", "list", "*/predicted").stdout
    assert "breast_cancer/predicted" in listed
    assert "diabetes/predicted" in listed
    for store in ("datasets", "models"):
        assert omega("--bucket", bucket, store, "drop", "--all", "--yes").exit_code == 0
    assert omega("--bucket", bucket, "gc", "--grace", "0", "--yes").exit_code == 0
    assert om.buckets == []


@needs_both
def test_the_demo_says_what_to_do_next(
    omega: Run, om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text("qty\n1\n", encoding="utf-8")
    monkeypatch.delenv("NOX_CURRENT_SESSION", raising=False)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    _, _, told = omega("demo").stdout.partition("What to do next:\n")
    commands = re.findall(r"^  omega (.*?)  ", told, re.M)
    assert commands == ["demo --keep", "datasets put data.csv", "datasets get data", "--help"]
    for command in commands[1:]:
        done = omega(*command.split())
        assert done.exit_code == 0, done.stdout + done.stderr
    assert len(om.datasets.get("data")) == 1
    monkeypatch.setenv("NOX_CURRENT_SESSION", "quickstart")
    _, _, told = omega("demo").stdout.partition("What to do next:\n")
    [activate] = re.findall(r"^  (source .*?)  so that", told, re.M)
    shell = ["env", "-i", "bash", "-euc", f"{activate}; command -v omega"]
    found = subprocess.run(shell, capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(Path(sys.prefix, "bin", "omega"))


@needs_both
def test_the_demo_fails_where_something_does_not_come_back_equal(
    omega: Run, wrapper: Callable[[str], None]
) -> None:
    wrapper(
        "from omega_core import hookimpl\n"
        "@hookimpl(wrapper=True)\n"
        "def get(name):\n"
        "    obj = yield\n"
        "    return obj + 1e-9 if name == 'diabetes/y' else obj\n"
    )
    result = omega("demo")
    assert result.exit_code == 1
    assert "✗ diabetes/y is an exception to: datasets came back equal" in result.stdout
    assert "Not all is equal" in result.stdout


@needs_both
def test_a_demo_that_breaks_off_removes_its_bucket(
    omega: Run, om: Omega, wrapper: Callable[[str], None]
) -> None:
    wrapper(
        "from omega_core import errors, hookimpl\n"
        "@hookimpl(wrapper=True)\n"
        "def predict():\n"
        "    yield\n"
        "    raise errors.StoreError('sabotage')\n"
    )
    result = omega("demo", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == {"type": "StoreError", "message": "sabotage"}
    assert om.buckets == []


def test_the_demo_says_what_to_install(omega: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib_metadata, "entry_points", lambda **_: [])
    result = omega("demo")
    assert result.exit_code == 1
    assert "pip install omega-pandas omega-sklearn" in result.stderr


@needs_both
def test_the_demo_says_what_to_enable(omega: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMEGA_PLUGINS__DISABLED", "sklearn")
    result = omega("demo")
    assert result.exit_code == 1
    assert "omega plugins enable sklearn" in result.stderr
