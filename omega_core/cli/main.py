"""The command ``omega``: its groups, its global options, and how errors end it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from .terminal.groups import SectionedGroup
from .terminal.leaving import leave_at_once
from .terminal.options import GlobalOptions
from .terminal.output import report_error, survive_any_name
from .terminal.streams import end_quietly
from .tree import made, whole

_EPILOG = (
    "Exit codes: 0 all is well; 1 what was asked about is wrong or does not exist; "
    "2 the command line itself is wrong, or a confirmation (--yes) is missing.\n\n"
    "Every command takes --json: one JSON document on stdout, warnings and progress on stderr. "
    'An error is one line on stderr, and with --json also {"error": {"type", "message"}} on '
    "stdout; of a wrong command line (2), only the line."
)


class OmegaGroup(SectionedGroup):
    """Ends the command with one line instead of a traceback, where the error is for people."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: dict[str, Any] = whole()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in self.commands and self.commands[cmd_name] is None:
            self.commands[cmd_name] = made(cmd_name)
        return super().get_command(ctx, cmd_name)

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
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


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
