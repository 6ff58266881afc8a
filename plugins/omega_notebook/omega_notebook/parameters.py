"""Parameters, as a cell of assignments: after the cell tagged ``parameters``, which has defaults.

This is what papermill does, so that its notebooks run here as they are.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode

from omega_core.errors import UnsupportedOptionError, suggestion

DEFAULTS, INJECTED = "parameters", "injected-parameters"


def inject(notebook: NotebookNode, params: Mapping[str, Any], job: str) -> None:
    """Put the cell with the parameters where it belongs; it replaces the one of another run.

    Parameters
    ----------
    params
        JSON values.

    Raises
    ------
    UnsupportedOptionError
        A name is none of Python, or none that the cell tagged ``parameters`` assigns.
    """
    _check(notebook, params, job)
    cells = [cell for cell in notebook.cells if INJECTED not in _tags(cell)]
    if params:
        cell = nbformat.v4.new_code_cell(
            "\n".join(["# Parameters", *(f"{name} = {value!r}" for name, value in params.items())]),
            metadata={"tags": [INJECTED]},
        )
        if notebook.nbformat_minor < 5:
            del cell["id"]  # cells have none there
        tagged = [n for n, other in enumerate(cells) if DEFAULTS in _tags(other)]
        cells.insert(tagged[0] + 1 if tagged else 0, cell)
    notebook.cells = cells


def _check(notebook: NotebookNode, params: Mapping[str, Any], job: str) -> None:
    known = assigned(notebook)
    for name in params:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UnsupportedOptionError(
                f"run of {job!r}: the parameter {name!r} is no name of Python. Nothing was run."
            )
        if known is not None and name not in known:
            raise UnsupportedOptionError(
                f"run of {job!r}: the cell tagged 'parameters' assigns no {name!r}."
                f"{suggestion(name, known)} It assigns: {', '.join(sorted(known)) or 'nothing'}. "
                "Nothing was run."
            )


def assigned(notebook: NotebookNode) -> set[str] | None:
    """Return the names that the cell tagged ``parameters`` assigns; None where there is none."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and DEFAULTS in _tags(cell):
            try:
                tree = ast.parse(cell.source)
            except SyntaxError:
                return None  # it may use magics; whether it has the names, the run says
            stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
            return {node.id for node in stored if isinstance(node.ctx, ast.Store)}
    return None


def _tags(cell: NotebookNode) -> list[str]:
    tags = cell.metadata.get("tags", [])
    return tags if isinstance(tags, list) else []
