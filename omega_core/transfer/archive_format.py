"""What is in an archive: a zip file whose members any tool can read, and what is said of them.

``manifest.json`` lists the objects and their versions. Each version has a ``version.json``, with
its metadata document and its members: their roles, sizes and SHA-256. Whatever the zip holds is
named by one of these.
"""

from __future__ import annotations

import re
from typing import Any

import bson
from bson import json_util
from bson.binary import UuidRepresentation
from bson.codec_options import DatetimeConversion
from bson.json_util import JSONMode, JSONOptions

from ..errors import ArchiveError
from ..mongo.database import CODEC
from ..shapes import DIGEST, anything, each, fields, integer, mapping, one_of, text

Document = dict[str, Any]

FORMAT = "omega archive"
VERSION = 1
MANIFEST = "manifest.json"
LARGEST_JSON = 64 * 1024 * 1024

RAW, READABLE = "raw", "readable"
INLINE, FILE, SEGMENTS, COLLECTION, URI, PAYLOAD = (
    *("inline", "file", "segments", "collection", "uri", "payload"),
)

_OPTIONS = JSONOptions(
    json_mode=JSONMode.CANONICAL,
    tz_aware=True,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
_SLUG = re.compile(r"[^A-Za-z0-9_-]+")

_LARGE = integer(0, 2**62)
_CHECKED = {"member": text(), "size": _LARGE, "sha256": DIGEST}
_ALIASES = mapping(integer(1))
_OBJECT = fields(
    {
        "store": one_of("datasets", "models", "jobs"),
        "name": text("(?s).+"),
        "versions": each(fields({**_CHECKED, "version": integer(1)}), least=1),
    },
    {"aliases": _ALIASES, "current": integer(1)},
)
MANIFEST_SHAPE = fields(
    {"format": text(), "version": integer(1), "objects": each(_OBJECT)},
    {"abandoned": each(text())},
)
_MEMBER = fields(
    {
        **_CHECKED,
        "role": one_of(INLINE, FILE, SEGMENTS, COLLECTION, URI, PAYLOAD),
    },
    {
        "file": mapping(anything),
        "name": text(),
        "indexes": each(mapping(anything)),
        "uri": text(),
        "filename": text(),
    },
)
VERSION_SHAPE = fields(
    {"document": mapping(anything), "form": one_of(RAW, READABLE), "members": each(_MEMBER)}
)


def dump(value: Document) -> bytes:
    """Return a document as canonical extended JSON, from which the same comes back."""
    return json_util.dumps(value, json_options=_OPTIONS, indent=1, ensure_ascii=False).encode()


def load(data: bytes, where: str) -> Document:
    """Return the document that `dump` wrote, as MongoDB would give it.

    Raises
    ------
    ArchiveError
        It is none.
    """
    try:
        loaded = json_util.loads(data.decode(), json_options=_OPTIONS)
        if not isinstance(loaded, dict):
            raise ValueError("it is no object")
        stored: Document = bson.decode(bson.encode(loaded, codec_options=CODEC), CODEC)
        return stored
    except (
        ValueError,
        TypeError,
        KeyError,
        RecursionError,
        OverflowError,
        bson.errors.BSONError,
    ) as exc:
        raise ArchiveError(
            f"{where} is not what an export writes: {exc}. Nothing was imported. Export it again."
        ) from exc


def slug(text: str) -> str:
    """Return what people recognise of a name, and every file system takes."""
    return _SLUG.sub("_", text).strip("_")[:40] or "x"
