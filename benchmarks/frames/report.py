"""The tables and the text, as Markdown that also reads well in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from peers import ENTRIES
from results import CaseResults, Samples

_HEADS = {
    "put": "put",
    "get": "get",
    "column": "one column",
    "random": "1 %, random",
    "ordered": "1 %, sorted",
}
_MB = 1 << 20
_NOTHING = "-"


def tables(case: CaseResults) -> list[str]:
    """Return one case: the times, the appends where there were any, and the notes."""
    lines = [
        f"### {case.title}",
        "",
        f"{case.shape[0]:,} x {case.shape[1]:,}, {case.raw / _MB:.1f} MB of values.",
        "",
    ]
    lines += _table(
        ["", *_HEADS.values(), "stored / raw", "peak put", "peak get"],
        ([_title(p), *(_cell(case, p, o) for o in _HEADS), *_sizes(case, p)] for p in case.peers()),
    )
    if any(operation == "appends" for _, operation in case.samples):
        lines += ["", *_appends(case)]
    return [*lines, "", *_notes(case), ""]


def _title(peer: str) -> str:
    return f"**{ENTRIES[peer].title}**" if peer == "omega" else ENTRIES[peer].title


def _cell(case: CaseResults, peer: str, operation: str) -> str:
    samples = case.of(peer, operation)
    if not samples.seconds:
        return _NOTHING
    text = f"{_seconds(samples.min)} / {_seconds(samples.median)}"
    if peer != "omega" and (ours := case.of("omega", operation)).seconds:
        text += f" (x{_ratio(samples.min / ours.min)})"
    return text + (" **WRONG**" if samples.equal is False else "")


def _sizes(case: CaseResults, peer: str) -> list[str]:
    stored = case.of(peer, "stored").bytes
    return [
        f"{stored / case.raw:.2f}" if stored else _NOTHING,
        *(_megabytes(case.of(peer, operation)) for operation in ("peak_put", "peak_get")),
    ]


def _appends(case: CaseResults) -> list[str]:
    def row(peer: str) -> list[str]:
        appends = case.of(peer, "appends")
        return [
            _title(peer),
            _cell(case, peer, "appends"),
            f"{_seconds(appends.first)} → {_seconds(appends.last)}"
            if appends.first is not None and appends.last is not None
            else _NOTHING,
            *(_cell(case, peer, o) for o in ("get_pieces", "put_whole", "get_whole")),
        ]

    heads = ["", "all appends", "one: first → last", "get after", "put at once", "get of that"]
    return _table(heads, (row(p) for p in case.peers() if case.of(p, "appends").seconds))


def _notes(case: CaseResults) -> list[str]:
    notes = [f"{ENTRIES[peer].title}: {why}." for peer, why in case.absent.items()]
    for peer in case.peers():
        for operation in (*_HEADS, "appends", "get_pieces"):
            why = case.of(peer, operation).unable
            if why and why not in ("there is one column", "there is no such column"):
                notes.append(f"{ENTRIES[peer].title}, {operation}: {why}.")
        if case.of(peer, "get").equal is False:
            notes.append(f"{ENTRIES[peer].title} returns other values than were stored.")
        if case.of(peer, "get").same_dtypes is False:
            notes.append(f"{ENTRIES[peer].title} returns the values with other dtypes.")
    return [f"- {note}" for note in notes]


# --- budgets -----------------------------------------------------------------------------------

_Side = tuple[str, str]
_BUDGETS: list[tuple[str, _Side, _Side, Callable[[float], bool], str]] = [
    ("put, to the floor", ("omega", "put"), ("floor", "put"), lambda r: r <= 1.5, "<= 1.5"),
    ("get, to the floor", ("omega", "get"), ("floor", "get"), lambda r: r <= 3, "<= 3"),
    ("put, to the floor of plain Arrow", ("omega", "put"), ("plain", "put"), lambda r: r <= 1.5,
     "<= 1.5"),
    ("get, to the floor of plain Arrow", ("omega", "get"), ("plain", "get"), lambda r: r <= 3,
     "<= 3"),
    ("get, to ArcticDB", ("omega", "get"), ("arcticdb", "get"), lambda r: r <= 2, "<= 2"),
    ("put of omegaml", ("omegaml", "put"), ("omega", "put"), lambda r: r >= 100, ">= 100"),
    ("put of pymongoarrow", ("pymongoarrow", "put"), ("omega", "put"), lambda r: r >= 100,
     ">= 100"),
    ("get of omegaml", ("omegaml", "get"), ("omega", "get"), lambda r: r >= 50, ">= 50"),
    ("get of pymongoarrow", ("pymongoarrow", "get"), ("omega", "get"), lambda r: r >= 50, ">= 50"),
    ("one column, to all", ("omega", "column"), ("omega", "get"), lambda r: r <= 0.25, "<= 0.25"),
    ("filter, random, to all", ("omega", "random"), ("omega", "get"), lambda r: r < 1, "< 1"),
    ("filter, sorted, to all", ("omega", "ordered"), ("omega", "get"), lambda r: r < 1, "< 1"),
    ("get after appends, to one put", ("omega", "get_pieces"), ("omega", "get_whole"),
     lambda r: r <= 2, "<= 2"),
]  # fmt: skip


def _budgets(case: CaseResults) -> list[str]:
    """Return what the design asks for, and what it is here: ratios of the fastest runs."""
    rows = []
    for title, over, under, met, budget in _BUDGETS:
        above, below = case.of(*over), case.of(*under)
        if above.seconds and below.seconds:
            ratio = above.min / below.min
            medians = above.median / below.median
            rows.append(
                [title, _ratio(ratio), _ratio(medians), budget, "yes" if met(ratio) else "**no**"]
            )
    appends = case.of("omega", "appends")
    if appends.first is not None and appends.last is not None:
        ratio = appends.last / appends.first
        rows.append(
            ["last appends, to the first", _NOTHING, _ratio(ratio), "about 1", _yes(ratio < 1.5)]
        )
    if not rows:
        return []
    heads = ["on the mixed frame", "min", "median", "budget", "met"]
    why = "Why some are missed: [where the time goes](performance.md)."
    return ["### Budgets", "", *_table(heads, rows), "", why, ""]


def _yes(met: bool) -> str:
    return "yes" if met else "**no**"


# --- the page ----------------------------------------------------------------------------------


def page(cases: list[CaseResults], facts: list[str], plot: str | None, budgets: bool) -> str:
    """Return all of it."""
    lines = ["# Benchmarks", "", *facts, ""]
    lines += [
        "Each cell: the fastest run / the median, in seconds, and the ratio of the fastest run to "
        "that of omega_core (above 1: slower). The sides take turns, in one run, each in a process "
        "of its own; those that store a document per row run once, and put before the turns begin, "
        "so their ratios are of one run to the fastest of several. What comes back is compared "
        "with what pandas makes of the frame itself; WRONG: the values differ. "
        "The floor inserts and finds the documents that omega_core stored, "
        "and does nothing else; that of plain Arrow does so with the same values as Arrow IPC "
        "streams of zstd, without the encodings that come before. "
        "Stored: bytes on the disk after a checkpoint, to the bytes of the values. "
        "Peak: resident memory of a fresh process, over "
        "what it had before: of a put beside the frame, of a get with the frame that it returns.",
        "",
    ]
    if plot:
        lines += [f"![Seconds of put and get]({plot})", ""]
    for case in cases:
        if budgets and case.name == "mixed":
            lines += _budgets(case)
    for case in cases:
        lines += tables(case)
    return "\n".join(lines)


def versions(cases: list[CaseResults]) -> str:
    """Return the versions of what each peer stands on."""
    known: dict[str, dict[str, str]] = {}
    for case in cases:
        known.update(case.versions)
    return "; ".join(
        f"{ENTRIES[peer].title}: {', '.join(f'{p} {v}' for p, v in found.items())}"
        for peer, found in known.items()
    )


def _table(heads: list[str], rows: Iterable[list[str]]) -> list[str]:
    """Return a Markdown table whose columns are aligned."""
    table = [heads, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(heads))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in table
    ]
    return [lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]]


def _seconds(seconds: float) -> str:
    return f"{seconds:.4f}" if seconds < 0.1 else f"{seconds:.3g}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.2g}"


def _megabytes(samples: Samples) -> str:
    return _NOTHING if samples.bytes is None else f"{samples.bytes / _MB:.0f} MB"
