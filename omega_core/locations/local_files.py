"""Local files below allowed roots, reached without following a link out of them.

Plain `os` rather than fsspec's local file system, which neither syncs to disk nor can be told to
follow no links. A path is resolved once and then walked from its root, directory by directory,
with links refused, so that a link put in place between the check and the use leads nowhere.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from contextlib import suppress
from typing import BinaryIO

from ..errors import UriNotAllowedError
from .uris import Uri, advice, narrowest

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Non-blocking, or opening a named pipe would wait for somebody to write to it.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalFile(io.BufferedWriter):
    """A new file in an open directory, synced at `commit`, removed by `discard`."""

    def __init__(self, directory: int, name: str) -> None:
        self._directory = directory
        self._name = name
        super().__init__(io.FileIO(os.open(name, _NEW, 0o666, dir_fd=directory), "wb"), 1 << 20)

    def commit(self) -> None:
        self.flush()
        os.fsync(self.fileno())
        self.close()
        # The name is durable only when the directory is.
        os.fsync(self._directory)
        os.close(self._directory)

    def discard(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._directory)
        os.close(self._directory)
        # Closing flushes; a full disk may be why we are here, and the file is gone already.
        with suppress(OSError):
            self.close()


def require_inside(place: Uri, roots: tuple[Uri, ...]) -> None:
    """Raise `UriNotAllowedError` when links lead from ``place`` out of all ``roots``."""
    _split(place, roots, os.path.realpath(place.path))


def create(place: Uri, roots: tuple[Uri, ...]) -> LocalFile:
    """Create a file that does not exist yet, and the directories above it."""
    directory, name = _walk(place, roots, make=True)
    try:
        return LocalFile(directory, name)
    except BaseException:
        os.close(directory)
        raise


def open_for_reading(place: Uri, roots: tuple[Uri, ...]) -> BinaryIO:
    """Open a regular file; pipes and devices are refused."""
    directory, name = _walk(place, roots, follow=True)
    try:
        # Before it is opened: to open a device may already do something.
        _require_file(place, os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
        file = os.open(name, _READ, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        _require_file(place, os.fstat(file).st_mode)
    except BaseException:
        os.close(file)
        raise
    return open(file, "rb")


def size(place: Uri, roots: tuple[Uri, ...]) -> int:
    """Return the size in bytes of a file; pipes and devices are refused."""
    directory, name = _walk(place, roots, follow=True)
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    finally:
        os.close(directory)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a directory has no size", str(place))
    _require_file(place, found.st_mode)
    return found.st_size


def _require_file(place: Uri, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    kind = kinds.get(stat.S_IFMT(mode), "not a regular file")
    raise UriNotAllowedError(
        f"{place} is {kind}; only files can be read. Copy what it gives into a file."
    )


def names(place: Uri, roots: tuple[Uri, ...]) -> list[tuple[str, ...]]:
    """Return the paths below a directory of its regular files, as segments; no link is followed."""
    directory, name = _walk(place, roots, follow=True)
    try:
        inside = os.open(name, _DIRECTORY, dir_fd=directory)
    finally:
        os.close(directory)
    return sorted(_regular_files(inside, ()))


def _regular_files(directory: int, above: tuple[str, ...]) -> list[tuple[str, ...]]:
    """List an open directory, and close it."""
    found: list[tuple[str, ...]] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                path = (*above, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    deeper = os.open(entry.name, _DIRECTORY, dir_fd=directory)
                    found += _regular_files(deeper, path)
                elif entry.is_file(follow_symlinks=False):
                    found.append(path)
    finally:
        os.close(directory)
    return found


def delete(place: Uri, roots: tuple[Uri, ...]) -> None:
    """Remove a file, or a link rather than what it points at."""
    directory, name = _walk(place, roots)
    try:
        os.unlink(name, dir_fd=directory)
        os.fsync(directory)
    finally:
        os.close(directory)


def _split(place: Uri, roots: tuple[Uri, ...], real: str) -> tuple[str, list[str]]:
    """Return the real root above ``real``, and the names that lead from there to it."""
    for root in roots:
        if root.scheme != "file":
            continue
        top = os.path.realpath(root.path)
        if real == top:
            return os.path.split(top)[0], [os.path.basename(top) or "."]
        inside = top.rstrip("/") + "/"
        if real.startswith(inside):
            return top, real[len(inside) :].split("/")
    target = Uri("file", "", tuple(real.strip("/").split("/")), place.directory)
    raise UriNotAllowedError(
        f"{place} leads out of [uris] allow by a symbolic link. To permit what it points at, add "
        f"to omega.toml:\n{advice(narrowest(target), roots)}"
    )


def _walk(
    place: Uri, roots: tuple[Uri, ...], *, follow: bool = False, make: bool = False
) -> tuple[int, str]:
    """Return an open directory, which the caller closes, and the name of the file in it."""
    path = place.path.rstrip("/")
    if follow:
        real = os.path.realpath(path)
    else:
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    top, names = _split(place, roots, real)
    if make:
        os.makedirs(top, exist_ok=True)
    directory = os.open(top, _DIRECTORY)
    for name in names[:-1]:
        try:
            deeper = _enter(directory, name, make=make)
        finally:
            os.close(directory)
        directory = deeper
    return directory, names[-1]


def _enter(directory: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=directory)
    except (FileNotFoundError, NotADirectoryError) as exc:
        if not make:
            raise FileNotFoundError(errno.ENOENT, "no such directory", name) from exc
        if isinstance(exc, NotADirectoryError):
            raise
    # Somebody else may make it at the same time.
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=directory)
    os.fsync(directory)
    return os.open(name, _DIRECTORY, dir_fd=directory)
