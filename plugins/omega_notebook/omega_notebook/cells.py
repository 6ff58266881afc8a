"""What a notebook is, cell by cell: told of it, and compared. Nothing of it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode

from omega_core import Change, Preview, RowChanges

from .parameters import assigned

_MOST = 200


def outline(notebook: NotebookNode) -> dict[str, Any]:
    """Return its title, how many cells it has of each type, and the parameters that it takes."""
    kinds = Counter(cell.cell_type for cell in notebook.cells)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    told: dict[str, Any] = {
        "cells": dict(sorted(kinds.items())),
        "cells that ran": sum(cell.get("execution_count") is not None for cell in code),
        "parameters": sorted(assigned(notebook) or ()),
    }
    lines = (
        line for cell in notebook.cells if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
    )  # fmt: skip
    title = next((line.lstrip("# ") for line in lines if line.startswith("#")), None)
    return told if title is None else {"title": title, **told}


def cells_preview(notebook: NotebookNode) -> Preview:
    """Return the cells, with what is written in them."""
    rows = [
        (number, cell.cell_type, cell.source) for number, cell in enumerate(notebook.cells[:_MOST])
    ]
    return Preview(("cell", "type", "source"), rows, head=_MOST, charts=False)


def cell_changes(one: NotebookNode, two: NotebookNode) -> RowChanges:
    """Return which cells are written differently: by their ids, where all have one."""
    have_ids = all("id" in cell for notebook in (one, two) for cell in notebook.cells)
    before, after = (
        {cell["id"] if have_ids else number: cell.source for number, cell in enumerate(n.cells)}
        for n in (one, two)
    )
    by = "id" if have_ids else "position"
    return RowChanges.of_items(by, _changes(before, after), len(before))


def _changes(before: dict[Any, str], after: dict[Any, str]) -> Iterator[Change]:
    for at, source in before.items():
        if at not in after:
            yield Change(at, "removed", before=source)
        elif after[at] != source:
            yield Change(at, "changed", source, after[at])
    for at, source in after.items():
        if at not in before:
            yield Change(at, "added", after=source)
