"""Which objects are meant: all of a store, or names and globs of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import Protocol

from ..errors import ObjectNotFoundError, UnsupportedOptionError

Selection = str | Iterable[str] | bool | None


class Listed(Protocol):
    """What is asked of a store."""

    def list(self, pattern: str | None = None, *, hidden: bool = False) -> list[str]: ...
    def not_found(self, name: str) -> ObjectNotFoundError: ...


def selected(store: Listed, wanted: Selection, what: str) -> list[str]:
    """Return the names of the objects of one store that are meant, sorted.

    Parameters
    ----------
    wanted
        None or True: all that are not hidden; False: none; else a name, a glob, or several. A name
        that there is means that object, also where it could be a glob.
    what
        How errors call the argument.

    Raises
    ------
    ObjectNotFoundError
        A name, or a glob, means nothing.
    """
    if wanted is None or wanted is True:
        return store.list()
    if wanted is False:
        return []
    patterns = [wanted] if isinstance(wanted, str) else list(wanted)
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise UnsupportedOptionError(
            f"{what}= takes a name, a glob, a list of these, False for none of them, or None for "
            f"all, not {wanted!r:.80}."
        )
    every = store.list(hidden=True)
    found: set[str] = set()
    for pattern in patterns:
        mine = {pattern} & set(every)
        if not mine:
            hidden = pattern.startswith(".")
            matching = fnmatch.filter(every, pattern)
            mine = {name for name in matching if hidden or not name.startswith(".")}
        if not mine:
            raise store.not_found(pattern)
        found |= mine
    return sorted(found)
