"""The mark of a hook, and the record that a module keeps of what it marked."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, TypeVar, overload

import pluggy

PROJECT = "omega_core"
"""The name of the entry-point group, and of the pluggy project."""

RECORD = "__omega_core_hooks__"
"""The attribute of a module that holds its hooks by name."""

F = TypeVar("F", bound=Callable[..., Any])

hookspec = pluggy.HookspecMarker(PROJECT)

_mark = pluggy.HookimplMarker(PROJECT)


@overload
def hookimpl(function: F, **options: Any) -> F: ...
@overload
def hookimpl(function: None = None, **options: Any) -> Callable[[F], F]: ...
def hookimpl(function: F | None = None, **options: Any) -> F | Callable[[F], F]:
    """Mark a function as the implementation of the hook whose name it has.

    Parameters
    ----------
    **options
        ``wrapper=True`` for one that stands around an operation; ``tryfirst``, ``trylast`` and
        ``specname`` as in pluggy.
    """
    mark = _mark(**options)

    def marked(function: F) -> F:
        # A submodule takes the name of a function in its package as soon as it is imported. Whoever
        # comes then still finds the function in the record, even if nobody looked before.
        if isinstance(function, types.FunctionType) and function.__qualname__.isidentifier():
            function.__globals__.setdefault(RECORD, {})[function.__name__] = function
        mark(function)
        return function

    return marked if function is None else marked(function)
