"""Prints how long a get of a name takes that does not exist, beside one of a name that does.

Among 20,000 names, the two in turns. The budget is three times a hit::

    python benchmarks/misses.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import uuid

from omega_core import Omega
from omega_core.errors import ObjectNotFoundError

NAMES = 200 if "--quick" in sys.argv else 20_000
CALLS = 5 if "--quick" in sys.argv else 60
BUDGET = 3.0
HIT = "sales/2024/region-00000"
MISSES = {
    "at the end": "sales/2024/region-00101x",
    "in the middle": "sales/2024/regoin-00101",
    "at the beginning": "zales/2024/region-00101",
    "in its case": "SALES/2024/REGION-00101",
    "nothing near": "nothing like it",
    "long": "a" * 500,
}


def fill(om: Omega) -> None:
    """Make documents as a put does, without the payloads: only the names matter."""
    om.datasets.put({"value": 0}, HIT)
    document = om.database.metadata.find_one({}, {"_id": 0})
    assert document is not None
    names = (f"sales/2024/region-{i:05}" if i % 2 else uuid.uuid4().hex for i in range(1, NAMES))
    om.database.metadata.insert_many([{**document, "name": name} for name in names])


def timed(om: Omega, name: str) -> float:
    began = time.perf_counter()
    try:
        om.datasets.get(name)
    except ObjectNotFoundError:
        assert name != HIT
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        Omega({"mongo": {"data_dir": directory}, "plugins": {"enabled": []}}) as om,
    ):
        fill(om)
        print(f"{'':18} {'hit':>14} {'miss':>16}   (budget: {BUDGET:.0f} times a hit)")
        for what, name in MISSES.items():
            times = [(timed(om, HIT), timed(om, name)) for _ in range(CALLS)]
            hits, misses = zip(*times, strict=True)
            cells = [
                f"{min(column):6.2f} / {statistics.median(column):6.2f}"
                for column in (hits, misses)
            ]
            print(f"{what:18} {'   '.join(cells)}   {min(misses) / min(hits):.1f} times")
        print("milliseconds: minimum / median; times: of the minima")


if __name__ == "__main__":
    main()
