"""What the metadata of a table tells of it, and has to look like, wherever its payload is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omega_core.shapes import (
    CHECKSUM,
    GENERATION,
    binary,
    each,
    either,
    fields,
    integer,
    mapping,
    nothing,
    one_of,
    pair,
    text,
)

from .objects.header import FORMAT

if TYPE_CHECKING:
    from omega_core import Metadata

_MAX_LISTED = 100
_MAX_LABEL = 200
_MOST_SEGMENTS = 1 << 20
_WIDTH = integer(1, 1 << 24)

_SHOWN = {
    "rows": integer(),
    "columns": integer(),
    "dtypes": mapping(text()),
    "shape": each(integer()),
    "dtype": text(),
    "class": text(),
    "entries": integer(),
}
_HEADER = either(nothing, binary)
_BATCH = fields(
    {
        "gen": GENERATION,
        "payload": text(),
        "rows": integer(),
        "segment_rows": integer(1),
        "groups": each(pair(_WIDTH, _WIDTH)),
        "header": _HEADER,
    }
)
_FORMAT = {"format": integer(1)}
_IN_BATCHES = fields({**_FORMAT, "header": _HEADER, "batches": each(_BATCH, least=1)}, _SHOWN)
_IN_A_FILE = fields(_FORMAT, _SHOWN)
_PARQUET = fields({"file": one_of("parquet", "csv", "feather"), "owned": one_of(True, False)})


def listing(rows: int, labels: list[Any], dtypes: list[Any]) -> dict[str, Any]:
    """Return what a list of objects shows, as a BSON-able dict.

    Parameters
    ----------
    rows
        The number of rows.
    labels, dtypes
        The column labels and their dtypes; the first 100 are listed, duplicates numbered.
    """
    shown: dict[str, str] = {}
    for label, dtype in zip(labels[:_MAX_LISTED], dtypes[:_MAX_LISTED], strict=True):
        text = repr(label)
        if len(text) > _MAX_LABEL:
            text = text[:_MAX_LABEL] + "..."
        unique, count = text, 1
        while unique in shown:
            count += 1
            unique = f"{text} ({count})"
        shown[unique] = str(dtype)
    return {"format": FORMAT, "rows": rows, "columns": len(labels), "dtypes": shown}


def misshapen_batches(meta: Metadata) -> str | None:
    """Return what is wrong with the metadata of a table that lies in batches."""
    fault = _IN_BATCHES(meta.kind_meta, "kind_meta")
    return _misplaced(meta.kind_meta["batches"]) if fault is None else fault


def misshapen_columnar(meta: Metadata) -> str | None:
    """Return what is wrong with that of a table in segments, or in one file at a URI."""
    if meta.uri is not None:
        return misshapen_file(meta)
    fault = misshapen_batches(meta)
    if fault is None:
        for number, batch in enumerate(meta.kind_meta["batches"]):
            if batch["rows"] > batch["segment_rows"] * _MOST_SEGMENTS:
                return f"kind_meta['batches'][{number}]['rows'] is {batch['rows']:,}, too many"
    return fault


def misshapen_rows(meta: Metadata) -> str | None:
    """Return what is wrong with that of a table of a document per row."""
    return text()(meta.collection, "collection") or misshapen_batches(meta)


def misshapen_file(meta: Metadata) -> str | None:
    """Return what is wrong with that of a table in a file that is our own."""
    return _IN_A_FILE(meta.kind_meta, "kind_meta") or CHECKSUM(meta.integrity, "integrity")


def misshapen_parquet(meta: Metadata) -> str | None:
    """Return what is wrong with that of a Parquet file, or of a reference to files."""
    fault = _PARQUET(meta.kind_meta, "kind_meta") or text()(meta.uri, "uri")
    if fault is None and meta.kind_meta["owned"]:
        fault = misshapen_file(meta)
    return fault


def _misplaced(batches: list[dict[str, Any]]) -> str | None:
    """Return which batch is not where it was put, among those that were put together."""
    number, gen = 0, None
    for position, batch in enumerate(batches):
        number = number + 1 if batch["gen"] == gen else 0
        gen = batch["gen"]
        if batch["payload"] not in (gen, f"{gen}.{number}"):
            where = f"kind_meta['batches'][{position}]['payload']"
            return f"{where} is {batch['payload']!r}, and should be '{gen}.{number}'"
    return None
