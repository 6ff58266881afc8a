"""A plugin that stores `KitModel`: what `EngineTests` lets act, also in worker processes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..plugins.marker import hookimpl
from ..plugins.spec import BackendSpec

_MODEL = "omega_core.testing.engine_model"


@hookimpl
def backends() -> Iterable[BackendSpec]:
    return [BackendSpec("kit.model", f"{_MODEL}:KitBackend", types=[f"{_MODEL}:KitModel"])]


def write_distribution(directory: Path) -> None:
    """Make the plugin an installed one, for whoever has ``directory`` in the ``PYTHONPATH``."""
    info = directory / "omega_engine_kit-1.0.dist-info"
    info.mkdir()
    entry = f"[omega_core]\nkit = {__name__}\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    metadata = "Metadata-Version: 2.1\nName: omega-engine-kit\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
