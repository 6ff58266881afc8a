"""One action of many models, or on many datasets: submitted at once, given back as it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple

from ..errors import OmegaError, UnsupportedOptionError
from ..progress import Bar, is_watched
from .result import Result


class Mapped(NamedTuple):
    """One of many actions: which model, on which X, and its result, which is over."""

    model: str
    X: str
    result: Result


def pairs(action: str, models: Any, X: Any) -> list[tuple[str, str]]:
    """Return which model acts on which X: one on many, many on one, or many on as many.

    Raises
    ------
    UnsupportedOptionError
        They are no names, or lists of them that differ in length.
    """
    lists = [_names(action, what, names) for what, names in (("models", models), ("X", X))]
    lengths = {len(names) for names in lists if names is not None}
    if len(lengths) > 1:
        raise UnsupportedOptionError(
            f"map of {action}: there are {len(lists[0] or ())} models and {len(lists[1] or ())} X. "
            "Pass one of them, or as many of the one as of the other."
        )
    many = lengths.pop() if lengths else 1
    one, other = (
        [value] * many if names is None else names
        for value, names in zip((models, X), lists, strict=True)
    )
    return list(zip(one, other, strict=True))


def _names(action: str, what: str, names: Any) -> list[str] | None:
    """Return a list of names; None for a single one."""
    if isinstance(names, str):
        return None
    listed = list(names) if isinstance(names, Sequence | Iterator) else None
    if listed is None or not all(isinstance(name, str) for name in listed):
        raise UnsupportedOptionError(
            f"map of {action}: {what} takes a name or a list of names, not {names!r:.80}. Store "
            "the data first."
        )
    return listed


def submitted(
    action: str,
    todo: list[tuple[str, str]],
    submit: Callable[[str, str], Result],
    ordered: bool,
    *,
    bar: bool,
) -> Iterator[Mapped]:
    """Submit all, and return an iterator over them as they end, or in their order.

    Whoever stops to iterate cancels what is not over.
    """
    found: list[Mapped] = []
    try:
        for model, X in todo:
            found.append(Mapped(model, X, submit(model, X)))
    except BaseException:
        _cancel(found)
        raise
    return _ended(action, found, ordered, bar)


def _ended(action: str, found: list[Mapped], ordered: bool, shows: bool) -> Iterator[Mapped]:
    over: SimpleQueue[int] = SimpleQueue()
    for number, one in enumerate(found):
        one.result.add_done_callback(partial(_put, over, number))
    waiting: set[int] = set()
    following = 0
    try:
        with _bar(action, shows) as bar:
            for done in range(len(found)):
                if bar is not None:
                    bar.show((done, len(found)))
                waiting.add(over.get())
                if not ordered:
                    yield found[waiting.pop()]
                while ordered and following in waiting:
                    waiting.discard(following)
                    yield found[following]
                    following += 1
    finally:
        _cancel(one for one in found if not one.result.done())


def _put(over: SimpleQueue[int], number: int, _: Result) -> None:
    over.put(number)


def _cancel(found: Iterable[Mapped]) -> None:
    for one in found:
        with suppress(OmegaError):
            one.result.cancel()


def _bar(action: str, shows: bool) -> AbstractContextManager[Bar | None]:
    return Bar(f"map {action}") if shows and is_watched() else nullcontext()
