"""The benchmarks run through, and what the store returns in them is right. Never how fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = [pytest.mark.slow, pytest.mark.needs_plugins("pandas")]


def run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_frames_come_back_equal_from_every_peer_that_is_installed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    printed = run(
        str(BENCHMARKS / "frames"),
        *("--quick", "--repeats", "1", "--cases", "mixed,categories", "--markdown", str(page)),
        *("--peers", "omega,floor,parquet"),
    )
    assert "Results with wrong values: none." in printed
    text = page.read_text(encoding="utf-8")
    assert "A quick run" in text
    for title in ("omega_core", "the floor", "Parquet file"):
        # A line in the table of each case.
        assert sum(line.startswith("|") and title in line for line in text.splitlines()) >= 2
    assert "this release" not in text, "an operation is missing"


def test_the_way_to_a_backend_is_measured() -> None:
    assert "50 more backends" in run(str(BENCHMARKS / "dispatch.py"))


def test_a_put_and_a_get_are_taken_apart() -> None:
    printed = run(str(BENCHMARKS / "steps.py"), "--quick")
    assert "of insert_many alone" in printed
    assert "of find alone" in printed


def test_a_miss_is_measured_beside_a_hit() -> None:
    assert "in the middle" in run(str(BENCHMARKS / "misses.py"), "--quick")


@pytest.mark.needs_plugins("pandas", "sklearn")
def test_tasks_and_large_predictions_are_measured() -> None:
    printed = run(str(BENCHMARKS / "runtime"), "--quick", "--engines", "local")
    assert "perform, models kept" in printed
    assert "engine local: a task that does nothing" in printed
    assert "chunk by chunk, 2 workers" in printed


def test_how_long_a_start_takes_is_measured() -> None:
    printed = run(str(BENCHMARKS / "start_up.py"))
    assert "import omega_core" in printed
    assert "omega plugins list" in printed
