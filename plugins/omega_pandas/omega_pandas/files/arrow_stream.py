"""A header and a table as one Arrow IPC stream, compressed with zstd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pyarrow as pa

from omega_core.errors import IntegrityError

from ..objects.header import Encoded, Header, dump_header, load_header

_KEY = b"omega_pandas"
# Large enough that a usual frame is one batch, which is decoded without another copy.
_BATCH_ROWS = 1 << 20


class Writable(Protocol):
    """A binary file that is only written."""

    def write(self, data: Any, /) -> int: ...


class _PositionedWriter:
    """Gives a file that can only be written the `tell` that Arrow asks for.

    It is no file itself, so that Arrow cannot close one that is to be discarded after an error.
    """

    closed = False

    def __init__(self, file: Writable) -> None:
        self._file = file
        self._position = 0

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._file.write(view)
        self._position += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Leave it to the file, which is not closed yet."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def writable(file: Writable) -> pa.PythonFile:
    """Return a file that can only be written as one to which Arrow writes."""
    adapted: Any = _PositionedWriter(file)
    return pa.PythonFile(adapted, mode="w")


def write_payload(encoded: Encoded, file: Writable) -> None:
    """Write the header and the table to a binary file."""
    table = encoded.table.replace_schema_metadata({_KEY: dump_header(encoded.header)})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(writable(file), table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=_BATCH_ROWS)


class Payload:
    """A stored payload: the header at once, the columns as asked for."""

    def __init__(self, data: bytes) -> None:
        self._buffer = pa.py_buffer(data)
        try:
            with pa.ipc.open_stream(self._buffer) as reader:
                self._schema = reader.schema
        except (pa.ArrowInvalid, OSError) as error:
            raise IntegrityError(f"The payload is not an Arrow stream: {error}") from error
        self.header: Header = load_header((self._schema.metadata or {}).get(_KEY))

    def table(self, choose: Callable[[list[str]], list[str]] | None = None) -> pa.Table:
        """Return the table, or of all fields those that ``choose`` keeps."""
        names = list(self._schema.names)
        fields = names if choose is None else choose(names)
        if not fields:
            return pa.table({})
        places = {name: place for place, name in enumerate(names)}
        options = pa.ipc.IpcReadOptions(included_fields=[places[name] for name in fields])
        try:
            with pa.ipc.open_stream(self._buffer, options=options) as reader:
                table = reader.read_all()
            # What is not ours may be malformed in ways that only a full look shows.
            table.validate(full=True)
        except (pa.ArrowInvalid, OSError) as error:
            raise IntegrityError(f"The payload is damaged: {error}") from error
        return table
