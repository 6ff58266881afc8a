"""Where a setting stands, so that an error can say where to look."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PYPROJECT = "pyproject.toml"

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where settings came from, so that an error can say where to look.

    ``overrides`` maps the path of a setting to what set it instead of the file: an environment
    variable or an argument.
    """

    label: str
    file: str | None = None
    overrides: Mapping[KeyPath, str] = field(default_factory=dict)

    def override(self, path: KeyPath) -> str | None:
        """Return what overrides the setting, or a table around it."""
        path = override_key(path)
        for end in range(len(path), 0, -1):
            if path[:end] in self.overrides:
                return self.overrides[path[:end]]
        return None

    def place(self, path: KeyPath) -> str:
        """Return the words for the place of a setting: a file and line, a variable, ..."""
        by = self.override(path)
        if by is not None:
            return by
        depth, line = 0, 0
        if self.file is not None:
            # Read again rather than kept: a kept text would carry the file's secrets along.
            with contextlib.suppress(OSError):
                text = Path(self.file).read_text(encoding="utf-8")
                depth, line = find_line(text, (*prefix(self.file), *path))
                depth -= len(prefix(self.file))
        if depth < len(path):
            # Not in the file: then what is wrong may be a table that exists for one override.
            inside = override_key(path)
            for key, by in self.overrides.items():
                if key[: len(inside)] == inside:
                    return by
        if self.file is None:
            return self.label
        return f"{self.file}, line {line}" if line else self.file

    def resolve(self, path: KeyPath, filename: str) -> str:
        """Return a file name of a setting; in a file, it is relative to that file."""
        expanded = os.path.expanduser(filename)
        if self.file is not None and self.override(path) is None:
            return os.path.join(os.path.dirname(os.path.abspath(self.file)), expanded)
        return os.path.abspath(expanded)


def plain(part: str) -> str:
    """Return a key as an environment variable can spell it: acme-audit is ACME_AUDIT there."""
    return part.lower().replace("-", "_")


def override_key(path: Iterable[str]) -> KeyPath:
    """Return ``path`` as a key of `Origin.overrides`."""
    return tuple(map(plain, path))


def prefix(file: str | os.PathLike[str]) -> KeyPath:
    """Return the table of a file that holds our sections."""
    return ("tool", "omega") if os.path.basename(file) == PYPROJECT else ()


def find_line(text: str, path: KeyPath) -> tuple[int, int]:
    """Return how much of ``path`` one line sets, and its number; (0, 0) where nothing does."""
    best, number, first = 0, 0, 1
    lines = text.splitlines(keepends=True)
    # Whatever begins at `first` ends where the text so far is TOML. Quadratic, and only ever done
    # for an error.
    for last in range(1, len(lines) + 1):
        try:
            node: Any = tomllib.loads("".join(lines[:last]))
        except tomllib.TOMLDecodeError:
            continue
        depth = 0
        while depth < len(path) and isinstance(node, dict) and path[depth] in node:
            node = node[path[depth]]
            depth += 1
        if depth > best:
            best, number = depth, first
        first = last + 1
    return best, number
