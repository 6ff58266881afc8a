"""How much faster a get is that the cache answers: ratios, of one run on one machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from omega_core import Omega

ROUNDS = 9


def fastest(call: Callable[[], Any]) -> float:
    """Return how long a call takes, in seconds, when nothing disturbs it."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return min(times)


def objects() -> dict[str, Any]:
    random = np.random.default_rng(0)
    rows = 1_000_000
    numbers = pd.DataFrame({f"x{i}": random.normal(size=rows) for i in range(6)})
    texts = pd.DataFrame({f"t{i}": random.choice(["NY", "TX", "CA"], rows) for i in range(3)})
    return {
        "frame of 1,000,000 x 6 numbers": numbers,
        "frame of 1,000,000 x 3 texts": texts,
        "frame of 1,000 x 6 numbers": numbers.head(1000),
        "array of 6,000,000 numbers": numbers.to_numpy(),
        "dict of 10,000 lists": {str(i): [i, i / 2, str(i)] for i in range(10_000)},
    }


def main() -> None:
    kinds = ["pandas.dataframe", "numpy.ndarray", "python.data"]
    with tempfile.TemporaryDirectory() as directory:
        mongo = {"data_dir": directory}
        with (
            Omega({"mongo": mongo, "plugins": {"cache": {"kinds": kinds}}}) as cached,
            Omega({"mongo": mongo, "plugins": {"disabled": ["cache"]}}) as plain,
        ):
            for what, obj in objects().items():
                name = what.replace(" ", "-")
                plain.datasets.put(obj, name)
                cached.datasets.get(name)
                without = fastest(lambda name=name: plain.datasets.get(name))  # type: ignore[misc]
                within = fastest(lambda name=name: cached.datasets.get(name))  # type: ignore[misc]
                print(f"{what:32} {without / within:5.1f} times as fast")


if __name__ == "__main__":
    main()
