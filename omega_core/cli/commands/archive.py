"""``omega export|import``: objects as one file that others can read, and back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import sheet, verbatim

_Selected = list[str] | None


def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The zip file to write.")],
    datasets: Annotated[
        _Selected, typer.Option(metavar="GLOB", help="These datasets; may be repeated.")
    ] = None,
    models: Annotated[
        _Selected, typer.Option(metavar="GLOB", help="These models; may be repeated.")
    ] = None,
    jobs: Annotated[
        _Selected, typer.Option(metavar="GLOB", help="These jobs; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all-versions", help="All versions that stay.")] = False,
    as_json: Json = False,
) -> None:
    """Write the objects of the bucket to one file: all that are not hidden, or those named."""
    options = global_options(ctx)
    selected: dict[str, Any] = {"datasets": datasets, "models": models, "jobs": jobs}
    if any(selected.values()):
        selected = {store: names or False for store, names in selected.items()}
    else:
        selected = {}
    with options.omega(plugins=True) as om:
        om.export(file, **selected, versions="all" if every else None)
    options.show({"file": file}, lambda: [verbatim(f"✓ {file}", "green")])


def import_(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A zip file that `omega export` wrote.")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Also objects that are there: they get new versions.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Store what `omega export` wrote. Nothing of it is stored if the file is not whole."""
    options = global_options(ctx)
    with options.omega(plugins=True) as om:
        found = om.import_(file, replace=replace)
        records = [
            {
                "name": meta.name,
                "store": meta.prefix.rstrip("/"),
                "kind": meta.kind,
                "version": meta.version,
            }
            for meta in found
        ]

    def view() -> list[Any]:
        facts = {f"{r['store']}/{r['name']}": r["kind"] for r in records}
        return [sheet(facts), verbatim(f"✓ {len(records)} objects", "green")]

    options.show(records, view)
