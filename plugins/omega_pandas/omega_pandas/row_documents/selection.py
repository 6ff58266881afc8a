"""Selections of a frame of rows: as those of segments, but with filters that MongoDB sees too."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..segments.row_ranges import Piece, Segments
from ..segments.selection import Selection
from .stored_rows import StoredRows


class RowsSelection(Selection):
    """Some columns and rows of a frame of rows; immutable, and read when asked."""

    stored: StoredRows

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
