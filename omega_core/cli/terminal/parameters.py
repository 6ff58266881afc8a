"""What is typed for a text stays as it is.

typer has pydantic make a validator for each parameter of a command, given or not: to import that
and to make them takes longer than most commands do, which take nothing but texts and flags.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any


def keep_text(command: Any) -> Any:
    """Let the parameters of a command, if it is one, take texts, flags and None as they are."""
    # What `get_params` returns, as it makes the parameter --help, too.
    if command is not None and not isinstance(command.get_params, partial):
        command.get_params = partial(_parameters, command.get_params)
    return command


def _parameters(get: Callable[[Any], list[Any]], ctx: Any) -> list[Any]:
    parameters = get(ctx)
    for parameter in parameters:
        if not isinstance(parameter.process_value, partial):
            parameter.process_value = partial(_processed, parameter, parameter.process_value)
    return parameters


def _processed(parameter: Any, process: Callable[[Any, Any], Any], ctx: Any, value: Any) -> Any:
    one = parameter.nargs == 1 and not getattr(parameter, "multiple", False)
    kept = one and (value is None or isinstance(value, bool) or _is_text(parameter, value))
    if not kept or (parameter.required and parameter.value_is_missing(value)):
        return process(ctx, value)
    return value if parameter.callback is None else parameter.callback(ctx, parameter, value)


def _is_text(parameter: Any, value: Any) -> bool:
    # Releases of typer before 0.29 have no such attribute, and make no validators either.
    described = getattr(parameter, "type_descriptor", None)
    plain = described is not None and described.annotation is str and not described.is_choice
    return plain and isinstance(value, str)
