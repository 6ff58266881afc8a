"""Values and tables as text for people, whatever is in them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

LONGEST = 60
"""Characters of a value that are shown."""


def printable(text: str) -> str:
    """Return ``text`` with whatever would move the cursor, or hide or reorder text, escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def cut(text: str, longest: int = LONGEST) -> str:
    """Return ``text`` in one line of so many characters at most."""
    return printable(text if len(text) <= longest else f"{text[: longest - 1]}…")


def shown(value: Any, longest: int = LONGEST) -> str:
    """Return a value in one line: text as it is, a time without its class, the rest by `repr`."""
    if isinstance(value, str):
        return cut(value, longest)
    if isinstance(value, int) and not isinstance(value, bool):
        return cut(f"{value:,}", longest)
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, datetime) or hasattr(value, "isoformat"):
        return cut(str(value), longest)
    try:
        # Of what is long, what is cut off need not be written first.
        if isinstance(value, list | tuple | bytes) and len(value) > longest:
            value = value[:longest]
        return cut(repr(value), longest)
    except Exception:
        # It is somebody else's class.
        return f"<{type(value).__name__}>"


def brief(value: Any, longest: int = LONGEST) -> str:
    """Return a value as `shown` does, of a float the first six digits."""
    return f"{value:.6g}" if isinstance(value, float) else shown(value, longest)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: what it has no word for, becomes text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, float):
        # Also of a subclass, such as those of numpy.
        return float(value) if math.isfinite(value) else str(float(value))
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()
) -> str:
    """Return a table with a line for the head and one for each row.

    Parameters
    ----------
    right
        Which columns are flush right.
    """
    flush = {*right}
    lines = [[*head], *([shown(cell) if cell is not None else "" for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in flush else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def counted(count: int, what: str) -> str:
    """Return a number of things in words: ``1 row``, ``1,000 rows``."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def byte_size(count: int | None) -> str:
    """Return a number of bytes for people."""
    if count is None:
        return "?"
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:,.0f} {units[0]}" if units[0] == "bytes" else f"{size:,.1f} {units[0]}"
