"""``omega snapshot``: a bucket at one moment, under a name."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import Json, Yes, global_options, group
from ..terminal.output import local_time, sheet, table, verbatim
from ..terminal.progress import waiting

if TYPE_CHECKING:
    from ...protocol.snapshots import Snapshot
    from ...selection import Selecting

Name = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="The name of the snapshot.")]
Chosen = list[str] | None

app = group("Snapshots: one version of each object of a bucket, as all were at one moment.")


def _choice(store: str) -> Any:
    return typer.Option(
        f"--{store}",
        metavar="PATTERN",
        help=f"Only these {store}: a name or a shell glob; may be repeated.",
    )


@app.command()
def create(
    ctx: typer.Context,
    name: Name,
    datasets: Annotated[Chosen, _choice("datasets")] = None,
    models: Annotated[Chosen, _choice("models")] = None,
    jobs: Annotated[Chosen, _choice("jobs")] = None,
    without: Annotated[
        Chosen,
        typer.Option(metavar="STORE", help="None of this store: datasets, models or jobs."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="A text to keep with it.")] = None,
    as_json: Json = False,
) -> None:
    """Take a snapshot of the bucket. No data is copied, and nobody has to wait.

    By default of all objects that are not hidden. Loads no plugin.
    """
    options = global_options(ctx)
    given = {"datasets": datasets, "models": models, "jobs": jobs}
    chosen: dict[str, Selecting] = {store: names or None for store, names in given.items()}
    for store in without or []:
        if store not in chosen or chosen[store] is not None:
            raise typer.BadParameter(f"--without {store}: give datasets, models or jobs, once")
        chosen[store] = False
    with options.omega() as om, waiting("taking a snapshot"):
        taken = om.snapshot(name, note=note, **chosen)
    options.show(_record(taken), lambda: [verbatim(f"✓ {name}: {_counts(taken)}", "green")])


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the snapshots of the bucket, the oldest first. Loads no plugin."""
    options = global_options(ctx)
    with options.omega() as om, waiting("looking"):
        found = om.snapshots()

    def view() -> list[Any]:
        if not found:
            return [verbatim(f"There are no snapshots of bucket {om.bucket!r}.", "dim")]
        rows = (
            (
                verbatim(one.name, "bold"),
                local_time(one.at),
                verbatim(one.by),
                _counts(one),
                verbatim(one.note or ""),
            )
            for one in found
        )
        title = f"snapshots of bucket {om.bucket!r}"
        return [table(("name", "taken", "by", "objects", "note"), rows, title=title)]

    options.show([_record(one) for one in found], view)


@app.command()
def show(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show what a snapshot has: each object, and the version of it. Loads no plugin."""
    options = global_options(ctx)
    with options.omega() as om, waiting("looking"):
        view_of = om.at(name)
        stores = {"datasets": view_of.datasets, "models": view_of.models, "jobs": view_of.jobs}
        records = [
            {
                "store": section,
                "name": meta.name,
                "kind": meta.kind,
                "version": meta.version,
                "rev": meta.rev,
                "modified": meta.modified,
                "damage": meta.damage,
            }
            for section, store in stores.items()
            for meta in store.list(raw=True)
        ]
    taken = view_of.snapshot

    def view() -> list[Any]:
        facts = {"taken": local_time(taken.at), "by": taken.by, "note": taken.note or ""}
        rows = (
            (
                record["store"],
                verbatim(record["name"], "bold"),
                record["kind"] or "?",
                record["version"],
                local_time(record["modified"]),
            )
            for record in records
        )
        columns = ("store", "name", "kind", "version", "modified")
        title = f"snapshot {name} of bucket {om.bucket!r}"
        return [sheet(facts, title=title), table(columns, rows, right=("version",))]

    options.show({**_record(taken), "contents": records}, view)


@app.command()
def drop(ctx: typer.Context, name: Name, yes: Yes = False, as_json: Json = False) -> None:
    """Drop a snapshot, after a confirmation; `omega gc` frees what nothing else keeps.

    Without a terminal to ask at, --yes is needed. Loads no plugin.
    """
    options = global_options(ctx)
    with options.omega() as om:
        taken = om.at(name).snapshot
        what = f"the snapshot {name!r} of bucket {om.bucket!r}, with {_counts(taken)}"
        if not yes and not sys.stdin.isatty():
            raise typer.BadParameter(f"to drop {what} without being asked, add --yes")
        if not yes:
            typer.confirm(f"Drop {what}?", abort=True, err=True)
        with waiting("dropping"):
            om.drop_snapshot(name)
    options.show({"dropped": name}, lambda: [verbatim(f"✓ dropped {name}", "green")])


def _record(taken: Snapshot) -> dict[str, Any]:
    return dataclasses.asdict(taken)


def _counts(taken: Snapshot) -> str:
    """Return how many objects a snapshot has, for people."""
    counts = [f"{count} {store}" for store, count in taken.objects.items() if count]
    return ", ".join(counts) or "no objects"
