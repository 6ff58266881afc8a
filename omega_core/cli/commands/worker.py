"""``omega worker``: executes the tasks of an engine that others submit."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import GlobalOptions, Json, global_options
from ..terminal.output import verbatim
from ..terminal.progress import waiting

if TYPE_CHECKING:
    from ...omega import Omega
    from ..inspection.health import Finding


def worker(
    ctx: typer.Context,
    engine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="By default, engine in the section runtime."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Say what a worker here would lack, and start none."),
    ] = False,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="How many tasks at a time; by default, one for each core."
        ),
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take tasks of this queue. May be repeated."),
    ] = None,
    resource: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=AMOUNT", help="Have this for tasks that ask for it. May be repeated."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Execute the tasks of an engine, until Ctrl-C or SIGTERM.

    Reads the configuration that any Omega here reads; tasks carry names only. With --check, 1 if
    something is missing: each is one line, with its remedy. That check reads every model.
    """
    options = global_options(ctx)
    name = engine or options.config().runtime.engine
    if check:
        _check(options, name)
        return
    wanted = {
        "concurrency": concurrency,
        "queues": queue,
        "resources": _amounts(resource) if resource else None,
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    with options.omega(plugins=True) as om:
        serve = _served(om, name).serve
        for key in given.keys() - inspect.signature(serve).parameters.keys():
            raise typer.BadParameter(f"the engine {name!r} takes no --{key.removesuffix('s')}")
        serve(**given)
    options.show({"engine": name, "stopped": True}, lambda: [])


def _check(options: GlobalOptions, name: str) -> None:
    from ..inspection.readiness import missing

    with waiting("checking") as advance:
        found = list(missing(options.examined_config, lambda om: _served(om, name), advance))
    document = {"engine": name, "ready": not found, "missing": [asdict(f) for f in found]}
    options.show(document, lambda: _view(found), well=not found)


def _view(found: Sequence[Finding]) -> list[Any]:
    if not found:
        return [verbatim("ready", "bold green")]
    return [verbatim(f"✗ {f.check}: {f.message} {f.remedy}".rstrip(), "red") for f in found]


def _served(om: Omega, name: str) -> Any:
    """Return the engine, if it is one that has workers."""
    found = om.runtime.engine(name)
    if not hasattr(found, "serve"):
        raise typer.BadParameter(
            f"the engine {name!r} executes tasks where they are submitted, and has no workers; "
            "choose another with --engine"
        )
    return found


def _amounts(texts: Sequence[str]) -> dict[str, float]:
    amounts = {}
    for text in texts:
        name, _, amount = text.partition("=")
        try:
            amounts[name] = float(amount)
        except ValueError:
            raise typer.BadParameter(f"--resource {text}: expected NAME=AMOUNT") from None
    return amounts
