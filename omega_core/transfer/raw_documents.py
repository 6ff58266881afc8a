"""Documents as the bytes that they are, with new ids where those tell a generation."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from ..errors import IntegrityError
from .renaming import Renaming

MAX_BYTES = 16 * 1024 * 1024 + 16 * 1024
"""Of one document, as MongoDB has it internally."""

INSERTED_BYTES = 8 * 1024 * 1024
INSERTED_DOCUMENTS = 1000

# Values stay what they are: nested documents raw, moments beyond the years of Python numbers.
RAW: CodecOptions[Any] = CodecOptions(
    document_class=RawBSONDocument,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    tz_aware=True,
    unicode_decode_error_handler="surrogateescape",
)

_ID = b"\x02_id\0"
_TEXT = 4 + len(_ID) + 4
_ROW = re.compile(rb"([0-9a-f]{32})(-[0-9]{12})-([0-9a-f]{8})")


def read_stream(file: BinaryIO, where: str) -> Iterator[bytes]:
    """Yield the documents of a file of BSON, one after the other, as ``mongodump`` writes it.

    Raises
    ------
    IntegrityError
        It is none; ``where`` names it.
    """
    while head := file.read(4):
        size = int.from_bytes(head, "little")
        if len(head) < 4 or not 5 <= size <= MAX_BYTES:
            raise IntegrityError(f"{where}: it is not a file of BSON documents.")
        raw = head + file.read(size - 4)
        if len(raw) < size or raw[-1:] != b"\0":
            raise IntegrityError(f"{where}: it ends in the middle of a document.")
        yield raw


def with_new_id(raw: bytes, renaming: Renaming) -> bytes:
    """Return a document whose id tells the new generation, where it tells the old one.

    The id of a row holds a checksum of the row and of what is before it, which is made anew; one
    that is wrong stays wrong.
    """
    if raw[4 : 4 + len(_ID)] != _ID:
        return raw
    stop = _TEXT + int.from_bytes(raw[_TEXT - 4 : _TEXT], "little") - 1
    id_ = raw[_TEXT:stop]
    old = id_[:32]
    new = renaming.gens.get(old.decode("ascii", "replace"))
    if new is None or id_[32:33].isalnum():
        return raw
    fresh = new.encode() + id_[32:]
    row = _ROW.fullmatch(id_)
    if row is not None:
        rest = memoryview(raw)[stop + 1 :]
        if row[3] == b"%08x" % zlib.crc32(rest, zlib.crc32(row[1] + row[2])):
            key = new.encode() + row[2]
            fresh = key + b"-%08x" % zlib.crc32(rest, zlib.crc32(key))
    return raw[:_TEXT] + fresh + raw[stop:]


def insert(
    collection: Collection[Any], documents: Iterable[bytes], each: Callable[[int], None]
) -> int:
    """Insert documents as they are, in their order; return how many.

    Parameters
    ----------
    each
        Called with the bytes of each insert, once that is done.
    """
    count = size = 0
    waiting: list[Any] = []

    def flush() -> None:
        nonlocal size
        if waiting:
            collection.insert_many(waiting, ordered=True)
            each(size)
            waiting.clear()
            size = 0

    for raw in documents:
        if waiting and size + len(raw) > INSERTED_BYTES:
            flush()
        waiting.append(RawBSONDocument(raw))
        size += len(raw)
        count += 1
        if len(waiting) == INSERTED_DOCUMENTS:
            flush()
    flush()
    return count


def changed(raw: bytes, **fields: Any) -> bytes:
    """Return a document with some of its fields set."""
    document: dict[str, Any] = dict(bson.decode(raw, RAW).items())
    return bson.encode({**document, **fields}, codec_options=RAW)
