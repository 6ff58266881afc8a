"""The options that all commands share, and what they open."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .early_server import EarlyServer
from .output import console, plain, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...config import Config
    from ...omega import Omega


@dataclass
class GlobalOptions:
    """The global options.

    Attributes
    ----------
    path
        ``--config``: the file to read instead of the one that is searched for.
    url, bucket
        ``--url`` and ``--bucket``; they win over the configuration.
    as_json
        Whether the command was given ``--json``.
    """

    path: str | None = None
    url: str | None = None
    bucket: str | None = None
    as_json: bool = False

    def config(self) -> Config:
        """Return the configuration, with the options applied; what is odd about it is printed."""
        config, odd = self.examined_config()
        for message in odd:
            warn(message)
        return config

    def examined_config(self) -> tuple[Config, list[str]]:
        """Return the configuration, and the warnings about it."""
        from ...config import load_config
        from ...errors import ConfigWarning

        with _collected(ConfigWarning) as odd:
            config = load_config(self.path, url=self.url, bucket=self.bucket)
        return config, odd

    @contextmanager
    def omega(self, *, plugins: bool = False) -> Iterator[Omega]:
        """Open an `Omega`, and close it at the end.

        Parameters
        ----------
        plugins
            Load the plugins first, and report as warnings what is wrong with them.
        """
        config = self.config()
        early = EarlyServer(config.mongo, hint=not self.as_json)
        try:
            from ...omega import Omega
            from ...plugins.registry import PluginWarning

            with Omega(config) as om:
                if plugins:
                    with _collected(PluginWarning) as failures:
                        list(om.plugins)
                    for message in failures:
                        warn(message)
                yield om
        finally:
            early.release()

    def show(
        self, document: Any, view: Callable[[], Iterable[RenderableType]], *, well: bool = True
    ) -> None:
        """Print ``document`` as JSON, or what ``view`` makes of it; unless all is well, exit 1."""
        if self.as_json:
            print(json.dumps(plain(document), indent=2, allow_nan=False))
        else:
            from rich.text import Text

            out = console()
            for renderable in view():
                # A line stays a line, so that a path can be copied; tables are fitted.
                out.print(renderable, soft_wrap=isinstance(renderable, Text))
        if not well:
            raise typer.Exit(1)


def group(help: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None)


def global_options(ctx: typer.Context) -> GlobalOptions:
    """Return the global options that a command was called with."""
    found = ctx.obj
    assert isinstance(found, GlobalOptions)
    return found


def _note_json(ctx: typer.Context, value: bool) -> bool:
    global_options(ctx).as_json |= value
    return value


Json = Annotated[
    bool,
    typer.Option(
        "--json",
        callback=_note_json,
        is_eager=True,  # also an error in the other options' values finds it noted
        help="Print one JSON document on stdout, and nothing else there.",
    ),
]
"""The option ``--json``. Its value is read from `GlobalOptions`, which errors see as well."""

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it, without asking.")]


@contextmanager
def _collected(category: type[Warning]) -> Iterator[list[str]]:
    """Collect the texts of the warnings of a category; others go where they would have gone."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
    for warning in caught:
        if issubclass(warning.category, category):
            messages.append(str(warning.message))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
