"""Which objects of a store somebody means: all that are not hidden, or some by name or pattern."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

from .errors import UnsupportedOptionError

Selecting = str | Iterable[str] | Literal[False] | None
"""None: everything that is not hidden. A name or a shell glob, or several. False: nothing."""


class Selection:
    """Which names are meant.

    Parameters
    ----------
    asked
        Each item is a name, or a glob that whole names match. One that begins with ``.`` finds
        hidden names as well.
    what
        What an error calls the place where it was given.
    """

    def __init__(self, asked: Selecting, what: str) -> None:
        self.items = None if asked is None else _items(asked, what)
        self._matches = [_match_of(item) for item in self.items or ()]

    def __bool__(self) -> bool:
        return self.items is None or bool(self.items)

    def __call__(self, name: str) -> bool:
        """Return whether a name is meant."""
        if self.items is None:
            return not name.startswith(".")
        return any(match(name) for match in self._matches)

    def unmatched(self, names: Iterable[str]) -> list[str]:
        """Return the items that mean none of these names."""
        every = [*names]
        pairs = zip(self.items or (), self._matches, strict=True)
        return [item for item, match in pairs if not any(map(match, every))]

    def query(self) -> dict[str, Any]:
        """Return a condition on ``name`` that all names meet that are meant, and perhaps others."""
        if self.items is None:
            return {}
        beginnings = [re.split(r"[*?\[]", item, maxsplit=1)[0] for item in self.items]
        if "" in beginnings:
            return {}
        ranges = [{"name": {"$gte": b, "$lt": b + "\U0010ffff"}} for b in beginnings]
        return ranges[0] if len(ranges) == 1 else {"$or": ranges}


def _items(asked: Any, what: str) -> list[str]:
    if asked is False:
        return []
    items = [asked] if isinstance(asked, str) else asked
    if isinstance(items, Iterable) and not isinstance(items, bytes):
        items = [*items]
        if all(isinstance(item, str) and item for item in items):
            return items
    raise UnsupportedOptionError(
        f"{what} takes a name or a pattern such as 'sales/*', or a list of them; None for "
        f"everything, False for nothing; not {asked!r}."
    )


def _match_of(item: str) -> Callable[[str], bool]:
    pattern = re.compile(fnmatch.translate(item))
    hidden = item.startswith(".")

    def matches(name: str) -> bool:
        # A name may look like a pattern.
        if name == item:
            return True
        return pattern.match(name) is not None and (hidden or not name.startswith("."))

    return matches
