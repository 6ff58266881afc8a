"""Files of notebooks, for the command line: ``omega datasets put report.ipynb``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, BinaryIO, ClassVar

from nbformat import NotebookNode

from omega_core import FileFormat
from omega_core.errors import UnsupportedValueError

from .sources import notebook_of, to_bytes


class IpynbFormat(FileFormat):
    """Reads and writes ``.ipynb``."""

    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = {"notebook.ipynb": {}}
    text: ClassVar[bool] = True

    def read(
        self, source: str | os.PathLike[str] | BinaryIO, *, kind: str | None = None
    ) -> NotebookNode:
        """Return the notebook that the file holds."""
        if isinstance(source, str | os.PathLike):
            return notebook_of(os.fspath(source), os.fspath(source))
        try:
            text = source.read().decode()
        except UnicodeDecodeError as exc:
            raise UnsupportedValueError(f"This is no notebook: {exc}.") from None
        return notebook_of(text if text.strip() else "{}", "standard input")

    def write(self, obj: Any, target: BinaryIO) -> None:
        """Write a notebook as Jupyter does."""
        if not isinstance(obj, NotebookNode):
            raise UnsupportedValueError(
                f"A file of a notebook holds a notebook, and this is a {type(obj).__name__}."
            )
        target.write(to_bytes(obj, "notebook"))
