"""``omega du``, ``omega datasets|models|jobs du``: what takes the room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..inspection.objects import payloads, records_of
from ..terminal.completion import object_names
from ..terminal.options import Json, global_options
from ..terminal.output import size, table, verbatim
from ..terminal.progress import waiting
from .naming import STORES, attribute_of, store_of

if TYPE_CHECKING:
    from ...store import OmegaStore

Rows = list[dict[str, Any]]

_SIZES = ("current", "stored", "raw")


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
    """Show what objects take, the largest first, with all that is kept of them. Loads no plugin.

    Stored are the bytes in the database or at a URI, raw are those of the values as they are read.
    """
    options, attribute = global_options(ctx), attribute_of(ctx)
    with options.omega() as om, waiting("looking"):
        store = store_of(ctx, om)
        columns: tuple[str, ...]
        if name is None:
            rows, what, title = _objects(store), "objects", f"{attribute} of bucket {om.bucket!r}"
            columns = ("name", "versions", "in snapshots", "current", "stored", "raw")
        else:
            rows, what, title = _versions(store, name), "versions", f"versions of {name}"
            columns = ("version", "kept as", "stored", "raw")
    document = {"bucket": om.bucket, "store": attribute, what: rows, **_total(rows)}
    options.show(document, lambda: _view(columns, rows, title))


def usage(ctx: typer.Context, as_json: Json = False) -> None:
    """Show what the buckets take, store by store. Loads no plugin."""
    options = global_options(ctx)
    rows: Rows = []
    with options.omega() as om, waiting("looking"):
        for bucket in om.buckets:
            for attribute in STORES:
                objects = _objects(getattr(om[bucket], attribute))
                if objects:
                    where = {"bucket": bucket, "store": attribute, "objects": len(objects)}
                    rows.append({**where, **_total(objects)})
    columns = ("bucket", "store", "objects", "stored", "raw")
    options.show({"buckets": rows, **_total(rows)}, lambda: _view(columns, rows, "buckets"))


def _objects(store: OmegaStore) -> Rows:
    rows = []
    for name, kept in payloads(store):
        records = records_of(store, [meta for meta, _ in kept])
        held = sum(of == "snapshot" for _, of in kept)
        current = [r["size"] for r, (_, of) in zip(records, kept, strict=True) if of == "current"]
        counts = {"versions": len(records) - held, "in snapshots": held}
        rows.append({"name": name, **counts, "current": _first(current), **_sizes(records)})
    return sorted(rows, key=lambda row: -(row["stored"] or 0))


def _versions(store: OmegaStore, name: str) -> Rows:
    for _, kept in payloads(store, name):
        records = records_of(store, [meta for meta, _ in kept])
        return [
            {"version": r["version"], "kept as": of, "stored": r["size"], "raw": r["raw"]}
            for r, (_, of) in zip(records, kept, strict=True)
        ]
    raise store.not_found(name)


def _first(sizes: list[int | None]) -> int | None:
    return sizes[0] if sizes else None


def _sizes(records: Iterable[dict[str, Any]]) -> dict[str, int | None]:
    return _total([{"stored": record["size"], "raw": record["raw"]} for record in records])


def _total(rows: Rows) -> dict[str, int | None]:
    """Return the sums; of raw bytes none, where those of some are not known."""
    raw = [row["raw"] for row in rows]
    return {
        "stored": sum(row["stored"] or 0 for row in rows),
        "raw": None if None in raw else sum(raw),
    }


def _view(columns: tuple[str, ...], rows: Rows, title: str) -> list[Any]:
    cells = ((size(row[c]) if c in _SIZES else str(row[c]) for c in columns) for row in rows)
    right = [column for column in columns if column not in ("name", "bucket", "store", "kept as")]
    made = table(columns, cells, right=right, title=title)
    total = _total(rows)
    said = f"{size(total['stored'])} stored, {size(total['raw'])} raw"
    return [made, verbatim(said, "bold")]
