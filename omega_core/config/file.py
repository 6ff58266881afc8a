"""The TOML file of the configuration: which one it is, and what it says."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..secret import redact_text
from .origin import PYPROJECT, prefix

FILENAME = "omega.toml"


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
    tool = parse(pyproject).get("tool")
    return isinstance(tool, dict) and "omega" in tool


def read_file(path: Path) -> dict[str, Any]:
    """Return the sections that the file holds."""
    tables: Any = parse(path)
    for key in prefix(path):
        tables = tables.get(key, {}) if isinstance(tables, dict) else None
    if not isinstance(tables, dict):
        raise ConfigError(f"{path}: [{'.'.join(prefix(path))}] must be a table.")
    return tables


def parse(path: Path) -> dict[str, Any]:
    """Return the whole of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path} is not valid TOML: {exc}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not valid TOML: it is not UTF-8 text.") from None
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}.") from exc
