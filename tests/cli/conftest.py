"""The command line, run in the process of a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from omega_core.cli.main import app

Run = Callable[..., Any]


@pytest.fixture
def config_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The configuration in use, empty at first."""
    path = tmp_path / "omega.toml"
    path.write_text("", encoding="utf-8")
    monkeypatch.setenv("OMEGA_CONFIG", str(path))
    return path


@pytest.fixture
def omega(
    mongo_url: str, mongo_database: str, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run a command in this process, on a fresh database."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: str, **options: Any) -> Any:
        url = f"{mongo_url}/{mongo_database}"
        return CliRunner().invoke(app, ["--url", url, *arguments], **options)

    return run
