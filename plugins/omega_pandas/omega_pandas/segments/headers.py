"""Where the headers of an object are kept: with the metadata, or beside the segments."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from bson import Binary

from omega_core.errors import IntegrityError

from ..objects.header import dump_header, load_header

if TYPE_CHECKING:
    from pymongo.collection import Collection

Json = Any
Document = dict[str, Any]

_INLINE_BYTES = 16 * 1024
"""A header up to this size travels in the metadata, which saves a round trip."""


def store_header(
    header: dict[str, Json], payload: str, id_: str, collection: Collection[Document]
) -> Binary | None:
    """Keep a header: a small one is returned, for the metadata; a large one is a document."""
    data = zlib.compress(dump_header(header), level=1)
    if len(data) <= _INLINE_BYTES:
        return Binary(data)
    collection.insert_one({"_id": id_, "payload": payload, "data": data})
    return None


def fetch_header(
    kept: bytes | None, id_: str, collection: Collection[Document], subject: str
) -> dict[str, Json]:
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


def value_fields(header: dict[str, Json]) -> list[str]:
    """Return the names of the Arrow fields that hold the values of an object."""
    if header["object"] == "ndarray":
        return ["bytes"]
    if header["object"] == "index":
        return []
    return [f"c{position}" for position in range(len(header.get("columns", [None])))]
