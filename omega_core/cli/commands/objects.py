"""``omega datasets|models|jobs``: the objects of one store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..inspection.objects import records_of, unreadable
from ..terminal.options import Invocation, Json, Yes, invocation
from ..terminal.output import local, sheet, size, table, verbatim
from ..terminal.progress import waiting

if TYPE_CHECKING:
    from ...omega import Omega
    from ...protocol.metadata import Metadata
    from ...store import OmegaStore

STORES = ("datasets", "models", "jobs")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the object, verbatim.")]


def commands(store: str) -> typer.Typer:
    """Return the commands of one store, an attribute of `Omega`."""
    app = typer.Typer(
        help=f"The {store} of a bucket.", no_args_is_help=True, rich_markup_mode="rich"
    )

    @app.command("list")
    def list_(
        ctx: typer.Context,
        pattern: Annotated[
            str | None,
            typer.Argument(metavar="PATTERN", help="A shell glob for the whole name; quote it."),
        ] = None,
        regexp: Annotated[
            str | None, typer.Option(help="A regular expression to be found in the name.")
        ] = None,
        kind: Annotated[
            list[str] | None, typer.Option(help="Only of this kind; may be repeated.")
        ] = None,
        hidden: Annotated[
            bool, typer.Option("--hidden", help="Also names that begin with a dot.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """List the objects of the bucket. Loads no plugin."""
        _list(invocation(ctx), store, pattern, regexp, kind, hidden)

    @app.command()
    def info(
        ctx: typer.Context,
        name: Name,
        version: Annotated[
            int | None, typer.Option(help="A version that `versions` lists, not the current one.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Show what is known of an object: its kind, its payload, who wrote it, who reads it."""
        _info(invocation(ctx), store, name, version)

    @app.command()
    def versions(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
        """List the versions of an object, the oldest first. Loads no plugin."""
        _versions(invocation(ctx), store, name)

    @app.command()
    def drop(
        ctx: typer.Context,
        names: Annotated[
            list[str] | None,
            typer.Argument(metavar="NAME...", help="The names of the objects, verbatim."),
        ] = None,
        everything: Annotated[
            bool, typer.Option("--all", help="All in this bucket and store, hidden ones as well.")
        ] = False,
        yes: Yes = False,
        as_json: Json = False,
    ) -> None:
        """Drop objects with all their versions, after a confirmation.

        Without a terminal to ask at, --yes is needed. What they occupied is freed by `omega gc`.
        """
        if bool(names) == everything:
            raise typer.BadParameter("name the objects, or give --all", ctx)
        _drop(invocation(ctx), store, names, yes)

    return app


def _list(
    call: Invocation,
    attribute: str,
    pattern: str | None,
    regexp: str | None,
    kind: list[str] | None,
    hidden: bool,
) -> None:
    import re

    try:
        re.compile(regexp or "")
    except re.error as exc:
        raise typer.BadParameter(f"--regexp: {exc}") from None
    with call.omega() as om:
        store: OmegaStore = getattr(om, attribute)
        with waiting("looking"):
            metas = store.list(pattern, regexp=regexp, kind=kind or None, hidden=hidden, raw=True)
            records = records_of(store, metas)
        hint = "" if metas else _elsewhere(om, attribute, bool(pattern or regexp or kind))

    def view() -> list[Any]:
        if not records:
            return [verbatim(hint, "dim")]
        title = f"{attribute} of bucket {om.bucket!r}"
        rows = table("name", "kind", "version", "size", "modified", "payload in",
                     right=("version", "size"), title=title)  # fmt: skip
        for meta, record in zip(metas, records, strict=True):
            rows.add_row(
                verbatim(record["name"], "bold"),
                verbatim(record["kind"] or "?"),
                str(record["version"]),
                size(record["size"]),
                local(meta.modified),
                verbatim(record["place"]),
            )
        return [rows]

    call.show(records, view)


def _info(call: Invocation, attribute: str, name: str, version: int | None) -> None:
    with call.omega(plugins=True) as om:
        store: OmegaStore = getattr(om, attribute)
        with waiting("looking"):
            meta = store.metadata(name, version=version)
            if meta is None:
                raise store.not_found(name, version)
            [record] = records_of(store, [meta])
            count = len(store.versions(name))
            problem = unreadable(om, meta)
    record |= {"created": meta.created, "attributes": meta.attributes, "kind_meta": meta.kind_meta}
    record |= {"versions": count, "readable": problem is None, "problem": problem}

    def view() -> list[Any]:
        current = "the current one" if meta.is_current else "not the current one"
        facts = {
            "bucket": meta.bucket,
            "kind": meta.kind,
            "version": f"{meta.version} ({current}; {count} kept)",
            "revision": meta.rev,
            "size": size(record["size"]),
            "payload in": record["place"],
            "generation": meta.gen,
            "created": local(meta.created),
            "modified": local(meta.modified),
            "stored by": _writer(meta),
            "readable": verbatim(problem or "yes", "red" if problem else "green"),
            "attributes": meta.attributes,
            "of the kind": meta.kind_meta,
        }
        return [sheet(facts, title=f"{meta.prefix}{meta.name}")]

    call.show(record, view)


def _versions(call: Invocation, attribute: str, name: str) -> None:
    with call.omega() as om:
        store: OmegaStore = getattr(om, attribute)
        with waiting("looking"):
            metas: list[Metadata] = store.versions(name)
            records = records_of(store, metas)

    def view() -> list[Any]:
        title = f"versions of {store.prefix}{name}"
        rows = table("version", "", "kind", "size", "modified", "stored by", "payload in",
                     right=("version", "size"), title=title)  # fmt: skip
        for meta, record in zip(metas, records, strict=True):
            rows.add_row(
                str(meta.version),
                verbatim("current" if meta.is_current else "", "green"),
                verbatim(meta.kind or "?"),
                size(record["size"]),
                local(meta.modified),
                verbatim(_writer(meta)),
                verbatim(record["place"]),
            )
        again = f"om.{attribute}.restore({name!r}, version)"
        return [rows, verbatim(f"To make one the current one, in Python: {again}", "dim")]

    call.show(records, view)


def _drop(call: Invocation, attribute: str, names: list[str] | None, yes: bool) -> None:
    # A wrapper of drop may be among the plugins, so they are loaded.
    with call.omega(plugins=True) as om:
        store: OmegaStore = getattr(om, attribute)
        chosen = list(dict.fromkeys(names)) if names else store.list(hidden=True)
        for name in chosen:
            if name not in store:
                raise store.not_found(name)
        if chosen and not yes:
            _confirm(store, attribute, chosen)
        # One that somebody else dropped meanwhile is gone, which is what was asked for.
        dropped = []
        with waiting("dropping", len(chosen)) as advance:
            for name in chosen:
                if store.drop(name, missing_ok=True):
                    dropped.append(name)
                advance()

    def view() -> list[Any]:
        if not dropped:
            return [verbatim(f"There are no {attribute} in bucket {om.bucket!r}.", "dim")]
        return [verbatim(f"✓ dropped {name}", "green") for name in dropped]

    call.show({"dropped": dropped}, view)


def _confirm(store: OmegaStore, attribute: str, names: list[str]) -> None:
    shown = ", ".join(repr(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    what = f"{shown} out of the {attribute} of bucket {store.bucket!r}"
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"to drop {what} without being asked, add --yes")
    typer.confirm(f"Drop {what}, with all versions?", abort=True, err=True)


def _writer(meta: Metadata) -> str:
    writer = meta.plugin or {}
    return f"{writer.get('name', '?')} {writer.get('version', '')}".rstrip()


def _elsewhere(om: Omega, attribute: str, filtered: bool) -> str:
    """Return what to say where nothing is listed: perhaps it is in another bucket."""
    such = "such " if filtered else ""
    others = [bucket for bucket in om.buckets if bucket != om.bucket]
    hint = f" Other buckets (--bucket): {', '.join(others)}." if others else ""
    return f"There are no {such}{attribute} in bucket {om.bucket!r}.{hint}"
