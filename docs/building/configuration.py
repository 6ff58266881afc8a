"""The reference of the configuration, made of its own declaration."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator
from typing import Annotated, Any

from omega_core.config import Config
from omega_core.config.schema import Bound, expected, meanings


def reference() -> str:
    """Return a section for each section of the core, with a table of its keys."""
    return "\n".join(line for section in sections() for line in _section(*section))


def sections() -> Iterator[tuple[str, type]]:
    """Yield the name and the dataclass of each section that the core declares."""
    for field, hint in typing.get_type_hints(Config).items():
        if dataclasses.is_dataclass(hint) and field != "origin":
            yield field, typing.cast(type, hint)


def _section(name: str, schema: type) -> Iterator[str]:
    summary = (schema.__doc__ or "").split("\n\n")[0].partition("``: ")[2]
    yield f"## `[{name}]`\n"
    yield f"{summary[:1].upper()}{summary[1:]}\n"
    yield "| key | what it may be | default | |"
    yield "|---|---|---|---|"
    hints = typing.get_type_hints(schema, include_extras=True)
    told = meanings(schema)
    for field in dataclasses.fields(schema):
        if (name, field.name) == ("plugins", "sections"):
            continue  # the tables of the plugins, by their ids
        default = _default(getattr(schema(), field.name))
        row = (f"`{field.name}`", _allowed(hints[field.name]), default, told[field.name])
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _allowed(hint: Any) -> str:
    words = expected(hint)
    for rule in typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ():
        if isinstance(rule, Bound):
            words = rule.words
    return words


def _default(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {json.dumps(item)}" for key, item in value.items())
        return f"`{{ {inner} }}`" if inner else "`{}`"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"
