"""The record of what a model was fitted on, or a result was made of: one of the attributes.

It belongs to a payload. A put of another one ends it, and a restore brings it back.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import bson

from ..columns import Description
from ..errors import IntegrityError
from ..faithful import decode, encode
from ..mongo.database import CODEC

LINEAGE = "lineage"
"""The attribute that holds the record."""

FORMAT = 2
"""Of records that keep labels as they are; the first had no number, and text for each."""

MANY_COLUMNS = 1000
"""More than so many are compressed."""

_PACKED = ("columns", "dtypes")
_UNPACKED_BYTES = 256 * 1024 * 1024

Record = dict[str, Any]


def recorded(among: Mapping[str, Any]) -> Record | None:
    """Return the record among the attributes of an object, if it has one.

    The attributes are the user's own, who may have put something else there.
    """
    found = among.get(LINEAGE)
    if not isinstance(found, dict):
        return None
    if not any(isinstance(found.get(of), dict) for of in ("X", "job")):
        return None
    return found if isinstance(found.get("action"), str) else None


def columns_at_fit(record: Record | None) -> tuple[list[Any] | None, bool]:
    """Return the labels of X at fit, where it was a frame, and whether they are kept as text."""
    if record is None or not isinstance(record.get("X"), dict):
        return None, False
    columns = record["X"].get("columns")
    return (columns if isinstance(columns, list) else None), record.get("format") is None


def packed(description: Description) -> Description:
    """Return a description as a record keeps it: of many columns, the labels compressed.

    Each version keeps a record in the same document, which may have 16 MB.
    """
    columns = description["columns"]
    if columns is None or len(columns) <= MANY_COLUMNS:
        return description
    labels = {key: description[key] for key in _PACKED}
    text = bson.encode({"": encode(labels, "the columns")})
    small = {**description, **dict.fromkeys(_PACKED)}
    return {**small, "packed": zlib.compress(text), "width": len(columns)}


def unpacked(record: Record) -> Record:
    """Return a record with its labels, where `packed` wrote what is there."""
    return {
        key: _unpacked(part) if isinstance(part, dict) and "packed" in part else part
        for key, part in record.items()
    }


def _unpacked(description: Description) -> Description:
    try:
        text = zlib.decompressobj().decompress(description["packed"], _UNPACKED_BYTES)
        labels = decode(bson.decode(text, CODEC)[""])
        small = {k: v for k, v in description.items() if k not in ("packed", "width")}
        return {**small, **labels}
    except (zlib.error, bson.errors.InvalidBSON, IntegrityError, KeyError, TypeError):
        return description
