"""The task that is under way in this context, for those who write on its behalf."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class TaskFence:
    """One execution of a task.

    Attributes
    ----------
    id
        Of the task; two executions of it have the same.
    """

    def __init__(self, id: str) -> None:
        self.id = id

    def progress(self, done: float, total: float | None = None) -> None:
        """Tell whoever waits how far the task is."""


_current: ContextVar[TaskFence | None] = ContextVar("omega_core_task", default=None)


def current_task() -> TaskFence | None:
    """Return the task under way in this context."""
    return _current.get()


@contextmanager
def fenced(fence: TaskFence) -> Iterator[TaskFence]:
    """Make ``fence`` the current one for the length of the block."""
    token = _current.set(fence)
    try:
        yield fence
    finally:
        _current.reset(token)
