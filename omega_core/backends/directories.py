"""A directory as one file, and back: nothing that comes out lands outside of where it should.

Symbolic links are kept where they lead from the directory to a place in it; a link that is
absolute, or leads out and in again, would mean another place where the directory is unpacked, and
is refused at the put. What is read from a database may be forged, so the same is asked of every
link there, and none exists while files are written: links are made last, in directories that are
entered one by one, without following anything.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .tarfiles import Member, TarError, TarReader

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HOPS = 40  # as the kernel counts

_Path = tuple[bytes, ...]


class LinkError(ValueError):
    """A symbolic link does not stay within its directory; the text says which, and how."""


class SpecialFileError(ValueError):
    """There is something that is neither a file, nor a directory, nor a link."""


def pack(root: Path, file: Any) -> None:
    """Write what is below ``root`` to ``file``.

    Raises
    ------
    LinkError
        A symbolic link would not lead to the same in another place.
    SpecialFileError
        There is a device, a socket or a pipe.
    """
    entries = list(_entries(root))
    targets = {tuple(path.split(b"/")): _target(root, path) for path in entries}
    links = {path: target for path, target in targets.items() if target}
    for link in links:
        require_within(link, links)
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for inside in map(os.fsdecode, entries):
            path = root / inside
            if not (path.is_symlink() or path.is_dir() or path.is_file()):
                raise SpecialFileError(f"{inside!r} is a device, socket or pipe")
            archive.add(path, arcname=inside, recursive=False)


def _entries(root: Path) -> Iterator[bytes]:
    for directory, folders, files in os.walk(root):
        folders.sort()
        for entry in sorted([*folders, *files]):
            yield os.fsencode(Path(directory, entry).relative_to(root))


def _target(root: Path, path: bytes) -> bytes:
    """Return what a link points at; empty for what is none."""
    full = os.path.join(os.fsencode(root), path)
    return os.readlink(full) if os.path.islink(full) else b""


def unpack(source: BinaryIO, target: Path) -> None:
    """Make the directory ``target`` of what `pack` wrote. If that fails, nothing is left.

    Names and content come back, the times of files and directories, and of the modes what is
    harmless: who may execute, and what the owner denied to others.

    Raises
    ------
    FileExistsError
        There is something already.
    TarError, LinkError
        ``source`` is not what `pack` would write.
    """
    target.mkdir(parents=True)
    try:
        root = os.open(target, _FOLDER)
        try:
            _Unpacking(root).run(source)
        finally:
            os.close(root)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


class _Unpacking:
    def __init__(self, root: int) -> None:
        self._root = root
        self._made: dict[_Path, str] = {(): "directory"}
        self._links: dict[_Path, bytes] = {}
        self._times: list[tuple[_Path, float]] = []

    def run(self, source: BinaryIO) -> None:
        reader = TarReader(source)
        for member in reader:
            if member.path in self._made:
                raise TarError(f"{member.shown} twice")
            if self._made.get(member.path[:-1]) != "directory":
                raise TarError(f"{member.shown} without its directory")
            self._make(member, reader)
            self._made[member.path] = member.kind
        for link in self._links:
            require_within(link, self._links)
        for link, to in self._links.items():
            with self._within(link[:-1], link) as directory:
                os.symlink(to, link[-1], dir_fd=directory)
        # The deepest first: what is made in a directory changes its time.
        for path, mtime in sorted(self._times, reverse=True):
            with self._within(path, path) as directory:
                os.utime(directory, (mtime, mtime))

    def _make(self, member: Member, reader: TarReader) -> None:
        name = member.path[-1]
        if member.kind == "link":
            if not member.target or b"\0" in member.target:
                raise TarError(f"the link {member.shown} to nothing")
            self._links[member.path] = member.target
            return
        with self._within(member.path[:-1], member.path) as directory:
            if member.kind == "directory":
                os.mkdir(name, dir_fd=directory)
                self._times.append((member.path, member.mtime))
            elif member.kind == "hard link":
                self._link(member, directory)
            else:
                self._write(member, reader, directory)

    def _write(self, member: Member, reader: TarReader, directory: int) -> None:
        file = os.open(member.path[-1], _NEW, 0o600, dir_fd=directory)
        with open(file, "wb") as sink:
            for piece in reader.pieces():
                sink.write(piece)
            sink.flush()
            # No set-id bits, no writing by others; and whoever unpacks it may read and change it.
            mode = member.mode & 0o755 | 0o600
            os.fchmod(file, mode if mode & 0o100 else mode & ~0o111)
            os.utime(file, (member.mtime, member.mtime))

    def _link(self, member: Member, directory: int) -> None:
        path = tuple(member.target.split(b"/"))
        # Only to a file that came out of this very archive, so it is no other's.
        if self._made.get(path) not in ("file", "hard link"):
            raise TarError(f"the hard link {member.shown} to what is no file in it")
        with self._within(path[:-1], path) as elsewhere:
            os.link(
                path[-1],
                member.path[-1],
                src_dir_fd=elsewhere,
                dst_dir_fd=directory,
                follow_symlinks=False,
            )

    @contextmanager
    def _within(self, path: _Path, concerned: _Path) -> Iterator[int]:
        """Open a directory below the root, step by step, without following a link."""
        directory = os.dup(self._root)
        try:
            for name in path:
                deeper = os.open(name, _FOLDER, dir_fd=directory)
                os.close(directory)
                directory = deeper
            yield directory
        except FileExistsError as exc:
            # Two names that this file system takes for one, such as A and a.
            shown = os.fsdecode(b"/".join(concerned))
            raise TarError(f"{shown!r}, which is there already under this or a like name") from exc
        finally:
            os.close(directory)


def require_within(link: _Path, links: Mapping[_Path, bytes]) -> None:
    """Raise `LinkError` where a link, followed through all other links, leaves the directory."""
    shown = repr(os.fsdecode(b"/".join(link)))
    resolved: list[bytes] = []
    waiting = list(reversed(link))
    hops = 0
    while waiting:
        part = waiting.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            if not resolved:
                raise LinkError(f"{shown} is a symbolic link out of the directory")
            resolved.pop()
            continue
        resolved.append(part)
        target = links.get(tuple(resolved))
        if target is None:
            continue
        hops += 1
        if target.startswith(b"/"):
            raise LinkError(f"{shown} is a symbolic link out of the directory: it is absolute")
        if hops > _HOPS:
            raise LinkError(f"{shown} is a symbolic link that leads in a circle")
        resolved.pop()
        waiting += reversed(target.split(b"/"))
