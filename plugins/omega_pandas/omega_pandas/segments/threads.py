"""A few tasks at a time, in threads, so that work here overlaps with that of the server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

THREADS = min(4, max(2, os.cpu_count() or 1))


def overlapped(function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Any]:
    """Apply a function in threads, to a few tasks at a time; results come as they are ready."""
    iterator = iter(tasks)
    first = next(iterator, None)
    if first is None:
        return
    second = next(iterator, None)
    if second is None:
        yield function(first)  # a small object is not worth a thread
        return
    with ThreadPoolExecutor(THREADS, thread_name_prefix="omega-segments") as pool:
        pending: set[Future[Any]] = {pool.submit(function, first), pool.submit(function, second)}
        try:
            for task in iterator:
                if len(pending) > THREADS:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
                pending.add(pool.submit(function, task))
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in pending:
                future.cancel()
