"""Metadata of several objects, or of versions of one: a list that shows itself as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..html.markup import Markup, framed, grid
from ..text import table
from .metadata import Metadata

_HEAD = ("name", "version", "", "kind", "rev", "modified (UTC)")
_NUMBERS = (1, 4)
_MOST = 50


class Listed(list[Metadata]):
    """A list of `Metadata`, with a table of the first of them in notebooks; asks nobody."""

    def _repr_html_(self) -> str:
        return framed(self._title(), self.to_grid())

    def to_grid(self) -> Markup:
        """Return the table as HTML."""
        more = len(self) - _MOST
        note = f"and {more:,} more" if more > 0 else ""
        return grid(_HEAD, self._rows(), right=_NUMBERS, note=note)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(f"{self._title()}\n{table(_HEAD, self._rows(), right=_NUMBERS)}")

    def _title(self) -> str:
        names = {meta.name for meta in self}
        what = "version" if len(names) == 1 and len(self) > 1 else "object"
        return f"{len(self):,} {what}{'s' * (len(self) != 1)}"

    def _rows(self) -> Iterator[tuple[object, ...]]:
        for meta in self[:_MOST]:
            state = "damaged" if meta.damage is not None else "current" if meta.is_current else ""
            told = ", ".join(filter(None, (state, *meta.aliases)))
            at = None if meta.modified is None else f"{meta.modified:%Y-%m-%d %H:%M:%S}"
            yield meta.name, meta.version, told, meta.kind, meta.rev, at
