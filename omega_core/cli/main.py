"""The command ``omega``: its groups, its global options, and how errors end it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .commands import (
    aliases as _aliases,  # noqa: F401 - its commands join those of the objects
)
from .commands import config, demo, doctor, gc, objects, plugins, server, show, snapshot, worker
from .terminal.options import GlobalOptions
from .terminal.output import report_error, survive_any_name

_EPILOG = (
    "Exit codes: 0 all is well; 1 what was asked about is wrong or does not exist; "
    "2 the command line itself is wrong, or a confirmation (--yes) is missing.\n\n"
    "Every command takes --json: one JSON document on stdout, warnings and progress on stderr. "
    'An error is one line on stderr, and with --json also {"error": {"type", "message"}} on '
    "stdout; of a wrong command line (2), only the line."
)


class OmegaGroup(TyperGroup):
    """Ends the command with one line instead of a traceback, where the error is for people."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as exc:
            if not _is_for_people(exc):
                raise
            report_error(exc, as_json=isinstance(ctx.obj, GlobalOptions) and ctx.obj.as_json)
            raise typer.Exit(1) from None


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
    add_completion=False,
    # Its tracebacks show the values of local variables, and so secrets.
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_START, _STORED, _SETUP = "Start here", "What is stored", "Setup"
app.command("demo", rich_help_panel=_START)(demo.demo)
app.command("doctor", rich_help_panel=_START)(doctor.doctor)
for attribute in objects.STORES:
    about = f"The {attribute} of a bucket."
    app.add_typer(objects.app, name=attribute, help=about, rich_help_panel=_STORED)
app.command("show", rich_help_panel=_STORED)(show.show)
app.add_typer(snapshot.app, name="snapshot", rich_help_panel=_STORED)
app.command("gc", rich_help_panel=_STORED)(gc.gc)
app.command("worker", rich_help_panel=_SETUP)(worker.worker)
app.add_typer(plugins.app, name="plugins", rich_help_panel=_SETUP)
app.add_typer(server.app, name="server", rich_help_panel=_SETUP)
app.add_typer(config.app, name="config", rich_help_panel=_SETUP)


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
    app(prog_name="omega")
