"""The query language of filters: `Q`, and what a filter means as a tree of conditions.

Operators compare a label with a value: eq, ne, gt, gte, lt, lte, in, nin, between (both ends
included), contains, startswith, endswith (literally, never as patterns), isnull. Values are
values: whatever could be taken for an operator, a pattern or code is refused, at any depth.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UnsupportedOptionError, UnsupportedValueError, suggestion

OPERATORS = (
    *("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "between"),
    *("contains", "startswith", "endswith", "isnull"),
)
"""What may follow the ``__`` of a key; a key without one means ``eq``."""

MAX_DEPTH = 50
"""Levels of ``&``, ``|`` and ``~`` inside of each other."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One label compared with one value.

    Attributes
    ----------
    value
        A scalar that is not null; a tuple of scalars for ``in`` and ``nin``; a pair for
        ``between``; True or False for ``isnull``.
    explicit
        Whether the label was given apart from the operator, by `Q.where`.
    """

    label: Hashable
    operator: str
    value: Any
    explicit: bool = field(default=False, compare=False)

    @property
    def unknown_operator(self) -> str | None:
        """What follows the ``__`` of a label that may be a misspelt key, and is no operator."""
        if self.explicit or self.operator != "eq" or not isinstance(self.label, str):
            return None
        before, _, after = self.label.rpartition("__")
        return after if before and after else None


@dataclass(frozen=True, slots=True)
class Every:
    """True where all parts are, and where there are none."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """True where at least one part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is not: the complement, also of missing values."""

    part: Condition


Condition = Comparison | Every | Some | Not


class Q:
    """A condition on the columns of a frame or the keys of rows; immutable.

    ``&``, ``|`` and ``~`` combine conditions. ``~`` is the complement: it matches exactly the
    rows that its operand does not, those with missing values included. ``Q()`` matches all rows.

    Parameters
    ----------
    mapping
        For labels that are no identifiers: ``Q({"odd label": 3, ("a", "b"): 1})``. A key that is
        a string may end in ``__`` and an operator.
    conditions
        ``qty__gt=3, state="NY"``: all of them have to hold.

    Raises
    ------
    UnsupportedOptionError, UnsupportedValueError
        A value that the operator does not take, such as a mapping, or a null: see ``isnull``.

    Examples
    --------
    >>> Q(qty__gt=3, state="NY")
    Q(qty__gt=3) & Q(state='NY')
    >>> ~(Q(qty__gt=3) | Q.where("odd label", "in", ["a", "b"]))
    ~(Q(qty__gt=3) | Q.where('odd label', 'in', ('a', 'b')))
    """

    __slots__ = ("_condition",)
    _condition: Condition

    def __init__(self, mapping: Mapping[Any, Any] | None = None, /, **conditions: Any) -> None:
        if mapping is not None and not isinstance(mapping, Mapping):
            raise UnsupportedOptionError(
                f"Q takes a mapping such as {{'odd label': 3}} or keywords such as qty__gt=3, "
                f"not {type(mapping).__name__}."
            )
        items = [*(mapping or {}).items(), *conditions.items()]
        object.__setattr__(self, "_condition", _every(_keyed(k, v, "Q") for k, v in items))

    @classmethod
    def where(cls, label: Hashable, operator: str, value: Any) -> Q:
        """Return the condition on a label that is taken as it is, ``__`` included.

        Raises
        ------
        UnsupportedOptionError
            An unknown operator, with the closest one that there is.
        """
        if operator not in OPERATORS:
            raise UnsupportedOptionError(f"Q.where: {operator_hint(operator)}")
        where = f"Q.where({label!r}, {operator!r}, ...)"
        checked = _checked(operator, value, where)
        return cls._of(Comparison(_label(label, where), operator, checked, explicit=True))

    @classmethod
    def _of(cls, condition: Condition) -> Q:
        made = cls.__new__(cls)
        object.__setattr__(made, "_condition", condition)
        return made

    @property
    def condition(self) -> Condition:
        """The tree that this stands for."""
        return self._condition

    def __and__(self, other: Q) -> Q:
        if not isinstance(other, Q):
            return NotImplemented
        return Q._of(_every((self._condition, other._condition)))

    def __or__(self, other: Q) -> Q:
        if not isinstance(other, Q):
            return NotImplemented
        parts: list[Condition] = []
        for condition in (self._condition, other._condition):
            parts += condition.parts if isinstance(condition, Some) else [condition]
        return Q._of(_shallow(Some(tuple(parts))))

    def __invert__(self) -> Q:
        condition = self._condition
        return Q._of(condition.part if isinstance(condition, Not) else _shallow(Not(condition)))

    def __bool__(self) -> bool:
        raise TypeError("A Q has no truth value. Combine with & | ~, not with and, or, not.")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"A Q is immutable: {name} cannot be set. Combine with & | ~.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A Q is immutable: {name} cannot be deleted.")

    def __eq__(self, other: object) -> bool:
        return self._condition == other._condition if isinstance(other, Q) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._condition)

    def __reduce__(self) -> tuple[Any, ...]:
        return Q._of, (self._condition,)

    def __repr__(self) -> str:
        return _written(self._condition)


def parse(filter: Mapping[Any, Any] | Q | None, subject: str = "filter") -> Condition:
    """Return what a filter means.

    Parameters
    ----------
    filter
        A mapping of labels, or of ``"label__operator"``, to values; a `Q`; None for no condition.
    subject
        What an error calls the place where the filter was given.

    Raises
    ------
    UnsupportedOptionError
        Not a filter, or a value that the operator does not take.
    UnsupportedValueError
        A value that is no scalar, such as an operator of MongoDB.
    """
    if filter is None:
        return Every(())
    if isinstance(filter, Q):
        return filter.condition
    if not isinstance(filter, Mapping):
        raise UnsupportedOptionError(
            f"{subject}: filter takes a mapping such as {{'qty__gt': 3}}, or Q(qty__gt=3), "
            f"not {type(filter).__name__}."
        )
    return _every(_keyed(key, value, subject) for key, value in filter.items())


def comparisons(condition: Condition) -> Iterable[Comparison]:
    """Yield the comparisons of a tree, from left to right."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Not):
        yield from comparisons(condition.part)
    else:
        for part in condition.parts:
            yield from comparisons(part)


