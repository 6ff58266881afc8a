"""Notebooks in an omega_core store: put as they are, and run as jobs, by name, on every engine.

Importing this module imports nothing of Jupyter: it only declares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omega_core import BackendSpec, hookimpl

from .settings import NotebookSettings

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["NotebookSettings", "backends", "file_formats", "settings", "template"]


@hookimpl
def backends() -> list[BackendSpec]:
    """Declare the kind of a notebook."""
    return [
        BackendSpec(
            "notebook.ipynb",
            "omega_notebook.notebook:NotebookBackend",
            types=["nbformat.notebooknode:NotebookNode"],
            # A path is a notebook among the jobs alone; elsewhere it is a file.
            job_types=["pathlib:Path"],
            summary="a notebook, validated and kept as it is; it runs as a job",
        )
    ]


@hookimpl
def file_formats() -> dict[str, str]:
    """The format of its files. A script is a file as long as nobody says that it is a notebook."""
    return {".ipynb": "omega_notebook.ipynb_file:IpynbFormat"}


@hookimpl
def settings() -> type[NotebookSettings]:
    """The section ``[plugins.notebook]``."""
    return NotebookSettings


def template() -> NotebookNode:
    """Return a notebook to begin with: it loads a dataset, fits, plots, and stores a result."""
    import nbformat

    from .sources import template_text

    notebook: NotebookNode = nbformat.reads(template_text(), as_version=4)
    return notebook
