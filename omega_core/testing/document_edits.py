"""Edits of a metadata document, as people and other tools make them: each field, in every way."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import bson
from bson import Binary, Code, DBRef, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from ..mongo.database import CODEC

Document = dict[str, Any]
Path = tuple[Any, ...]

_RAW = CODEC.with_options(document_class=RawBSONDocument)
NO_UTF8 = "<no UTF-8>"
"""What `write` replaces by bytes that are no text; the driver writes valid text only."""

_GONE = object()

_VALUES: dict[str, Any] = {
    "gone": _GONE,
    "null": None,
    "true": True,
    "0": 0,
    "-1": -1,
    "7": 7,
    "2**63-1": 2**63 - 1,
    "1.5": 1.5,
    "nan": float("nan"),
    "empty text": "",
    "text": "abc",
    "long text": "x" * 100_000,
    "32 hex": "0123456789abcdef" * 2,
    "no UTF-8": NO_UTF8,
    "empty list": [],
    "list": ["a"],
    "empty document": {},
    "document": {"a": 1},
    "bytes": b"abc",
    "time": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    "time of no year": DatetimeMS(2**60),
    "regex": Regex("("),
    "code": Code("x", {"a": 1}),
    "min key": MinKey(),
    "max key": MaxKey(),
    "reference": DBRef("a", 1),
    "timestamp": Timestamp(1, 1),
    "object id": ObjectId("0123456789abcdef01234567"),
    "decimal": Decimal128("NaN"),
    "uuid": Binary(b"0" * 16, 3),
}


@dataclass(frozen=True)
class Edit:
    """One edit of a document.

    Attributes
    ----------
    path
        The keys and positions that lead to what was edited.
    how
        What was done to it.
    document
        The document afterwards, for `write`.
    """

    path: Path
    how: str
    document: Document

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {self.how}"


def edits(document: Document, other: Document) -> Iterator[Edit]:
    """Yield every edit of a document.

    Parameters
    ----------
    other
        The document of another object, whose values take the place of this one's.
    """
    for path in _paths(document):
        value = _at(document, path)
        ways = {
            how: new for how, new in _VALUES.items() if type(new) is not type(value) or new != value
        }
        if isinstance(value, list) and value:
            ways |= {"reversed": value[::-1], "twice": value * 2, "less one": value[1:]}
        if isinstance(value, int) and not isinstance(value, bool):
            ways |= {"one more": value + 1, "as a double": float(value)}
        if isinstance(value, str) and value:
            ways |= {"other case": value.swapcase(), "one letter less": value[:-1]}
        if isinstance(value, bytes) and value:
            ways |= {"a bit": bytes([value[0] ^ 1]) + value[1:]}
        with suppress(LookupError, TypeError):
            ways["of another object"] = _at(other, path)
        for how, new in ways.items():
            if how not in ("reversed", "of another object") or new != value:
                yield Edit(path, how, _edited(document, path, new))


def write(metadata: Collection[Document], document: Document) -> None:
    """Put a document in the place of the one with its ``_id``."""
    encoded = bson.encode(document, codec_options=CODEC)
    encoded = encoded.replace(NO_UTF8.encode(), b"\xff" * len(NO_UTF8))
    metadata.replace_one({"_id": document["_id"]}, RawBSONDocument(encoded, _RAW))


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path and path != ("_id",):
        yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from _paths(item, (*path, key))


def _at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def _edited(document: Document, path: Path, new: Any) -> Document:
    edited = copy.deepcopy(document)
    parent = _at(edited, path[:-1])
    if new is _GONE:
        del parent[path[-1]]
    else:
        parent[path[-1]] = copy.deepcopy(new)
    return edited
