"""Hints: what an engine is told about a task, and the estimator never sees."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import UnsupportedOptionError


class _Rule(NamedTuple):
    holds: Callable[[Any], bool]
    words: str


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _resources(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(type(k) is str and k and _number(v) and v > 0 for k, v in value.items())
    )


HINTS: dict[str, _Rule] = {
    "timeout": _Rule(lambda v: _number(v) and v > 0, "a number of seconds above 0"),
    "retries": _Rule(lambda v: type(v) is int and 0 <= v <= 100, "a whole number from 0 to 100"),
    "priority": _Rule(lambda v: type(v) is int and abs(v) <= 1000, "a whole number, -1000 to 1000"),
    "resources": _Rule(_resources, 'a dict of names and amounts above 0, as {"GPU": 1}'),
    "queue": _Rule(lambda v: type(v) is str and 0 < len(v) <= 255, "the name of a queue"),
}
"""Every hint there is, and what it has to be."""


def checked(called: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hints that are given, those that are None left out.

    Parameters
    ----------
    called
        What they are given to, as ``model('churn')``.

    Raises
    ------
    UnsupportedOptionError
        One of them is not what it has to be.
    """
    hints = {hint: value for hint, value in given.items() if value is not None}
    for hint, value in hints.items():
        if not HINTS[hint].holds(value):
            raise UnsupportedOptionError(
                f"runtime.{called}: {hint} is {value!r}, and has to be {HINTS[hint].words}."
            )
    return hints


def check_honoured(
    called: str, hints: Mapping[str, Any], engine: str, honours: frozenset[str]
) -> None:
    """Refuse hints that the engine would not follow.

    Raises
    ------
    UnsupportedOptionError
        Names the engine, the hint, and the hints that it honours.
    """
    for hint in hints:
        if hint not in honours:
            known = ", ".join(sorted(honours)) or "none"
            raise UnsupportedOptionError(
                f"runtime.{called}: the engine {engine!r} does not honour {hint}. "
                f"It honours: {known}. Leave it out, or choose another engine with engine=."
            )
