"""``omega scheduler``: submits the jobs whose time has come."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import GlobalOptions, Json, global_options
from ..terminal.output import console, verbatim
from ..terminal.progress import waiting
from ..terminal.signals import Stopping

if TYPE_CHECKING:
    from rich.text import Text

    from ...scheduling.scheduler import Handled, Scheduler
    from ..inspection.health import Finding

_GLANCE = 0.2
"""Seconds between two looks at what this process executes."""

_STYLES = {"submitted": "green", "skipped": "yellow", "deferred": "yellow"}


def scheduler(
    ctx: typer.Context,
    once: Annotated[
        bool,
        typer.Option("--once", help="Submit what is due, wait for what runs here, and end."),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Say what keeps a schedule from running, and submit nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Submit jobs when their time has come, until Ctrl-C or SIGTERM.

    Any number may run, anywhere: each slot is submitted once. All buckets, or with --bucket that
    one. With the local engine, jobs run in this process; when told to stop, it waits for them, and
    told twice, it cancels them. With --once, 1 if something could not be submitted.
    """
    options = global_options(ctx)
    if check:
        _check(options)
        return
    from ...scheduling.scheduler import Scheduler

    handled: list[Handled] = []

    def tell(one: Handled) -> None:
        if once:  # else it is without an end
            handled.append(one)
        if not options.as_json:
            console().print(_line(one))
            sys.stdout.flush()

    with options.omega(plugins=True) as om, Stopping() as stop:
        made = Scheduler(om, options.bucket)
        if once:
            made.serve(lambda seconds: seconds > 0 or stop.heard > 0, tell)
        else:
            made.serve(stop.pause, tell)
        _finish(made, stop, signals=0 if once else 1)
    well = all(one.what in ("submitted", "skipped") for one in handled)
    told: dict[str, Any] = {"handled": [asdict(one) for one in handled]} if once else {}
    options.show({**told, "stopped": True}, lambda: [], well=well)


def _finish(made: Scheduler, stop: Stopping, signals: int) -> None:
    """Wait for what this process executes; cancel it where more signals come than these."""
    while under_way := made.under_way:
        if stop.heard > signals:
            for result in under_way:
                result.cancel()
            return
        time.sleep(_GLANCE)


def _line(one: Handled) -> Text:
    more = f": {one.message}" if one.message else ""
    where = f"{one.job!r} in bucket {one.bucket!r}"
    told = f"{one.slot:%Y-%m-%d %H:%M:%SZ} {one.what} {where}, task {one.id}{more}"
    return verbatim(told, _STYLES.get(one.what, "red"))


def _check(options: GlobalOptions) -> None:
    from ..inspection.schedules import amiss

    with waiting("checking"):
        found = list(amiss(options.examined_config, options.bucket))
    document = {"ready": not found, "amiss": [asdict(finding) for finding in found]}
    options.show(document, lambda: _view(found), well=not found)


def _view(found: Sequence[Finding]) -> list[Any]:
    if not found:
        return [verbatim("ready", "bold green")]
    return [verbatim(f"✗ {f.check}: {f.message} {f.remedy}".rstrip(), "red") for f in found]
