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
        return super().get_command(ctx, cmd_name)

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
        rich_markup_mode="rich",
        rich_help_panel=panel,
    )


def extended(app: typer.Typer, commands: Iterable[Callable[..., Any]]) -> typer.Typer:
    """Return an application of the commands of another one, and of some more."""
    made = typer.Typer()
    made.registered_commands += app.registered_commands
    for command in commands:
        made.command()(command)
    return made
