"""A few tasks at a time, in threads, so that work here overlaps with that of the server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

THREADS = min(4, max(2, os.cpu_count() or 1))


def overlapped(
    function: Callable[[Task], Result], tasks: Iterable[Task], *, parallel: bool = True
) -> Iterator[Result]:
    """Apply a function to tasks, a few at a time; the results come in the order of the tasks."""
    todo = list(tasks)
    if len(todo) < 2 or not parallel:
        yield from map(function, todo)  # a small object is not worth a thread
        return
    with ThreadPoolExecutor(THREADS, thread_name_prefix="omega-segments") as pool:
        yield from pool.map(function, todo)
