"""What a wrapper may do besides looking on: answer itself, or hand the backend another object."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ..errors import PluginContractError

READING = ("get", "describe")
"""What may be answered by somebody else than the backend: it writes nothing."""


class Call:
    """One call of a routed hook: who is to answer it, and what came of that."""

    def __init__(self, hook: str, answerer: object) -> None:
        self.hook = hook
        self.answerer = answerer
        self.answered = False
        self.answer: Any = None
        self.error: BaseException | None = None
        self.given: Callable[[], Any] | None = None
        self.changes: list[Callable[[Any], Any]] = []

    def changed(self, obj: Any) -> Any:
        """Return an object as the wrappers hand it on, the outermost first."""
        for change in self.changes:
            obj = change(obj)
        return obj


CALL: ContextVar[Call] = ContextVar("omega_core_call")
"""The call of a routed hook that is under way."""


def answer_with(value: Any) -> None:
    """Answer the call that is being wrapped, in the place of its backend.

    For wrappers of ``get`` and ``describe``, before their ``yield``: the backend is not asked, the
    wrappers further inside run as ever, and ``yield`` gives ``value`` back, unless one of them
    makes something else of it::

        @hookimpl(wrapper=True)
        def get(store, meta, name):
            if meta.gen in KEPT:
                answer_with(copy.deepcopy(KEPT[meta.gen]))
            return (yield)

    Raises
    ------
    PluginContractError
        No such call is being wrapped, or it is answered already.
    """
    _before_the_yield("answer_with", READING).given = lambda: value


def change_object(change: Callable[[Any], Any]) -> None:
    """Let the backend store ``change(obj)`` in the place of ``obj``.

    For wrappers of ``put``, before their ``yield``. Who stores it is decided already, so that it
    has to be something that the same backend takes: an iterator of pieces around the one that was
    given, say. What several wrappers change passes through them from the outside in.

    Raises
    ------
    PluginContractError
        No put is being wrapped, or the backend has its object already.
    """
    _before_the_yield("change_object", ("put",)).changes.append(change)


def _before_the_yield(function: str, hooks: tuple[str, ...]) -> Call:
    call = CALL.get(None)
    if call is None or call.hook not in hooks or call.answered:
        under_way = "no call is wrapped here" if call is None else f"{call.hook!r} is under way"
        late = ", and its backend has answered" if call is not None and call.answered else ""
        raise PluginContractError(
            f"{function} is for wrappers of {' and '.join(hooks)}, before their yield; "
            f"{under_way}{late}."
        )
    return call
