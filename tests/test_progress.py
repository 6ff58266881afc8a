"""How far a put, a get or a copy is: told to who asks, shown to who sees, and nobody else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega, progress
from omega_core.progress import Bar, is_watched

Told = list[tuple[float, float | None]]


def listened(told: Told) -> Callable[[float, float | None], None]:
    return lambda done, total: told.append((done, total))


def test_a_function_is_told_of_bytes_and_of_rows(om: Omega, tmp_path: Path) -> None:
    told: Told = []
    om.datasets.put(bytes(10_000_000), "bytes", progress=listened(told))
    assert told[-1] == (10_000_000, 10_000_000)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 1
    rows = [{"n": n} for n in range(2500)]
    for operation in (
        lambda: om.datasets.put(rows, "rows", kind="python.rows", progress=listened(told)),
        lambda: om.datasets.get("rows", progress=listened(told)),
    ):
        told.clear()
        operation()
        assert told[-1] == (2500, 2500)
    told.clear()
    om.datasets.put(iter(rows), "iterated", kind="python.rows", progress=listened(told))
    assert told == [(1000, None), (2000, None), (2500, None)]


def test_copies_and_archives_tell_bytes(om: Omega, tmp_path: Path) -> None:
    told: Told = []
    om.datasets.put(bytes(5_000_000), "x")
    om.datasets.copy("x", "y", progress=listened(told))
    assert told[-1] == (5_000_000, 5_000_000)
    told.clear()
    path = om.export(tmp_path / "all.zip", progress=listened(told))
    assert told[-1][0] >= 10_000_000
    told.clear()
    om["there"].import_(path, progress=listened(told))
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert {total for _, total in told} == {told[-1][1]}
    assert done[-1] <= (told[-1][1] or 0)


def test_what_is_done_within_is_not_told(om: Omega) -> None:
    told: Told = []
    om.datasets.put([{"n": n} for n in range(10)], "rows", kind="python.rows")
    pieces = (row for _ in range(3) for row in om.datasets.get("rows"))
    om.datasets.put(pieces, "more", kind="python.rows", progress=listened(told))
    assert told == [(30, None)]
    om.datasets.get("rows", progress=False)


def test_an_error_of_the_function_ends_a_put_with_nothing_stored(om: Omega) -> None:
    def refuse(done: float, total: float | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        om.datasets.put(bytes(5_000_000), "x", progress=refuse)
    assert om.datasets.list() == []
    om.datasets.put(1, "x")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let there be a terminal, and no patience; what bars show on it."""
    shown: list[str] = []
    start = Bar._start

    def noted(bar: Bar, unit: str | None) -> None:
        shown.append(f"{bar._what}, {unit}")
        start(bar, unit)

    monkeypatch.setattr(Bar, "_start", noted)
    monkeypatch.setattr(progress, "is_watched", lambda: True)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    return shown


def test_a_bar_appears_by_itself_where_somebody_sees_it(om: Omega, bars: list[str]) -> None:
    om.datasets.put(b"x" * 100, "x")
    om.datasets.copy("x", "y")
    om.datasets.put([{"n": 1}], "rows", kind="python.rows")
    assert bars == ["put x, bytes", "copy x, bytes", "put rows, None"]
    om.datasets.put(b"x", "x", progress=False)
    assert len(bars) == 3


def test_a_bar_that_is_there_shows_what_is_done_under_it(om: Omega, bars: list[str]) -> None:
    with Bar("waiting") as bar, progress.hosting(bar):
        om.datasets.put(bytes(5_000_000), "x")
        assert bar._shown is not None
        [shown] = bar._shown.tasks
        assert (shown.completed, shown.total) == (5_000_000, 5_000_000)
    assert bars == ["waiting, bytes"]


def test_a_bar_is_patient_but_for_who_asks_for_one(
    om: Omega, bars: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    om.datasets.put(b"x", "x")
    assert bars == []
    om.datasets.put(b"x", "x", progress=True)
    assert bars == ["put x, bytes"]


def test_there_is_none_where_it_is_off(make_omega: Callable[..., Omega], bars: list[str]) -> None:
    om = make_omega(ui={"progress": "off"})
    om.datasets.put(b"x", "x")
    assert bars == []
    om.datasets.put(b"x", "x", progress=True)
    assert len(bars) == 1


def test_nobody_sees_one_in_ci_or_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.delenv("CI", raising=False)
    assert is_watched()
    monkeypatch.setenv("CI", "true")
    assert not is_watched()
    monkeypatch.delenv("CI")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not is_watched()


def test_a_task_shows_none_of_what_it_puts_and_gets(om: Omega, bars: list[str]) -> None:
    from omega_core.protocol.fence import TaskFence, fenced

    watched: list[Any] = []
    with fenced(TaskFence("t", watch=lambda *told: watched.append(told))):
        om.datasets.put(b"x", "x")
        om.datasets.get("x").read()
    assert (bars, watched) == ([], [])


def test_to_store_does_not_import_rich(mongo_url: str, mongo_database: str) -> None:
    code = f"""
import sys
from omega_core import Omega
with Omega(url={f"{mongo_url}/{mongo_database}"!r}) as om:
    om.datasets.put(bytes(100_000), "x")
    om.datasets.copy("x", "y")
print([name for name in sys.modules if name.partition(".")[0] == "rich"])
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert run.stdout == "[]\n"
