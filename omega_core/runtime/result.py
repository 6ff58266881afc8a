"""The result of a task: a future with a name, a status and a progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from pymongo.errors import PyMongoError

from ..errors import OmegaError, TaskCancelledError
from ..former_names import formerly
from ..html.markup import facts, framed
from ..progress import Bar, is_watched
from ..protocol.task_records import Status
from ..visible import Visible

_GLANCE = 0.2
"""Seconds between two looks of a bar."""


@formerly("Result")
class Result(Visible):
    """What an action returns at once; `get` waits for the rest.

    Parameters
    ----------
    id
        The id of the task: ``om.runtime.result(id)`` finds it again, from any process.
    future
        A `concurrent.futures.Future`, or what behaves like one, whose result is that of the action.
    cancel
        Lets the task store nothing from now on, and says whether that was in time; by default, a
        task can be cancelled only before it begins.
    progress
        Says how far the task is, as `progress` does.
    bar
        Whether who waits may see a bar: ``[ui] progress``.
    """

    _shows = True

    def __init__(
        self,
        id: str,
        future: Future[Any],
        *,
        cancel: Callable[[], bool] | None = None,
        progress: Callable[[], tuple[float, float | None] | None] | None = None,
        bar: bool = True,
    ) -> None:
        self.id = id
        self._future = future
        self._cancel = cancel
        self._progress = progress
        self._shows = bar

    # --- waiting -----------------------------------------------------------------------------

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the task, and return its result or raise its exception.

        At a terminal, and in a notebook, a bar shows how far it is, where the backend tells. Ctrl-C
        ends the wait at once, and cancels the task, as `cancel` does.

        Parameters
        ----------
        timeout
            Seconds, after which `TimeoutError` is raised; the task goes on.

        Raises
        ------
        TaskCancelledError
            It was cancelled.
        TaskTimeoutError
            It took longer than ``om.runtime.model(name, timeout=)`` gives it.
        """
        error = self.exception(timeout)
        if error is not None:
            raise error
        return self._value()

    result = get

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the task, and return its exception, or None. Ctrl-C does as in `get`."""
        try:
            self._wait(timeout)
        except KeyboardInterrupt:
            with suppress(OmegaError, PyMongoError):
                self.cancel()
            raise
        return self._error()

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait without blocking the event loop: ``await om.runtime.model("m").predict("X")``.

        Cancelling what awaits does not cancel the task.
        """
        return self._awaited().__await__()

    def done(self) -> bool:
        """Return whether the task is over, in whichever way."""
        return self._future.done()

    def running(self) -> bool:
        return self.status == "running"

    def cancelled(self) -> bool:
        return self.status == "cancelled"

    @property
    def status(self) -> Status:
        """``pending``, ``running``, ``success``, ``failure``, ``cancelled`` or ``lost``.

        Lost is a task of which nobody has heard for as long as `[stores] lease`: its worker was
        killed, or is cut off. An engine may have it executed again.
        """
        if not self._future.done():
            return "running" if self._future.running() else "pending"
        error = self._error()
        if error is None:
            return "success"
        return "cancelled" if isinstance(error, TaskCancelledError) else "failure"

    @property
    def progress(self) -> tuple[float, float | None] | None:
        """How much is done, of how much, as the backend tells; None where it does not."""
        return None if self._progress is None else self._progress()

    # --- and not -----------------------------------------------------------------------------

    def cancel(self) -> bool:
        """Cancel the task; return whether that was in time.

        What is cancelled stores nothing from that moment on. What is under way already may go on
        in vain for a while, since a thread cannot be stopped, and nothing waits for it any more.
        False: it is over, or has stored what it had to.
        """
        return self._future.cancel() if self._cancel is None else self._cancel()

    def add_done_callback(self, function: Callable[[Result], Any]) -> None:
        """Call ``function(self)`` when the task ends, in whichever thread learns of it first."""
        self._future.add_done_callback(lambda _: function(self))

    def __repr__(self) -> str:
        return f"<Result {self.id} {self.status}>"

    def _repr_html_(self) -> str:
        """Return it as HTML, for notebooks; asks for the status, and no more than that."""
        told: dict[str, str] = {"status": self.status}
        if told["status"] == "failure":
            # It is over: what is raised is here, or where it is recorded.
            error = self.exception(0)
            told["error"] = f"{type(error).__name__}: {error}"
        return framed(f"Task {self.id}", facts(told))

    # --- its parts ---------------------------------------------------------------------------

    def _wait(self, timeout: float | None) -> None:
        """Return when it is over, or raise `TimeoutError`."""
        if self._done_within(timeout):
            return
        raise TimeoutError(
            f"Task {self.id} is not over after {timeout:g} s. It goes on; get() waits again."
        )

    def _done_within(self, timeout: float | None) -> bool:
        if not (self._shows and is_watched()):
            return self._is_over_in(timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        with Bar(f"Task {self.id[:8]}") as bar:
            while True:
                left = _GLANCE if deadline is None else min(_GLANCE, deadline - time.monotonic())
                if self._is_over_in(max(left, 0)):
                    return True
                if deadline is not None and time.monotonic() >= deadline:
                    return False
                bar.show(self.progress)

    def _is_over_in(self, seconds: float | None) -> bool:
        """Wait for so long, None: without an end; return whether it is over."""
        with suppress(Exception):
            self._future.exception(seconds)
        return self._future.done()

    def _error(self) -> BaseException | None:
        if self._future.cancelled():
            return TaskCancelledError(f"Task {self.id} was cancelled before it began.")
        return self._future.exception()

    def _value(self) -> Any:
        return self._future.result()

    async def _awaited(self) -> Any:
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def tell(_: Result) -> None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(over.set)

        self.add_done_callback(tell)
        await over.wait()
        return await asyncio.to_thread(self.get)  # which may have to read it
