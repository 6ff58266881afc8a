"""What differs between two versions of an object: rows, columns, attributes, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .html.markup import Markup, element, facts, framed, grid
from .summary import ColumnSummary, flat
from .text import byte_size, plain, shown, table

SAMPLE = 10
"""So many changes are shown of each sort; all are counted."""

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}

_MISSING = "a missing label"

Read = Callable[..., Any]
"""Gets one of the two versions, with the options of the kind's `get`."""


@dataclass(frozen=True)
class Change:
    """One thing that is in one of two versions, or is not the same in both.

    Attributes
    ----------
    at
        Where: a row number, a label of the index, the path of a value.
    what : str
        ``"added"``, ``"removed"`` or ``"changed"``.
    before, after
        The value in the first version and in the second; None where there is none.
    """

    at: Any
    what: str
    before: Any = None
    after: Any = None

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON has it."""
        return {key: plain(value) for key, value in vars(self).items()}


@dataclass(frozen=True)
class RowChanges:
    """How many rows, or items, differ, and some of them.

    Attributes
    ----------
    by : str
        How rows of one version were matched with those of the other: ``"position"``, ``"index"``
        or ``"path"``.
    added, removed, changed, same : int
    sample : tuple of Change
        The first few.
    """

    by: str
    added: int = 0
    removed: int = 0
    changed: int = 0
    same: int = 0
    sample: tuple[Change, ...] = ()

    @classmethod
    def of_items(cls, by: str, changes: Iterator[Change], count: int) -> RowChanges:
        """Count changes, and keep the first few of each sort; ``count`` is that of the first."""
        numbers = dict.fromkeys(_SIGNS, 0)
        kept: list[Change] = []
        for change in changes:
            numbers[change.what] += 1
            if numbers[change.what] <= SAMPLE:
                kept.append(change)
        same = max(0, count - numbers[REMOVED] - numbers[CHANGED])
        return cls(by, **numbers, same=same, sample=tuple(kept))

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON has it."""
        return {**vars(self), "sample": [change.to_dict() for change in self.sample]}

    @property
    def called(self) -> str:
        """What was compared, for people."""
        return "values" if self.by == "path" else f"rows by {self.by}"

    @property
    def counts(self) -> str:
        """How many differ, for people."""
        told = [f"{getattr(self, what):,} {what}" for what in _SIGNS]
        return f"{', '.join(told)}, {self.same:,} the same"


