"""What a failure of the kit says: the promise that is broken, what was expected, and what came.

Each check of the kit goes by way of these functions, so that none ends in an assertion without
words, whether or not pytest rewrites the module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar, cast

import pytest

_LONGEST = 400

T = TypeVar("T")


def promise(what: str, got: Any, expected: Any) -> None:
    """Fail unless both are equal, and a bool or None the very one."""
    __tracebackhide__ = True
    same = got is expected if expected is None or isinstance(expected, bool) else got == expected
    if not same:
        broken(what, expected=shown(expected), got=shown(got))


def there(what: str, value: T | None) -> T:
    """Fail where there is none; else return it."""
    __tracebackhide__ = True
    if value is None:
        broken(what, expected="that there is one", got="None")
    return value


def holds(what: str, kept: object, *, expected: str, got: Any) -> None:
    """Fail unless ``kept`` is true; for what is no comparison of two values."""
    __tracebackhide__ = True
    if not kept:
        broken(what, expected=expected, got=got if isinstance(got, Words) else shown(got))


def is_a(what: str, got: Any, cls: type[T]) -> T:
    """Fail unless ``got`` is an instance of a class; else return it."""
    __tracebackhide__ = True
    if not isinstance(got, cls):
        broken(what, expected=f"a {cls.__name__}", got=told_type(got))
    return got


class Words(str):
    """What is said as it stands, and not as the repr of a string."""


@dataclass
class Refusal:
    """The error that a refusal ended with."""

    error: BaseException | None = None

    @property
    def value(self) -> Any:
        """The same, as of any class."""
        return self.error


def raising(
    error: type[BaseException] | tuple[type[BaseException], ...],
    what: str,
    match: str | None = None,
) -> AbstractContextManager[Refusal, bool]:
    """Fail unless the block raises such an error.

    Parameters
    ----------
    match
        A pattern that its text has to contain.
    """
    # What a type checker has to know: the error does not come out of it.
    return cast("AbstractContextManager[Refusal, bool]", _raising(error, what, match))


@contextmanager
def _raising(
    error: type[BaseException] | tuple[type[BaseException], ...], what: str, match: str | None
) -> Iterator[Refusal]:
    __tracebackhide__ = True
    classes = error if isinstance(error, tuple) else (error,)
    expected = " or ".join(cls.__name__ for cls in classes)
    if match is not None:
        expected += f" that says {match if len(match) < 200 else f'{match[:200]}...'!r}"
    refusal = Refusal()
    try:
        yield refusal
    except classes as exc:
        refusal.error = exc
        if match is not None and re.search(match, str(exc)) is None:
            broken(what, expected=expected, got=raised(exc), cause=exc)
        return
    except Exception as exc:
        broken(what, expected=expected, got=raised(exc), cause=exc)
    broken(what, expected=expected, got="no error")


def refused(
    error: type[BaseException] | tuple[type[BaseException], ...],
    what: str,
    match: str | None = None,
) -> AbstractContextManager[Refusal, bool]:
    """Fail unless what the block does is refused, by such an error."""
    return raising(error, f"{what} is refused", match)


NOT_SO = Words("that it is not so")
"""What was got where a condition does not hold, and there is no more to tell of it."""


def broken(
    what: str, *, expected: object, got: object, cause: BaseException | None = None
) -> NoReturn:
    """Fail in the words of the kit."""
    __tracebackhide__ = True
    raise AssertionError(f"promise: {what}; expected {expected}, got {got}") from cause


def undeclared(
    capabilities: list[str], there: list[str], owner: str, tests: str, methods: list[str]
) -> NoReturn:
    """Fail for what a backend takes and its tests do not know of.

    Parameters
    ----------
    there
        All that it takes, as it is to be declared.
    methods
        The method that shows each of the capabilities.
    """
    __tracebackhide__ = True
    shows = " and ".join(dict.fromkeys(f"{owner}.{method}" for method in methods))
    raise AssertionError(
        f"undeclared: {', '.join(capabilities)}; {shows} has it, and {tests} does not say so, so "
        f"that nothing of it is tested. Write capabilities = {tuple(there)!r} there, or take it "
        f"out of {owner}."
    )


def missing(
    tests: object, fixture: str, what: str, example: str, *, parameters: str = ""
) -> NoReturn:
    """Fail for a fixture that its author has to give."""
    __tracebackhide__ = True
    arguments = ", ".join(filter(None, ("self", parameters)))
    lines = "\n".join(f"        {line}" for line in example.splitlines())
    pytest.fail(
        f"{type(tests).__name__} needs a fixture `{fixture}`: {what}. For example:\n\n"
        f"    @pytest.fixture\n    def {fixture}({arguments}):\n{lines}\n",
        pytrace=False,
    )


def not_declared(capability: str, how: str = "") -> NoReturn:
    """Skip, and say why."""
    pytest.skip(f"not declared: {capability}{how and f' ({how})'}")


def shown(value: Any) -> str:
    """Return how a value looks in a failure: its repr, and its middle left out if it is long."""
    try:
        text = repr(value)
    except Exception as exc:
        return f"{told_type(value)}, whose repr fails ({raised(exc)})"
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} ... {text[-half:]} ({len(text)} characters)"


def told_type(value: Any) -> str:
    """Return ``a Thing``, or None for None."""
    return "None" if value is None else f"a {type(value).__name__} ({shown(value)})"


def raised(error: BaseException) -> str:
    """Return an error as one reads it."""
    return f"{type(error).__name__}: {error}"


def alike(one: Any, other: Any) -> bool:
    """Return whether two objects are equal and of one class, and what containers hold as well."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return alike([*one.items()], [*other.items()])
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other)) and bool(one == other)
    return bool(one == other)


def is_equal(tests: object, compare: Callable[[Any, Any], Any], one: Any, other: Any) -> bool:
    """Compare by a method of the author's, and say so where it cannot."""
    __tracebackhide__ = True
    try:
        return bool(compare(one, other))
    except (ValueError, TypeError) as exc:
        pytest.fail(
            f"{type(tests).__name__} cannot compare {told_type(one)} and {told_type(other)}: "
            f"{raised(exc)}. Override the method `same`, which returns whether two objects are "
            "equal:\n\n    def same(self, one, other):\n        return bool(one.equals(other))\n",
            pytrace=False,
        )


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
