"""Rows as documents that say in their ``_id`` what they hold: a checksum that no other tool minds.

The id of a row is ``<generation>-<row>-<checksum>``, and the checksum is that of the id before it
and of all other fields, as BSON. It cannot be changed along with a value, since an ``_id`` never
changes; it takes no field that other tools would show; and a document says by itself that it is the
one that was written, to the type of each number and at its place, whichever a filter lets through.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from ..errors import IntegrityError

Document = dict[str, Any]

_RAW: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
_SLICE = 1000
_UNKNOWN = "-00000000"
_ID = b"\x02_id\0"
_TEXT = 4 + len(_ID) + 4
"""Where the text of the id begins: after the lengths of the document and of the id."""


def row_id(gen: str, row: int) -> str:
    """Return the id of a row without its checksum: all ids of the row begin with it.

    Those of the rows from ``first`` to ``last`` are at least ``row_id(gen, first)``, and less than
    ``row_id(gen, last + 1)``. They begin with the generation, by which the collector finds the rows
    of a writer that crashed.
    """
    return f"{gen}-{row:012d}"


def row_place(id_: str) -> tuple[str, int]:
    """Return the generation and the number of the row that has this id."""
    gen, row = id_.split("-", 2)[:2]
    return gen, int(row)


def dump_row(
    gen: str, row: int, fields: Mapping[str, Any], codec: CodecOptions[Any]
) -> RawBSONDocument:
    """Return the document of a row, to be inserted as it is.

    Parameters
    ----------
    gen
        The generation that is being written: ``store.generation(name)``.
    row
        The number of the row in it.
    fields
        All but ``_id``.
    codec
        That of the collection: ``collection.codec_options``.
    """
    id_ = row_id(gen, row)
    raw = bson.encode({"_id": id_ + _UNKNOWN, **fields}, codec_options=codec)
    stop = _TEXT + len(id_)
    start = stop + len(_UNKNOWN) + 1
    checksum = b"-%08x" % zlib.crc32(memoryview(raw)[start:], zlib.crc32(raw[_TEXT:stop]))
    return RawBSONDocument(raw[:stop] + checksum + raw[start - 1 :])


def read_rows(
    collection: Any,
    query: Mapping[str, Any],
    codec: CodecOptions[Any],
    checked: Collection[str],
    subject: str,
    *,
    projection: Mapping[str, int] | None = None,
    batch_size: int = 0,
) -> Iterator[Document]:
    """Yield the documents of rows in their order, after a comparison of each with its checksum.

    Parameters
    ----------
    collection, query
        Where they are, and which.
    codec
        Of the documents that are yielded.
    checked
        The generations whose rows were made by `dump_row`, and are read with all their fields:
        what a projection leaves of one cannot be compared.
    subject
        What an error calls the object.
    batch_size
        How many documents the server is asked for at a time, if it is not to choose.

    Raises
    ------
    IntegrityError
        A document is not the one that was written, naming generation and row.
    """
    options = {"sort": [("_id", 1)], "batch_size": batch_size}
    try:
        if not checked:
            yield from collection.with_options(codec_options=codec).find(
                query, projection, **options
            )
            return
        found = collection.with_options(codec_options=_RAW).find(query, projection, **options)
        # Of a large answer, the driver gives a document as a view of that.
        while rows := [bytes(document.raw) for document in itertools.islice(found, _SLICE)]:
            for raw in rows:
                _compare(raw, checked, subject)
            yield from bson.decode_all(b"".join(rows), codec)
    except InvalidBSON as error:
        raise IntegrityError(f"{subject}: one of its rows cannot be read: {error}") from error


def _compare(raw: bytes, checked: Collection[str], subject: str) -> None:
    rest = _TEXT + int.from_bytes(raw[_TEXT - 4 : _TEXT], "little")
    id_ = raw[_TEXT : rest - 1]
    key, _, checksum = id_.rpartition(b"-")
    if checksum == b"%08x" % zlib.crc32(memoryview(raw)[rest:], zlib.crc32(key)):
        return
    gen, row = row_place(id_.decode())
    if gen in checked:
        raise IntegrityError(
            f"{subject}: row {row} of the batch {gen} is not the one that was written: the "
            f"document {id_.decode()!r} was changed. Put back what it held, restore an earlier "
            "version, or store it again."
        )
