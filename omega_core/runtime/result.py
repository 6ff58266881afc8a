"""The result of a task: a future with a name and a status."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal

from ..visible import Visible

Status = Literal["pending", "running", "success", "failure", "cancelled"]


class Result(Visible):
    """What an action returns at once; `get` waits for the rest.

    Parameters
    ----------
    id
        The id of the task.
    future
        Whatever behaves like a `concurrent.futures.Future`.
    """

    def __init__(self, id: str, future: Future[Any]) -> None:
        self.id = id
        self._future = future

    @property
    def status(self) -> Status:
        """``pending``, ``running``, ``success``, ``failure`` or ``cancelled``."""
        future = self._future
        if future.cancelled():
            return "cancelled"
        if not future.done():
            return "running" if future.running() else "pending"
        return "success" if future.exception() is None else "failure"

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the task, and return its result or raise its exception.

        Ctrl-C ends the wait at once, and cancels the task, as `cancel` does.

        Parameters
        ----------
        timeout
            Seconds, after which `TimeoutError` is raised; the task goes on.
        """
        try:
            return self._future.result(timeout)
        except KeyboardInterrupt:
            self.cancel()
            raise

    result = get

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the task, and return its exception, or None. Ctrl-C does as in `get`."""
        try:
            return self._future.exception(timeout)
        except KeyboardInterrupt:
            self.cancel()
            raise

    def done(self) -> bool:
        return self._future.done()

    def running(self) -> bool:
        return self._future.running()

    def cancelled(self) -> bool:
        return self._future.cancelled()

    def cancel(self) -> bool:
        """Cancel the task if it has not begun; return whether that worked.

        One that is under way on the local engine goes on, since a thread cannot be stopped, but
        nothing waits for it any more: not `Omega.close`, and not the end of the process.
        """
        return self._future.cancel()

    def add_done_callback(self, function: Callable[[Result], Any]) -> None:
        """Call ``function(self)`` when the task ends."""
        self._future.add_done_callback(lambda _: function(self))

    def __repr__(self) -> str:
        return f"<Result {self.id} {self.status}>"
