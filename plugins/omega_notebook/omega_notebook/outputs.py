"""What cells put out, up to a number of bytes: a loop that prints for ever fills no memory."""

from __future__ import annotations

import json
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

_TRACEBACK = 64 * 1024
"""Characters of a traceback; of a longer one, the last ones stay."""

_COUNTED = frozenset({"stream", "display_data", "execute_result", "update_display_data"})


class BoundedClient(NotebookClient):
    """Executes notebooks, and keeps so much of their outputs.

    Parameters
    ----------
    limit
        Bytes, of all cells together.
    """

    def __init__(self, notebook: NotebookNode, *, limit: int, **options: Any) -> None:
        super().__init__(notebook, **options)
        self._limit = limit
        self._room = limit
        self._told: set[int] = set()

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Take what the kernel says, as long as there is room for it."""
        if msg["msg_type"] == "error":
            _shorten(msg["content"])
        if msg["msg_type"] in _COUNTED:
            self._room -= len(json.dumps(msg["content"], default=str))
            if self._room < 0:
                self._tell(cell, cell_index)
                return None
        return super().process_message(msg, cell, cell_index)

    def _tell(self, cell: NotebookNode, cell_index: int) -> None:
        if cell_index not in self._told:
            self._told.add(cell_index)
            text = (
                f"\n[What this cell put out beyond here is left out: all outputs of a run have "
                f"{self._limit:,} bytes at most, by [plugins.notebook] outputs.]\n"
            )
            note = nbformat.v4.new_output("stream", name="stderr", text=text)
            cell.outputs.append(note)


def _shorten(content: dict[str, Any]) -> None:
    lines, room = [], _TRACEBACK
    for line in reversed(content.get("traceback") or []):
        room -= len(line)
        if room < 0:
            lines.append("... the rest of this traceback is left out")
            break
        lines.append(line)
    content["traceback"] = lines[::-1]
    content["evalue"] = str(content.get("evalue", ""))[:_TRACEBACK]
