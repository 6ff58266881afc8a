"""One mongod on one data directory: its files, its socket, its start and its end."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from ..errors import ServerError
from .binary import find_mongod
from .wire import run_command

READY_SECONDS = 30.0
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02

# The kernel's limit is 108 bytes on Linux and 104 on macOS, with the NUL.
_SOCKET_BYTES = 100

# The name that mongod gives its default socket for this prefix. Under any other name it would
# open the default one too.
_SOCKET_NAME = "mongodb-27017.sock"

# Of the environment, what a server needs: a daemon lives long, and the rest may hold secrets.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


class Mongod:
    """The server of one data directory, as far as one process can see and control it.

    Nothing here keeps two processes from starting it at once; `EmbeddedServer` does.
    """

    def __init__(self, data_dir: str | os.PathLike[str]) -> None:
        self.data_dir = Path(data_dir).expanduser().resolve()
        self.log = self.data_dir / "mongod.log"
        self._db = self.data_dir / "db"
        self._lock = self._db / "mongod.lock"
        self._socket_note = self.data_dir / "socket"

    @property
    def socket(self) -> Path:
        """The socket of the running server, or the one that it would get."""
        # Noted, because it may depend on TMPDIR, which the next process may not share.
        try:
            return Path(self._socket_note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return _socket_path(self.data_dir)

    @property
    def url(self) -> str:
        return f"mongodb://{quote(str(self.socket), safe='')}"

    def prepare(self) -> None:
        """Make the data directory, or refuse one that others may read."""
        with contextlib.suppress(FileExistsError):
            self.data_dir.mkdir(mode=0o700, parents=True)
        facts = self.data_dir.lstat()
        open_to_others = stat.S_ISDIR(facts.st_mode) and facts.st_mode & 0o077
        if facts.st_uid == os.geteuid() and open_to_others and not os.listdir(self.data_dir):
            self.data_dir.chmod(0o700)
        _require_private(self.data_dir)

    def is_alive(self) -> bool:
        """Return whether a mongod holds the data.

        Its own lock tells, which ends with the process however it ended; a pid may be reused, and
        a socket file outlives its server.
        """
        try:
            descriptor = os.open(self._lock, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def answers(self, timeout: float = 1.0) -> bool:
        """Return whether the server answers on its socket."""
        try:
            return bool(run_command(self.socket, {"ping": 1}, timeout)["ok"])
        except OSError:
            return False

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        if not self.is_alive():
            return None
        return int(self._lock.read_text(encoding="ascii") or 0) or None

    @property
    def version(self) -> str:
        """The version of the running server."""
        return str(run_command(self.socket, {"buildInfo": 1}, timeout=5.0)["version"])

    def start(self) -> None:
        """Start the server, or wait for the one that is starting already.

        It does not belong to this process: it outlives it, and gets none of its signals.
        """
        if self.is_alive() and self._wait_until_ready():
            return
        self._clean()
        path = _socket_path(self.data_dir)
        if path.parent != self.data_dir:
            with contextlib.suppress(FileExistsError):
                path.parent.mkdir(mode=0o700)
            _require_private(path.parent)
        self._db.mkdir(mode=0o700, exist_ok=True)
        self._socket_note.write_text(str(path), encoding="utf-8")
        self._launch(path)
        if not self._wait_until_ready():
            raise ServerError(f"the embedded mongod ended while it started.\n{self._last_words()}")

    def _launch(self, path: Path) -> None:
        command = [
            str(find_mongod()),
            *("--dbpath", str(self._db)),
            # A path alone: no TCP port is opened.
            *("--bind_ip", str(path), "--unixSocketPrefix", str(path.parent)),
            *("--filePermissions", "0700"),
            *("--logpath", str(self.log), "--logappend", "--quiet"),
            # Half a GB of cache instead of half of the machine: this is a guest on a workstation.
            *("--wiredTigerCacheSizeGB", "0.5"),
            # Statistics for MongoDB's support, written every second.
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            "--noscripting",
            # Leaves our process tree; returns when it listens.
            "--fork",
        ]
        with open(self.data_dir / "mongod.out", "wb") as output:
            launcher = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={key: os.environ[key] for key in _ENVIRONMENT if key in os.environ},
                cwd="/",
                umask=0o077,
                start_new_session=True,
            )
            try:
                failed = launcher.wait(READY_SECONDS) != 0
            except subprocess.TimeoutExpired:
                launcher.kill()
                launcher.wait()
                raise self._too_slow() from None
        if failed:
            raise ServerError(f"the embedded mongod cannot start.\n{self._last_words()}")

    def _wait_until_ready(self) -> bool:
        if not wait_until(lambda: self.answers() or not self.is_alive(), READY_SECONDS):
            raise self._too_slow()
        return self.is_alive()

    def _too_slow(self) -> ServerError:
        return ServerError(
            f"a mongod holds {self._db}, and has not answered on {self.socket} for "
            f"{READY_SECONDS:g} s. If it recovers a lot of data, try again later; if it was "
            f"started by other means, stop it.\n{self._last_words()}"
        )

    def shutdown(self) -> None:
        """Stop the server cleanly, and return when it has let go of the data."""
        # It answers by closing the connection; whether it stopped, its lock tells.
        with contextlib.suppress(OSError):
            run_command(self.socket, {"shutdown": 1, "force": True}, timeout=STOP_SECONDS)
        if not wait_until(lambda: not self.is_alive(), STOP_SECONDS):
            raise ServerError(
                f"the embedded mongod of {self.data_dir} (process {self.pid}) does not stop. "
                f"See {self.log}."
            )
        self._clean()

    def _clean(self) -> None:
        """Remove what a dead server left, and put its log aside."""
        self.socket.unlink(missing_ok=True)
        self._socket_note.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))

    def _last_words(self) -> str:
        lines: deque[str] = deque(maxlen=8)
        for file in (self.data_dir / "mongod.out", self.log):
            if file.exists():
                with open(file, encoding="utf-8", errors="replace") as text:
                    lines.extend(map(_readable, text))
        return "\n".join(["The end of its log:", *lines, f"All of it: {self.log}"])


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    """Return True once something holds, or False where it does not for so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _readable(line: str) -> str:
    try:
        entry = json.loads(line)
        return f"  {entry['msg']} {json.dumps(entry.get('attr', {}))}"
    except (ValueError, KeyError, TypeError):
        return f"  {line.rstrip()}"


