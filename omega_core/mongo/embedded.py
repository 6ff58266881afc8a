"""The embedded server: one mongod per data directory, shared by all processes of the user.

Who uses it holds a shared lock on a file beside the data, through a file descriptor of its own;
the kernel frees it however that process ends. Whoever leaves asks for the exclusive lock, and who
gets it was the last, and stops the server. A second lock makes starting and stopping one step.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ..errors import ServerError
from .binary import find_mongod
from .mongod import READY_SECONDS, STOP_SECONDS, Mongod, wait_until

__all__ = ["EmbeddedServer", "ServerStatus", "find_mongod", "start", "status", "stop"]

# Longer than anybody who holds it may need, so that a wait means that something is stuck.
_LOCK_SECONDS = READY_SECONDS + STOP_SECONDS + 10

_Directory = str | os.PathLike[str] | None


def default_data_dir() -> Path:
    """Return the data directory where the configuration names none."""
    return platformdirs.user_data_path("omega", appauthor=False) / "mongo"


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """What is known of an embedded server.

    ``users`` counts the processes that use it; None where the system does not tell. A pinned
    server stays when the last of them leaves.
    """

    running: bool
    pinned: bool
    pid: int | None
    version: str | None
    socket: Path
    data_dir: Path
    log: Path
    users: int | None


class EmbeddedServer:
    """One user's hold on the server of a data directory. Made by `acquire`.

    A process may acquire many times, from many threads; each hold is released on its own, and all
    at the exit of the process. A forked child inherits none.
    """

    def __init__(self, mongod: Mongod, hold: int) -> None:
        self._mongod = mongod
        self._hold = hold
        self._pid = os.getpid()
        self._released = False
        self._once = threading.Lock()
        self.url = mongod.url

    @classmethod
    def acquire(cls, data_dir: _Directory = None) -> EmbeddedServer:
        """Join the server of the data directory, and start it where it does not run.

        Raises
        ------
        ServerError
            There is no mongod, it does not start, or the directory is open to other users.
        """
        mongod = _mongod(data_dir)
        with _usable(mongod):
            mongod.prepare()
            with _transition(mongod):
                hold = _open_lock(mongod, "users.lock")
                try:
                    fcntl.flock(hold, fcntl.LOCK_SH)
                    mongod.start()
                except BaseException:
                    _let_go(hold)
                    raise
                server = cls(mongod, hold)
        _held.add(server)
        atexit.register(server.release)
        return server

    def release(self) -> None:
        """Stop using the server; the last user stops it. Idempotent, and safe after a fork."""
        with self._once:
            if self._released or self._pid != os.getpid():
                return
            self._released = True
        _held.discard(self)
        atexit.unregister(self.release)
        try:
            with _transition(self._mongod):
                if _is_alone(self._hold) and not _pin(self._mongod).exists():
                    self._mongod.shutdown()
        finally:
            _let_go(self._hold)

    def _disown(self) -> None:
        """Give up what a fork copied. This frees nothing: the parent's descriptor stays open."""
        self._once = threading.Lock()
        self._released = True
        os.close(self._hold)


# Not a registry of servers: the only way to tell a forked child which descriptors to close, which
# would otherwise keep the locks of a parent that was killed.
_held: weakref.WeakSet[EmbeddedServer] = weakref.WeakSet()


def _disown_all() -> None:
    for server in list(_held):
        server._disown()
    _held.clear()


os.register_at_fork(after_in_child=_disown_all)


def status(data_dir: _Directory = None) -> ServerStatus:
    """Return what is known of the server, without starting it."""
    mongod = _mongod(data_dir)
    try:
        version, pid = mongod.version, mongod.pid
    except OSError:
        version, pid = None, None
    with _usable(mongod):
        return ServerStatus(
            running=version is not None,
            pinned=_pin(mongod).exists(),
            pid=pid,
            version=version,
            socket=mongod.socket,
            data_dir=mongod.data_dir,
            log=mongod.log,
            users=_count_users(mongod),
        )


