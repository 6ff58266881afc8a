"""Editing the TOML file, so that all that people wrote into it stays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .file import parse
from .origin import prefix


def edit_plugins(
    path: str | os.PathLike[str], *, enable: Iterable[str] = (), disable: Iterable[str] = ()
) -> None:
    """Enable and disable plugins in a file; comments and everything else stay as they are.

    Parameters
    ----------
    path
        An ``omega.toml``, made where it is missing, or a ``pyproject.toml``.
    enable
        Taken out of ``disabled``, and added to ``enabled`` where there is such a list.
    disable
        Added to ``disabled``, and taken out of ``enabled``.
    """
    import tomlkit

    target = Path(path).expanduser().resolve()
    if target.exists():
        parse(target)  # for its errors
    document = tomlkit.parse(target.read_text(encoding="utf-8") if target.exists() else "")
    table: Any = document
    for key in (*prefix(target), "plugins"):
        table = table.setdefault(key, tomlkit.table())
    for plugin in enable:
        _remove(table, "disabled", plugin)
        if "enabled" in table:
            _add(table, "enabled", plugin)
    for plugin in disable:
        _remove(table, "enabled", plugin)
        _add(table, "disabled", plugin)

    target.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step: a crash here must not leave half a configuration.
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.write_text(tomlkit.dumps(document), encoding="utf-8")
    if target.exists():
        draft.chmod(target.stat().st_mode & 0o7777)
    draft.replace(target)


def _add(table: Any, key: str, plugin: str) -> None:
    if plugin not in table.setdefault(key, []):
        table[key].append(plugin)


def _remove(table: Any, key: str, plugin: str) -> None:
    while plugin in table.get(key, ()):
        table[key].remove(plugin)
