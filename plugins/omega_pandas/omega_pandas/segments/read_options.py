"""The options of a get that say which part of a frame, checked; and that part."""

from __future__ import annotations

from typing import Any

from omega_core.errors import UnsupportedOptionError

from ..objects.arrow_tables import check_library
from .selection import LazyFrame, Selection
from .stored_table import Stored


def read_part(
    make: type[Selection],
    stored: Stored,
    *,
    columns: Any = None,
    filter: Any = None,
    rows: slice | None = None,
    chunksize: int | None = None,
    lazy: bool = False,
    as_: str = "pandas",
) -> Any:
    """Return the part of a stored frame or series that the options of `get` ask for.

    Parameters
    ----------
    make
        The class of its selections.

    Raises
    ------
    UnsupportedOptionError
        For one that makes no sense, before anything is read.
    """
    _check_chunksize(chunksize, stored.name)
    check_library(as_)
    filters = () if filter is None else (filter,)
    selection = make(stored, columns, filters, _window(rows, stored.rows, stored.name))
    if lazy:
        return LazyFrame(selection)
    if chunksize is not None:
        return selection.chunks(chunksize, as_)
    return selection.read_as(as_)


def _check_chunksize(chunksize: Any, name: str) -> None:
    """Refuse a ``chunksize`` that is no number of rows."""
    if chunksize is not None and (
        isinstance(chunksize, bool) or not isinstance(chunksize, int) or chunksize < 1
    ):
        raise UnsupportedOptionError(
            f"get of {name!r}: chunksize= takes a number of rows from 1, not {chunksize!r}."
        )


def _window(rows: Any, total: int, name: str) -> tuple[int, int] | None:
    """Return the first row that ``rows=`` takes of so many, and the one after the last."""
    if rows is None:
        return None
    if not isinstance(rows, slice) or rows.step not in (None, 1):
        raise UnsupportedOptionError(
            f"get of {name!r}: rows= takes a slice without a step, such as slice(0, 1000), "
            f"not {rows!r}."
        )
    start, stop, _ = rows.indices(total)
    return start, max(start, stop)
