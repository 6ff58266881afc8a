"""A part of a stored frame or series: columns, rows, filters; at once, in chunks, or when asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_core import Summary
from omega_core.errors import UnsupportedOptionError

from ..filters.predicates import compile
from ..objects.arrow_tables import check_library, converted, to_arrow, to_polars
from ..objects.column_labels import select
from ..objects.header import intact
from ..objects.pandas_objects import make_frame, make_series
from .matching import matching
from .segment_pieces import Piece, Segments, joined
from .stored_table import Stored
from .summaries import column_summaries

_VALUES = "value"
"""What a filter calls the values of a Series."""


class Selection:
    """Some columns and rows of a stored frame or series; immutable, and read when asked.

    Parameters
    ----------
    stored
        The version that is read.
    columns
        Labels, or None for all.
    filters
        Conditions that a row has to meet, all of them.
    rows
        A range of rows, before the filters.
    """

    def __init__(
        self,
        stored: Stored,
        columns: Any = None,
        filters: tuple[Any, ...] = (),
        rows: tuple[int, int] | None = None,
    ) -> None:
        self.stored = stored
        self.columns = columns
        self.filters = filters
        self.rows = (0, stored.rows) if rows is None else rows
        self.is_frame = stored.header["object"] == "frame"
        subject = f"The {'DataFrame' if self.is_frame else 'Series'} {stored.name!r}"
        self._all_labels = stored.labels if self.is_frame else pd.Index([_VALUES])
        if self.is_frame:
            self._positions, self._labels = select(
                stored.header, columns, subject, self._all_labels
            )
        else:
            self._positions, self._labels = [0], None
        self._predicates = [compile(f, self._all_labels, subject) for f in filters]

    @property
    def positions(self) -> list[int]:
        """Where the columns are in the stored frame."""
        return list(self._positions)

    def with_rows(self, start: int, stop: int) -> Self:
        """Return the same of a part of these rows."""
        low, high = self.rows
        window = (min(low + start, high), min(low + stop, high))
        return type(self)(self.stored, self.columns, self.filters, window)

    def with_columns(self, columns: Any) -> Self:
        """Return the same rows of other columns."""
        return type(self)(self.stored, columns, self.filters, self.rows)

    def with_filter(self, filter: Any) -> Self:
        """Return those of these rows that match another filter, too."""
        return type(self)(self.stored, self.columns, (*self.filters, filter), self.rows)

    @intact()
    def read(self) -> Any:
        """Return the selection as pandas holds it."""
        pieces, segments, numbers = self._fetched(with_index=not self.stored.has_telling_index())
        index = self.stored.index(pieces, segments, self.rows, numbers)
        columns = self.stored.decode_all(self._positions, pieces, segments)
        if self.is_frame:
            return make_frame(self.stored.header, index, columns, self._labels)
        return make_series(self.stored.header, index, columns[0])

    @intact()
    def read_as(self, as_: str) -> Any:
        """Return the selection as another library holds it: ``"arrow"`` or ``"polars"``.

        What was put as a table of Arrow comes back equal to it; a DataFrame becomes what
        `pyarrow.Table.from_pandas` makes of it.
        """
        if as_ == "pandas":
            return self.read()
        if "arrow" not in self.stored.header:
            return converted(self.read(), as_)
        pieces, segments, _ = self._fetched(with_index=False)
        fields = {
            f"c{position}": joined(f"c{position}", pieces, segments) for position in self._positions
        }
        table = to_arrow(self.stored.header, pa.table(fields), self._positions)
        return to_polars(table) if as_ == "polars" else table

    def _fetched(
        self, *, with_index: bool
    ) -> tuple[list[Piece], Segments, np.ndarray[Any, Any] | None]:
        pieces = self.stored.pieces(*self.rows)
        fields = [f"c{position}" for position in self._positions]
        if with_index:
            numbers = {piece.batch for piece in pieces}
            levels = max(len(self.stored.index_fields(number)) for number in numbers)
            fields = [*(f"i{level}" for level in range(levels)), *fields]
        if self._predicates:
            return matching(self.stored, self._predicates, pieces, fields)
        return pieces, self.stored.fetch(pieces, fields) if fields else {}, None

    def chunks(self, size: int, as_: str = "pandas") -> Iterator[Any]:
        """Return the selection in consecutive pieces of at most ``size`` rows before filters."""
        start, stop = self.rows
        first = True
        for low in range(0, stop - start, size):
            part = self.with_rows(low, low + size).read_as(as_)
            if len(part) or not self.filters:
                yield part
                first = False
        if first:
            yield self.with_rows(0, 0).read_as(as_)


class LazyFrame:
    """A stored frame that is read when it is asked for; it stays with the version it was made of.

    Examples
    --------
    >>> sales = om.datasets.get("sales", lazy=True)                       # doctest: +SKIP
    >>> sales.filter({"qty__gt": 3}).select(["state"]).to_pandas()        # doctest: +SKIP
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    @property
    def schema(self) -> dict[Any, Any]:
        """The columns and their dtypes; reads no rows but the types of none."""
        empty = self._selection.with_rows(0, 0).read()
        if isinstance(empty, pd.Series):
            return {empty.name: empty.dtype}
        return dict(zip(empty.columns, empty.dtypes, strict=True))

    def __len__(self) -> int:
        if not self._selection.filters:
            start, stop = self._selection.rows
            return stop - start
        columns: list[Any] | None = [] if self._selection.is_frame else None
        return len(self._selection.with_columns(columns).read())

    def head(self, n: int = 5) -> Any:
        """Return the first ``n`` rows, as pandas."""
        if not self._selection.filters:
            return self._selection.with_rows(0, n).read()
        return self._selection.read().head(n)

    def select(self, columns: Any) -> LazyFrame:
        """Return the same with some columns only."""
        return LazyFrame(self._selection.with_columns(columns))

    def filter(self, filter: Any) -> LazyFrame:
        """Return the same with the rows only that match, besides earlier filters."""
        return LazyFrame(self._selection.with_filter(filter))

    def to_pandas(self) -> Any:
        """Read it as pandas."""
        return self._selection.read()

    def to_arrow(self) -> Any:
        """Read it as a `pyarrow.Table`."""
        return self._selection.read_as("arrow")

    def to_polars(self) -> Any:
        """Read it as a polars DataFrame, where polars is installed."""
        return self._selection.read_as("polars")

    def __repr__(self) -> str:
        return f"<LazyFrame of {self._selection.stored.subject}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self._summary()))

    def _repr_html_(self) -> str:
        """Return its schema as HTML, for notebooks; reads neither rows nor statistics."""
        return self._summary()._repr_html_()

    def _summary(self) -> Summary:
        """Return columns and dtypes, by the header alone; rows where they need no filter."""
        stored, selection = self._selection.stored, self._selection
        columns = column_summaries(stored, statistics=False)
        positions = selection.positions
        details = {"filters": [repr(filter) for filter in selection.filters]}
        return Summary(
            "LazyFrame",
            None if selection.filters else len(self),
            tuple(columns[position] for position in positions),
            details if selection.filters else {},
            name=stored.name,
        )


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
    asked = None if rows is None else window(rows, stored.rows, stored.name)
    selection = make(stored, columns, filters, asked)
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


def window(rows: Any, total: int, name: str) -> tuple[int, int]:
    """Return the first row that ``rows=`` takes of so many, and the one after the last.

    Parameters
    ----------
    rows
        A slice, or the two as a pair.
    """
    if isinstance(rows, tuple | list) and len(rows) == 2 and all(type(n) is int for n in rows):
        rows = slice(*rows)
    if not isinstance(rows, slice) or rows.step not in (None, 1):
        raise UnsupportedOptionError(
            f"get of {name!r}: rows= takes a slice without a step, such as slice(0, 1000), "
            f"or the pair of its ends, not {rows!r}."
        )
    start, stop, _ = rows.indices(total)
    return start, max(start, stop)
