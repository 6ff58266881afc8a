"""One object as a page of its own: what it is, some of it, its versions, and its lineage."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from .backends.store import Store
from .errors import OmegaError
from .html.document import document
from .html.histogram import frequencies, histogram
from .html.markup import Markup, element, facts, grid, joined
from .lineage.history import History
from .operations import Operations
from .preview import Preview
from .protocol.lineage import LINEAGE
from .protocol.listed import Listed
from .protocol.metadata import Metadata
from .summary import ColumnSummary, Summary, flat
from .text import brief, counted, shown

_BINS = 20
_VALUES = 6
_CHARTS = 24


class Pages:
    """Makes pages of the objects of one store."""

    def __init__(self, store: Store, operations: Operations, history: History) -> None:
        self._store = store
        self._operations = operations
        self._history = history

    def page(self, name: str, *, version: int | str | None = None) -> str:
        """Return one version of an object as HTML: one file, without scripts, that fetches nothing.

        It asks for the summary, for some rows where the kind can give them (a few windows of a
        frame, not all of it), for the versions and for the lineage. Rows that cannot be read, say
        for want of a library, are left out, and the page says why.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        """
        summary = self._store.describe(name, version=version)
        meta = self._store.metadata(name, version=summary.version)
        if meta is None:
            raise self._store.not_found(name, version)
        return document(summary.title, self._sections(summary, meta), below=_below(meta))

    def _sections(self, summary: Summary, meta: Metadata) -> Iterator[tuple[str, Markup]]:
        yield "", joined(summary.sections())
        try:
            preview = self._preview(summary, meta)
        except (OmegaError, OSError, ImportError) as exc:
            yield "Some rows", element("p", f"{type(exc).__name__}: {exc}", class_="note")
            preview = None
        if preview is not None and preview.columns and preview.rows:
            yield "Some rows", _sample(preview)
            charts = [*_charts(preview, summary)] if preview.charts else []
            if charts:
                told = f"of {counted(len(preview.rows), 'row')}"
                few = preview.rows if summary.rows is None else range(summary.rows)
                part = " from several places" if len(preview.rows) < len(few) else ""
                note = element("p", f"{told}{part}", class_="note")
                yield "Distributions", joined([note, element("div", *charts, class_="charts")])
        attributes = {
            path: shown(value, 300)
            for path, value in flat(meta.attributes)
            if path and path.partition(".")[0] != LINEAGE
        }
        if attributes:
            yield "Attributes", facts(attributes)
        yield "Versions", Listed(self._store.versions(meta.name)).to_grid()
        if meta.lineage is not None:
            lineage = self._history.lineage(meta.name, version=meta.version)
            yield "Lineage", element("div", lineage.to_svg(), class_="scroll")
        uses = self._history.used_by(meta.name)[:_MOST_USES]
        if uses:
            rows = [(u.store, u.name, u.version, u.action, ", ".join(u.roles)) for u in uses]
            yield "Used by", grid(("store", "name", "version", "action", "as"), rows, right=(2,))

    def _preview(self, summary: Summary, meta: Metadata) -> Preview | None:
        read = partial(self._store.get, meta.name, version=meta.version)
        return self._operations.backend_of(meta).preview(summary, read)


_MOST_USES = 50


def _below(meta: Metadata) -> str:
    writer = meta.plugin or {}
    by = f"{writer.get('name', '?')} {writer.get('version', '')}".strip()
    at = "" if meta.modified is None else f", {meta.modified:%Y-%m-%d %H:%M:%S} UTC"
    return f"bucket {meta.bucket!r}, revision {meta.rev}, stored by {by}{at}"


def _sample(preview: Preview) -> Markup:
    numeric = [
        place
        for place in range(len(preview.columns))
        if all(_number(row[place]) is not None or row[place] is None for row in preview.rows[:10])
    ]
    head = [column if isinstance(column, str) else repr(column) for column in preview.columns]
    rows = ([None if v is None else brief(v) for v in row] for row in preview.rows[: preview.head])
    return grid(head, rows, right=numeric)


def _charts(preview: Preview, summary: Summary) -> Iterator[Markup]:
    known = {column.name: column for column in summary.columns}
    for place, label in enumerate(preview.columns[:_CHARTS]):
        values = [row[place] for row in preview.rows if row[place] is not None]
        try:
            chart = _chart(values, known.get(label))
        except (TypeError, ValueError, OverflowError):
            chart = None  # values of several sorts
        if chart is not None:
            called = label if isinstance(label, str) else repr(label)
            yield element("figure", element("figcaption", shown(called)), chart)


def _chart(values: Sequence[Any], known: ColumnSummary | None) -> Markup | None:
    """Return a histogram of numbers and moments, and the most frequent of other values."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    if numbers and len(numbers) == len(values):
        ends = [known.min, known.max] if known is not None else [None, None]
        low = min(values, key=_order) if _number(ends[0]) is None else ends[0]
        high = max(values, key=_order) if _number(ends[1]) is None else ends[1]
        return histogram(_counts(numbers, _order(low), _order(high)), low, high)
    texts = Counter(shown(value) for value in values)
    frequent = texts.most_common(_VALUES)
    if not frequent or (len(texts) > _VALUES and frequent[0][1] == 1):
        return element("p", f"{len(texts):,} different", class_="note") if frequent else None
    rest = len(texts) - len(frequent)
    if rest > 0:
        left = len(values) - sum(count for _, count in frequent)
        frequent.append((f"{rest} others", left))
    return frequencies(frequent)


def _number(value: Any) -> float | None:
    """Return where a value stands on a line: a number, or a moment; None for all else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    moment = getattr(value, "timestamp", None)
    if callable(moment):
        return float(moment())
    day = getattr(value, "toordinal", None)
    return float(day()) if callable(day) else None


def _order(value: Any) -> float:
    number = _number(value)
    return 0.0 if number is None else number


def _counts(numbers: Sequence[float], low: float, high: float) -> list[int]:
    if not low < high:
        return [len(numbers)]
    counts = [0] * _BINS
    for number in numbers:
        place = int((number - low) / (high - low) * _BINS)
        counts[min(max(place, 0), _BINS - 1)] += 1
    return counts
