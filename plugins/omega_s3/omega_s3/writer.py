"""Writing an object that exists as a whole, once closed, or not at all."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from enum import Enum

import obstore

from omega_core.writing import AtomicWriter

from .connection import Connection

_IN_FLIGHT = 3


class ObjectWriter(AtomicWriter):
    """A new object, uploaded while it is written.

    What fits into one part is one conditional request, which S3 refuses when the object exists.
    More becomes a multipart upload.
    """

    def __init__(self, connection: Connection, key: str, *, exclusive: bool) -> None:
        self._connection = connection
        self._key = key
        self._exclusive = exclusive
        self._buffer = bytearray()
        self._upload: _Upload | None = None
        super().__init__(repr(key))

    def _write(self, data: memoryview) -> None:
        start = 0
        while start < len(data):
            if len(self._buffer) == self._connection.part_size:
                self._send_part()
            room = self._connection.part_size - len(self._buffer)
            self._buffer += data[start : start + room]
            start += room

    def _complete(self) -> None:
        if self._upload is None:
            self._put_whole()
        else:
            self._send_part()
            self._upload.complete()

    def _discard(self) -> None:
        self._buffer = bytearray()
        if self._upload is not None:
            self._upload.abort()

    def _put_whole(self) -> None:
        with self._connection.explained(self._key):
            obstore.put(
                self._connection.store,
                self._key,
                bytes(self._buffer),
                mode="create" if self._exclusive else "overwrite",
                use_multipart=False,
            )

    def _send_part(self) -> None:
        if self._upload is None:
            if self._exclusive:
                self._require_new()
            self._upload = _Upload(self._connection, self._key)
        self._upload.send(bytes(self._buffer))
        self._buffer.clear()

    def _require_new(self) -> None:
        # A multipart upload cannot be made conditional through obstore, so this one looks first.
        with self._connection.explained(self._key):
            try:
                obstore.head(self._connection.store, self._key)
            except FileNotFoundError:
                return
        raise FileExistsError(
            f"there is already an object {self._key!r} in {self._connection.place}"
        )


class _End(Enum):
    COMPLETE = "complete"
    ABORT = "abort"


class _AbortedError(Exception):
    """Makes obstore abort the multipart upload that it is busy with."""


class _Upload:
    """A multipart upload, in a thread that pulls the parts.

    obstore's own writer is not used because it cannot be aborted: it would leave the parts
    behind, invisible and paid for. An iterator that raises makes obstore clean up. The thread
    knows this object and not the writer, so that a writer that is forgotten is still collected.
    """

    def __init__(self, connection: Connection, key: str) -> None:
        self._connection = connection
        self._key = key
        self._parts: queue.Queue[bytes | _End] = queue.Queue(maxsize=1)
        self._error: BaseException | None = None
        self._ended = False
        # A daemon: an interpreter that exits must not wait for parts that never come.
        self._thread = threading.Thread(target=self._run, name="omega_s3 upload", daemon=True)
        self._thread.start()

    def send(self, part: bytes) -> None:
        self._raise_error()
        self._parts.put(part)

    def complete(self) -> None:
        self._end(_End.COMPLETE)
        self._raise_error()

    def abort(self) -> None:
        if self._thread.is_alive():
            self._end(_End.ABORT)

    def _end(self, end: _End) -> None:
        self._parts.put(end)
        self._thread.join()

    def _raise_error(self) -> None:
        if self._error is not None:
            with self._connection.explained(self._key):
                raise self._error

    def _run(self) -> None:
        try:
            obstore.put(
                self._connection.store,
                self._key,
                self._pulled(),
                chunk_size=self._connection.part_size,
                max_concurrency=_IN_FLIGHT,
            )
        except BaseException as exc:  # raised again where the caller is
            self._error = exc
            # The caller must not wait for a thread that gave up.
            while not self._ended:
                self._pull()

    def _pull(self) -> bytes | _End:
        part = self._parts.get()
        self._ended = isinstance(part, _End)
        return part

    def _pulled(self) -> Iterator[bytes]:
        while not isinstance(part := self._pull(), _End):
            yield part
        if part is _End.ABORT:
            raise _AbortedError
