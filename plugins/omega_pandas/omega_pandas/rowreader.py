"""Selections of a frame of rows: as those of segments, but with filters that MongoDB sees too."""

from __future__ import annotations

from typing import Any

import numpy as np

from .reader import LazyFrame, Selection
from .stored import Piece, Segments
from .storedrows import StoredRows


class RowsSelection(Selection):
    """Some columns and rows of a frame of rows; immutable, and read when asked."""

    stored: StoredRows

    @classmethod
    def of(cls, selection: Selection) -> RowsSelection:
        """Return the same selection, as one of rows."""
        assert isinstance(selection.stored, StoredRows)
        return cls(selection.stored, selection.columns, selection.filters, selection.rows)

    def with_rows(self, start: int, stop: int) -> RowsSelection:
        return RowsSelection.of(super().with_rows(start, stop))

    def _fetched(
        self, *, with_index: bool
    ) -> tuple[list[Piece], Segments, np.ndarray[Any, Any] | None]:
        if not self.filters:
            return super()._fetched(with_index=with_index)
        return self.stored.matching(
            self.filters,
            self._predicates,
            self.stored.pieces(*self.rows),
            self._positions,
            with_index=with_index,
        )


class LazyRows(LazyFrame):
    """A frame of rows that is read when it is asked for; it stays with the version it was made of.

    Examples
    --------
    >>> sales = om.datasets.get("sales", lazy=True)                       # doctest: +SKIP
    >>> sales.filter({"qty__gt": 3}).select(["state"]).to_pandas()        # doctest: +SKIP
    """

    def __len__(self) -> int:
        if not self._selection.filters:
            return super().__len__()
        return len(self.select([]).to_pandas())

    def select(self, columns: Any) -> LazyRows:
        """Return the same with some columns only."""
        return LazyRows(RowsSelection.of(super().select(columns)._selection))

    def filter(self, filter: Any) -> LazyRows:
        """Return the same with the rows only that match, besides earlier filters."""
        return LazyRows(RowsSelection.of(super().filter(filter)._selection))
