"""`omega show`: a page of an object, from the real command line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega

Run = Callable[..., Any]


@pytest.fixture
def show(mongo_url: str, mongo_database: str, om: Omega, tmp_path: Path) -> Run:
    """Run ``omega show`` in a process of its own; ``BROWSER`` notes what it is asked to open."""
    om.datasets.put({"a": 1}, "config")
    om.datasets.put({"a": 2}, "config")
    om.models.put(b"m", "config")
    note = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {note}\n', encoding="utf-8")
    browser.chmod(0o755)
    url = f"{mongo_url}/{mongo_database}"
    env = {**os.environ, "OMEGA_MONGO__URL": url, "BROWSER": str(browser), "TMPDIR": str(tmp_path)}

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "omega_core", "show", *arguments]
        options = {"capture_output": True, "text": True, **options}
        return subprocess.run(command, env=env, check=False, **options)

    return run


def test_it_writes_a_page_to_a_file(show: Run, tmp_path: Path) -> None:
    done = show("config", "--version", "1", "-o", str(tmp_path / "out.html"))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "out.html") in done.stdout
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<h1>datasets &#x27;config&#x27;, version 1</h1>" in page
    assert not (tmp_path / "opened").exists()


def test_in_a_pipe_it_is_the_page(show: Run, tmp_path: Path) -> None:
    done = show("config", "--store", "models")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert "models &#x27;config&#x27;, version 1" in done.stdout
    assert not (tmp_path / "opened").exists()
    told = json.loads(show("config", "--json").stdout)
    assert told["html"].startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("browser", [True, False], ids=["browser", "no-browser"])
def test_at_a_terminal_it_is_opened_unless_told_otherwise(
    show: Run, tmp_path: Path, browser: bool
) -> None:
    leader, follower = pty.openpty()
    try:
        options = [] if browser else ["--no-browser"]
        done = show("config", *options, capture_output=False, stdout=follower, stderr=follower)
    finally:
        os.close(follower)
        os.close(leader)
    assert done.returncode == 0
    [page] = tmp_path.glob("omega-*.html")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert page.stat().st_mode & 0o077 == 0
    assert (tmp_path / "opened").exists() == browser
    if browser:
        assert (tmp_path / "opened").read_text(encoding="utf-8").strip() == page.as_uri()


def test_what_is_not_there_is_one_line(show: Run, tmp_path: Path) -> None:
    done = show("confg", "-o", str(tmp_path / "out.html"))
    assert done.returncode == 1
    assert "No object 'confg' in the datasets" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.html").exists()
    wrong = show("config", "--store", "data")
    assert wrong.returncode == 2
    assert "one of datasets, models, jobs" in wrong.stderr
    assert show("config", "-o", str(tmp_path)).returncode == 1
