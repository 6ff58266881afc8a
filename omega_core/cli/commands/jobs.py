"""``omega jobs``: what all stores have, and how jobs run, by hand and by themselves."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import local_time, sheet, table, verbatim
from ..terminal.progress import waiting
from .naming import Name

if TYPE_CHECKING:
    from ...scheduling.run import Run
    from ...scheduling.schedule import Schedule

_NOTEBOOK = "notebook.ipynb"
_READ_AS = {".html": "html", ".py": "py"}

Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param", "-p", metavar="NAME=VALUE",
        help="What the job is given: JSON, or else a text. May be repeated.",
    ),
]  # fmt: skip
Engine = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who executes it; by default, engine in section runtime."),
]
Timeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="How long a run may take, at most.")
]

# --- by hand -----------------------------------------------------------------------------------


def run(
    ctx: typer.Context,
    name: Name,
    param: Params = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it is over; the local engine always does.")
    ] = False,
    engine: Engine = None,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Run a job. 1 if it fails, where this waits for it."""
    from ...runtime.remote_result import RemoteResult

    options, params = global_options(ctx), _params(param)
    with options.omega(plugins=True) as om:
        if name not in om.jobs:
            raise om.jobs.not_found(name)
        result = om.runtime.job(name, engine=engine, timeout=timeout).run(params)
        left = None
        if wait or not isinstance(result, RemoteResult):
            left = result.get().name
        facts = {"job": name, "id": result.id, "status": result.status, "result": left}
    later = f"omega jobs history {name}"
    told = {**facts, "how it goes": later} if left is None else facts
    options.show(facts, lambda: [sheet(told)])


