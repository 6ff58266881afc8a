"""What a stored notebook is, and which of its cells differ, told without running any of it."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from omega_core import Omega


def notebook(*cells: tuple[str, str]) -> NotebookNode:
    made: list[Any] = [new_markdown_cell("# Daily report\n<script>alert(1)</script>", id="head")]
    made.append(new_code_cell("day = 1", id="given", metadata={"tags": ["parameters"]}))
    made += [new_code_cell(source, id=id) for id, source in cells]
    return new_notebook(cells=made)


def test_a_notebook_is_told_by_its_cells(om: Omega) -> None:
    om.jobs.put(notebook(("a", "raise SystemExit")), "daily")
    told = om.jobs.describe("daily")
    assert told.details == {
        "language": "python", "title": "Daily report", "cells": {"code": 2, "markdown": 1},
        "cells that ran": 0, "parameters": ["day"],
    }  # fmt: skip
    page = om.jobs.page("daily")
    assert "raise SystemExit" in page
    assert "<script" not in page


def test_cells_differ_by_their_ids(om: Omega) -> None:
    om.jobs.put(notebook(("a", "x = 1"), ("b", "x")), "daily")
    om.jobs.put(notebook(("new", "import os"), ("a", "x = 2")), "daily")
    [changes] = om.jobs.diff("daily", 1).changes
    assert (changes.by, changes.added, changes.removed, changes.changed, changes.same) == (
        "id", 1, 1, 1, 2
    )  # fmt: skip
    assert {(c.at, c.what) for c in changes.sample} == {
        ("new", "added"), ("b", "removed"), ("a", "changed")
    }  # fmt: skip
