"""Some rows of an object, as plain values: what a page shows of its contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HEAD = 10
"""So many rows are shown."""


@dataclass(frozen=True)
class Preview:
    """Some rows of an object.

    Attributes
    ----------
    columns
        What each value of a row is called.
    rows
        The first rows, and perhaps some from elsewhere, for the charts.
    head : int
        How many of them are shown; the first.
    charts : bool
        Whether the values of a column are of one sort, so that a chart of them says something.
    """

    columns: tuple[Any, ...]
    rows: Sequence[Sequence[Any]]
    head: int = HEAD
    charts: bool = True