def history(
    ctx: typer.Context,
    name: Name,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="How many runs at most.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """List the runs of a job, by its schedule and by hand, the newest first. Loads no plugin."""
    options = global_options(ctx)
    with options.omega() as om, waiting("looking"):
        runs = om.jobs.history(name, limit=limit)

    def view() -> list[Any]:
        if not runs:
            return [verbatim(f"{name} has not run yet, or not for long.", "dim")]
        columns = ("slot", "status", "started", "seconds", "result", "error", "task")
        rows = (_cells(each) for each in runs)
        return [table(columns, rows, right=("seconds",), title=f"runs of {name}")]

    options.show([dataclasses.asdict(each) for each in runs], view)


def _cells(each: Run) -> list[object]:
    good = {"success": "green", "running": "cyan", "pending": "dim", "skipped": "yellow"}
    seconds = "" if each.duration is None else f"{each.duration:.1f}"
    return [
        local_time(each.slot) or "by hand",
        verbatim(each.status, good.get(each.status, "red")),
        local_time(each.started),
        seconds,
        each.result or "",
        each.error or "",
        each.id,
    ]


# --- by themselves -----------------------------------------------------------------------------


def schedule(
    ctx: typer.Context,
    name: Name,
    cron: Annotated[
        str, typer.Option(metavar="CRON", help="Its slots, as '0 6 * * MON-FRI'; quote it.")
    ],
    tz: Annotated[
        str, typer.Option(metavar="ZONE", help="Whose clocks count, as Europe/Rome.")
    ] = "UTC",
    param: Params = None,
    engine: Engine = None,
    timeout: Timeout = None,
    retries: Annotated[
        int | None, typer.Option(metavar="N", help="How often it is tried again.")
    ] = None,
    priority: Annotated[int | None, typer.Option(metavar="N", help="Higher is sooner.")] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which workers may take it.")
    ] = None,
    overlap: Annotated[
        bool,
        typer.Option("--overlap", help="Also while the run before is not over; else it is skipped"),
    ] = False,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many results stay; default: all.")
    ] = None,
    paused: Annotated[
        bool | None,
        typer.Option("--paused/--not-paused", help="By default, as it is; a new one is not."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a job run by itself, where `omega scheduler` runs. Replaces the schedule that it has."""
    options, params = global_options(ctx), _params(param)
    with options.omega() as om:
        made = om.jobs.schedule(
            name, cron=cron, tz=tz, params=params, engine=engine, timeout=timeout,
            retries=retries, priority=priority, queue=queue,
            overlap="allow" if overlap else "skip", keep=keep, paused=paused,
        )  # fmt: skip
    options.show(_facts(made), lambda: [_sheet(made)])


def schedules(ctx: typer.Context, as_json: Json = False) -> None:
    """List the schedules of the bucket. Loads no plugin."""
    options = global_options(ctx)
    with options.omega() as om, waiting("looking"):
        found = om.jobs.schedules()
        now = om.database.now() if found else None

    def view() -> list[Any]:
        if not found:
            return [verbatim(f"No job of bucket {om.bucket!r} has a schedule.", "dim")]
        columns = ("job", "cron", "zone", "next", "last", "")
        rows = []
        for each in found:
            late = each.next is not None and now is not None and each.next < now
            state = "paused" if each.paused else "late" if late else ""
            times = local_time(each.next), local_time(each.last)
            rows.append([each.name, each.cron, each.tz, *times, verbatim(state, "yellow")])
        return [table(columns, rows, title=f"schedules of bucket {om.bucket!r}")]

    options.show([_facts(each) for each in found], view)


def unschedule(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Remove the schedule of a job; the job stays."""
    options = global_options(ctx)
    with options.omega() as om:
        om.jobs.unschedule(name)
    told = f"✓ {name} runs by itself no more"
    options.show({"unscheduled": name}, lambda: [verbatim(told, "green")])


def pause(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a schedule rest until `resume`."""
    options = global_options(ctx)
    with options.omega() as om:
        made = om.jobs.pause(name)
    options.show(_facts(made), lambda: [_sheet(made)])


def resume(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Go on with a schedule, from the next slot on."""
    options = global_options(ctx)
    with options.omega() as om:
        made = om.jobs.resume(name)
    options.show(_facts(made), lambda: [_sheet(made)])


def _facts(made: Schedule) -> dict[str, Any]:
    facts = dataclasses.asdict(made)
    del facts["identity"]
    return facts


def _sheet(made: Schedule) -> Any:
    facts = {
        "slots": f"{made.cron} ({made.tz})",
        "next": local_time(made.next) or "paused",
        "why": made.reason,
        "last": local_time(made.last),
        "given": dict(made.params),
        "engine": made.engine,
        "hints": dict(made.hints),
        "results": made.keep and f"{made.keep} stay",
        "overlapping": made.overlap == "allow" or None,
    }
    return sheet(facts, title=f"schedule of {made.name}")


# --- files -------------------------------------------------------------------------------------


def put(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, help="A notebook, .ipynb or .py.")
    ],
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="By default, that of the file.")
    ] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="How to store it.")] = None,
    as_json: Json = False,
) -> None:
    """Store a job out of a file."""
    wanted = kind or (_NOTEBOOK if file.suffix in (".ipynb", ".py") else None)
    if wanted is None:
        raise typer.BadParameter(f"{file} is neither .ipynb nor .py; say what it is with --kind")
    options = global_options(ctx)
    with options.omega(plugins=True) as om, waiting("storing"):
        meta = om.jobs.put(file, name or file.stem, kind=wanted)
    facts = {"name": meta.name, "kind": meta.kind, "version": meta.version}
    options.show(facts, lambda: [verbatim(f"✓ {meta.name}, version {meta.version}", "green")])


def export(
    ctx: typer.Context,
    name: Name,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="Ends in .html, .ipynb or .py."),
    ],
    version: Annotated[
        int | None, typer.Option(help="A version that `versions` lists, not the current one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a job, or what a run left, to a file, as a page, a notebook or a script."""
    if output.suffix not in (".ipynb", *_READ_AS):
        raise typer.BadParameter(f"-o {output}: a name that ends in .html, .ipynb or .py", ctx)
    asked: dict[str, Any] = {"as_": _READ_AS[output.suffix]} if output.suffix in _READ_AS else {}
    options = global_options(ctx)
    with options.omega(plugins=True) as om, waiting("reading"):
        found = om.jobs.get(name, version=version, **asked)
    text = found if isinstance(found, str) else json.dumps(found, indent=1, ensure_ascii=False)
    _write_whole(output, text.rstrip("\n") + "\n")
    options.show({"name": name, "file": str(output)}, lambda: [verbatim(f"✓ {output}", "green")])


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _params(given: Sequence[str] | None) -> dict[str, Any]:
    """Return parameters as they are given, ``n=3`` and ``city=Rome``."""
    params = {}
    for each in given or ():
        name, equals, text = each.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"-p {each}: expected NAME=VALUE")
        try:
            params[name] = json.loads(text)
        except ValueError:
            params[name] = text
    return params
