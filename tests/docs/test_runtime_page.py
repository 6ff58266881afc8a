"""The page on tasks and results names all that there is, and its engine is one."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Engine, Omega, Result, TaskFuture
from omega_core.runtime.hints import HINTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runtime.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(?:<!-- (?P<mark>.*?) -->\n)?```python\n(?P<code>.*?)^```$", re.M | re.S)
BLOCKS = [(match["mark"], match["code"]) for match in BLOCK.finditer(PAGE)]
ENGINE = dict(BLOCKS)["installed: omega_processes"]


@pytest.fixture
def processes(
    install: Callable[..., str],
    install_examples: Callable[..., None],
    make_omega: Callable[..., Omega],
    monkeypatch: pytest.MonkeyPatch,
) -> Omega:
    """An `Omega` whose engine is that of the page."""
    install_examples("foo")
    install("processes", ENGINE, module="omega_processes")
    om = make_omega(plugins={"enabled": ["foo", "processes"], "strict": True})
    monkeypatch.setenv("OMEGA_MONGO__URL", str(om.config.mongo.url))
    return om


def test_the_engine_of_the_page_executes_in_other_processes(processes: Omega) -> None:
    from omega_foo.types import FooMean

    processes.datasets.put([1.0, 2.0, 6.0], "X")
    processes.models.put(FooMean(), "mean")
    model = processes.runtime.model("mean", engine="processes", timeout=60)
    assert model.fit("X").get(60).version == 2
    result = model.predict([0, 0])
    assert result.get(60) == [3.0, 3.0]
    record = processes.records.read(result.id)
    assert record is not None
    assert record.engine == "processes"
    assert record.owner != processes.database.owner


def test_the_tables_of_the_page_are_complete() -> None:
    shown = set(re.findall(r"`(?:await )?(\w+)", PAGE))
    # Names of omega|ml are attributes that are not there.
    of_a_result = {n for n in dir(Result) if not n.startswith("_") and hasattr(Result, n)}
    assert of_a_result <= shown
    assert set(HINTS) <= shown
    for protocol in (Engine, TaskFuture):
        methods = {name for name, _ in inspect.getmembers(protocol, inspect.isfunction)}
        assert {name for name in methods if not name.startswith("_")} <= shown
    assert "omega_core.testing.engines" in dict(BLOCKS)["tests"]
    compile(dict(BLOCKS)["tests"], "docs/runtime.md", "exec")


def test_other_pages_lead_here() -> None:
    for page in ("plugins.md", "cluster.md"):
        assert "](runtime.md" in (ROOT / "docs" / page).read_text(encoding="utf-8")
