"""Files and models against what they stand on: GridFS by itself, and skops plus GridFS.

Prints ratios from one run, the peers taking turns::

    python benchmarks/files_and_models.py [--megabytes 1024] [--repeats 3]
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import gridfs

from omega_core import Omega
from omega_core.mongo.embedded import EmbeddedServer

MB = 1 << 20


class Source(io.RawIOBase):
    """So many megabytes that do not compress, without holding them."""

    def __init__(self, megabytes: int) -> None:
        self._left = megabytes * MB
        self._block = os.urandom(16 * MB)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self._left, len(self._block))
        buffer[:count] = self._block[:count]
        self._left -= count
        return count


def drain(file: Any) -> None:
    while file.read(4 * MB):
        pass


def compare(title: str, ways: dict[str, Callable[[], Any]], repeats: int) -> None:
    """Print the fastest and the median time of each way, as a ratio to the first."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    base = min(next(iter(times.values())))
    print(title)
    for name, taken in times.items():
        fastest, median = min(taken), statistics.median(taken)
        print(f"  {name:34} min {fastest:8.4f} s  median {median:8.4f} s  x{fastest / base:.2f}")


def files(om: Omega, megabytes: int, repeats: int) -> None:
    fs = gridfs.GridFS(om.database.mongodb, "peer")
    peers: dict[str, Callable[[], Any]] = {}
    for chunk in (255 * 1024, MB, 2 * MB, 4 * MB, 8 * MB, 15 * MB):

        def write(chunk: int = chunk) -> None:
            file_id = fs.put(Source(megabytes), chunkSize=chunk)
            fs.delete(file_id)

        peers[f"GridFS, chunks of {chunk // 1024} kB"] = write

    def put() -> None:
        om.datasets.put(Source(megabytes), "file", kind="python.file")
        om.datasets.discard("file")

    compare(f"python.file, put and delete of {megabytes} MB", {"put": put, **peers}, repeats)
    om.datasets.put(Source(megabytes), "file", kind="python.file")
    file_id = fs.put(Source(megabytes), chunkSize=2 * MB)
    reads = {
        "get": lambda: drain(om.datasets.get("file")),
        "GridFS": lambda: drain(fs.get(file_id)),
    }
    compare(f"python.file, read of {megabytes} MB", reads, repeats)


def models(om: Omega, repeats: int) -> None:
    import skops.io
    from sklearn.datasets import load_diabetes
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fs = gridfs.GridFS(om.database.mongodb, "peer")
    X, y = load_diabetes(return_X_y=True)
    candidates = {
        "small pipeline": make_pipeline(StandardScaler(), Ridge()).fit(X, y),
        "forest of 50 trees": RandomForestRegressor(50, random_state=0).fit(X, y),
    }
    for name, model in candidates.items():
        om.models.put(model, "m")
        trusted = skops.io.get_untrusted_types(
            data=om.models.open_file(om.models.metadata("m")).read()
        )
        store: list[Any] = []

        def dump(model: Any = model, store: list[Any] = store) -> None:
            buffer = io.BytesIO()
            skops.io.dump(model, buffer, compression=8, compresslevel=6)
            store[:] = [fs.put(buffer.getvalue(), chunkSize=2 * MB)]

        def load(store: list[Any] = store, trusted: list[str] = trusted) -> None:
            skops.io.loads(fs.get(store[0]).read(), trusted=trusted)

        compare(
            f"{name}, put",
            {"skops + GridFS": dump, "put": lambda model=model: om.models.put(model, "m")},
            repeats * 3,
        )
        compare(
            f"{name}, get", {"skops + GridFS": load, "get": lambda: om.models.get("m")}, repeats * 3
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer.acquire(directory)
        with Omega({"mongo": {"url": server.url + "/benchmark"}}) as om:
            files(om, arguments.megabytes, arguments.repeats)
            models(om, arguments.repeats)
        server.release()


if __name__ == "__main__":
    main()
