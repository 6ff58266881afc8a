"""What does not fit, for people."""

from __future__ import annotations

from typing import Any

MOST_CHECKS = 20
PLACES = {"Index": "the index", "MultiIndex": "the index", "SeriesSchema": "the series"}
OF_COLUMNS = {"column_in_dataframe": "is missing", "column_in_schema": "is not in the schema"}


def in_words(cases: Any, examples: int) -> str:
    """Return a line for each column and check that fails, with how many rows, and the first.

    Parameters
    ----------
    cases
        What pandera calls ``failure_cases``: a frame with a row for each value that fails.
    """
    columns = ["schema_context", "column", "check"]
    groups = cases.groupby(columns, dropna=False, sort=False)
    lines = [_line(group, found, examples) for group, found in groups]
    more = len(lines) - MOST_CHECKS
    shown = lines[:MOST_CHECKS] + ([f"- and {more} checks more"] if more > 0 else [])
    return "\n".join(shown)


def _line(group: tuple[Any, Any, Any], cases: Any, examples: int) -> str:
    context, column, check = group
    values, places = cases["failure_case"].tolist(), cases["index"].tolist()
    if check in OF_COLUMNS:
        return f"- the column {', '.join(map(repr, values))} {OF_COLUMNS[check]}"
    where = PLACES.get(context) or (
        f"column {column!r}" if isinstance(column, str | int) else "the frame"
    )
    if cases["index"].isna().all():
        return f"- {where}, {check}: {_shown(values[0])}"
    first = [
        f"{_shown(value)} at {place!r}"
        for value, place in zip(values[:examples], places[:examples], strict=True)
    ]
    rows = "1 row" if len(values) == 1 else f"{len(values):,} rows"
    such = " such as" if len(values) > examples else ""
    return f"- {where}, {check}: {rows},{such} {', '.join(first)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
