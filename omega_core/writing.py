"""A file that exists as a whole, once it is closed, or not at all: the base of its writers."""

from __future__ import annotations

import io
from types import TracebackType
from typing import Any, Self


class AtomicWriter(io.BufferedIOBase):
    """A new file that comes into being at `close`, or not at all.

    Left without `close`, by an exception or by forgetting it, it is discarded: half a file must
    never look like a whole one. (What `io` and fsspec offer closes, and so completes, it then.)

    A subclass has ``_write``, which gets the bytes; ``_complete``, which returns when the file is
    durable; and ``_discard``, which leaves nothing behind. The last thing that its ``__init__``
    does is to call this one: from then on there is something to discard.

    Parameters
    ----------
    what
        How errors name it.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._length = 0

    def _write(self, data: memoryview) -> None:
        raise NotImplementedError

    def _complete(self) -> None:
        raise NotImplementedError

    def _discard(self) -> None:
        raise NotImplementedError

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, data: Any, /) -> int:
        if self.closed:
            raise ValueError(f"write to {self._what}, which is closed")
        with memoryview(data) as given, given.cast("B") as view:
            self._write(view)
            self._length += len(view)
            return len(view)

    def close(self) -> None:
        """Complete the file; nothing remains of it if that fails."""
        if self.closed:
            return
        try:
            self._complete()
        except BaseException as exc:
            self._abort_because_of(exc)
            raise
        super().close()

    def abort(self) -> None:
        """Discard what was written. Harmless when closed already."""
        if self.closed:
            return
        super().close()
        self._discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._abort_because_of(error)

    def _abort_because_of(self, error: BaseException) -> None:
        try:
            self.abort()
        except Exception as exc:
            # The first error is the one to tell; the collector comes back for the rest.
            error.add_note(f"{self._what} could not be discarded either: {exc}")

    def __del__(self) -> None:
        if hasattr(self, "_what"):
            self.abort()
