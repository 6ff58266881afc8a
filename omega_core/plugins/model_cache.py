"""Models that were read before, for the actions that ask them again.

A model is kept by its generation, which names one payload for ever: what is kept is never stale.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from ..forking import reset_in_children


class ModelCache:
    """Keeps what was asked for last, up to a number of bytes, for all threads of a process.

    Parameters
    ----------
    limit
        How many bytes; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._empty()
        # A child shares no models, since its parent may have been in the middle of an update.
        reset_in_children(self._empty)

    def _empty(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(
        self, key: Hashable, read: Callable[[], Any], size_of: Callable[[Any], int | None]
    ) -> Any:
        """Return the model of a key, from here or by ``read``.

        Parameters
        ----------
        size_of
            Says how many bytes a model takes; None where it is not to be kept.
        """
        if self._limit <= 0:
            return read()
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found[0]
        model = read()
        size = size_of(model)
        if size is None or size > self._limit:
            return model
        with self._lock:
            # Of two threads that read it at a time, both keep one.
            kept = self._kept.setdefault(key, (model, size))
            if kept[0] is model:
                self.size += size
            while self.size > self._limit:
                self.size -= self._kept.popitem(last=False)[1][1]
            return kept[0]