@dataclass(frozen=True)
class ColumnChanges:
    """How the columns differ.

    Attributes
    ----------
    added, removed : tuple
        Labels.
    dtypes : tuple of Change
        Columns whose dtype is another one, at their labels.
    reordered : bool
        Whether those that both versions have come in another order.
    """

    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()
    dtypes: tuple[Change, ...] = ()
    reordered: bool = False

    @classmethod
    def between(cls, one: Sequence[ColumnSummary], two: Sequence[ColumnSummary]) -> ColumnChanges:
        """Compare the columns of two summaries; of those of one label, the number counts."""
        before, after = _numbered(one), _numbered(two)
        both = [key for key in before if key in after]
        return cls(
            tuple(after[key].name for key in after if key not in before),
            tuple(before[key].name for key in before if key not in after),
            tuple(
                Change(before[key].name, CHANGED, before[key].dtype, after[key].dtype)
                for key in both
                if before[key].dtype != after[key].dtype
            ),
            both != [key for key in after if key in before],
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.dtypes or self.reordered)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON has it."""
        dtypes = [change.to_dict() for change in self.dtypes]
        return {**plain(vars(self)), "dtypes": dtypes}


@dataclass(frozen=True)
class Difference:
    """What differs between two versions of an object.

    ``repr`` of it is for people, as is what notebooks show; `to_dict` for programs. It is true
    where anything differs.

    Attributes
    ----------
    store, bucket, name : str
        Of which object.
    versions, kinds, rows, sizes : tuple
        Each of the first and of the second: ``rows`` and ``sizes`` are None where unknown.
    same_payload : bool or None
        Whether what is stored is the same to the byte; None where that is not known.
    changes : tuple of RowChanges
        How many rows differ, by each way to match them; none where the kind cannot tell.
    columns : ColumnChanges
    attributes, details, lineage : tuple of Change
        What the user said of it; what the kind has to tell, such as the parameters of a model;
        and what it was made of.
    note : str
        Why rows were not compared, where they were not.
    """

    store: str
    bucket: str
    name: str
    versions: tuple[int | None, int | None]
    kinds: tuple[str, str]
    rows: tuple[int | None, int | None] = (None, None)
    sizes: tuple[int | None, int | None] = (None, None)
    same_payload: bool | None = None
    changes: tuple[RowChanges, ...] = ()
    columns: ColumnChanges = ColumnChanges()
    attributes: tuple[Change, ...] = ()
    details: tuple[Change, ...] = ()
    lineage: tuple[Change, ...] = ()
    note: str = ""

    def __bool__(self) -> bool:
        differ = self.kinds[0] != self.kinds[1] or self.rows[0] != self.rows[1] or self.columns
        told = self.attributes or self.details or self.lineage
        counted = any(c.added or c.removed or c.changed for c in self.changes)
        unlike = not self.changes and self.same_payload is False
        return bool(differ or told or counted or unlike)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON has it."""
        lists = ("changes", "attributes", "details", "lineage")
        return {
            **plain({key: value for key, value in vars(self).items() if key not in lists}),
            "columns": self.columns.to_dict(),
            **{key: [change.to_dict() for change in getattr(self, key)] for key in lists},
            "differs": bool(self),
        }

    @property
    def title(self) -> str:
        """What was compared, for people."""
        one, two = self.versions
        return f"{self.store} {self.name!r}, version {one} and version {two}"

    @property
    def facts(self) -> dict[str, str]:
        """What is one of each version, for people."""
        told = {"kind": _both(*self.kinds)}
        if self.rows != (None, None):
            told["rows"] = _both(*(shown(count) for count in self.rows))
        if self.sizes != (None, None):
            told["size"] = _both(*map(byte_size, self.sizes))
        if self.same_payload:
            told["payload"] = "the same to the byte"
        for change in self.changes:
            told[change.called] = change.counts
        if self.note:
            told["note"] = self.note
        return told

    @property
    def listed(self) -> Iterator[tuple[str, Sequence[Change]]]:
        """Yield all changes, each sort with what it is called."""
        added = [Change(label, ADDED) for label in self.columns.added]
        removed = [Change(label, REMOVED) for label in self.columns.removed]
        order = [Change("order of the columns", CHANGED)] if self.columns.reordered else []
        yield "columns", [*added, *removed, *self.columns.dtypes, *order]
        for change in self.changes:
            yield change.called, change.sample
        yield "attributes", self.attributes
        yield "details", self.details
        yield "lineage", self.lineage

    def __repr__(self) -> str:
        lines = [self.title, *(f"{key}: {value}" for key, value in self.facts.items())]
        for called, changes in self.listed:
            if changes:
                rows = [(_SIGNS[c.what], _place(c), *_values(c)) for c in changes]
                lines += ["", called, table(("", "", "before", "after"), rows)]
        return "\n".join(lines if self else [*lines, "no difference"])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def _repr_html_(self) -> str:
        """Return it as HTML, for notebooks; asks nobody."""
        parts: list[Markup] = [facts(self.facts)]
        for called, changes in self.listed:
            if changes:
                rows = [
                    (element("span", c.what, class_=c.what), _place(c), *_values(c))
                    for c in changes
                ]
                parts.append(grid((called, "", "before", "after"), rows))
        if not self:
            parts.append(element("p", "no difference", class_="note"))
        return framed(self.title, *parts)


def changes_between(
    before: Mapping[str, Any], after: Mapping[str, Any], *, most: int | None = None
) -> Iterator[Change]:
    """Yield what differs between nested dicts, with the path of each.

    Parameters
    ----------
    most
        End after so many.
    """
    one, two = dict(flat(before)), dict(flat(after))
    count = 0
    for path in [*one, *(path for path in two if path not in one)]:
        if path in one and path in two:
            if same(one[path], two[path]):
                continue
            change = Change(path, CHANGED, one[path], two[path])
        elif path in one:
            change = Change(path, REMOVED, before=one[path])
        else:
            change = Change(path, ADDED, after=two[path])
        count += 1
        if most is not None and count > most:
            return
        yield change


def same(one: Any, two: Any) -> bool:
    """Return whether two values are equal and of one type; NaN is equal to itself."""
    if type(one) is not type(two):
        return False
    if isinstance(one, Mapping):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two) or (one != one and two != two)


def _numbered(columns: Sequence[ColumnSummary]) -> dict[tuple[Any, int], ColumnSummary]:
    found: dict[tuple[Any, int], ColumnSummary] = {}
    seen: dict[Any, int] = {}
    for column in columns:
        key = _key(column.name)
        number = seen[key] = seen.get(key, 0) + 1
        found[key, number] = column
    return found


def _key(label: Any) -> Any:
    """Return a label such that it is found again: NaN, which is not equal to itself, is."""
    if isinstance(label, tuple):
        return tuple(map(_key, label))
    try:
        return label if label == label else _MISSING
    except (TypeError, ValueError):
        return _MISSING  # of pandas, which does not know whether it is equal


def _both(one: str, two: str) -> str:
    return one if one == two else f"{one} → {two}"


def _place(change: Change) -> str:
    return change.at if isinstance(change.at, str) else shown(repr(change.at))


def _values(change: Change) -> tuple[str | None, str | None]:
    """Return what it was and what it is, as texts; a row by its columns."""

    def text(value: Any, there: bool) -> str | None:
        if not there or (value is None and change.before is None and change.after is None):
            return None
        if isinstance(value, Mapping):
            pairs = (f"{key}={shown(item, 20)}" for key, item in value.items())
            return shown(", ".join(pairs), 100)
        return shown(value if value is not None else "None")

    return text(change.before, change.what != ADDED), text(change.after, change.what != REMOVED)
