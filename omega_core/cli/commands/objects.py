"""``omega datasets|models|jobs``: the objects of one store."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..inspection.objects import records_of, unreadable
from ..terminal.completion import object_names
from ..terminal.options import Json, Yes, global_options, group
from ..terminal.output import local_time, sheet, size, table, verbatim
from ..terminal.progress import waiting
from ..terminal.values import version_of
from .naming import Name, Version, attribute_of

if TYPE_CHECKING:
    from rich.table import Table

    from ...omega import Omega
    from ...store import OmegaStore

app = group("The objects of one store of a bucket.")


@app.command("list")
def list_(
    ctx: typer.Context,
    pattern: Annotated[
        str | None,
        typer.Argument(metavar="PATTERN", help="A shell glob for the whole name; quote it."),
    ] = None,
    regexp: Annotated[
        str | None, typer.Option(help="A regular expression to be found in the name.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only of this kind; may be repeated.")
    ] = None,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Also names that begin with a dot.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the objects of the bucket. Loads no plugin."""
    import re

    try:
        re.compile(regexp or "")
    except re.error as exc:
        raise typer.BadParameter(f"--regexp: {exc}") from None
    options, attribute = global_options(ctx), attribute_of(ctx)
    with options.omega() as om:
        store: OmegaStore = getattr(om, attribute)
        with waiting("looking"):
            metas = store.list(pattern, regexp=regexp, kind=kind or None, hidden=hidden, raw=True)
            records = records_of(store, metas)
        hint = "" if metas else _elsewhere(om, attribute, bool(pattern or regexp or kind))

    def view() -> list[Any]:
        if not records:
            return [verbatim(hint, "dim")]
        columns = ("name", "kind", "version", "size", "modified", "payload in")
        return [objects_table(columns, records, f"{attribute} of bucket {om.bucket!r}")]

    options.show(records, view)


@app.command()
def info(
    ctx: typer.Context,
    name: Name,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Show what is known of an object: its kind, its payload, who wrote it, who reads it."""
    options = global_options(ctx)
    with options.omega(plugins=True) as om:
        store: OmegaStore = getattr(om, attribute_of(ctx))
        with waiting("looking"):
            chosen = version_of(version)
            meta = store.metadata(name, version=chosen)
            if meta is None:
                raise store.not_found(name, chosen)
            [record] = records_of(store, [meta])
            count = len(store.versions(name))
            problem = unreadable(om, meta)
    record |= {"created": meta.created, "attributes": meta.attributes, "kind_meta": meta.kind_meta}
    record |= {
        "aliases": meta.aliases,
        "versions": count,
        "readable": problem is None,
        "problem": problem,
    }

    def view() -> list[Any]:
        current = "the current one" if meta.is_current else "not the current one"
        facts = {
            "bucket": meta.bucket,
            "kind": meta.kind,
            "version": f"{meta.version} ({current}; {count} kept)",
            "aliases": ", ".join(meta.aliases),
            "revision": meta.rev,
            "size": size(record["size"]),
            "payload in": record["place"],
            "generation": meta.gen,
            "created": local_time(meta.created),
            "modified": local_time(meta.modified),
            "stored by": _writer(meta.plugin),
            "readable": verbatim(problem or "yes", "red" if problem else "green"),
            "attributes": meta.attributes,
            "of the kind": meta.kind_meta,
        }
        return [sheet(facts, title=f"{meta.prefix}{meta.name}")]

    options.show(record, view)


@app.command()
def versions(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """List the versions of an object, the oldest first. Loads no plugin."""
    options, attribute = global_options(ctx), attribute_of(ctx)
    with options.omega() as om:
        store: OmegaStore = getattr(om, attribute)
        with waiting("looking"):
            records = records_of(store, store.versions(name))

    def view() -> list[Any]:
        columns = ("version", "", "kind", "size", "modified", "stored by", "payload in")
        rows = objects_table(columns, records, f"versions of {store.prefix}{name}")
        again = shlex.join(["omega", attribute, "restore", name])
        return [rows, verbatim(f"To make one the current one: {again} VERSION", "dim")]

    options.show(records, view)


@app.command()
def drop(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="The names of the objects, verbatim.",
            autocompletion=object_names,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All in this bucket and store, hidden ones as well.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Drop objects with all their versions, after a confirmation.

    Without a terminal to ask at, --yes is needed. What they occupied is freed by `omega gc`.
    """
    if bool(names) == everything:
        raise typer.BadParameter("name the objects, or give --all", ctx)
    options, attribute = global_options(ctx), attribute_of(ctx)
    # A wrapper of drop may be among the plugins, so they are loaded.
    with options.omega(plugins=True) as om:
        store: OmegaStore = getattr(om, attribute)
        chosen = list(dict.fromkeys(names)) if names else store.list(hidden=True)
        for name in chosen:
            if name not in store:
                raise store.not_found(name)
        if chosen and not yes:
            _confirm(store, attribute, chosen)
        # One that somebody else dropped meanwhile is gone, which is what was asked for.
        dropped = []
        with waiting("dropping", len(chosen)) as advance:
            for name in chosen:
                if store.drop(name, missing_ok=True):
                    dropped.append(name)
                advance()

    def view() -> list[Any]:
        if not dropped:
            return [verbatim(f"There are no {attribute} in bucket {om.bucket!r}.", "dim")]
        return [verbatim(f"✓ dropped {name}", "green") for name in dropped]

    options.show({"dropped": dropped}, view)


def _confirm(store: OmegaStore, attribute: str, names: list[str]) -> None:
    shown = ", ".join(repr(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    what = f"{shown} out of the {attribute} of bucket {store.bucket!r}"
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"to drop {what} without being asked, add --yes")
    typer.confirm(f"Drop {what}, with all versions and aliases?", abort=True, err=True)


_CELLS: dict[str, Callable[[dict[str, Any]], object]] = {
    "name": lambda record: verbatim(record["name"], "bold" if record["current"] else "dim"),
    "version": lambda record: record["version"],
    "": lambda record: verbatim("current" if record["current"] else "", "green"),
    "kind": lambda record: record["kind"] or "?",
    "size": lambda record: size(record["size"]),
    "modified": lambda record: local_time(record["modified"]),
    "stored by": lambda record: _writer(record["plugin"]),
    "payload in": lambda record: record["place"],
}


def objects_table(columns: Sequence[str], records: list[dict[str, Any]], title: str) -> Table:
    """Return a table of objects, or of versions of one; a line where another store begins."""
    rows = ((_CELLS[column](record) for column in columns) for record in records)
    made = table(columns, rows, right=("version", "size"), title=title)
    for row, (record, following) in zip(made.rows, pairwise(records), strict=False):
        row.end_section = record["store"] != following["store"]
    return made


def _writer(plugin: dict[str, str] | None) -> str:
    writer = plugin or {}
    return f"{writer.get('name', '?')} {writer.get('version', '')}".rstrip()


def _elsewhere(om: Omega, attribute: str, filtered: bool) -> str:
    """Return what to say where nothing is listed: perhaps it is in another bucket."""
    such = "such " if filtered else ""
    others = [bucket for bucket in om.buckets if bucket != om.bucket]
    hint = f" Other buckets (--bucket): {', '.join(others)}." if others else ""
    return f"There are no {such}{attribute} in bucket {om.bucket!r}.{hint}"
