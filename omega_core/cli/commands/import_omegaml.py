"""``omega import-omegaml``: what a database of omega|ml 0.18 holds, put into the stores here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...text import counted
from ..terminal.options import Json, global_options
from ..terminal.output import note, table, verbatim

if TYPE_CHECKING:
    from ...omegaml.report import Report

_Repeated = list[str] | None
_MARKS = {
    "imported": ("✓", "green"),
    "planned": ("→", "cyan"),
    "present": ("=", "dim"),
    "skipped": ("-", "dim"),
    "left out": ("✗", "yellow"),
    "failed": ("✗", "red"),
}


def import_omegaml(
    ctx: typer.Context,
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="mongodb://user:password@host/database, as OMEGA_MONGO_URL of omega|ml has it; "
            "- reads it from stdin, so that no list of processes shows it.",
        ),
    ],
    buckets: Annotated[
        _Repeated,
        typer.Option(
            "--bucket",
            metavar="THEIRS[=OURS]",
            help="This bucket of omega|ml alone, and where it goes; may be repeated.",
        ),
    ] = None,
    only: Annotated[
        _Repeated,
        typer.Option(metavar="GLOB", help="Objects of these names alone; may be repeated."),
    ] = None,
    kind: Annotated[
        _Repeated,
        typer.Option(metavar="GLOB", help="Of these kinds of omega|ml alone; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be imported, and import nothing.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave alone what has the same name here.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it on top of that, which becomes a version.")
    ] = False,
    attributes: Annotated[bool, typer.Option(help="Take the users' attributes along.")] = True,
    as_json: Json = False,
) -> None:
    """Import what a database of omega|ml 0.18 holds, which is only read.

    The next run goes on where one was killed, and imports nothing twice.
    """
    options = global_options(ctx)
    if skip_existing and replace:
        raise typer.BadParameter("--skip-existing and --replace exclude each other")
    if url == "-":
        url = sys.stdin.readline().strip()
    pairs = [text.partition("=") for text in buckets or ()]
    with options.omega(plugins=True) as om:
        from ...omegaml import import_database

        report = import_database(
            om,
            url,
            buckets={theirs: ours or None for theirs, _, ours in pairs} or None,
            only=only,
            kind=kind,
            dry_run=dry_run,
            skip_existing=skip_existing,
            replace=replace,
            attributes=attributes,
        )
    if report.hidden:
        note(
            f"{counted(report.hidden, 'hidden object')} passed over: --only '.*' takes those whose "
            "names begin with a dot."
        )
    options.show(report.to_dict(), lambda: _view(report), well=report.complete)


def _view(report: Report) -> list[Any]:
    columns = ("", "object", "kind there", "kind", "versions", "rows", "bytes")
    rows = []
    for found in report.objects:
        mark, style = _MARKS[found.status]
        place = f"{found.bucket}: {found.store}/{found.name}"
        counts = (found.versions or "", _number(found.rows), _number(found.bytes))
        rows.append((verbatim(mark, style), place, found.from_kind, found.kind or "", *counts))
    shown: list[Any] = [table(columns, rows, right=("versions", "rows", "bytes"))]
    for found in report.objects:
        texts = [*found.changed, *([found.reason] if found.reason else [])]
        style = "" if found.is_here else _MARKS[found.status][1]
        shown += [verbatim(f"{found.store}/{found.name}: {text}", style) for text in texts]
    counted = ", ".join(f"{n} {status}" for status in _MARKS if (n := report.count(status)))  # type: ignore[arg-type]
    whole = "✓" if report.complete else "✗"
    return [*shown, verbatim(f"{whole} {counted or 'nothing to import'}", "bold")]


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
