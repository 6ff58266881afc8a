"""A graph without circles as an SVG: boxes from left to right, with arrows between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..text import cut
from .markup import Markup, element

_WIDTH, _HEIGHT = 210, 44
_ACROSS, _DOWN = 110, 18
_LETTERS = 30


@dataclass(frozen=True)
class Edge:
    """An arrow from one box to another, by their keys, with what stands on it."""

    start: str
    end: str
    label: str


def graph(boxes: Mapping[str, tuple[str, str]], edges: Sequence[Edge]) -> Markup:
    """Return a picture.

    Parameters
    ----------
    boxes
        By any key, the title of a box and a line below.
    edges
        That lead from left to right; a box stands right of all that lead to it.
    """
    columns = _columns(boxes, edges)
    places = {
        key: (x * (_WIDTH + _ACROSS) + 1, y * (_HEIGHT + _DOWN) + 1)
        for x, column in enumerate(columns)
        for y, key in enumerate(column)
    }
    width = len(columns) * (_WIDTH + _ACROSS) - _ACROSS + 2
    height = max((len(column) for column in columns), default=1) * (_HEIGHT + _DOWN) - _DOWN + 2
    drawn: list[Markup] = []
    for edge in edges:
        start, end = (_port(places, edges, edge, key) for key in (edge.start, edge.end))
        low = None
        if end[0] - start[0] > _ACROSS:
            # Below all boxes, and not behind one that stands between.
            low = height = height + _DOWN
        drawn.append(_arrow(start, end, low, edge.label))
    drawn += [_box(*places[key], *texts) for key, texts in boxes.items()]
    return element(
        "svg",
        *drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height + 2}",
        width=width,
        height=height + 2,
        role="img",
    )


def _port(
    places: Mapping[str, tuple[int, int]], edges: Sequence[Edge], edge: Edge, key: str
) -> tuple[int, int]:
    """Return where an edge meets a box; of several on one side, each has a place of its own."""
    leaves = key == edge.start
    others = [e for e in edges if (e.start if leaves else e.end) == key]
    x, y = places[key]
    share = (others.index(edge) + 1) / (len(others) + 1)
    return x + (_WIDTH if leaves else 0), y + int(_HEIGHT * share)


def _columns(boxes: Mapping[str, object], edges: Sequence[Edge]) -> list[list[str]]:
    """Return which boxes stand in each column: each right of all from which an edge leads to it."""
    column = dict.fromkeys(boxes, 0)
    for _ in boxes:  # the longest way has fewer steps than there are boxes
        moved = False
        for edge in edges:
            if column[edge.end] <= column[edge.start] < len(boxes):
                column[edge.end], moved = column[edge.start] + 1, True
        if not moved:
            break
    used = sorted({*column.values()})
    return [[key for key in boxes if column[key] == number] for number in used]


def _box(x: int, y: int, title: str, below: str) -> Markup:
    return element(
        "g",
        element("title", f"{title}\n{below}"),
        element("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=5, class_="node"),
        element("text", cut(title, _LETTERS), x=x + 10, y=y + 19),
        element("text", cut(below, _LETTERS + 2), x=x + 10, y=y + 35, class_="dim"),
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], low: int | None, label: str) -> Markup:
    (x1, y1), (x2, y2) = start, end
    if low is None:
        bend = (x1 + x2) // 2
        way = f"M{x1} {y1} C{bend} {y1} {bend} {y2} {x2 - 6} {y2}"
    else:
        half = _ACROSS // 2
        way = (
            f"M{x1} {y1} C{x1 + half} {y1} {x1 + half} {low} {x1 + _ACROSS} {low} "
            f"L{x2 - _ACROSS} {low} C{x2 - half} {low} {x2 - half} {y2} {x2 - 6} {y2}"
        )
    return element(
        "g",
        element("path", d=f"{way} m-5 -4 l6 4 l-6 4", class_="edge"),
        element("text", cut(label, 16), x=x1 + 6, y=y1 - 3, class_="dim"),
    )
