"""The TOML file of the configuration: found, read, located in and edited."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..secret import redact_text

if TYPE_CHECKING:
    from tomlkit.items import Array

FILENAME = "omega.toml"
PYPROJECT = "pyproject.toml"

KeyPath = tuple[str, ...]

_HEADER = re.compile(r"^\s*\[\[?(?P<key>[^\[\]]+)\]\]?\s*(#.*)?$")
_SETTING = re.compile(r"""^\s*(?P<key>(?:[\w.\-\s]|"[^"]*"|'[^']*')+?)\s*=""")


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


def _plain(part: str) -> str:
    # Environment variables have no hyphens and no lower case: acme-audit is ACME_AUDIT there.
    return part.lower().replace("-", "_")


def override_key(path: Iterable[str]) -> KeyPath:
    """Return ``path`` as a key of `Origin.overrides`."""
    return tuple(map(_plain, path))


def prefix(file: str | os.PathLike[str]) -> KeyPath:
    """Return the table of a file that holds our sections."""
    return ("tool", "omega") if os.path.basename(file) == PYPROJECT else ()


def find_file(environ: Mapping[str, str]) -> Path | None:
    """Return the file to read, in the order of the documentation, or None."""
    named = environ.get("OMEGA_CONFIG")
    if named:
        # Shown only in part where it looks like a server's URL.
        missing = f"OMEGA_CONFIG names {redact_text(named)!r}, and there is no such file"
        return require_file(
            Path(named).expanduser(), missing, "Correct the environment variable, or unset it."
        )
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the working directory was removed: nothing to search
        upwards: list[Path] = []
    else:
        upwards = [here, *here.parents]
    for directory in upwards:
        if os.path.lexists(directory / FILENAME):
            return require_file(directory / FILENAME)
    for directory in upwards:
        candidate = directory / PYPROJECT
        if candidate.is_file() and _mentions_omega(candidate):
            return candidate
    user = user_file()
    return require_file(user) if os.path.lexists(user) else None


def require_file(path: Path, missing: str = "", remedy: str = "") -> Path:
    """Return ``path``, or raise `ConfigError` where it is no file that can be read.

    Parameters
    ----------
    missing
        What to say where nothing is there.
    remedy
        What to do.
    """
    remedy = remedy or "Remove or rename it, or name another file in OMEGA_CONFIG."
    if not os.path.lexists(path):
        raise ConfigError(f"{missing or f'there is no file {str(path)!r}'}. {remedy}")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        said = f"is a link to {os.readlink(path)!r}, where nothing is"
    except OSError as exc:
        said = f"cannot be looked at: {exc.strerror}"
    else:
        if stat.S_ISREG(mode):
            return path
        what = "a directory" if stat.S_ISDIR(mode) else "neither a file nor a directory"
        said = f"is {what}, and a configuration is a file"
    raise ConfigError(f"{path} {said}. {remedy}")


def user_file() -> Path:
    """Return the path of the user's own file, which may not exist."""
    import platformdirs

    return platformdirs.user_config_path("omega", appauthor=False) / FILENAME


def _mentions_omega(pyproject: Path) -> bool:
    # Somebody else's broken pyproject.toml is no concern of ours, unless it speaks of us.
    try:
        if b"omega" not in pyproject.read_bytes():
            return False
    except OSError as exc:
        raise ConfigError(
            f"{pyproject} cannot be read ({exc.strerror}), and may hold [tool.omega]. Make it "
            "readable, or name the configuration in OMEGA_CONFIG."
        ) from None
    tool = _parse(pyproject).get("tool")
    return isinstance(tool, dict) and "omega" in tool


def read_file(path: Path) -> dict[str, Any]:
    """Return the sections that the file holds."""
    tables: Any = _parse(path)
    for key in prefix(path):
        tables = tables.get(key, {}) if isinstance(tables, dict) else None
    if not isinstance(tables, dict):
        raise ConfigError(f"{path}: [{'.'.join(prefix(path))}] must be a table.")
    return tables


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path} is not valid TOML: {exc}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not valid TOML: it is not UTF-8 text.") from None
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}.") from exc


def find_line(text: str, path: KeyPath) -> tuple[int, int]:
    """Return how much of ``path`` one line sets, and its number; (0, 0) where nothing does."""
    best = 0, 0
    for number, found in _statements(text):
        if path[: len(found)] == found and len(found) > best[0]:
            best = len(found), number
    return best


def _statements(text: str) -> Iterator[tuple[int, KeyPath]]:
    lines = text.splitlines(keepends=True)
    table: KeyPath = ()
    for index, line in enumerate(lines):
        header, setting = _HEADER.match(line), _SETTING.match(line)
        if not (header or setting) or not _complete("".join(lines[:index])):
            continue
        if header:
            table = _split_key(header["key"])
            yield index + 1, table
        elif setting:
            yield index + 1, table + _split_key(setting["key"])


def _complete(text: str) -> bool:
    # What looks like a setting may be a line of a string or a list: then the text before it ends
    # in the middle of a value. Quadratic, and only ever done for an error.
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _split_key(dotted: str) -> KeyPath:
    node: Any = tomllib.loads(f"{dotted.strip()} = 0")
    path: list[str] = []
    while isinstance(node, dict):
        [(key, node)] = node.items()
        path.append(key)
    return tuple(path)


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
        _parse(target)  # for its errors
        document = tomlkit.parse(target.read_text(encoding="utf-8"))
    else:
        document = tomlkit.document()
    table: Any = document
    for key in (*prefix(target), "plugins"):
        if key not in table:
            table[key] = tomlkit.table()
        table = table[key]

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
    import tomlkit

    if key not in table:
        table[key] = tomlkit.array()
    plugins: Array = table[key]
    if plugin not in plugins:
        plugins.append(plugin)


def _remove(table: Any, key: str, plugin: str) -> None:
    while plugin in table.get(key, ()):
        table[key].remove(plugin)
