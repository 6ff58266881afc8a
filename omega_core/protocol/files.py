"""Files in GridFS: written under a generation, read with few round trips, checked."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

from gridfs import GridFS, GridIn
from mongoengine.fields import GridFSProxy
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, CursorNotFound

from ..errors import StoreError
from ..mongo.database import Database
from ..progress import tell
from ..writing import AtomicWriter
from .commit import Intent
from .metadata import Metadata
from .resources import OWNER

CHUNK_SIZE = 2 * 1024 * 1024
"""Bytes per chunk. Larger than GridFS' 255 kB, because each chunk is a round trip to write."""

Document = dict[str, Any]


class GenerationGridFS(GridFS):
    """The bucket's GridFS as a put sees it: its files belong to the generation being written."""

    def __init__(self, database: Any, collection: str, intent: Intent) -> None:
        super().__init__(database, collection)
        self._intent = intent

    def new_file(self, **kwargs: Any) -> GridIn:
        file = super().new_file(**self._owned(kwargs))
        self._intent.grid_files.append(file)
        return file

    def put(self, data: Any, **kwargs: Any) -> Any:
        # As the driver's, by way of a file that the commit knows.
        with self.new_file(**kwargs) as file:
            file.write(data)
        return file._id

    def _owned(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        self._intent.check_lease()
        self._intent.res.gridfs = True
        if "_id" in kwargs:
            self._intent.record("files", kwargs["_id"])
            return {**kwargs, OWNER: self._intent.gen}
        return {**kwargs, "_id": next_file_id(self._intent)}


def next_file_id(intent: Intent) -> str:
    """Return an id that the collector recognises as the generation's."""
    intent.files += 1
    return f"{intent.gen}-{intent.files}"


class Sink(Protocol):
    """Where the bytes of a payload go: GridFS, or a file at a URI."""

    def write(self, data: memoryview, /) -> object: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class GridSink:
    """Writes one GridFS file, chunk by chunk, in constant memory; unless it is small.

    Attributes
    ----------
    id
        Of the file in GridFS.
    inline
        Once it is closed, the bytes of a file that is small enough to travel in the metadata, and
        is nowhere else; otherwise None.
    """

    def __init__(self, database: Database, intent: Intent, filename: str) -> None:
        self.id = next_file_id(intent)
        self.inline: bytes | None = None
        self._intent = intent
        files = database.files(intent.namespace)
        self._files = database.data(f"{files}.files")
        self._chunks = database.data(f"{files}.chunks")
        self._filename = filename
        self._buffer = bytearray()
        self._length = 0
        self._n = 0
        self._left = False

    def write(self, data: memoryview, /) -> None:
        start = 0
        while start < len(data):
            if not self._buffer and len(data) - start >= CHUNK_SIZE:
                self._insert(data[start : start + CHUNK_SIZE])
                start += CHUNK_SIZE
                continue
            taken = min(CHUNK_SIZE - len(self._buffer), len(data) - start)
            self._buffer += data[start : start + taken]
            start += taken
            if len(self._buffer) == CHUNK_SIZE:
                self._insert(self._buffer)
                self._buffer.clear()

    def _insert(self, data: bytearray | memoryview) -> None:
        self._intent.check_lease()
        self._intent.res.gridfs = True
        chunk = {"_id": f"{self.id}-{self._n}", "files_id": self.id, "n": self._n}
        try:
            self._chunks.insert_one({**chunk, "data": bytes(data)})
        except AutoReconnect:
            self._left = True
            raise
        self._n += 1
        self._length += len(data)

    def close(self) -> None:
        if not self._n and len(self._buffer) <= self._intent.inline:
            self.inline = bytes(self._buffer)
            return
        self._left = True
        if self._buffer:
            self._insert(self._buffer)
        self._files.insert_one(
            {
                "_id": self.id,
                "filename": self._filename,
                "length": self._length,
                "chunkSize": CHUNK_SIZE,
                "uploadDate": dt.datetime.now(dt.UTC),
            }
        )

    def abort(self) -> None:
        # The end of the put sees to what is left, where the server may have to be waited for.
        if self._n and not self._left:
            self._chunks.delete_many({"files_id": self.id})


class PayloadWriter(AtomicWriter):
    """The writable file that a backend gets from ``store.create_file``.

    Closing it notes in the metadata where the bytes are, how many, and their SHA-256. An exception
    in its ``with`` block discards it.

    Attributes
    ----------
    meta
        The metadata that names the file once it is complete.
    complete
        Whether it was closed, and not discarded.
    expected
        How many bytes there will be, for who waits; None: not known.
    """

    def __init__(self, sink: Sink, meta: Metadata, finish: Callable[[Document], None]) -> None:
        self.meta = meta
        self.complete = False
        self.expected: int | None = None
        self._sink = sink
        self._finish = finish
        self._digest = hashlib.sha256()
        super().__init__(f"the file of {meta.name!r}")

    def _write(self, data: memoryview) -> None:
        self._digest.update(data)
        self._sink.write(data)
        tell(self._length + len(data), self.expected, "bytes")

    def _complete(self) -> None:
        self._sink.close()
        self._finish({"length": self._length, "sha256": self._digest.hexdigest()})
        self.complete = True

    def _discard(self) -> None:
        self._sink.abort()

    def __del__(self) -> None:
        # What was forgotten is discarded at the end of the put, and not whenever memory is freed.
        io.BufferedIOBase.close(self)


class GridReader(io.RawIOBase):
    """Reads a GridFS file of ours: one query for all chunks, from wherever one seeks to."""

    def __init__(self, chunks: Collection[Document], file_id: Any, length: int, chunk: int) -> None:
        self._chunks = chunks
        self._id = file_id
        self._length = length
        self._size = chunk
        self._position = 0
        self._cursor: Any = None
        self._next = 0
        self._n = -1
        self._data = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        if origin + offset < 0:
            raise ValueError(f"negative seek position {origin + offset}")
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        if self._position >= self._length:
            return 0
        chunk = self._chunk(self._position // self._size)
        start = self._position % self._size
        part = chunk[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _chunk(self, n: int) -> bytes:
        if n == self._n:
            return self._data
        document = None
        if self._cursor is not None and n == self._next:
            try:
                document = next(self._cursor, None)
            except CursorNotFound:
                document = None  # idle for ten minutes: ask anew below
        if document is None:
            self._cursor = self._chunks.find({"files_id": self._id, "n": {"$gte": n}}).sort("n", 1)
            document = next(self._cursor, None)
        expected = min(self._size, self._length - n * self._size)
        if document is None or document["n"] != n or len(document["data"]) != expected:
            raise DamagedError(f"chunk {n} of its file is missing or has the wrong length")
        self._n, self._data, self._next = n, document["data"], n + 1
        return self._data

    def close(self) -> None:
        if self._cursor is not None:
            self._cursor.close()
        super().close()


class DamagedError(StoreError):
    """The payload is not what was written. The store says of which object, and why."""


class PayloadReader(io.RawIOBase):
    """Checks what it reads: the length always, the SHA-256 when read from start to end.

    Parameters
    ----------
    raw
        The bytes, wherever they are.
    expected
        ``{"length": int, "sha256": str}``, as the writer noted; a reference has no checksum.
    explain
        Turns a failure into the error to raise; it knows the object, and whether it was replaced.
    """

    def __init__(
        self, raw: BinaryIO | io.RawIOBase, expected: Document, explain: Callable[[str], Exception]
    ) -> None:
        self._raw = raw
        self._expected = expected
        self._explain = explain
        self._digest: Any = hashlib.sha256()
        self._hashed = 0
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._position = self._raw.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._position

    def readall(self) -> bytes:
        buffer = bytearray(max(0, self._expected["length"] - self._position))
        filled = 0
        with memoryview(buffer) as view:
            while filled < len(buffer):
                filled += self.readinto(view[filled:])
        return bytes(buffer)

    def readinto(self, buffer: Any, /) -> int:
        length = self._expected["length"]
        try:
            count = self._raw.readinto(buffer) or 0  # type: ignore[union-attr]
        except (DamagedError, FileNotFoundError, EOFError) as exc:
            raise self._explain(str(exc)) from exc
        end = self._position + count
        too_short = count == 0 and len(buffer) and self._position < length
        if too_short or (count and end > length):
            raise self._explain(f"it has another length than the {length} bytes that were written")
        # A reader that jumps about cannot be checked; one that reads on from the start can.
        if self._position == self._hashed and count:
            self._digest.update(memoryview(buffer)[:count])
            self._hashed = end
            wanted = self._expected.get("sha256", self._digest.hexdigest())
            if end == length and self._digest.hexdigest() != wanted:
                raise self._explain("its SHA-256 is not the one that was written")
        self._position = end
        tell(end, length, "bytes")
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def grid_reader(database: Database, namespace: str, meta: Metadata) -> BinaryIO | io.RawIOBase:
    """Open the GridFS file of ``meta``, whoever wrote it."""
    proxy: GridFSProxy = meta.gridfile
    files = database.files(namespace)
    integrity = meta.integrity or {}
    if "chunk_size" in integrity:
        chunks = database.data(f"{files}.chunks")
        return GridReader(chunks, proxy.grid_id, integrity["length"], integrity["chunk_size"])
    return GridFS(database.mongodb, files).get(proxy.grid_id)
