"""``omega datasets|models|jobs du``: what takes the room."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..inspection.objects import records_of
from ..terminal.completion import object_names
from ..terminal.options import Json, global_options
from ..terminal.output import size, table, verbatim
from ..terminal.progress import waiting
from .naming import attribute_of, store_of

_SIZES = ("current", "stored")


def du(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="An object: each of its versions is shown.",
            autocompletion=object_names,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what objects take, the largest first; all versions that stay count. Loads no plugin."""
    options, attribute = global_options(ctx), attribute_of(ctx)
    with options.omega() as om, waiting("looking"):
        store = store_of(ctx, om)
        if name is not None:
            kept = records_of(store, store.versions(name))
            rows = [
                {"version": r["version"], "current": r["current"], "stored": r["size"]}
                for r in kept
            ]
        else:
            rows = []
            for one in store.list(hidden=True):
                sizes = records_of(store, store.versions(one))
                rows.append(
                    {
                        "name": one,
                        "versions": len(sizes),
                        "current": next((r["size"] for r in sizes if r["current"]), None),
                        "stored": _sum(r["size"] for r in sizes),
                    }
                )
            rows.sort(key=lambda row: -(row["stored"] or 0))
    total = _sum(row["stored"] for row in rows)
    what = "versions" if name is not None else "objects"
    document = {"bucket": om.bucket, "store": attribute, what: rows, "stored": total}

    def view() -> list[Any]:
        columns: tuple[str, ...]
        if name is None:
            columns = ("name", "versions", "current", "stored")
            title = f"{attribute} of bucket {om.bucket!r}"
        else:
            columns = ("version", "current", "stored")
            title = f"versions of {name}"
        cells = ([_cell(column, row[column]) for column in columns] for row in rows)
        made = table(columns, cells, right=columns[1:], title=title)
        return [made, verbatim(f"{size(total)} in all", "bold")]

    options.show(document, view)


def _cell(column: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return size(value) if column in _SIZES else str(value)


def _sum(sizes: Any) -> int:
    return sum(one or 0 for one in sizes)
