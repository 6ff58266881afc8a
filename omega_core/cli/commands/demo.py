"""``omega demo``: a few seconds that show what omega_core does, and that it works here."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import GlobalOptions, Json, global_options
from ..terminal.output import console, table, verbatim
from .objects import objects_table

if TYPE_CHECKING:
    from ..walkthrough import Report


def demo(
    ctx: typer.Context,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep what was stored, to look at it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Store real data and models, fit and predict by name, and compare all that comes back.

    On the configured server, by default the embedded one, in a bucket of its own, which is removed
    at the end. The data comes with scikit-learn; no network is needed. 1 if something that has to
    be equal is not.
    """
    options = global_options(ctx)
    report = _run(options, keep)
    document = asdict(report) | {"equal": report.equal}
    options.show(document, lambda: _view(report), well=report.equal)


def _run(options: GlobalOptions, keep: bool) -> Report:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from ..walkthrough import STEPS, own_bucket, perform, require_plugins

    err = console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<52}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with progress:
        bar = progress.add_task("loading the plugins", total=STEPS + 2)

        def announce(step: str) -> None:
            progress.update(bar, description=step, advance=1)

        with options.omega(plugins=True) as om:
            require_plugins(om)
            announce("connecting to the server")
            with own_bucket(om, keep=keep) as bucket:
                report = perform(bucket, announce)
                announce("keeping the bucket" if keep else "removing the bucket")
    report.kept = keep
    return report


def _view(report: Report) -> list[Any]:
    models = (
        (
            verbatim(row["model"], "bold"),
            row["pipeline"],
            f"{row['rows']} rows",
            f"{row['held_out']} rows",
            verbatim(f"{row['metric']} {row['score']:.3f}", "green"),
        )
        for row in report.models
    )
    fitted = "Fitted and asked by name"
    numbers = ("fitted on", "held out", "score")
    columns = ("name", "kind", "version", "size", "stored by", "payload in")
    title = f"Stored in bucket {report.bucket!r} at {report.server}"
    return [
        table(("model", "pipeline", *numbers), models, right=numbers, title=fitted),
        objects_table(columns, report.objects, title),
        *_comparisons(report),
        "",
        *_ending(report),
    ]


def _comparisons(report: Report) -> list[Any]:
    holding = Counter(c.claim for c in report.comparisons if not c.difference)
    lines = []
    for claim, count in holding.items():
        lines.append(verbatim("✓ ", "green").append(f"{count} {claim}", style="default"))
    for comparison in report.comparisons:
        if comparison.difference:
            exception = f"✗ {comparison.subject} is an exception to: {comparison.claim}. "
            lines.append(verbatim(exception + comparison.difference, "red"))
    return lines


def _ending(report: Report) -> list[Any]:
    verdict = "All equal" if report.equal else "Not all is equal"
    style = "bold green" if report.equal else "bold red"
    lines: list[Any] = [verbatim(f"{verdict}, in {report.seconds:.1f} s.", style)]
    if not report.kept:
        return [*lines, verbatim("The bucket is removed.", "dim"), "", *_next()]
    omega = f"omega --bucket {report.bucket}"
    name = report.models[0]["model"]
    return [
        *lines,
        "To look at it:",
        verbatim(f"  {omega} datasets list", "cyan"),
        verbatim(f"  {omega} models info {name}", "cyan"),
        verbatim(f"  {omega} models versions {name}", "cyan"),
        f"In Python: omega_core.Omega(bucket={report.bucket!r}).models.get({name!r})",
        "To remove it:",
        verbatim(f"  {omega} datasets drop --all; {omega} models drop --all", "cyan"),
        verbatim(f"  {omega} gc --grace 0 --yes", "cyan"),
    ]


def _next() -> list[Any]:
    steps = {
        "omega demo --keep": "the same, to look at what it stores",
        "omega datasets put data.csv": "a file of yours, under the name data",
        "omega datasets get data": "and back again",
        "omega --help": "all that there is",
    }
    if (activate := _activate()) is not None:
        steps = {activate: "so that your shell finds omega", **steps}
    # But for a long path, what they do stands below each other.
    width = max(len(step) for step in steps if step != activate)
    lines: list[Any] = ["What to do next:"]
    for command, what in steps.items():
        line = verbatim("  ").append(f"{command:<{width}}", style="cyan")
        lines.append(line.append(f"  {what}"))
    return [*lines, "", 'In Python: om = omega_core.Omega(); om.datasets.put(df, "sales")']


def _activate() -> str | None:
    """Return what puts this very command on the `PATH`, where the user's shell has it not there.

    A session of nox has a `PATH` of its own, which ends with it.
    """
    there = Path(sys.prefix, "bin", "activate")
    found = shutil.which("omega")
    is_found = found is not None and Path(found).parent == there.parent
    if sys.prefix == sys.base_prefix or not there.exists():
        return None
    if is_found and "NOX_CURRENT_SESSION" not in os.environ:
        return None
    return f"source {shlex.quote(str(there))}"
