"""``omega datasets|models put|get``: objects in and out, as files and through pipes."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import size, verbatim
from ..terminal.progress import waiting
from ..terminal.streams import STANDARD, sink
from ..terminal.values import Options, names, pairs, row_range, version_of
from .naming import Name, Version, store_of

if TYPE_CHECKING:
    from ...store import OmegaStore

Format = Annotated[
    str | None,
    typer.Option(
        "--format", "-f", metavar="SUFFIX", help="The format, as csv; by default, the suffix says."
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help="Only the rows for which it holds: \"qty > 3 and city == 'Rome'\".",
    ),
]
Columns = Annotated[
    str | None, typer.Option(metavar="A,B", help="Only these columns, in this order.")
]


def put(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A file, a directory, or - for standard input.")
    ],
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="By default, that of the file without its suffix."),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Add it to the object that is there.")
    ] = False,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="How to store it; python.file keeps the file as it is."),
    ] = None,
    uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Store the payload there, as s3://bucket/prefix/{key}."),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute", "-a", metavar="KEY=VALUE", help="An attribute; may be repeated."
        ),
    ] = None,
    if_changed: Annotated[
        bool, typer.Option("--if-changed", help="Make no new version of the same content.")
    ] = False,
    format_: Format = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Store what a file holds.

    Its suffix says what it is: tables of CSV, Parquet, Arrow and JSON lines, documents of JSON,
    models of skops. Any other file, and a directory, is kept as it is.
    """
    from ..files import Reader

    options = global_options(ctx)
    with options.omega(plugins=True) as om:
        store = store_of(ctx, om)
        reader = Reader(om, file, format_, kind)
        name = reader.name if name is None else name
        given: dict[str, Any] = {}
        if attribute is not None:
            given["attributes"] = pairs(attribute, "--attribute")
        if append:
            given["append"] = True
        if uri is not None:
            given["uri"] = uri
        if if_changed:
            given["if_changed"] = True
        chosen = reader.kind
        if append and chosen is None and (there := store.metadata(name)) is not None:
            chosen = there.kind
        before = store.metadata(name) if if_changed else None
        obj = reader.read(
            sys.stdin.buffer,
            pairs(option, "--option"),
            whole=uri is not None or not reader.gives_pieces_of(chosen),
            like=(lambda: _without_rows(store, name)) if append else None,
        )
        meta = store.put(obj, name, kind=chosen, **given)
    unchanged = before is not None and before.gen == meta.gen
    record = {
        "name": meta.name,
        "bucket": meta.bucket,
        "store": meta.prefix.rstrip("/"),
        "kind": meta.kind,
        "version": meta.version,
        "rev": meta.rev,
        "changed": not unchanged,
    }
    word = "is unchanged" if unchanged else "stored"
    said = f"✓ {meta.prefix}{meta.name} {word}: {meta.kind}, version {meta.version}"
    options.show(record, lambda: [verbatim(said, "green")])


def get(
    ctx: typer.Context,
    name: Name,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write it; what is there is replaced. - is standard output.",
        ),
    ] = STANDARD,
    columns: Columns = None,
    where: Where = None,
    rows: Annotated[
        str | None, typer.Option(metavar="START:STOP", help="Only these rows, counted from 0.")
    ] = None,
    version: Version = None,
    format_: Format = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Write an object to a file, or to standard output.

    By default in the format that the suffix of FILE names; through a pipe, a table as CSV, data
    as JSON and files as they are. With --json and without -o, as one JSON document.
    """
    from ..files import Writer
    from ..terminal.lists import list_of_lines

    options = global_options(ctx)
    with options.omega(plugins=True) as om:
        store = store_of(ctx, om)
        asked = asked_of(columns, where, row_range(rows))
        chosen = version_of(version)
        meta = store.metadata(name, version=chosen)
        if meta is None:
            raise store.not_found(name, chosen)
        as_document = options.as_json and output == STANDARD
        if as_document and format_ is None:
            format_ = ".jsonl" if str(meta.kind).startswith(("pandas.", "numpy.")) else ".json"
        writer = Writer(store, meta, output, format_)
        given = pairs(option, "--option")
        if writer.is_directory:
            with waiting(f"reading {name}"):
                writer.unpack(chosen)
        else:
            with _bar(name, output), sink(output, text=writer.is_text) as file:
                if as_document and writer.suffix == ".jsonl":
                    with list_of_lines(file) as lines:
                        writer.write(lines, given, chosen, asked)
                else:
                    writer.write(file, given, chosen, asked)
        if output == STANDARD:
            return
    record = {"name": name, "version": meta.version, "kind": meta.kind, "file": output}
    length = _length(output)
    said = f"✓ {output}: {meta.prefix}{name}, version {meta.version}{length}"
    options.show(record, lambda: [verbatim(said, "green")])


def _bar(name: str, output: str) -> AbstractContextManager[object]:
    """Return a bar, unless the data itself goes to the terminal at which it would be."""
    shown = output == STANDARD and sys.stdout.isatty()
    return nullcontext() if shown else waiting(f"reading {name}")


def asked_of(columns: str | None, where: str | None, rows: slice | None) -> dict[str, Any]:
    """Return the options of `get` that stand for those of the command line."""
    asked: dict[str, Any] = {}
    if columns is not None:
        asked["columns"] = names(columns)
    if where is not None:
        from ..where import parse_where

        asked["filter"] = parse_where(where)
    if rows is not None:
        asked["rows"] = rows
    return asked


def _without_rows(store: OmegaStore, name: str) -> Any:
    if name not in store:
        return None
    meta = store.metadata(name)
    assert meta is not None
    if meta.kind != "pandas.dataframe":
        return None
    return store.get(name, rows=slice(0, 0))


def _length(path: str) -> str:
    from pathlib import Path

    file = Path(path)
    return f", {size(file.stat().st_size)}" if file.is_file() else ""
