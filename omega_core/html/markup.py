"""HTML in which whatever is no markup is escaped, by type: a `str` is text, `Markup` is markup."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from ..text import printable, shown
from .style import SCOPED


class Markup(str):
    """Text that is HTML already. Only this module, and its neighbours, make it of literals."""

    __slots__ = ()


def escaped(value: object) -> Markup:
    """Return a value as HTML: text is escaped, also for attributes, and `Markup` left alone."""
    if isinstance(value, Markup):
        return value
    # What reorders or hides text on the way to the reader is shown, as on a terminal.
    text = "".join(c if c == "\n" else printable(c) for c in str(value))
    return Markup(html.escape(text, quote=True))


def joined(parts: Iterable[object]) -> Markup:
    """Return values, one after the other."""
    return Markup("".join(map(escaped, parts)))


def element(tag: str, *parts: object, **attributes: object) -> Markup:
    """Return an element; ``class_`` is its class, and underscores are dashes.

    ``tag`` and the names of attributes are ours, the values anybody's.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{given}>{joined(parts)}</{tag}>")


def facts(told: Mapping[str, object]) -> Markup:
    """Return names with their values, as a list of definitions."""
    pairs = ((element("dt", name), element("dd", value)) for name, value in told.items())
    return element("dl", *(part for pair in pairs for part in pair))


def grid(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[int] = (),
    note: str = "",
) -> Markup:
    """Return a table.

    Parameters
    ----------
    rows
        Values; None is an empty cell.
    right
        Which columns are flush right.
    note
        A line below.
    """
    flush = {*right}

    def line(tag: str, cells: Sequence[object]) -> Markup:
        return element(
            "tr",
            *(
                element(tag, _cell(cell), class_="n" if place in flush else None)
                for place, cell in enumerate(cells)
            ),
        )

    body = element("tbody", *(line("td", row) for row in rows))
    made = element("table", element("thead", line("th", head)), body)
    below = element("p", note, class_="note") if note else Markup("")
    return element("div", made, below, class_="scroll")


def _cell(value: object) -> Markup:
    if value is None:
        return Markup("")
    return value if isinstance(value, Markup) else escaped(shown(value, 200))


def framed(title: str, *parts: object) -> Markup:
    """Return a piece of HTML that looks the same in any notebook, light or dark.

    It brings its style along, which touches nothing outside of it, and no script.
    """
    heading = element("div", title, class_="title")
    return element("div", element("style", Markup(SCOPED)), heading, *parts, class_="omega-core")
