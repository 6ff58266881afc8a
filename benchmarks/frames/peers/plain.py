"""The floor of plain Arrow: each column of each segment as an Arrow IPC stream with zstd.

What `floor` does, with more bytes: those that omega_core would store if it did not encode columns
before it compresses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from .base import MongoPeer
from .floor import Peer as FloorPeer

if TYPE_CHECKING:
    import pandas as pd

_SEGMENT_ROWS = 128 * 1024
_DOCUMENT_BYTES = 256 * 1024


class Peer(FloorPeer):
    def prepare(self, frame: pd.DataFrame) -> None:
        MongoPeer.prepare(self, frame)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        columns = max(1, _DOCUMENT_BYTES * len(table.column_names) // max(1, table.nbytes))
        self.documents = [
            {"data": _stream(table.select(names).slice(start, _SEGMENT_ROWS))}
            for start in range(0, len(table), _SEGMENT_ROWS)
            for first in range(0, len(table.column_names), columns)
            if (names := table.column_names[first : first + columns])
        ]
        self.mongodb.create_collection("floor")


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
