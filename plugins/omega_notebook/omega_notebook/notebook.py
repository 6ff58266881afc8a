"""``notebook.ipynb``: a notebook as it is, in a file that Jupyter opens; and its runs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines

from omega_core import BaseJobBackend, Metadata, Preview, RowChanges, Summary
from omega_core.errors import IntegrityError, UnsupportedOptionError, UnsupportedValueError
from omega_core.shapes import CHECKSUM, fields, integer, text

from .cells import cell_changes, cells_preview, outline
from .parameters import inject
from .running import Run
from .settings import NotebookSettings
from .sources import SUFFIXES, as_text, from_bytes, notebook_of, to_bytes

KIND = "notebook.ipynb"
_SHAPE = fields({"cells": integer(0), "language": text()})


class NotebookBackend(BaseJobBackend):
    """Stores notebooks, and runs those that are written in Python."""

    settings: NotebookSettings
    extension: ClassVar[str] = "ipynb"

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        return isinstance(obj, NotebookNode) or (isinstance(obj, Path) and obj.suffix in SUFFIXES)

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        *,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Store a notebook.

        Parameters
        ----------
        obj
            A `NotebookNode`; the path of an ``.ipynb`` or ``.py`` file; with
            ``kind="notebook.ipynb"``, source text as well.
        uri
            Where to store it instead of in GridFS, with ``{key}`` in the place of the file's name.
        """
        notebook = notebook_of(obj, name)
        written = to_bytes(notebook, name)
        meta = self.job_store.make_metadata(name, KIND, attributes=attributes)
        meta.kind_meta = {"cells": len(notebook.cells), "language": _language(notebook)}
        with self.job_store.create_file(meta, "ipynb", uri=uri) as file:
            file.write(written)
        return meta.save()

    def misshapen(self, meta: Metadata) -> str | None:
        return _SHAPE(meta.kind_meta, "kind_meta") or CHECKSUM(meta.integrity, "integrity")

    def get(self, name: str, *, as_: str | None = None, **kwargs: Any) -> NotebookNode | str:
        """Return the notebook; nothing of it runs.

        Parameters
        ----------
        as_
            ``"html"``, ``"py"`` (in cells of the percent format) or ``"ipynb"`` for a text;
            the first two need ``pip install 'omega-notebook[formats]'``.
        """
        meta = self.job_store.metadata(name)
        assert meta is not None
        with self.job_store.open_file(meta) as file:
            written = file.read()
        try:
            notebook = from_bytes(written)
        except ValueError as exc:
            raise IntegrityError(
                f"{meta!r} holds no notebook: {str(exc)[:500]}. Restore another version: "
                f"store.versions({name!r}) lists them."
            ) from None
        return notebook if as_ is None else as_text(notebook, as_, name)

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return title, cells and parameters; it is read for that, and nothing of it runs."""
        meta = self.job_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        language = {"language": meta.kind_meta["language"]}
        notebook = self.get(name)
        assert isinstance(notebook, NotebookNode), "without as_, it is one"
        details = {**language, **outline(notebook)}
        return replace(super().describe(name), details=details)

    def preview(self, summary: Summary, read: Any) -> Preview:
        """Return the cells."""
        return cells_preview(read())

    def changed_rows(self, one: Any, two: Any) -> list[RowChanges]:
        """Return which cells are written differently."""
        return [cell_changes(one(), two())]

    def run(
        self,
        jobname: str,
        params: Mapping[str, Any] | None = None,
        *,
        rName: str,
        time_limit: float | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Run the notebook in a kernel of its own, and store what it left as a notebook.

        Parameters
        ----------
        time_limit
            Seconds after which the kernel is ended, and the run has failed; what it left is stored.
        """
        limit = self.settings.time_limit if time_limit is None else time_limit
        if limit is not None and (type(limit) not in (int, float) or not limit > 0):
            raise UnsupportedOptionError(
                f"run of {jobname!r}: time_limit is {limit!r}, and has to be a number of seconds "
                "above 0."
            )
        notebook = copy.deepcopy(self.job_store.get(jobname))
        if _language(notebook) != "python":
            raise UnsupportedValueError(
                f"run of {jobname!r}: the notebook is written in {_language(notebook)!r}, and jobs "
                "run in Python. It is stored, and does not run."
            )
        rejoin_lines(notebook)  # sources may be lists of lines
        inject(notebook, params or {}, jobname)
        run = Run(notebook, self.job_store, self.settings, limit, self.checkpoint, self.progress)
        error = run.execute()
        told = {} if error is None else {"status": "failure", "error": error}
        return self.job_store.put(notebook, rName, kind=KIND, attributes=told)


def _language(notebook: NotebookNode) -> str:
    for of, key in (("kernelspec", "language"), ("language_info", "name")):
        found = notebook.metadata.get(of, {}).get(key)
        if isinstance(found, str) and found:
            return found.lower()
    return "python"
