"""What the commands print: JSON for programs, tables for people, one line for an error."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

# rich is imported where it is used: with --json, nothing of it is.
if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

PIPED_WIDTH = 1000
"""Columns where the output is no terminal: a line of a table stays a line, for grep."""

_LISTED = 12
"""How many items of a list are shown to people."""

_WHOLE = ("kind", "modified", "stored by", "plugin", "state", "package", "version")
"""Columns whose cells are short, and stay on one line."""


def console(*, stderr: bool = False) -> Console:
    """Return a console for the stream as it is now."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = PIPED_WIDTH
    return made


def warn(message: str) -> None:
    """Print a warning on stderr."""
    _line("Warning: ", message, "yellow")


def note(message: str) -> None:
    """Print on stderr what may be good to know."""
    _line("Note: ", message, "dim")


def report_error(error: BaseException, *, as_json: bool) -> None:
    """Print an error as one line on stderr, and as a document on stdout where that is JSON."""
    from ...errors import OmegaError

    name = type(error).__name__
    # The message of an OmegaError is written for people; another one may be a bare fragment.
    message = str(error) if isinstance(error, OmegaError) else f"{name}: {error}"
    if as_json:
        print(json.dumps({"error": {"type": name, "message": message}}, indent=2))
    _line("Error: ", message, "bold red")


def _line(label: str, message: str, style: str) -> None:
    from rich.text import Text

    line = Text(label, style=style)
    line.append(printable(" ".join(message.split("\n"))), style=style.removeprefix("bold "))
    console(stderr=True).print(line, soft_wrap=True)


def verbatim(value: object, style: str = "") -> Text:
    """Return a text that shows as it is: brackets are no markup, and controls have no effect."""
    from rich.text import Text

    return Text(printable(str(value)), style=style)


def lines(texts: Iterable[str]) -> Text:
    """Return texts that show as they are, one below the other."""
    from rich.text import Text

    return Text("\n").join(map(verbatim, texts))


def printable(text: str) -> str:
    """Return ``text`` with whatever would move the cursor, or hide or reorder text, escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def table(
    columns: Sequence[str],
    rows: Iterable[Iterable[object]],
    *,
    right: Collection[str] = (),
    title: str | None = None,
) -> Table:
    """Return a table; its texts are shown as they are, and ``right`` names columns of numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(
        box=box.SIMPLE_HEAD,
        title=None if title is None else verbatim(title, "bold"),
        title_justify="left",
        header_style="bold cyan",
        pad_edge=False,
    )
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        whole = column in right or column in _WHOLE
        made.add_column(column, justify=justify, overflow="fold", no_wrap=whole)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else verbatim(cell) for cell in row))
    return made


def sheet(facts: Mapping[str, object], title: str | None = None) -> Table:
    """Return a table of facts, one a line: its name, and its value. Empty values are left out."""
    from rich.table import Table
    from rich.text import Text

    made = Table(
        box=None,
        show_header=False,
        pad_edge=False,
        title=None if title is None else verbatim(title, "bold"),
        title_justify="left",
        padding=(0, 2, 0, 0),
    )
    made.add_column(style="cyan", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, "", [], {}, ()):
            made.add_row(name, value if isinstance(value, Text) else _value(value))
    return made


def _value(value: object) -> Text:
    return lines(_outline(plain(value))) if isinstance(value, Mapping | list) else verbatim(value)


def _outline(value: Any) -> Iterator[str]:
    """Return the lines for a nested value, the inner ones indented."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            lines = list(_outline(item))
            if isinstance(item, Mapping) or len(lines) != 1:
                yield f"{key}:"
                yield from (f"  {line}" for line in lines)
            else:
                yield f"{key}: {lines[0]}"
    elif isinstance(value, list):
        if any(isinstance(item, Mapping | list) for item in value):
            for item in value:
                yield from _outline(item)
        else:
            more = f", ... ({len(value)})" if len(value) > _LISTED else ""
            yield ", ".join(map(str, value[:_LISTED])) + more
    else:
        yield str(value)


def size(count: int | None) -> str:
    """Return a number of bytes for people; ``?`` where it is not known."""
    if count is None:
        return "?"
    from rich.filesize import decimal

    return decimal(count)


def local_time(time: datetime | None) -> str:
    """Return a time for people, on their clock."""
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def plain(value: Any) -> Any:
    """Return a value of MongoDB, or of ours, as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def survive_any_name() -> None:
    """Let a terminal that lacks a character show its escape, rather than end the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
