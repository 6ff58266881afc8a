"""Notebooks that wait for a test, and the processes that they run in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat import NotebookNode

from omega_core import Omega
from omega_core.testing.engines import until

MakeOmega = Callable[..., Omega]

PATIENCE = 120.0

WAIT = """
import os, pathlib, subprocess, time
place = pathlib.Path(gate)
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
(place / f"{child.pid}.begun").touch()
(place / f"{os.getpid()}.begun").touch()
while not (place / "go").exists():
    time.sleep(0.02)
child.kill()
"""


def code(source: str, *tags: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"tags": [*tags]} if tags else {})


def notebook(*cells: NotebookNode | str) -> NotebookNode:
    """Return a notebook of cells, of which a text is one of code."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return nbformat.v4.new_notebook(cells=made)


class Waiting:
    """A directory at which a notebook waits, with a process that it has started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.notebook = notebook(code("gate = None", "parameters"), WAIT)
        self.params = {"gate": str(directory)}

    def begun(self) -> list[psutil.Process]:
        """Wait until it has begun, and return its kernel, what that started, and its guardian."""
        until(lambda: len(list(self.directory.glob("*.begun"))) == 2)
        found = [psutil.Process(int(file.stem)) for file in self.directory.glob("*.begun")]
        kernel = next(process for process in found if "python" in process.name())
        return [*found, kernel.parent()]

    def go(self) -> None:
        (self.directory / "go").touch()


def gone(processes: list[psutil.Process]) -> bool:
    return not any(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes
    )


@pytest.fixture
def om(make_omega: MakeOmega) -> Omega:
    """An `Omega` in which jobs run."""
    return make_omega(security={"run_jobs": "allow"})


@pytest.fixture
def waiting(om: Omega, tmp_path: Path) -> Iterator[Waiting]:
    """Open in the end, and before `om` is closed, which waits for what is under way."""
    directory = tmp_path / "waiting"
    directory.mkdir()
    found = Waiting(directory)
    yield found
    found.go()


def outputs(notebook: Any) -> str:
    """Return all text that the cells of a notebook put out."""
    found = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    return "".join(out.get("text", "") or str(out.get("data", "")) for out in found)