def start(data_dir: _Directory = None) -> ServerStatus:
    """Start the server where it does not run, and keep it running until `stop`."""
    mongod = _mongod(data_dir)
    with _usable(mongod):
        mongod.prepare()
        with _transition(mongod):
            mongod.start()
            _pin(mongod).touch(mode=0o600)
    return status(data_dir)


def stop(data_dir: _Directory = None, force: bool = False) -> bool:
    """Stop the server, and return whether it ran.

    Raises
    ------
    ServerError
        Somebody uses it, this process perhaps, and ``force`` is false.
    """
    mongod = _mongod(data_dir)
    if not mongod.data_dir.is_dir():
        return False
    with _usable(mongod), _transition(mongod):
        hold = _open_lock(mongod, "users.lock")
        try:
            if not _is_alone(hold) and not force:
                users = _count_users(mongod)
                raise ServerError(
                    f"the embedded server of {mongod.data_dir} is used by "
                    f"{f'{users} process(es)' if users else 'a process'}. It stops when the last "
                    f"of them ends; to stop it under them, use force."
                )
            running = mongod.is_alive()
            if running:
                mongod.shutdown()
            _pin(mongod).unlink(missing_ok=True)
        finally:
            _let_go(hold)
    return running


def _mongod(data_dir: _Directory) -> Mongod:
    try:
        return Mongod(default_data_dir() if data_dir is None else data_dir)
    except (OSError, RuntimeError, ValueError) as exc:
        # A link that leads in a circle, a home that nobody has, a NUL.
        raise ServerError(
            f"[mongo] data_dir (or OMEGA_MONGO__DATA_DIR): {str(data_dir)!r} is no directory: "
            f"{exc}. Name another one."
        ) from None


@contextlib.contextmanager
def _usable(mongod: Mongod) -> Iterator[None]:
    """Say of what the system refuses in the data directory which setting names it."""
    try:
        yield
    except ServerError:
        raise
    except OSError as exc:
        place = os.fsdecode(exc.filename) if exc.filename is not None else str(mongod.data_dir)
        within = "" if place == str(mongod.data_dir) else f" ({place})"
        raise ServerError(
            f"The embedded server cannot use {mongod.data_dir}{within}: {exc.strerror}. Name "
            "another directory as [mongo] data_dir (or OMEGA_MONGO__DATA_DIR), make this one "
            "yours and writable, or set [mongo] url to use a server of your own."
        ) from exc


def _pin(mongod: Mongod) -> Path:
    return mongod.data_dir / "pinned"


def _open_lock(mongod: Mongod, name: str) -> int:
    return os.open(mongod.data_dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def _transition(mongod: Mongod) -> Iterator[None]:
    """Hold the lock under which a server starts and stops."""
    lock = _open_lock(mongod, "start.lock")
    try:
        if not wait_until(lambda: _is_alone(lock), _LOCK_SECONDS):
            raise ServerError(
                f"another process has been starting or stopping the embedded server of "
                f"{mongod.data_dir} for {_LOCK_SECONDS:g} s. See {mongod.log}."
            )
        yield
    finally:
        _let_go(lock)


def _is_alone(descriptor: int) -> bool:
    """Take the exclusive lock, if nobody else holds any."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _let_go(descriptor: int) -> None:
    # Unlocked explicitly: a process that was forked meanwhile may hold a copy of the descriptor.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _count_users(mongod: Mongod) -> int | None:
    try:
        locks = Path("/proc/locks").read_text(encoding="ascii")
        inode = (mongod.data_dir / "users.lock").stat().st_ino
    except FileNotFoundError:
        return 0 if Path("/proc/locks").exists() else None
    # "1: FLOCK  ADVISORY  READ 5025 fe:00:2146578 0 EOF": the device is not compared, because
    # some file systems show another one here.
    fields = [line.split() for line in locks.splitlines()]
    return len(
        {f[4] for f in fields if f[1] == "FLOCK" and f[3] == "READ" and f[5].endswith(f":{inode}")}
    )
