"""The headers of a stored object: one of what all batches share, and one of each batch.

A small one is kept with the metadata, a large one beside the segments.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from bson import Binary

from omega_core.errors import IntegrityError

from ..columns.header_arrays import mapped_references
from ..objects.header import Encoded, Header, dump_header, load_header
from .layout import Document

if TYPE_CHECKING:
    from pymongo.collection import Collection

Json = Any

_INLINE_BYTES = 16 * 1024
"""A header up to this size travels in the metadata, which saves a round trip."""


def split_header(encoded: Encoded) -> tuple[Header, Header]:
    """Return what all batches of an object share, and what this batch has of its own.

    Of its own are the rows, the index, and how columns of Python objects are encoded, which
    depends on the objects. ``settled`` is for the next append: see `segments.append_checks`.
    """
    shared = dict(encoded.header)
    sides = shared["sides"]
    fields = encoded.table.schema
    own: Header = {
        "format": shared["format"],
        "levels": sum(name.startswith("i") for name in fields.names),
        "rows": shared.pop("rows", None),
        "index": shared.pop("index", None),
        "settled": shared.pop("settled", True),
        "objects": {},
    }
    own["index"], own["sides"] = _with_own_sides(own["index"], sides)
    specs = []
    for position, spec in enumerate(column_specs(shared)):
        if spec["dtype"] == "object":
            own["objects"][str(position)] = spec
            spec = {"dtype": "object"}
        specs.append(spec)
    parts = {"labels": shared.get("labels"), "columns": specs}
    parts, shared["sides"] = _with_own_sides(parts, sides)
    if "columns" in shared:
        shared.update(parts)
    elif "values" in shared:
        (shared["values"],) = parts["columns"]
    values = set(value_fields(shared))
    shared["types"] = {
        field.name: str(field.type)
        for field in fields
        if field.name in values and field.name[1:] not in own["objects"]
    }
    return shared, own


def _with_own_sides(spec: Json, sides: list[str]) -> tuple[Json, list[str]]:
    """Number the sides that a description refers to anew, and leave out the others."""
    kept: list[int] = []

    def change(reference: int) -> int:
        if reference not in kept:
            kept.append(reference)
        return kept.index(reference)

    changed = mapped_references(spec, change)
    return changed, [sides[reference] for reference in kept]


def store_header(
    header: Header, payload: str, id_: str, collection: Collection[Document]
) -> Binary | None:
    """Keep a header: a small one is returned, for the metadata; a large one is a document."""
    data = zlib.compress(dump_header(header), level=1)
    if len(data) <= _INLINE_BYTES:
        return Binary(data)
    collection.insert_one({"_id": id_, "payload": payload, "data": data})
    return None


def fetch_header(
    kept: bytes | None, id_: str, collection: Collection[Document], subject: str
) -> Header:
    """Return a header that `store_header` kept."""
    if kept is None:
        document = collection.find_one({"_id": id_})
        if document is None:
            raise IntegrityError(f"{subject}: the document of its header is missing.")
        kept = document["data"]
    try:
        text = zlib.decompress(kept)
    except zlib.error as error:
        raise IntegrityError(f"{subject}: its header is damaged: {error}") from error
    return load_header(text)


def common_id(gen: str) -> str:
    """Return the id of the document that holds a large header of a whole object."""
    return f"{gen}-common"


def value_fields(header: Header) -> list[str]:
    """Return the names of the Arrow fields that hold the values of an object."""
    if header["object"] in ("ndarray", "sparse"):
        return ["bytes"]
    if header["object"] == "index":
        return []
    return [f"c{position}" for position in range(len(header.get("columns", [None])))]


def column_specs(header: Header) -> list[Json]:
    """Return the descriptions of all columns of a frame, or of the values of a series."""
    if "columns" in header:
        return list(header["columns"])
    return [header["values"]] if "values" in header else []
