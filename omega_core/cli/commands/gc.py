"""``omega gc``: frees what no name points at any more."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import GlobalOptions, Json, Yes, global_options
from ..terminal.output import sheet, verbatim
from ..terminal.progress import waiting

if TYPE_CHECKING:
    from ...omega import Omega
    from ...protocol.collect import Collected


def gc(
    ctx: typer.Context,
    yes: Yes = False,
    grace: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Keep what was replaced or dropped less than this long ago, for slow readers. "
            "By default, grace in the section stores.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what would be freed; free it with --yes.

    In all buckets of the database, or with --bucket in that one. 1 if something could not be freed.
    """
    options = global_options(ctx)
    with options.omega(plugins=True) as om:
        with waiting("freeing" if yes else "looking"):
            collected = _collect(options, om, grace, dry_run=not yes)
        where = f"bucket {om.bucket!r}" if options.bucket is not None else "all buckets"
        seconds = om.config.stores.grace if grace is None else grace
    facts = {"deleted": yes, "grace": seconds, **dataclasses.asdict(collected)}
    options.show(facts, lambda: _view(collected, where, seconds, yes), well=not collected.blocked)


def _collect(options: GlobalOptions, om: Omega, grace: float | None, *, dry_run: bool) -> Collected:
    from ...protocol.collect import Collected

    if options.bucket is None:
        return om.gc(grace, dry_run=dry_run)
    total = Collected()
    for store in (om.datasets, om.models, om.jobs):
        part = store.gc(grace, dry_run=dry_run)
        for field in dataclasses.fields(Collected):
            setattr(total, field.name, getattr(total, field.name) + getattr(part, field.name))
    return total


def _view(collected: Collected, where: str, grace: float, done: bool) -> list[Any]:
    would = "" if done else "would be "
    found = collected.condemned + collected.freed + collected.expired
    facts = {
        f"payloads {would}freed": collected.freed,
        f"crashed writers {would}given up": collected.condemned,
        f"temporary objects {would}dropped": collected.expired,
        "payloads kept for now": f"{collected.waiting} (grace {grace:g} s, or still being written)",
        "could not be freed": len(collected.blocked),
    }
    lines: list[Any] = [sheet({k: str(v) for k, v in facts.items()}, title=f"gc of {where}")]
    lines += [verbatim(f"✗ {reason}", "red") for reason in collected.blocked]
    if not done and found:
        lines.append(verbatim("Nothing was deleted. To do it: omega gc --yes", "yellow"))
    elif not done:
        lines.append(verbatim("There is nothing to free.", "green"))
    return lines
