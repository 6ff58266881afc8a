"""One call of the command line: the options that all commands share, and what they open."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import View, show, warn

if TYPE_CHECKING:
    from ...config import Config
    from ...omega import Omega


@dataclass
class Invocation:
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
        from ...omega import Omega

        with Omega(self.config()) as om:
            if plugins:
                _load_plugins(om)
            yield om

    def show(self, document: Any, view: View) -> None:
        """Print ``document`` as JSON, or what ``view`` makes of it."""
        show(document, view, as_json=self.as_json)


def invocation(ctx: typer.Context) -> Invocation:
    """Return the invocation that a command belongs to."""
    found = ctx.obj
    assert isinstance(found, Invocation)
    return found


def _note_json(ctx: typer.Context, value: bool) -> bool:
    invocation(ctx).as_json |= value
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
"""The option ``--json``. Its value is read from the `Invocation`, which errors see as well."""

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it, without asking.")]


def _load_plugins(om: Omega) -> None:
    from ...plugins.registry import PluginWarning

    with _collected(PluginWarning) as failures:
        list(om.plugins)
    for message in failures:
        warn(message)


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
