"""``omega show``: one object as a page of its own, in the browser or as a file."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import verbatim
from ..terminal.progress import waiting
from ..terminal.values import version_of
from .naming import STORES, Name

if TYPE_CHECKING:
    from ...store import OmegaStore

_STDOUT = "-"


def show(
    ctx: typer.Context,
    name: Name,
    store: Annotated[
        str, typer.Option(metavar="STORE", help=f"One of {', '.join(STORES)}.")
    ] = STORES[0],
    version: Annotated[
        str | None,
        typer.Option(help="A version that `versions` lists, or an alias; not the current one."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there; - is stdout."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="At a terminal, open it in a browser.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Show an object as a page: what it is, some rows, its versions, where it comes from.

    The page is one HTML file without scripts, which fetches nothing. Without -o it goes to a
    temporary file, which is opened in a browser; where there is no terminal, to stdout.
    """
    if store not in STORES:
        raise typer.BadParameter(f"--store is one of {', '.join(STORES)}, not {store!r}", ctx)
    options = global_options(ctx)
    with options.omega(plugins=True) as om:
        objects: OmegaStore = getattr(om, store)
        with waiting("looking"):
            page = objects.page(name, version=None if version is None else version_of(version))
    terminal = sys.stdout.isatty() and not options.as_json
    if output == _STDOUT or (output is None and not terminal and not options.as_json):
        sys.stdout.write(page)
        return
    place = None if output is None and options.as_json else _written(page, output)
    if output is None and terminal and browser and place is not None:
        webbrowser.open(place.as_uri())
    document: dict[str, Any] = {"store": store, "name": name, "bytes": len(page.encode())}
    document |= {"html": page} if place is None else {"file": str(place)}
    options.show(document, lambda: [verbatim(f"✓ {place}", "green")])


def _written(page: str, output: str | None) -> Path:
    """Write a page, by default to a file that nobody else reads, and return where it is."""
    if output is None:
        handle, path = tempfile.mkstemp(prefix="omega-", suffix=".html")
        os.close(handle)
    else:
        path = output
    place = Path(path).absolute()
    place.write_text(page, encoding="utf-8")
    return place
