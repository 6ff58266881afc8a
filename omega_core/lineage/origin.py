"""Where one version of an object comes from: its record, and those of what it was made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..html.graph import Edge, graph
from ..html.markup import Markup, framed
from ..protocol.lineage import Record


@dataclass(frozen=True)
class Origin:
    """One version of an object, and what it was made of.

    Attributes
    ----------
    role
        What it was to the one that it was made into: ``"X"``, ``"Y"``, ``"model"``, ``"other"``;
        empty for the one that was asked about.
    store
        ``"models"``, ``"datasets"`` or ``"jobs"``.
    name, version
        None for a value that was passed in the place of a name.
    rows, columns
        What the record of the other says of it, where it is data.
    record
        How it was made; None where it was put as it is.
    note
        Why there is no more to say, where there would be.
    sources
        What it was made of.
    """

    role: str
    store: str
    name: str | None
    version: int | None
    rows: int | None = None
    columns: int | None = None
    record: Record | None = None
    note: str = ""
    sources: tuple[Origin, ...] = ()

    @property
    def called(self) -> str:
        """What it is called, for people."""
        if self.name is None:
            return f"a value that was passed as {self.role}"
        version = "" if self.version is None else f", version {self.version}"
        return f"{self.store} {self.name!r}{version}"

    @property
    def size(self) -> str:
        """How large it is, for people; empty where nobody knows."""
        counted = ((self.rows, "row"), (self.columns, "column"))
        return ", ".join(f"{n:,} {what}{'s' * (n != 1)}" for n, what in counted if n is not None)

    @property
    def made(self) -> str:
        """How it was made, for people; empty where it was put as it is."""
        if self.record is None:
            return ""
        told = [str(self.record["action"])]
        started, duration = self.record.get("started"), self.record.get("duration")
        if started is not None:
            told.append(f"on {started:%Y-%m-%d %H:%M} UTC")
        if duration is not None:
            told.append(f"in {duration:.3g} s")
        if self.record.get("task"):
            told.append(f"by task {self.record['task']}")
        return " ".join(told)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as dicts and lists; what is not known is left out."""
        fields = ("role", "store", "name", "version", "rows", "columns", "note", "record")
        told = {field: getattr(self, field) for field in fields}
        told = {k: v for k, v in told.items() if v not in (None, "")}
        return {**told, "sources": [source.to_dict() for source in self.sources]}


class Lineage:
    """Where one version of a model, or of a result, comes from.

    ``str`` of it is for people; `to_json` for programs; `to_mermaid` for pictures.

    Attributes
    ----------
    origin : Origin
        The version that was asked about.
    """

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def __str__(self) -> str:
        return "\n".join(_lines(self.origin, "", ""))

    def __repr__(self) -> str:
        return f"<Lineage of {self.origin.called}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        """Return it as a picture, for notebooks; asks nobody."""
        return framed(f"where {self.origin.called} comes from", self.to_svg())

    def to_svg(self) -> Markup:
        """Return it as a picture: an SVG element, whose texts are escaped."""
        boxes: dict[str, tuple[str, str]] = {}
        edges = list(dict.fromkeys(_edges(self.origin, boxes)))
        return graph(boxes, edges)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return it as JSON: an object with its ``record``, and its ``sources``, in turn."""
        return json.dumps(self.origin.to_dict(), indent=indent, default=_as_json)

    def to_mermaid(self) -> str:
        """Return the source of a Mermaid flowchart, from what there was to what was made of it."""
        nodes: dict[tuple[str, str | None, int | None, int], str] = {}
        lines = ["flowchart LR", *_drawn(self.origin, nodes)[1]]
        return "\n".join(dict.fromkeys(lines))


def _edges(origin: Origin, boxes: dict[str, tuple[str, str]]) -> Iterator[Edge]:
    """Yield the arrows that lead to an origin, and note what is drawn at their ends."""
    key = _key(origin)
    below = origin.made or origin.note or origin.size
    if key not in boxes or origin.sources:
        boxes[key] = origin.called, below
    for source in origin.sources:
        yield from _edges(source, boxes)
        action = "" if origin.record is None else f" of {origin.record['action']}"
        yield Edge(_key(source), key, f"{source.role}{action}")


def _key(origin: Origin) -> str:
    # A value is like no other.
    number = id(origin) if origin.name is None else origin.version
    return f"{origin.store} {number} {origin.name}"


def _lines(origin: Origin, first: str, rest: str) -> Iterator[str]:
    role = f"{origin.role}: " if origin.role and origin.name is not None else ""
    details = "; ".join(filter(None, (origin.size, origin.made, origin.note)))
    yield f"{first}{role}{origin.called}{f' ({details})' if details else ''}"
    for number, source in enumerate(origin.sources, start=1):
        last = number == len(origin.sources)
        branch, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _lines(source, rest + branch, rest + below)


def _drawn(
    origin: Origin, nodes: dict[tuple[str, str | None, int | None, int], str]
) -> tuple[str, list[str]]:
    """Return the node of an origin, and the lines that draw it with its sources."""
    # A value is like no other.
    key = (origin.store, origin.name, origin.version, id(origin) if origin.name is None else 0)
    node = nodes.setdefault(key, f"n{len(nodes)}")
    opening, closing = ("[(", ")]") if origin.store == "datasets" else ("([", "])")
    lines = [f'  {node}{opening}"{_escaped(origin.called)}"{closing}']
    for source in origin.sources:
        other, drawn = _drawn(source, nodes)
        action = "" if origin.record is None else f" of {origin.record['action']}"
        lines += [*drawn, f'  {other} -- "{_escaped(source.role + action)}" --> {node}']
    return node, lines


def _escaped(text: str) -> str:
    """Return text as Mermaid takes it between quotes, whatever is in it."""
    plain = (c if c.isalnum() or c in " ,.:_-/'" else f"#{ord(c)};" for c in text)
    return "".join(plain)


def _as_json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
