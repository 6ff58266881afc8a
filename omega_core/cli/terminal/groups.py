"""Groups of commands that are made when somebody asks for one of theirs.

To make a command from a function takes a thousandth of a second, and there are many: whoever runs
one, or asks for the help of all, waits for none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

from .parameters import keep_text

_SENTENCE = 200
"""Characters up to which the first sentence about a command is shown whole."""


class SectionedGroup(TyperGroup):
    """A group whose help lists its commands by what they are for.

    As text, because to draw it takes longer than to run most commands.
    """

    def make_context(self, *args: Any, **more: Any) -> Any:
        keep_text(self)
        return super().make_context(*args, **more)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return keep_text(super().get_command(ctx, cmd_name))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if not command.hidden:
                sections.setdefault(command.rich_help_panel or "Commands", []).append(
                    (name, command)
                )
        names = [name for commands in sections.values() for name, _ in commands]
        widest = max(map(len, names), default=0)
        for title, commands in sections.items():
            # Of one width, so that all sections are aligned.
            rows = [(name.ljust(widest), c.get_short_help_str(_SENTENCE)) for name, c in commands]
            with formatter.section(title):
                formatter.write_dl(rows)


class LazyGroup(TyperGroup):
    """A group that is known by its name and its help until one of its commands is wanted.

    Parameters
    ----------
    make
        Returns the application that has the commands.
    """

    def __init__(self, make: Callable[[], typer.Typer], **attributes: Any) -> None:
        super().__init__(**attributes)
        self._make: Callable[[], typer.Typer] | None = make

    def list_commands(self, ctx: Any) -> list[str]:
        self._made()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        self._made()
        return keep_text(super().get_command(ctx, cmd_name))

    def _made(self) -> None:
        if self._make is not None:
            make, self._make = self._make, None
            self.commands = typer.main.get_group(make()).commands


def lazy_group(name: str, help: str, panel: str, make: Callable[[], typer.Typer]) -> LazyGroup:
    """Return such a group; ``panel`` is where the help of the whole lists it."""
    return LazyGroup(
        make,
        name=name,
        help=help,
        no_args_is_help=True,
        rich_markup_mode=None,
        rich_help_panel=panel,
    )


def extended(app: typer.Typer, commands: Iterable[Callable[..., Any]]) -> typer.Typer:
    """Return an application of the commands of another one, and of some more."""
    made = typer.Typer(rich_markup_mode=None)
    made.registered_commands += app.registered_commands
    for command in commands:
        made.command()(command)
    return made