def operator_hint(operator: Any) -> str:
    """Return the sentence that says what is no operator, and which ones there are."""
    return (
        f"unknown operator {operator!r}.{suggestion(str(operator), OPERATORS)} "
        f"Operators: {', '.join(OPERATORS)}."
    )


def is_null(value: Any) -> bool:
    """Return whether a value is None, NaN, NaT or NA, without importing who defines them."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ArithmeticError):
        # pandas.NA answers neither yes nor no, a signalling NaN of Decimal not at all.
        return True


def _every(conditions: Iterable[Condition]) -> Condition:
    parts: list[Condition] = []
    for condition in conditions:
        parts += condition.parts if isinstance(condition, Every) else [condition]
    return parts[0] if len(parts) == 1 else _shallow(Every(tuple(parts)))


def _shallow(condition: Condition) -> Condition:
    if _depth(condition) > MAX_DEPTH:
        raise UnsupportedOptionError(
            f"A filter is nested at most {MAX_DEPTH} levels deep. Use __in for many values, or "
            "filter in steps."
        )
    return condition


def _depth(condition: Condition) -> int:
    if isinstance(condition, Comparison):
        return 0
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    return 1 + max(map(_depth, parts), default=0)


def _keyed(key: Any, value: Any, subject: str) -> Comparison:
    label, operator = _split(key)
    where = f"{subject}: filter {key!r}"
    return Comparison(_label(label, where), operator, _checked(operator, value, where))


def _split(key: Any) -> tuple[Any, str]:
    if isinstance(key, str):
        label, _, operator = key.rpartition("__")
        if label and operator in OPERATORS:
            return label, operator
    return key, "eq"


def _label(label: Any, where: str) -> Hashable:
    try:
        hash(label)
    except TypeError:
        raise UnsupportedOptionError(f"{where}: a label is hashable, {label!r} is not.") from None
    made: Hashable = label
    return made


def _checked(operator: str, value: Any, where: str) -> Any:
    if operator in ("in", "nin"):
        if not isinstance(value, list | tuple | set | frozenset):
            raise UnsupportedOptionError(
                f"{where} takes a list of values, not {_short(value)}. Make it one with list()."
            )
        return tuple(item if item is None else _scalar(item, where) for item in value)
    if operator == "between":
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise UnsupportedOptionError(
                f"{where} takes (low, high), both included, not {_short(value)}."
            )
        return tuple(_present(item, where) for item in value)
    if operator == "isnull":
        if not isinstance(value, bool):
            raise UnsupportedOptionError(f"{where} takes True or False, not {_short(value)}.")
        return value
    if operator in ("contains", "startswith", "endswith"):
        if not isinstance(value, str):
            raise UnsupportedOptionError(f"{where} takes a string, not {_short(value)}.")
        return value
    return _present(value, where)


def _present(value: Any, where: str) -> Any:
    if is_null(_scalar(value, where)):
        raise UnsupportedValueError(
            f"{where}: nothing compares equal to {value!r}. Use isnull=True or isnull=False."
        )
    return value


def _scalar(value: Any, where: str) -> Any:
    if value is not None and not _is_scalar(value):
        several = isinstance(value, list | tuple | set | frozenset)
        raise UnsupportedValueError(
            f"{where} takes a value, not a {type(value).__name__}: {_short(value)}."
            f"{' For one of several values use __in.' if several else ''}"
        )
    return value


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return True
    # Patterns and code are for some databases what operators are.
    if isinstance(value, Q | Mapping | re.Pattern) or callable(value):
        return False
    try:
        hash(value)
    except TypeError:
        return False
    return not hasattr(type(value), "__iter__")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _written(condition: Condition) -> str:
    if isinstance(condition, Comparison):
        label, operator, value = condition.label, condition.operator, condition.value
        key = label if operator == "eq" else f"{label}__{operator}"
        if isinstance(key, str) and key.isidentifier() and _split(key) == (label, operator):
            return f"Q({key}={value!r})"
        return f"Q.where({label!r}, {operator!r}, {value!r})"
    if isinstance(condition, Not):
        inner = _written(condition.part)
        bare = isinstance(condition.part, Comparison) or condition.part == Every(())
        return f"~{inner}" if bare else f"~({inner})"
    if not condition.parts:
        return "Q()"
    symbol, other = (" & ", Some) if isinstance(condition, Every) else (" | ", Every)
    return symbol.join(
        f"({_written(part)})" if isinstance(part, other) and part.parts else _written(part)
        for part in condition.parts
    )
