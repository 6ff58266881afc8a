"""Times of a few ways to do one thing, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def median(way: Callable[[], Any], repeats: int) -> float:
    """Return the median of the seconds that ``way`` takes, after a first time."""
    way()
    return statistics.median(seconds(way) for _ in range(repeats))


def seconds(way: Callable[[], Any]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def compare(
    title: str, ways: dict[str, Callable[[], Any]], repeats: int, *, warm: bool = True
) -> None:
    """Print the median of each way, and its ratio to the first; ``warm``: after a first time."""
    for way in ways.values() if warm else ():
        way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            taken[name].append(seconds(way))
    base = statistics.median(next(iter(taken.values())))
    print(title)
    for name, times in taken.items():
        middle = statistics.median(times)
        print(f"  {name:44} {middle * 1000:10.2f} ms   x{middle / base:.2f}")
    print()
