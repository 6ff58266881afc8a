"""Values that are passed in the place of datasets: stored under hidden names, which nobody knows.

An error about one calls it by the argument that it was passed as.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..protocol.naming import TEMPORARY

# As a name is written in a message, with what is said before it.
_HIDDEN = re.compile(
    rf"""(?:\bthe )?(?:\bdataset |data/)?(['"]?)({re.escape(TEMPORARY)}[0-9a-f]+)\1"""
)


@contextmanager
def called_by_argument(arguments: Mapping[str, str], otherwise: str = "X") -> Iterator[None]:
    """Let errors that leave this say ``the value passed as X``.

    Parameters
    ----------
    arguments
        The hidden name of each value -> the argument.
    otherwise
        The argument of a hidden name that is not among them.
    """

    def spoken(match: re.Match[str]) -> str:
        return f"the value passed as {arguments.get(match[2], otherwise)}"

    try:
        yield
    except Exception as exc:
        told: BaseException | None = exc
        seen: set[int] = set()
        while told is not None and id(told) not in seen:
            seen.add(id(told))
            told.args = tuple(
                _HIDDEN.sub(spoken, text) if isinstance(text, str) else text for text in told.args
            )
            if hasattr(told, "__notes__"):
                told.__notes__ = [_HIDDEN.sub(spoken, note) for note in told.__notes__]
            told = told.__cause__ or told.__context__
        raise
