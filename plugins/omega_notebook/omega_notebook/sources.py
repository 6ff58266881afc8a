"""What notebooks are put from: nodes, files, and text; and what they can be got as."""

from __future__ import annotations

import json
import os
import uuid
from importlib import resources
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, reader
from nbformat.validator import iter_validate

from omega_core.errors import UnsupportedOptionError, UnsupportedValueError

SUFFIXES = (".ipynb", ".py")
_MARKER = "# %%"
_EXTRA = "pip install 'omega-notebook[formats]'"


def notebook_of(obj: Any, name: str) -> NotebookNode:
    """Return the notebook that somebody puts, valid, and in the current format.

    Parameters
    ----------
    obj
        A `NotebookNode`; the path of an ``.ipynb`` or ``.py`` file, as a `Path` or a string; or
        source text.

    Raises
    ------
    UnsupportedValueError
        It is none of these, or no valid notebook; names the place.
    """
    if isinstance(obj, NotebookNode):
        return _valid(obj, name)
    if isinstance(obj, str) and ("\n" in obj or not obj.endswith(SUFFIXES)):
        return _valid(_of_text(obj, name), name)
    if isinstance(obj, str | os.PathLike):
        return _valid(_of_file(Path(os.fspath(obj)), name), name)
    raise UnsupportedValueError(
        f"put of {name!r}: a notebook is put as a NotebookNode, as the path of an .ipynb or .py "
        f"file, or as source text, and not as {type(obj).__name__}. Nothing was stored."
    )


def to_bytes(notebook: NotebookNode, name: str) -> bytes:
    """Return a notebook as a file that Jupyter opens, and that has all of it.

    Raises
    ------
    UnsupportedValueError
        It holds what JSON cannot tell, such as a tuple.
    """
    try:
        text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
        written = text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise UnsupportedValueError(
            f"put of {name!r}: the notebook does not fit into JSON: {exc}. Nothing was stored."
        ) from None
    # NaN is equal to nothing, not even to itself, so that texts are compared.
    if json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n" != text or _changes(
        notebook
    ):
        raise UnsupportedValueError(
            f"put of {name!r}: the notebook holds tuples, or keys that are no strings, which "
            "would not come back as they are. Nothing was stored."
        )
    return written


def from_bytes(written: bytes) -> NotebookNode:
    """Return what `to_bytes` was given. Nothing of it runs.

    Raises
    ------
    ValueError
        This is no notebook.
    """
    found = nbformat.from_dict(json.loads(written))
    if not isinstance(found, NotebookNode):
        raise ValueError(f"it is a {type(found).__name__}")
    fault = next(iter_validate(found), None)
    if fault is not None:
        raise ValueError(str(fault.message))
    return found


def as_text(notebook: NotebookNode, form: str, name: str) -> str:
    """Return a notebook as text: ``"html"``, ``"py"`` or ``"ipynb"``.

    Raises
    ------
    UnsupportedOptionError
        There is no such form, or its library is not installed.
    """
    if form == "ipynb":
        return to_bytes(notebook, name).decode()
    if form == "py":
        written: str = _jupytext(f"get of {name!r}, as_='py'").writes(notebook, fmt="py:percent")
        return written
    if form == "html":
        try:
            from nbconvert import HTMLExporter
        except ImportError:
            raise UnsupportedOptionError(
                f"get of {name!r}, as_='html': nbconvert is not installed. Install it: {_EXTRA}"
            ) from None
        # A page runs nothing that a cell has printed.
        page, _ = HTMLExporter(sanitize_html=True).from_notebook_node(notebook)
        return str(page)
    raise UnsupportedOptionError(
        f"get of {name!r}: as_ is {form!r}, and has to be 'html', 'py' or 'ipynb'; without it, the "
        "notebook comes as it is."
    )


def template_text() -> str:
    """Return the file of the notebook that this plugin ships."""
    return (resources.files(__package__) / "template.ipynb").read_text(encoding="utf-8")


# --- its parts -----------------------------------------------------------------------------------


def _of_file(path: Path, name: str) -> NotebookNode:
    if path.suffix not in SUFFIXES:
        raise UnsupportedValueError(
            f"put of {name!r}: {str(path)!r} is no .ipynb and no .py file. Nothing was stored."
        )
    if not path.is_file():
        raise FileNotFoundError(f"put of {name!r}: there is no file {str(path)!r}.")
    text = path.read_text(encoding="utf-8")
    return _of_json(text, name) if path.suffix == ".ipynb" else _of_text(text, name)


def _of_text(text: str, name: str) -> NotebookNode:
    if text.lstrip().startswith("{"):
        return _of_json(text, name)
    if _MARKER in text:
        found = _jupytext(f"put of {name!r}").reads(text.lstrip("\n"), fmt="py:percent")
        return _node(found)
    cell = nbformat.v4.new_code_cell(text.removesuffix("\n"))
    return _node(nbformat.v4.new_notebook(cells=[cell]))


def _of_json(text: str, name: str) -> NotebookNode:
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or "nbformat" not in found:
            raise ValueError("it has no nbformat")
        notebook = nbformat.convert(reader.reads(text), 4)
        if notebook.nbformat_minor >= 5:
            for cell in notebook.cells:
                # Files that were written by hand may lack what the format asks for.
                cell.setdefault("id", uuid.uuid4().hex[:8])
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise UnsupportedValueError(
            f"put of {name!r}: this is no notebook: {exc}. Nothing was stored."
        ) from None
    return _node(notebook)


def _node(document: Any) -> NotebookNode:
    found: NotebookNode = nbformat.from_dict(document)
    return found


def _jupytext(what: str) -> Any:
    try:
        import jupytext
    except ImportError:
        raise UnsupportedOptionError(
            f"{what}: cells in a .py file are the business of jupytext, which is not installed. "
            f"Install it: {_EXTRA}"
        ) from None
    return jupytext


def _valid(notebook: NotebookNode, name: str) -> NotebookNode:
    if notebook.get("nbformat") != 4:
        raise UnsupportedValueError(
            f"put of {name!r}: its nbformat is {notebook.get('nbformat')!r}, and 4 is stored. "
            "Convert it: nbformat.convert(notebook, 4). Nothing was stored."
        )
    fault = next(iter_validate(notebook), None)
    if fault is not None:
        place = "/".join(str(part) for part in fault.absolute_path) or "the notebook"
        raise UnsupportedValueError(
            f"put of {name!r}: this is no valid notebook: {place}: {fault.message[:500]}. "
            "Nothing was stored."
        )
    return notebook


def _changes(value: Any) -> bool:
    """Return whether JSON would make another type of something."""
    if isinstance(value, dict):
        return any(type(key) is not str or _changes(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(_changes, value))
    return not (value is None or type(value) in (str, int, float, bool))
