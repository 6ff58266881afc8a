"""Which store a command is about, and how its objects are named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal.completion import object_names

if TYPE_CHECKING:
    from ...omega import Omega
    from ...store import OmegaStore

STORES = ("datasets", "models", "jobs")
"""The stores of an `Omega`, and the groups of commands."""

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The name of the object, verbatim.", autocompletion=object_names
    ),
]

Version = Annotated[
    str | None,
    typer.Option(metavar="VERSION", help="A version that `versions` lists, or an alias of one."),
]


def attribute_of(ctx: typer.Context) -> str:
    """Return the attribute of `Omega` that is the store: the name of the group."""
    assert ctx.parent is not None
    assert ctx.parent.info_name in STORES
    return ctx.parent.info_name


def store_of(ctx: typer.Context, om: Omega) -> OmegaStore:
    """Return the store that the group of a command is about."""
    store: OmegaStore = getattr(om, attribute_of(ctx))
    return store
