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
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO

from ..errors import UriNotAllowedError
from ..writing import AtomicWriter
from .uris import Uri, advice, narrowest

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Non-blocking, or opening a named pipe would wait for somebody to write to it.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalFile(AtomicWriter):
    """A new file in an open directory, synced when it is closed."""

    def __init__(self, directory: int, name: str, file: int) -> None:
        self._directory = directory
        self._file = io.BufferedWriter(io.FileIO(file, "wb"), 1 << 20)
        super().__init__(name)

    def _write(self, data: memoryview) -> None:
        self._file.write(data)

    def _complete(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        # The name is durable only when the directory is.
        os.fsync(self._directory)
        os.close(self._directory)

    def _discard(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._what, dir_fd=self._directory)
        os.close(self._directory)
        # Closing flushes; a full disk may be why we are here, and the file is gone already.
        with suppress(OSError):
            self._file.close()


class LocalFiles:
    """The files below the local ones of some roots."""

    def __init__(self, roots: Iterable[Uri]) -> None:
        self._roots = tuple(roots)

    def require_inside(self, place: Uri) -> None:
        """Raise `UriNotAllowedError` when links lead from ``place`` out of all the roots."""
        self._split(place, os.path.realpath(place.path))

    def create(self, place: Uri) -> LocalFile:
        """Create a file that does not exist yet, and the directories above it."""
        directory, name = self._walk(place, make=True)
        try:
            file = os.open(name, _NEW, 0o666, dir_fd=directory)
        except BaseException:
            os.close(directory)
            raise
        return LocalFile(directory, name, file)

    def open(self, place: Uri) -> BinaryIO:
        """Open a regular file; pipes and devices are refused."""
        directory, name = self._walk(place, follow=True)
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

    def size(self, place: Uri) -> int:
        """Return the size in bytes of a file; pipes and devices are refused."""
        directory, name = self._walk(place, follow=True)
        try:
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        finally:
            os.close(directory)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, "a directory has no size", str(place))
        _require_file(place, found.st_mode)
        return found.st_size

    def names(self, place: Uri) -> list[tuple[str, ...]]:
        """Return the paths of the regular files below a directory, as segments."""
        directory, name = self._walk(place, follow=True)
        try:
            inside = os.open(name, _DIRECTORY, dir_fd=directory)
        finally:
            os.close(directory)
        return _regular_files(inside, ())

    def delete(self, place: Uri) -> None:
        """Remove a file, or a link rather than what it points at."""
        directory, name = self._walk(place)
        try:
            os.unlink(name, dir_fd=directory)
            os.fsync(directory)
        finally:
            os.close(directory)

    def _split(self, place: Uri, real: str) -> tuple[str, list[str]]:
        """Return the real root above ``real``, and the names that lead from there to it."""
        for root in self._roots:
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
            f"{place} leads out of [uris] allow by a symbolic link. To permit what it points at, "
            f"add to omega.toml:\n{advice(narrowest(target), self._roots)}"
        )

    def _walk(self, place: Uri, *, follow: bool = False, make: bool = False) -> tuple[int, str]:
        """Return an open directory, which the caller closes, and the name of the file in it."""
        path = place.path.rstrip("/")
        if follow:
            real = os.path.realpath(path)
        else:
            real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        top, names = self._split(place, real)
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
