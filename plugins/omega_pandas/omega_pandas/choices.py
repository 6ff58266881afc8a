"""The options of a get that say which rows, checked."""

from __future__ import annotations

from typing import Any

from omega_core.errors import UnsupportedOptionError


def check_chunksize(chunksize: Any, name: str) -> None:
    """Refuse a ``chunksize`` that is no number of rows."""
    if chunksize is not None and (
        isinstance(chunksize, bool) or not isinstance(chunksize, int) or chunksize < 1
    ):
        raise UnsupportedOptionError(
            f"get of {name!r}: chunksize= takes a number of rows from 1, not {chunksize!r}."
        )


def window(rows: Any, total: int, name: str) -> tuple[int, int] | None:
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
