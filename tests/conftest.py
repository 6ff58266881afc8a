"""Fixtures of the core's tests: distributions that are installed for one test, without pip."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

Install = Callable[..., str]
InstallExamples = Callable[..., None]

EXAMPLES = Path(__file__).parents[1] / "examples"


def _write_distribution(
    site: Path,
    id: str,
    source: str | None = None,
    *,
    distribution: str | None = None,
    module: str | None = None,
    version: str = "1.0",
    requires: Sequence[str] = (),
    summary: str | None = None,
) -> str:
    """Write what ``pip install`` leaves behind for a plugin, and return its module's name.

    Without a source, the module is taken to be on `sys.path` already.
    """
    distribution = distribution or f"omega-{id}"
    module = module or f"fake_{distribution}".replace("-", "_")
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {distribution}",
        f"Version: {version}",
        f"Summary: {summary or f'The plugin {id} of a test.'}",
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    (info / "METADATA").write_text("\n".join(metadata) + "\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[omega_core]\n{id} = {module}\n", encoding="utf-8")
    if source is not None:
        (site / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    importlib.invalidate_caches()
    return module


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on `sys.path`; what is imported from it, or of an example, is forgotten again."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(str(directory))
    before = set(sys.modules)
    yield directory
    places = (str(directory), str(EXAMPLES))
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(places):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Install a plugin for this test: ``install("acme", "from omega_core import hookimpl...")``."""

    def install(id: str, source: str | None = None, **details: object) -> str:
        return _write_distribution(site, id, source, **details)  # type: ignore[arg-type]

    return install


@pytest.fixture
def install_examples(install: Install, monkeypatch: pytest.MonkeyPatch) -> InstallExamples:
    """Install examples for this test: ``install_examples("foo", "audit")``."""

    def install_examples(*ids: str) -> None:
        for id in ids:
            monkeypatch.syspath_prepend(str(EXAMPLES / f"omega_{id}"))
            install(id, module=f"omega_{id}", version="0.1.0")

    return install_examples
