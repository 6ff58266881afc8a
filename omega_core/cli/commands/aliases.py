"""``omega datasets|models|jobs alias``: names of one's own for versions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import local_time, table, verbatim
from ..terminal.progress import waiting
from ..terminal.values import version_of
from .naming import Name, store_of

AliasName = Annotated[
    str, typer.Argument(metavar="ALIAS", help="A word: letters, digits, '_' and '-'.")
]


def alias(
    ctx: typer.Context,
    name: Name,
    alias: AliasName,
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="VERSION", help="A version, or another alias; by default the current version."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Name a version by a word. It stays as long as it has one, whatever is put. Loads no plugin.

    An alias that there is already moves to the version.
    """
    options = global_options(ctx)
    with options.omega() as om:
        store = store_of(ctx, om)
        with waiting("naming"):
            meta = store.alias(name, alias, version_of(version))
    named = f"{alias} is version {meta.version} of {meta.prefix}{meta.name}"
    record = {"name": name, "alias": alias, "version": meta.version, "aliases": meta.aliases}
    options.show(record, lambda: [verbatim(f"✓ {named}", "green")])


def aliases(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """List the aliases of an object, and what each named before. Loads no plugin."""
    options = global_options(ctx)
    with options.omega() as om:
        store = store_of(ctx, om)
        with waiting("looking"):
            known = store.aliases(name)

    def told(place: Any) -> dict[str, Any]:
        return {"version": place.version, "at": place.at, "by": place.by}

    records = [
        {"alias": word, **told(place), "before": [told(move) for move in place.before]}
        for word, place in known.items()
    ]

    def view() -> list[Any]:
        if not records:
            return [verbatim(f"{store.prefix}{name} has no aliases.", "dim")]
        rows = (
            (
                verbatim(record["alias"], "bold"),
                record["version"],
                local_time(record["at"]),
                verbatim(record["by"]),
                ", ".join(str(move["version"]) for move in record["before"]),
            )
            for record in records
        )
        columns = ("alias", "version", "since", "by", "before")
        return [table(columns, rows, right=("version",), title=f"aliases of {store.prefix}{name}")]

    options.show(records, view)


def unalias(ctx: typer.Context, name: Name, alias: AliasName, as_json: Json = False) -> None:
    """Take a word from the version that it names. Loads no plugin."""
    options = global_options(ctx)
    with options.omega() as om:
        store = store_of(ctx, om)
        with waiting("naming"):
            store.unalias(name, alias)
    said = verbatim(f"✓ {alias} names no version of {store.prefix}{name} any more", "green")
    options.show({"name": name, "removed": alias}, lambda: [said])
