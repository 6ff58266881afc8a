"""Who is unpickled: classes and functions that a pickle names, and Python looks for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_watched: dict[int, list[str]] = {}
"""What was looked for in the threads that are watched, by their ids."""

_is_there = False


@contextmanager
def found_by_pickle() -> Iterator[list[str]]:
    """Note what pickles name that are read in this thread, whichever library reads them."""
    global _is_there
    if not _is_there:
        # Python never removes one: it is asked once a process, and looks at two words.
        sys.addaudithook(_heard)
        _is_there = True
    found = _watched[threading.get_ident()] = []
    try:
        yield found
    finally:
        del _watched[threading.get_ident()]


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and (found := _watched.get(threading.get_ident())) is not None:
        found.append(".".join(map(str, arguments)))
