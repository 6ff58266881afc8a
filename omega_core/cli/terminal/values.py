"""The values of options: ``key=value``, ``0:100``, ``a,b``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-O", metavar="KEY=VALUE", help="An option of the format; may be repeated."
    ),
]
"""The option ``--option``, for what a format takes."""


def pairs(given: Iterable[str] | None, option: str) -> dict[str, Any]:
    """Return ``key=value`` as a dictionary: a value that is JSON as what it says, others as text.

    Parameters
    ----------
    option
        What an error calls it, as ``--attribute``.
    """
    found = {}
    for text in given or ():
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise typer.BadParameter(f"{option} takes KEY=VALUE, not {text!r}")
        try:
            found[key] = json.loads(value)
        except (ValueError, RecursionError):
            found[key] = value
    return found


def names(given: str | None) -> list[str] | None:
    """Return ``a,b`` as a list; None where it was not given."""
    return None if given is None else [name for name in given.split(",") if name]


def row_range(given: str | None) -> slice | None:
    """Return ``0:100``, ``100:`` or ``:100`` as a slice."""
    if given is None:
        return None
    start, sign, stop = given.partition(":")
    try:
        first, last = (int(text) if text else None for text in (start, stop))
    except ValueError:
        sign = ""
    if not sign:
        raise typer.BadParameter(f"--rows takes START:STOP, such as 0:100, not {given!r}")
    return slice(first, last)


def version_of(given: str | None) -> Any:
    """Return a number as such, and another word, which is an alias, as it is."""
    return int(given) if given is not None and given.isascii() and given.isdigit() else given
