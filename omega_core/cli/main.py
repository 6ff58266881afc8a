"""The command ``omega``: its groups, its global options, and how errors end it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .commands import (
    aliases,
    archive,
    config,
    data,
    demo,
    doctor,
    du,
    gc,
    import_omegaml,
    jobs,
    look,
    models_io,
    moving,
    objects,
    plugins,
    scheduler,
    server,
    show,
    snapshot,
    worker,
)
from .commands.naming import STORES
from .terminal.groups import LazyGroup, extended, lazy_group
from .terminal.leaving import leave_at_once
from .terminal.options import GlobalOptions
from .terminal.output import report_error, survive_any_name
from .terminal.streams import end_quietly

_EPILOG = (
    "Exit codes: 0 all is well; 1 what was asked about is wrong or does not exist; "
    "2 the command line itself is wrong, or a confirmation (--yes) is missing.\n\n"
    "Every command takes --json: one JSON document on stdout, warnings and progress on stderr. "
    'An error is one line on stderr, and with --json also {"error": {"type", "message"}} on '
    "stdout; of a wrong command line (2), only the line."
)


_START, _STORED, _SETUP = "Start here", "What is stored", "Setup"
_COMMANDS: dict[str, tuple[Callable[..., Any], ...]] = {
    "datasets": (data.put, data.get, look.head, look.sample, look.schema, look.describe),
    "models": (
        *(data.put, data.get, look.describe),
        *(models_io.fit, models_io.predict, models_io.act, models_io.inspect),
    ),
    "jobs": (
        *(jobs.put, jobs.export, jobs.run, jobs.history),
        *(jobs.schedule, jobs.schedules, jobs.unschedule, jobs.pause, jobs.resume),
    ),
}
"""What the commands of a store are beside those that each has."""


_EACH: tuple[Callable[..., Any], ...] = (
    *(moving.cp, moving.mv, moving.restore, moving.diff),
    *(aliases.alias, aliases.aliases, aliases.unalias),
    du.du,
)


def _store(attribute: str) -> typer.Typer:
    return extended(objects.app, [*_COMMANDS[attribute], *_EACH])


def _identity(made: typer.Typer) -> typer.Typer:
    return made


def _groups() -> dict[str, LazyGroup]:
    """Return the groups of commands, none of which is made yet."""
    stores = [
        lazy_group(attribute, f"The {attribute} of a bucket.", _STORED, partial(_store, attribute))
        for attribute in STORES
    ]
    apps = {
        "snapshot": (snapshot.app, _STORED),
        "plugins": (plugins.app, _SETUP),
        "server": (server.app, _SETUP),
        "config": (config.app, _SETUP),
    }
    others = [
        lazy_group(name, str(made.info.help), panel, partial(_identity, made))
        for name, (made, panel) in apps.items()
    ]
    return {str(made.name): made for made in (*stores, *others)}


class OmegaGroup(TyperGroup):
    """Ends the command with one line instead of a traceback, where the error is for people."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        given = dict(self.commands)
        first = {name: given.pop(name) for name in ("demo", "doctor")}
        self.commands = {**first, **_groups(), **given}

    def make_context(self, *args: Any, **more: Any) -> Any:
        with _pipes_may_close():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        try:
            with _pipes_may_close():
                return super().invoke(ctx)
        except Exception as exc:
            if not _is_for_people(exc):
                raise
            report_error(exc, as_json=isinstance(ctx.obj, GlobalOptions) and ctx.obj.as_json)
            raise typer.Exit(1) from None


@contextmanager
def _pipes_may_close() -> Iterator[None]:
    """End well where whoever read what was printed has seen enough, as `head` has."""
    try:
        yield
    except BrokenPipeError:
        end_quietly()
        raise typer.Exit(0) from None


def _is_for_people(error: Exception) -> bool:
    from ..errors import OmegaError

    if isinstance(error, OmegaError):
        return True
    # What the system or the server refuses is nobody's bug; a pipe that closed is nobody's error.
    # Only where the driver was imported can the error be the driver's.
    driver = sys.modules.get("pymongo.errors")
    expected = (OSError, *((driver.PyMongoError,) if driver is not None else ()))
    return isinstance(error, expected) and not isinstance(error, BrokenPipeError)


app = typer.Typer(
    name="omega",
    cls=OmegaGroup,
    help="An object store for data science on MongoDB, made of plugins.",
    epilog=_EPILOG,
    no_args_is_help=True,
    # Its tracebacks show the values of local variables, and so secrets.
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo", rich_help_panel=_START)(demo.demo)
app.command("doctor", rich_help_panel=_START)(doctor.doctor)
app.command("show", rich_help_panel=_STORED)(show.show)
app.command("export", rich_help_panel=_STORED)(archive.export)
app.command("import", rich_help_panel=_STORED)(archive.import_)
app.command("import-omegaml", rich_help_panel=_STORED)(import_omegaml.import_omegaml)
app.command("du", rich_help_panel=_STORED)(du.usage)
app.command("gc", rich_help_panel=_STORED)(gc.gc)
app.command("worker", rich_help_panel=_SETUP)(worker.worker)
app.command("scheduler", rich_help_panel=_SETUP)(scheduler.scheduler)


def _version(value: bool) -> None:
    if value:
        import importlib_metadata

        print(f"omega-core {importlib_metadata.version('omega-core')}")
        raise typer.Exit


@app.callback()
def omega(
    ctx: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The omega.toml to use, instead of searching for one."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The server: mongodb://host/database."),
    ] = None,
    bucket: Annotated[str | None, typer.Option(metavar="NAME", help="The bucket.")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    ctx.obj = GlobalOptions(config, url, bucket)


def run() -> None:
    """Run the command line, and exit with its code."""
    survive_any_name()
    try:
        app(prog_name="omega")
    finally:
        end_quietly()
        leave_at_once()
