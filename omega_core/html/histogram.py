"""Bars as an SVG: how many values fall into each of some ranges, or how often some values come."""

from __future__ import annotations

from collections.abc import Sequence

from ..text import brief, shown
from .markup import Markup, element

_WIDTH, _HEIGHT, _BELOW = 230, 70, 16
_ROW, _LABEL = 16, 90
_LINE = 30


def histogram(counts: Sequence[int], low: object, high: object) -> Markup:
    """Return bars side by side, from the least to the greatest value."""
    most, wide = max([1, *counts]), _WIDTH / max(1, len(counts))
    bars = [
        element(
            "rect",
            element("title", f"{count:,}"),
            x=f"{place * wide:.1f}",
            y=f"{_HEIGHT - count / most * _HEIGHT:.1f}",
            width=f"{wide - 1:.1f}",
            height=f"{count / most * _HEIGHT:.1f}",
            class_="bar",
        )
        for place, count in enumerate(counts)
    ]
    left, right = brief(low, 24), brief(high, 24)
    # What would run into each other stands on two lines.
    further = _BELOW - 2 if len(left) + len(right) > _LINE else 0
    below = _HEIGHT + 13
    ends = [
        element("text", left, x=0, y=below, class_="dim"),
        element("text", right, x=_WIDTH, y=below + further, class_="dim", text_anchor="end"),
    ]
    return _picture(_HEIGHT + _BELOW + further, [*bars, *ends])


def frequencies(values: Sequence[tuple[object, int]]) -> Markup:
    """Return bars one below the other, each with its value."""
    most = max([1, *(count for _, count in values)])
    room = _WIDTH - _LABEL
    drawn = [
        element(
            "g",
            element("title", f"{shown(value)}: {count:,}"),
            element("text", shown(value, 13), x=0, y=place * _ROW + 12, class_="dim"),
            element(
                "rect",
                x=_LABEL,
                y=place * _ROW + 3,
                width=f"{count / most * room:.1f}",
                height=_ROW - 5,
                class_="bar",
            ),
        )
        for place, (value, count) in enumerate(values)
    ]
    return _picture(len(values) * _ROW, drawn)


def _picture(height: int, drawn: Sequence[Markup]) -> Markup:
    return element(
        "svg",
        *drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        width=_WIDTH,
        height=height,
        role="img",
    )
