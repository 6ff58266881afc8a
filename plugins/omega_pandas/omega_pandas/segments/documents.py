"""A table as documents, one per segment of rows and column; and back, in threads.

A document is ``{_id, payload, segment, group, rows, fields, min, max, nulls, nans, crc, data}``:
``data`` is an Arrow IPC stream, compressed with zstd, of the fields that it names, and the lists
beside it are their statistics. A column has documents of its
own wherever they are worth it; small columns share one, so that a frame of thousands of columns
is not thousands of tiny documents.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from omega_core.errors import IntegrityError, UnsupportedValueError

from ..columns.arrow_types import byte_size
from ..encoding.encoded_columns import Column, encode_table, stored_columns
from ..encoding.statistics import Stats, pack, table_stats, unpack
from .layout import Document, Layout, document_id
from .threads import THREADS, overlapped

if TYPE_CHECKING:
    from pymongo.collection import Collection


_TASK_FIELDS = 1000
_TASK_BYTES = 8 * 1024 * 1024
_READ_CELLS = 256 * 1024
_MAX_DOCUMENT = 15 * 1024 * 1024
_SAMPLE = 16 * 1024
_SAMPLED = 8
# Threads of our own are enough.
_READ = pa.ipc.IpcReadOptions(use_threads=False)
_ZSTD = pa.Codec("zstd", compression_level=1)

Columns = dict[str, Column]
"""The fields of a document, or of a segment, by name."""

Progress = Callable[[int], None]
"""Takes the number of rows, or bytes, that are done."""


def write_table(
    table: pa.Table,
    rows: int,
    payload: str,
    collection: Collection[Document],
    subject: str,
    progress: Progress | None = None,
) -> tuple[Layout, int, int]:
    """Write a table to the shared collection; encoding, compressing and inserting overlap.

    Holds at most a few segments beside the table. Returns the layout, the bytes written, and those
    that the table takes in memory.

    Raises
    ------
    UnsupportedValueError
        Where one value is larger than MongoDB takes.
    """
    sizes = [byte_size(column) for column in table.columns]
    layout = Layout.of(table, rows, sizes)
    names = table.column_names

    def write(task: list[tuple[int, int]]) -> tuple[int, int]:
        documents = [_document(table, names, layout, payload, place, subject) for place in task]
        collection.insert_many(documents, ordered=False)
        return (
            sum(document["rows"] for document in documents),
            sum(len(document["data"]) for document in documents),
        )

    done = size = 0
    for written, bytes_ in overlapped(write, _tasks(sizes, layout)):
        done += written
        size += bytes_
        if progress is not None:
            progress(done // len(layout.groups))
    return layout, size, sum(sizes)


def _tasks(sizes: Sequence[int], layout: Layout) -> Iterator[list[tuple[int, int]]]:
    """Bundle documents, so that one insert carries a few megabytes."""
    starts = layout.starts
    widths = [
        sum(sizes[start : start + many]) / max(1, layout.rows)
        for start, many in zip(starts, layout.groups, strict=True)
    ]
    task: list[tuple[int, int]] = []
    size, fields = 0.0, 0
    for segment in range(layout.segments):
        first, last = layout.bounds(segment)
        for group, width in enumerate(widths):
            task.append((segment, group))
            size += (last - first) * width
            fields += layout.groups[group]
            if size > _TASK_BYTES or fields >= _TASK_FIELDS:
                yield task
                task, size, fields = [], 0.0, 0
    if task:
        yield task


def _document(
    table: pa.Table,
    names: Sequence[str],
    layout: Layout,
    payload: str,
    place: tuple[int, int],
    subject: str,
) -> Document:
    segment, group = place
    start = layout.starts[group]
    stop = start + layout.groups[group]
    first, last = layout.bounds(segment)
    part = table.select(range(start, stop)).slice(first, last - first).combine_chunks()
    coded, bounding = encode_table(part)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(
        compression="zstd" if shrinks(coded) else None, use_threads=False
    )
    with pa.ipc.new_stream(sink, coded.schema, options=options) as writer:
        writer.write_table(coded)
    data = sink.getvalue().to_pybytes()
    if len(data) > _MAX_DOCUMENT:
        raise UnsupportedValueError(
            f"{subject} was not stored: a value in rows {first} to {last - 1} is larger than the "
            "16 MB of a document. Store such values as files, and their names in the frame."
        )
    return {
        "_id": document_id(payload, segment, group),
        "payload": payload,
        "segment": segment,
        "group": group,
        "rows": last - first,
        **pack(table_stats(part, bounding)),
        "crc": zlib.crc32(data),
        "data": data,
    }


def shrinks(part: pa.Table) -> bool:
    """Return whether compressing is worth its time, by a sample from the middle of its buffers."""
    buffers = [b for c in part.columns for k in c.chunks for b in k.buffers() if b is not None]
    if sum(buffer.size for buffer in buffers) < 4 * _SAMPLE:
        return True
    largest = sorted(buffers, key=lambda buffer: buffer.size)[-_SAMPLED:]
    share = _SAMPLE // len(largest)
    sample = b"".join(
        b.slice(max(0, b.size - share) // 2, min(b.size, share)).to_pybytes() for b in largest
    )
    return bool(_ZSTD.compress(sample).size < 0.8 * len(sample))


def read_documents(
    collection: Collection[Document],
    cells: Mapping[str, int],
    subject: str,
    progress: Progress | None = None,
    *,
    parallel: bool = True,
) -> dict[str, Columns]:
    """Fetch documents and decompress them, in threads unless told otherwise; each is checked.

    Parameters
    ----------
    cells
        How many values each document holds, by its id.
    progress
        Called with the number of values that are read.

    Raises
    ------
    IntegrityError
        Where one is missing, or is not the one that was written.
    """

    def fetch(task: list[str]) -> list[tuple[str, Columns]]:
        projection = {"data": 1, "crc": 1, "fields": 1, "rows": 1}
        found = collection.find({"_id": {"$in": task}}, projection)
        return [(document["_id"], _columns(document, subject)) for document in found]

    # A round trip for each task: many small documents are one, and large ones several at a time.
    most = max(_READ_CELLS, sum(cells.values()) // (4 * THREADS)) if parallel else None
    results = overlapped(fetch, _bundled(cells, most), parallel=parallel)
    columns: dict[str, Columns] = {}
    done = 0
    for found in results:
        columns.update(found)
        done += sum(cells[id_] for id_, _ in found)
        if progress is not None:
            progress(done)
    missing = [id_ for id_ in cells if id_ not in columns]
    if missing:
        raise IntegrityError(
            f"{subject}: {len(missing)} of its {len(cells)} documents are missing, "
            f"the first is {missing[0]}."
        )
    return columns


def _bundled(cells: Mapping[str, int], most: int | None) -> list[list[str]]:
    tasks: list[list[str]] = []
    size = 0
    for id_, count in cells.items():
        if not tasks or (most is not None and size + count > most):
            tasks.append([])
            size = 0
        tasks[-1].append(id_)
        size += count
    return tasks


def _columns(document: Document, subject: str) -> Columns:
    data = document["data"]
    if zlib.crc32(data) != document["crc"]:
        raise IntegrityError(
            f"{subject}: the document {document['_id']} is not the one that was written."
        )
    try:
        with pa.ipc.open_stream(pa.py_buffer(data), options=_READ) as reader:
            table = reader.read_all()
        # What is not ours may be malformed in ways that only a full look shows.
        table.validate(full=True)
        columns = stored_columns(table)
    except (pa.ArrowInvalid, OSError) as error:
        raise IntegrityError(f"{subject}: document {document['_id']}: {error}") from error
    if table.num_rows != document["rows"] or table.column_names != document["fields"]:
        raise IntegrityError(
            f"{subject}: the document {document['_id']} holds other rows or columns than it says."
        )
    return columns


def read_stats(collection: Collection[Document], ids: Sequence[str]) -> dict[str, dict[str, Stats]]:
    """Fetch the statistics of documents, without their data: document -> field -> statistics."""
    found = collection.find({"_id": {"$in": list(ids)}}, {"data": 0})
    return {document["_id"]: unpack(document) for document in found}
