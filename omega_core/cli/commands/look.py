"""``omega datasets head|sample|schema|describe``: what is in an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import lines, table, verbatim
from ..terminal.progress import waiting
from ..terminal.values import version_of
from .data import Columns, Where, asked_of
from .naming import Name, Version, store_of

if TYPE_CHECKING:
    from ...protocol.metadata import Metadata
    from ...store import OmegaStore

_WIDEST = 60
"""Characters of a value that a cell shows."""

Rows = Annotated[int, typer.Option("--rows", "-n", min=1, metavar="N", help="How many rows.")]


def head(
    ctx: typer.Context,
    name: Name,
    count: Rows = 10,
    columns: Columns = None,
    where: Where = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Show the first rows of an object. Of a table, no more than these are read."""
    from ..inspection.rows import head

    options = global_options(ctx)
    with options.omega(plugins=True) as om, waiting("reading"):
        store = store_of(ctx, om)
        asked = asked_of(columns, where, None)
        rows = head(store, _existing(store, name, version), count, asked, version_of(version))
    options.show(rows, lambda: _table(rows))


def sample(
    ctx: typer.Context,
    name: Name,
    count: Rows = 10,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The same rows for the same number.")
    ] = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Show rows of an object that are chosen at random."""
    from ..inspection.rows import sample

    options = global_options(ctx)
    with options.omega(plugins=True) as om, waiting("reading"):
        store = store_of(ctx, om)
        rows = sample(store, _existing(store, name, version), count, seed, version_of(version))
    options.show(rows, lambda: _table(rows))


def schema(ctx: typer.Context, name: Name, version: Version = None, as_json: Json = False) -> None:
    """Show the columns of an object and their types. Reads no data."""
    options = global_options(ctx)
    with options.omega(plugins=True) as om, waiting("looking"):
        summary = store_of(ctx, om).describe(name, version=version_of(version)).to_dict()
    columns = [{"name": c["name"], "dtype": c["dtype"]} for c in summary["columns"]]

    def view() -> list[Any]:
        if not columns:
            return [verbatim(f"{name} is a {summary['kind']}, which has no columns.", "dim")]
        rows = ((column["name"], column["dtype"]) for column in columns)
        return [table(("column", "dtype"), rows, title=f"{name}: {summary['kind']}")]

    options.show({"kind": summary["kind"], "columns": columns}, view)


def describe(
    ctx: typer.Context, name: Name, version: Version = None, as_json: Json = False
) -> None:
    """Show what an object holds: its columns, what is missing, the smallest and the largest.

    What is known of it without reading it.
    """
    options = global_options(ctx)
    with options.omega(plugins=True) as om, waiting("looking"):
        summary = store_of(ctx, om).describe(name, version=version_of(version))
    options.show(summary.to_dict(), lambda: [lines(repr(summary).splitlines())])


def _existing(store: OmegaStore, name: str, version: str | None) -> Metadata:
    chosen = version_of(version)
    meta = store.metadata(name, version=chosen)
    if meta is None:
        raise store.not_found(name, chosen)
    return meta


def _table(rows: list[dict[str, Any]]) -> list[Any]:
    if not rows:
        return [verbatim("There are no rows.", "dim")]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    numbers = [
        column
        for column in columns
        if all(isinstance(row.get(column), int | float | None) for row in rows)
    ]
    cells = ([_cell(row.get(column)) for column in columns] for row in rows)
    return [table([str(column) for column in columns], cells, right=numbers)]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
