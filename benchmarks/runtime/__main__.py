"""Tasks against the same calls made directly, and predictions against scikit-learn by itself.

Prints ratios from one run, the peers taking turns; the engines are those that are installed::

    python benchmarks/runtime [--quick] [--engines local,dask,celery] [--rows 10000000]
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

import large
import small
import steps
from clusters import ENGINES, cluster, installed

from omega_core.mongo.embedded import EmbeddedServer


def _engines(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in ENGINES]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(ENGINES)}")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small data: does it run?")
    parser.add_argument("--engines", type=_engines, default=list(ENGINES))
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the large frame")
    given = parser.parse_args()
    repeats = 3 if given.quick else 200
    with tempfile.TemporaryDirectory(prefix="omega-benchmark-") as directory:
        server = EmbeddedServer.acquire(str(Path(directory) / "db"))
        try:
            print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
            config = {"mongo": {"url": f"{server.url}/benchmark"}}
            steps.show(config, repeats)
            for name in given.engines:
                if reason := installed(name):
                    print(f"engine {name}: left out, {reason}\n")
                    continue
                with cluster(name, config, Path(directory)) as om:
                    small.show(om, name, repeats, 20 if given.quick else 1000)
            large.show(config, 20_000 if given.quick else given.rows, 5_000 if given.quick else 0)
        finally:
            server.release()


if __name__ == "__main__":
    main()
