"""Reading an object in pieces, in constant memory, and noticing when it changes meanwhile."""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import obstore
from obstore.exceptions import GenericError

from omega_core.errors import IntegrityError

from .connection import Connection

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta

_FIRST = 256 << 10
_LARGEST = 8 << 20
_IN_MEMORY = 8 << 20

# obstore has one class for all of these; its texts are what tells them apart.
_NO_SUCH_RANGE = "status code: 416"
_RANGE_IGNORED = "non-partial response when range requested"


def open_object(connection: Connection, key: str) -> BinaryIO:
    """Open an object with one request, which brings its first piece along.

    A server that ignores ranges is read once, whole, into a temporary file.
    """
    with connection.explained(key):
        try:
            result = obstore.get(connection.store, key, options={"range": (0, _FIRST)})
        except GenericError as exc:
            if _NO_SUCH_RANGE in str(exc):
                # S3 has no range to offer of an empty object.
                return _opened_empty(connection, key)
            if _RANGE_IGNORED in str(exc):
                return _spooled(connection, key)
            raise
        block = result.bytes().to_bytes()
    return io.BufferedReader(ObjectReader(connection, key, result.meta, block), 64 << 10)


def _opened_empty(connection: Connection, key: str) -> BinaryIO:
    meta = obstore.head(connection.store, key)
    if meta["size"] != 0:
        raise _changed(connection, key, "no bytes", meta["size"])
    return io.BytesIO()


def _spooled(connection: Connection, key: str) -> BinaryIO:
    result = obstore.get(connection.store, key)
    size = result.meta["size"]
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (returned open)
    for chunk in result.stream(min_chunk_size=1 << 20):
        file.write(chunk)
    if file.tell() != size:
        raise _changed(connection, key, f"{file.tell()} bytes", size)
    file.seek(0)
    return cast(BinaryIO, file)


def _changed(connection: Connection, key: str, got: str, size: int) -> IntegrityError:
    return IntegrityError(
        f"{key!r} in {connection.place} changed while it was being read: got {got} of {size}"
    )


class ObjectReader(io.RawIOBase):
    """An object of known size and ETag, read by ranges with a growing read-ahead.

    Reading on from where the last piece ended doubles the next piece, up to 8 MB; a jump starts
    small again. So a scan needs few requests, and a jump to a footer brings little that is unused.
    """

    def __init__(self, connection: Connection, key: str, meta: ObjectMeta, block: bytes) -> None:
        self._connection = connection
        self._key = key
        self._size = meta["size"]
        self._etag = meta["e_tag"]
        self._position = 0
        self._block = block
        self._start = 0
        self._ahead = _FIRST
        self._check(meta, block, min(_FIRST, self._size))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        if self._position >= self._size or len(buffer) == 0:
            return 0
        offset = self._position - self._start
        if not 0 <= offset < len(self._block):
            self._fetch(len(buffer))
            offset = 0
        piece = memoryview(self._block)[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def readall(self) -> bytes:
        # The inherited one reads 8 kB at a time.
        pieces = []
        piece = bytearray(_LARGEST)
        while count := self.readinto(piece):
            pieces.append(bytes(memoryview(piece)[:count]))
        return b"".join(pieces)

    def _fetch(self, wanted: int) -> None:
        sequential = self._position == self._start + len(self._block)
        self._ahead = min(self._ahead * 2, _LARGEST) if sequential else _FIRST
        stop = min(self._position + max(self._ahead, min(wanted, _LARGEST)), self._size)
        options: GetOptions = {"range": (self._position, stop)}
        if self._etag and not self._etag.startswith("W/"):
            options["if_match"] = self._etag
        # Let go of the old piece first, or two are held.
        self._block, self._start = b"", self._position
        try:
            with self._connection.explained(self._key):
                result = self._get(options)
                block = result.bytes().to_bytes()
        except FileNotFoundError:
            raise IntegrityError(
                f"{self._key!r} in {self._connection.place} was deleted while it was being read"
            ) from None
        self._check(result.meta, block, stop - self._position)
        self._block = block

    def _get(self, options: GetOptions) -> GetResult:
        try:
            return obstore.get(self._connection.store, self._key, options=options)
        except GenericError as exc:
            if _NO_SUCH_RANGE in str(exc):
                raise _changed(self._connection, self._key, "no bytes", self._size) from None
            raise

    def _check(self, meta: ObjectMeta, block: bytes, expected: int) -> None:
        if meta["size"] != self._size or meta["e_tag"] != self._etag:
            raise _changed(
                self._connection, self._key, f"another version of {meta['size']} bytes", self._size
            )
        if len(block) != expected:
            raise _changed(
                self._connection, self._key, f"{len(block)} instead of {expected} bytes", self._size
            )
