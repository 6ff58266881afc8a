"""Where the time of a put and a get of the mixed frame goes: each step by itself, in one thread.

::

    python benchmarks/steps.py [--quick]

A put does these steps in threads, next to a server that works as well, so its time is at least
their sum over the number of cores; this prints that limit, and the inserts alone, for comparison.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pymongo import MongoClient

from omega_core.mongo import embedded
from omega_pandas.encoding.encoded_columns import encode_table, stored_columns
from omega_pandas.encoding.statistics import table_stats
from omega_pandas.objects.pandas_objects import encode_frame
from omega_pandas.segments.documents import shrinks
from omega_pandas.segments.layout import SEGMENT_ROWS

sys.path.insert(0, str(Path(__file__).parent / "frames"))
from cases import CASES

REPEATS = 5


class Steps:
    """Seconds of each step, the fastest of some runs."""

    def __init__(self) -> None:
        self.fastest: dict[str, float] = {}
        self._run: dict[str, float] = {}

    def timed(self, step: str, call: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = call()
        self._run[step] = self._run.get(step, 0.0) + time.perf_counter() - began
        return result

    def finish(self) -> None:
        for step, seconds in self._run.items():
            self.fastest[step] = min(seconds, self.fastest.get(step, seconds))
        self._run = {}

    def show(self, title: str) -> float:
        total = sum(self.fastest.values())
        print(f"{title}: {1000 * total:.0f} ms")
        for step, seconds in self.fastest.items():
            print(f"  {step:<28}{1000 * seconds:6.1f} ms")
        return total


def stream(table: pa.Table, compression: str | None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def put(frame: Any, steps: Steps, collection: Any) -> list[bytes]:
    table = steps.timed("frame to Arrow", lambda: encode_frame(frame).table)
    documents = []
    for start in range(0, len(table), SEGMENT_ROWS):
        for name in table.column_names:
            part = table.select([name]).slice(start, SEGMENT_ROWS).combine_chunks()
            coded, bounding = steps.timed("encode", lambda part=part: encode_table(part))
            shrunk = steps.timed("sample", lambda coded=coded: shrinks(coded))
            compression = "zstd" if shrunk else None
            data = steps.timed("IPC and zstd", lambda c=coded, z=compression: stream(c, z))
            steps.timed("statistics", lambda p=part, b=bounding: table_stats(p, b))
            steps.timed("checksum", lambda data=data: zlib.crc32(data))
            documents.append({"data": data})
    steps.timed("insert_many", lambda: collection.insert_many(documents, ordered=False))
    return [document["data"] for document in documents]


def get(steps: Steps, collection: Any) -> None:
    found = steps.timed("find", lambda: [document["data"] for document in collection.find()])
    steps.timed("checksum", lambda: [zlib.crc32(data) for data in found])
    tables = steps.timed("IPC and zstd", lambda: [pa.ipc.open_stream(d).read_all() for d in found])
    steps.timed("validation", lambda: [table.validate(full=True) for table in tables])
    steps.timed("decode", lambda: [
        column.decoded() for table in tables for column in stored_columns(table).values()
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small frame, once: a trial run")
    quick = parser.parse_args().quick
    frame = CASES["mixed"].frame(quick)
    puts, gets = Steps(), Steps()
    with tempfile.TemporaryDirectory(prefix="omega-benchmark-") as directory:
        server = embedded.EmbeddedServer.acquire(Path(directory))
        try:
            with MongoClient(server.url) as client:
                for _ in range(1 if quick else REPEATS):
                    client.drop_database("steps")
                    collection = client["steps"].create_collection("segments")
                    data = put(frame, puts, collection)
                    get(gets, collection)
                    puts.finish()
                    gets.finish()
        finally:
            server.release()
    cores = os.cpu_count() or 1
    size = sum(map(len, data)) / 1e6
    print(f"{len(frame):,} x {len(frame.columns)}, {size:.1f} MB encoded, {cores} cores")
    for steps, title, alone in ((puts, "put", "insert_many"), (gets, "get", "find")):
        limit = steps.show(title) / cores
        ratio = limit / steps.fastest[alone]
        print(f"  at best, on all cores: {1000 * limit:.0f} ms, {ratio:.1f} of {alone} alone")


if __name__ == "__main__":
    main()
