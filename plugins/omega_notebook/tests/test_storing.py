"""A notebook is stored as it is, from wherever it comes, and reading one runs nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from omega_core import Omega
from omega_core.errors import IntegrityError, UnsupportedOptionError, UnsupportedValueError
from omega_notebook.ipynb_file import IpynbFormat

from .conftest import MakeOmega, code, notebook

PERCENT = '# %% [markdown]\n# Title\n\n# %% tags=["parameters"]\nday = 1\n\n# %%\nprint(day)\n'

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def notebooks(draw: st.DrawFn) -> NotebookNode:
    v4, texts = nbformat.v4, st.text(max_size=60)
    cells = []
    for _ in range(draw(st.integers(0, 3))):
        made = draw(st.sampled_from([v4.new_code_cell, v4.new_markdown_cell, v4.new_raw_cell]))
        cells.append(made(draw(texts), metadata={"x": draw(json_values)}))
    for cell in cells:
        if cell.cell_type == "code" and draw(st.booleans()):
            cell.execution_count = draw(st.integers(0, 9))
            cell.outputs = [
                v4.new_output("stream", text=draw(texts)),
                v4.new_output(
                    "display_data", {"text/plain": draw(texts), "application/json": [1, {}]}
                ),
            ]
    return v4.new_notebook(cells=cells, metadata={"any": draw(json_values)})


@settings(max_examples=25)
@given(notebooks())
def test_a_notebook_comes_back_equal_and_in_its_order(om: Omega, one: NotebookNode) -> None:
    before = json.dumps(one)
    om.jobs.put(one, "n")
    assert json.dumps(one) == before
    assert json.dumps(om.jobs.get("n")) == before
    assert isinstance(om.jobs.get("n"), NotebookNode)


def test_what_is_stored_is_a_file_that_jupyter_opens(om: Omega, make_omega: MakeOmega) -> None:
    meta = om.jobs.put(notebook("1\n2"), "n")
    with om.jobs.open_file(meta) as file:
        read = nbformat.reads(file.read().decode(), as_version=4)
    assert read.cells[0].source == "1\n2"
    assert meta.kind_meta == {"cells": 1, "language": "python"}


def test_files_are_notebooks_among_the_jobs_alone(om: Omega, tmp_path: Path) -> None:
    pytest.importorskip("jupytext")
    one = notebook(code("day = 1", "parameters"), "print(day)")
    (tmp_path / "n.ipynb").write_text(json.dumps(one))
    (tmp_path / "n.py").write_text(PERCENT)
    (tmp_path / "n.csv").write_text("a\n1\n")
    assert om.jobs.put(tmp_path / "n.ipynb", "ipynb").kind == "notebook.ipynb"
    assert om.jobs.get("ipynb") == one
    assert om.jobs.put(tmp_path / "n.py", "py").kind == "notebook.ipynb"
    cells = om.jobs.get("py").cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "code"]
    assert cells[1].metadata.tags == ["parameters"]
    assert om.jobs.put(tmp_path / "n.csv", "csv").kind == "python.file"
    assert om.datasets.put(tmp_path / "n.ipynb", "file").kind == "python.file"
    text = om.jobs.put(str(tmp_path / "n.ipynb"), "by kind", kind="notebook.ipynb")
    assert om.jobs.get(text.name) == one


def test_source_text_is_a_notebook_by_its_kind(om: Omega) -> None:
    om.jobs.put("print(1)\nprint(2)\n", "one", kind="notebook.ipynb")
    assert [cell.source for cell in om.jobs.get("one").cells] == ["print(1)\nprint(2)"]
    om.jobs.put(json.dumps(notebook("1")), "json", kind="notebook.ipynb")
    assert om.jobs.get("json").cells[0].source == "1"
    assert om.jobs.put("print(1)", "data").kind == "python.data"


def test_older_files_are_brought_up_to_date(om: Omega) -> None:
    cell = {"cell_type": "code", "input": ["1 +\n", " 1"], "language": "python", "metadata": {}}
    cell |= {"outputs": [], "collapsed": False}
    sheet = {"metadata": {}, "cells": [cell]}
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [sheet],
    }
    om.jobs.put(json.dumps(old), "old", kind="notebook.ipynb")
    assert om.jobs.get("old").nbformat == 4
    assert om.jobs.get("old").cells[0].source == "1 +\n 1"
    without = notebook("1")
    del without.cells[0]["id"]
    om.jobs.put(json.dumps(without), "no ids", kind="notebook.ipynb")
    assert om.jobs.get("no ids").cells[0].id


def broken(**changes: Any) -> NotebookNode:
    made = notebook("1")
    made.update(changes)
    return made


def with_metadata(value: Any) -> NotebookNode:
    made = notebook("1")
    made.metadata["a"] = value
    return made


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param(broken(nbformat=3), "nbformat is 3, and 4 is stored", id="old"),
        pytest.param(broken(cells=[{"a": 1}]), "no valid notebook: cells/0", id="cell"),
        pytest.param(with_metadata((1, 2)), "tuples", id="tuple"),
        pytest.param(with_metadata({1}), "does not fit into JSON", id="set"),
        pytest.param('{"a": 1}', "no notebook: it has no nbformat", id="json"),
        pytest.param("{not json", "no notebook", id="no json"),
        pytest.param(3, "and not as int", id="number"),
    ],
)
def test_what_is_no_notebook_is_refused(om: Omega, wrong: Any, told: str) -> None:
    with pytest.raises(UnsupportedValueError, match=told):
        om.jobs.put(wrong, "n", kind="notebook.ipynb")
    assert om.jobs.list() == []


def test_a_file_that_is_not_there_is_told(om: Omega, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        om.jobs.put(str(tmp_path / "none.ipynb"), "n", kind="notebook.ipynb")


def test_a_notebook_at_a_uri_and_as_other_forms(make_omega: MakeOmega, tmp_path: Path) -> None:
    pytest.importorskip("jupytext")
    pytest.importorskip("nbconvert")
    om = make_omega(uris={"allow": [tmp_path.as_uri() + "/"]})
    one = notebook(nbformat.v4.new_markdown_cell("# Title"), "1 + 1")
    script = "<script>document.title = 'run'</script>"
    one.cells[1].outputs = [nbformat.v4.new_output("display_data", {"text/html": script})]
    om.jobs.put(one, "n", uri=f"{tmp_path.as_uri()}/{{key}}")
    assert len(list(tmp_path.glob("*"))) == 1
    assert om.jobs.get("n") == one
    page = om.jobs.get("n", as_="html")
    assert "Title</h1>" in page.replace("\n", "") or "Title" in page
    assert script not in page
    assert "# %%\n1 + 1" in om.jobs.get("n", as_="py")
    assert json.loads(om.jobs.get("n", as_="ipynb")) == one
    with pytest.raises(UnsupportedOptionError, match="as_ is 'pdf'"):
        om.jobs.get("n", as_="pdf")


def test_a_forged_file_is_told(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    # As whoever can write to the database could, who uses no backend that asks questions.
    with monkeypatch.context() as patch:
        patch.setattr("omega_notebook.notebook.to_bytes", lambda *_: b"{}")
        om.jobs.put(notebook("1"), "n")
    with pytest.raises(IntegrityError, match="holds no notebook"):
        om.jobs.get("n")


def test_a_notebook_is_described_and_goes_in_and_out_of_files(om: Omega, tmp_path: Path) -> None:
    one = notebook(code("day = 1\nn: int = 2", "parameters"), "print(day)")
    om.jobs.put(one, "n")
    details = om.jobs.describe("n").details
    assert (details["cells"], details["language"]) == ({"code": 2}, "python")
    assert details["parameters"] == ["day", "n"]
    form = IpynbFormat(om)
    with (tmp_path / "n.ipynb").open("wb") as file:
        form.write(om.jobs.get("n"), file)
    assert form.read(tmp_path / "n.ipynb") == one
    with (tmp_path / "n.ipynb").open("rb") as file:
        assert form.read(file) == one
    with pytest.raises(UnsupportedValueError, match="this is no notebook"):
        form.read(io.BytesIO(b"{}"))
    with pytest.raises(UnsupportedValueError, match="and this is a dict"):
        form.write({}, io.BytesIO())
