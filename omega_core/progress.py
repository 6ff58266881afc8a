"""How far something is: told by who does it, and shown to who waits for it.

A backend tells, and knows nothing of who listens: the caller of a put or a get who passed
``progress=``, a bar, or the task that it works for. The bar is the same wherever there is one.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0
"""Seconds after which a bar appears."""

Setting = Literal["auto", "off"]
Wanted = bool | Callable[[float, float | None], object] | None
"""What a caller passes: a function, True for a bar, False for none, None for what is configured."""


class Listener(Protocol):
    """Takes how much is done, of how much, and in which unit, if not that of the object."""

    def __call__(self, done: float, total: float | None, unit: str | None = None, /) -> object: ...


def is_watched() -> bool:
    """Return whether somebody sees a bar: at a terminal, or in a notebook, and not in CI."""
    if os.environ.get("CI"):
        return False
    if "ipykernel" in sys.modules:
        return True
    return sys.stderr is not None and sys.stderr.isatty()


# --- telling and listening -----------------------------------------------------------------------

_listener: ContextVar[Listener | None] = ContextVar("omega_core_progress", default=None)


_host: ContextVar[Bar | None] = ContextVar("omega_core_progress_host", default=None)


@contextmanager
def hosting(bar: Bar) -> Iterator[None]:
    """Let what is told in the block be shown by a bar that is there, and none besides appear."""
    token = _host.set(bar)
    try:
        yield
    finally:
        _host.reset(token)


def listener() -> Listener | None:
    """Return who listens to the put, get or copy under way in this context; None: no operation."""
    return _listener.get()


def tell(done: float, total: float | None = None, unit: str | None = None) -> None:
    """Tell whoever listens, if there is somebody, how far the operation under way is."""
    told = _listener.get()
    if told is not None:
        told(done, total, unit)


def _deaf(done: float, total: float | None, unit: str | None = None, /) -> None:
    """Listen to an operation within another one, or within a task: of those, nobody is told."""


@contextmanager
def told(
    what: str, wanted: Wanted, setting: Setting, *, within: bool = False
) -> Iterator[Listener | None]:
    """Let somebody listen to what is told in the block, or nobody.

    Parameters
    ----------
    what
        What a bar calls it.
    setting
        ``[ui] progress``.
    within
        Whether it is done for a task, whose progress is another.

    Yields
    ------
    listener
        None, where nobody listens.
    """
    outer = _listener.get()
    shows = wanted is True or (wanted is None and setting == "auto" and not within and not outer)
    if callable(wanted):
        function = wanted

        def call(done: float, total: float | None, unit: str | None = None, /) -> None:
            function(done, total)

        with _listening(call):
            yield call
    elif shows and (host := _host.get()) is not None:
        with _listening(host.listen):
            yield host.listen
    elif shows and is_watched():
        with Bar(what, patience=0.0 if wanted else None) as bar, _listening(bar.listen):
            yield bar.listen
    elif outer is not None or within:
        with _listening(_deaf):
            yield None
    else:
        yield None


def in_bytes(listener: Listener | None) -> Callable[[float, float | None], object] | None:
    """Return a function that tells a listener of bytes; None where there is none."""
    return None if listener is None else lambda done, total: listener(done, total, "bytes")


@contextmanager
def _listening(listener: Listener) -> Iterator[None]:
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


# --- the bar -------------------------------------------------------------------------------------


class Bar:
    """Shows progress on stderr once a second has passed, and goes at the end of the block.

    Parameters
    ----------
    what
        What is being done.
    total
        Of how much, if that is known before.
    patience
        Seconds after which it appears; by default `PATIENCE`.
    """

    def __init__(
        self, what: str, total: float | None = None, *, patience: float | None = None
    ) -> None:
        self._what = what
        self._total = total
        self._done = 0.0
        self._since = time.monotonic()
        self._patience = PATIENCE if patience is None else patience
        self._shown: Progress | None = None
        self._over = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._over = True
            if self._shown is not None:
                self._shown.stop()

    def show(self, progress: tuple[float, float | None] | None, unit: str | None = None) -> None:
        """Show how far it is; None: nobody knows, and there is nothing to show."""
        if progress is None:
            return
        with self._lock:
            self._done, self._total = progress
            if self._shown is None:
                if time.monotonic() - self._since < self._patience:
                    return
                self._start(unit)
            self._update()

    def listen(self, done: float, total: float | None, unit: str | None = None, /) -> None:
        """Show what somebody tells."""
        self.show((done, total), unit)

    def advance(self) -> None:
        """Count one step more."""
        with self._lock:
            self._done += 1
            self._update()

    def start(self) -> None:
        """Show it now, whatever is known; unless it is over."""
        with self._lock:
            if self._shown is None and not self._over:
                self._start(None)

    def _update(self) -> None:
        if self._shown is not None:
            self._shown.update(self._shown.task_ids[0], completed=self._done, total=self._total)

    def _start(self, unit: str | None) -> None:
        # rich is imported by who needs it, and only then.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            ProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as Shown

        counted: list[ProgressColumn] = []
        if self._done or self._total is not None:
            counted = [DownloadColumn() if unit == "bytes" else MofNCompleteColumn()]
        text = TextColumn("{task.description}", markup=False)
        columns = (text, BarColumn(), *counted, TimeElapsedColumn())
        self._shown = Shown(*columns, console=Console(stderr=True), transient=True)
        self._shown.add_task(self._what, total=self._total, completed=int(self._done))
        self._shown.start()
