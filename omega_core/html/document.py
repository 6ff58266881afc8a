"""A page of its own: one file, with its style, and no script; nothing is fetched for it."""

from __future__ import annotations

from collections.abc import Iterable

from .markup import Markup, element
from .style import SCOPED, WHOLE_PAGE

# Whatever a value may turn into, nothing runs, and nothing is asked for.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def document(title: str, sections: Iterable[tuple[str, Markup]], *, below: str) -> str:
    """Return a page.

    Parameters
    ----------
    title
        Its heading.
    sections
        What is shown, each under a heading; an empty one has none.
    below
        A line at the end.
    """
    parts: list[Markup] = [element("h1", title)]
    for heading, body in sections:
        if heading:
            parts.append(element("h2", heading))
        parts.append(body)
    parts.append(element("p", below, class_="note"))
    head = Markup(
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
    )
    whole = element(
        "html",
        element(
            "head", head, element("title", title), element("style", Markup(SCOPED + WHOLE_PAGE))
        ),
        element("body", element("div", *parts, class_="omega-core page")),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{whole}\n"
