"""The reference of the command line, made of the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from omega_core.cli.main import app


def reference() -> str:
    """Return a section for each group, and one in it for each command, with its help."""
    return "\n".join(_group(get_command(app), "omega"))


def _group(command: Any, name: str) -> Iterator[str]:
    yield from _command(command, name, 2)
    context = command.context_class(command, info_name=name)
    groups = []
    for sub in command.list_commands(context):
        found = command.get_command(context, sub)
        if found.hidden:
            continue
        if hasattr(found, "list_commands"):
            groups.append((found, f"{name} {sub}"))
        else:
            yield from _command(found, f"{name} {sub}", 3)
    for group, title in groups:
        yield from _group(group, title)


def _command(command: Any, name: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} {name}\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    context = command.context_class(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    if epilog := getattr(command, "epilog", None):
        yield f"{epilog}\n"
    shown = (parameter.get_help_record(context) for parameter in command.get_params(context))
    rows = [record for record in shown if record is not None and "--help" not in record[0]]
    if rows:
        yield "| | |\n|---|---|"
        for names, told in rows:
            yield f"| `{_cell(names)}` | {_cell(told)} |"
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
