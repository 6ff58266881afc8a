"""What an object is, without reading it: kind, rows, columns with what is known of their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .html.markup import Markup, facts, framed, grid
from .text import brief, byte_size, counted, plain, shown, table

MOST_COLUMNS = 50
"""More columns are not shown to people; `Summary.to_dict` has them all."""

_HEAD = ("column", "dtype", "nulls", "NaNs", "min", "max")
_NUMBERS = (2, 3)
_LISTED = 30


@dataclass(frozen=True)
class ColumnSummary:
    """What is known of the values of one column; None where it is not known.

    Attributes
    ----------
    name
        The label of the column.
    dtype : str
        As the library of the object writes it.
    nulls, nans : int or None
        How many values are missing, and how many of the others are not a number.
    min, max
        The least and the greatest of the values that are neither missing nor NaN.
    exact : bool
        Whether ``min`` and ``max`` are values; otherwise they are bounds of them, since of long
        text only the beginning is kept.
    """

    name: Any
    dtype: str
    nulls: int | None = None
    min: Any = None
    max: Any = None
    nans: int | None = None
    exact: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON has it; a label that is neither text nor a number by `repr`."""
        name = self.name if isinstance(self.name, str | int) else repr(self.name)
        told: dict[str, Any] = plain({**vars(self), "name": name})
        return told


@dataclass(frozen=True)
class Summary:
    """What is known of one version of an object without reading it.

    ``repr`` of it is for people, as is what notebooks show; `to_dict` for programs.

    Attributes
    ----------
    kind : str
    rows : int or None
        How many, where the object has rows and their number is known.
    columns : tuple of ColumnSummary
        Those of a table, in their order.
    details : dict
        What else there is to tell of the kind: strings, numbers, lists and dicts.
    size : int or None
        Bytes as stored.
    store, bucket, name, version
        What it is of.
    """

    kind: str
    rows: int | None = None
    columns: tuple[ColumnSummary, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    store: str = ""
    bucket: str = ""
    name: str = ""
    version: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON has it."""
        return {
            **plain({**vars(self), "columns": None}),
            "columns": [column.to_dict() for column in self.columns],
        }

    @property
    def title(self) -> str:
        """What it is of, for people."""
        version = "" if self.version is None else f", version {self.version}"
        return f"{self.store} {self.name!r}{version}".strip()

    @property
    def facts(self) -> dict[str, str]:
        """Kind, rows, columns and size, for people."""
        told = {"kind": self.kind}
        if self.rows is not None:
            told["rows"] = f"{self.rows:,}"
        if self.columns:
            told["columns"] = f"{len(self.columns):,}"
        if self.size is not None:
            told["size"] = byte_size(self.size)
        return told

    def __repr__(self) -> str:
        told = ", ".join(f"{key} {value}" for key, value in self.facts.items())
        lines = [f"{self.title}: {told}"]
        if self.columns:
            head, rows, right = self._table()
            lines.append(table(head, rows, right=right))
        if len(self.columns) > MOST_COLUMNS:
            lines.append(f"... and {counted(len(self.columns) - MOST_COLUMNS, 'column')} more")
        lines += [f"{path}: {_told(value)}" for path, value in flat(self.details)]
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def _repr_html_(self) -> str:
        """Return it as HTML, for notebooks; asks nobody."""
        return framed(self.title, *self.sections())

    def sections(self) -> Iterator[Markup]:
        """Yield the parts of it as HTML: facts, columns, details."""
        yield facts(self.facts)
        if self.columns:
            more = len(self.columns) - MOST_COLUMNS
            note = f"and {counted(more, 'column')} more" if more > 0 else ""
            head, rows, right = self._table()
            yield grid(head, rows, right=right, note=note)
        details = {path: _told(value) for path, value in flat(self.details)}
        if details:
            yield facts(details)

    def _table(self) -> tuple[list[str], list[list[object]], list[int]]:
        """Return head and rows of the columns, and which are numbers; without what is unknown."""
        rows = [*self._rows()]
        known = [
            place for place in range(len(_HEAD)) if any(row[place] is not None for row in rows)
        ]
        right = [known.index(place) for place in _NUMBERS if place in known]
        return [_HEAD[place] for place in known], [[row[p] for p in known] for row in rows], right

    def _rows(self) -> Iterator[tuple[object, ...]]:
        for column in self.columns[:MOST_COLUMNS]:
            ends = (_end(column, column.min), _end(column, column.max))
            yield _label(column.name), column.dtype, column.nulls, column.nans or None, *ends


def _label(name: Any) -> str:
    return shown(name) if isinstance(name, str) else shown(repr(name))


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value[:_LISTED]) or "none"
    return shown(value, 200)


def _end(column: ColumnSummary, end: Any) -> object:
    if end is None:
        return None
    return shown(end, 20) if isinstance(end, str) and not column.exact else brief(end, 30)


def flat(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is nested in dicts with its path: ``parameters.C``."""
    if not isinstance(values, Mapping) or (path and not values):
        yield path, values
        return
    for key, value in values.items():
        yield from flat(value, f"{path}.{key}" if path else str(key))


def stored_bytes(integrity: Mapping[str, Any] | None, kind_meta: Mapping[str, Any]) -> int | None:
    """Return the bytes of a payload, where its metadata tells.

    Parameters
    ----------
    integrity, kind_meta
        The fields of `Metadata`.
    """
    length = (integrity or {}).get("length")
    if isinstance(length, int):
        return length
    batches = kind_meta.get("batches")
    if isinstance(batches, list) and batches and all("bytes" in batch for batch in batches):
        return sum(int(batch["bytes"]) for batch in batches)
    return None