def _socket_path(data_dir: Path) -> Path:
    """Return where the socket goes: with the data, or, if that is too long, elsewhere.

    Not in XDG_RUNTIME_DIR, which goes when its user logs out, while a job may go on.
    """
    path = data_dir / _SOCKET_NAME
    if _fits(path):
        return path
    key = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    for directory in (tempfile.gettempdir(), "/tmp"):
        path = Path(directory, f"omega-{os.geteuid()}-{key}", _SOCKET_NAME).absolute()
        if _fits(path):
            return path
    raise ServerError(f"no directory for a socket: {path} is too long a name.")


def _fits(path: Path) -> bool:
    # A comma would make two addresses of it.
    return len(os.fsencode(path)) < _SOCKET_BYTES and "," not in str(path)


def _require_private(directory: Path) -> None:
    facts = directory.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise ServerError(
            f"{directory} is no directory, and the embedded server keeps its data in one. Name "
            "another as [mongo] data_dir (or OMEGA_MONGO__DATA_DIR)."
        )
    if facts.st_uid != os.geteuid():
        raise ServerError(
            f"{directory} belongs to another user, who could read what the embedded server "
            f"stores. Choose another [mongo] data_dir."
        )
    if facts.st_mode & 0o077:
        raise ServerError(
            f"{directory} is open to other users, and the embedded server stores nothing there. "
            f"Choose a new directory as [mongo] data_dir, or run: chmod 700 {directory}"
        )
