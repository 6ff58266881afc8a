"""``omega datasets|models cp|mv|restore|diff``: other names, and other versions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import lines, verbatim
from ..terminal.progress import waiting
from ..terminal.values import version_of
from .naming import STORES, Name, store_of

To = Annotated[str, typer.Argument(metavar="TO", help="The name that it gets.")]
ToBucket = Annotated[
    str | None, typer.Option("--to-bucket", metavar="NAME", help="Into another bucket.")
]
ToStore = Annotated[
    str | None, typer.Option("--to-store", metavar="STORE", help=f"One of {', '.join(STORES)}.")
]


def cp(
    ctx: typer.Context,
    name: Name,
    to: To,
    to_bucket: ToBucket = None,
    to_store: ToStore = None,
    version: Annotated[
        int | None, typer.Option(metavar="N", help="This version, not the current one.")
    ] = None,
    every: Annotated[bool, typer.Option("--all-versions", help="With all its versions.")] = False,
    as_json: Json = False,
) -> None:
    """Copy an object to another name, bucket or store; its bytes are not decoded.

    What is there already becomes an earlier version.
    """
    if every and version is not None:
        raise typer.BadParameter("give --version or --all-versions", ctx)
    options = global_options(ctx)
    versions = "all" if every else None if version is None else [version]
    with options.omega(plugins=True) as om:
        meta = store_of(ctx, om).copy(
            name, to, store=_store(to_store), bucket=to_bucket, versions=versions
        )
    said = f"✓ {meta.prefix}{meta.name} in bucket {meta.bucket}: version {meta.version}"
    options.show(_record(meta), lambda: [verbatim(said, "green")])


def mv(
    ctx: typer.Context,
    name: Name,
    to: To,
    to_bucket: ToBucket = None,
    to_store: ToStore = None,
    as_json: Json = False,
) -> None:
    """Move an object, with all its versions, to another name, bucket or store."""
    options = global_options(ctx)
    with options.omega(plugins=True) as om:
        meta = store_of(ctx, om).move(name, to, store=_store(to_store), bucket=to_bucket)
    said = f"✓ {meta.prefix}{meta.name} in bucket {meta.bucket}: version {meta.version}"
    options.show(_record(meta), lambda: [verbatim(said, "green")])


def restore(
    ctx: typer.Context,
    name: Name,
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="A version that `versions` lists, or an alias.")
    ],
    as_json: Json = False,
) -> None:
    """Make a version of an object the current one. Loads no plugin."""
    options = global_options(ctx)
    with options.omega() as om, waiting("restoring"):
        meta = store_of(ctx, om).restore(name, version_of(version))
    said = f"✓ {meta.prefix}{meta.name} is version {meta.version} now"
    options.show(_record(meta), lambda: [verbatim(said, "green")])


def diff(
    ctx: typer.Context,
    name: Name,
    one: Annotated[str, typer.Argument(metavar="V1", help="A version, or an alias.")],
    two: Annotated[
        str | None, typer.Argument(metavar="[V2]", help="By default, the current one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what changed between two versions of an object."""
    options = global_options(ctx)
    with options.omega(plugins=True) as om, waiting("comparing"):
        found = store_of(ctx, om).diff(name, version_of(one), version_of(two))
    options.show(found.to_dict(), lambda: [lines(repr(found).splitlines())])


def _store(given: str | None) -> str | None:
    if given is not None and given not in STORES:
        raise typer.BadParameter(f"--to-store takes {', '.join(STORES)}, not {given!r}")
    return given


def _record(meta: Any) -> dict[str, Any]:
    return {
        "name": meta.name,
        "bucket": meta.bucket,
        "store": meta.prefix.rstrip("/"),
        "kind": meta.kind,
        "version": meta.version,
        "rev": meta.rev,
    }
