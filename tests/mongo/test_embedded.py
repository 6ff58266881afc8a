"""The embedded server: one for all processes of the user, whoever of them dies."""

from __future__ import annotations

import os
import signal
import socket as sockets
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pymongo
import pytest

from omega_core.errors import ServerError
from omega_core.mongo import embedded
from omega_core.mongo.embedded import EmbeddedServer

USER = """
import sys
from omega_core.mongo.embedded import EmbeddedServer, status
server = EmbeddedServer.acquire(sys.argv[1])
print(status(sys.argv[1]).pid, server.url, flush=True)
sys.stdin.readline()
"""


class User:
    """Another process that uses the server until told to leave."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def joined(self) -> tuple[int, str]:
        """Wait until it uses the server; return the server's process id and URL."""
        assert self.process.stdout is not None
        pid, url = self.process.stdout.readline().split()
        return int(pid), url

    def leave(self) -> None:
        self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "mongo"
    yield directory
    embedded.stop(directory, force=True)


@pytest.fixture
def user(data_dir: Path) -> Iterator[Callable[[], User]]:
    users: list[User] = []

    def make() -> User:
        users.append(User(data_dir))
        return users[-1]

    yield make
    for each in users:
        each.kill()


def insert(url: str, text: str) -> None:
    with pymongo.MongoClient[dict[str, str]](url) as client:
        client.get_database("test", write_concern=pymongo.WriteConcern(j=True)).notes.insert_one(
            {"text": text}
        )


def notes(url: str) -> list[str]:
    with pymongo.MongoClient[dict[str, str]](url) as client:
        return [note["text"] for note in client.test.notes.find()]


def kill_server(data_dir: Path) -> None:
    pid = embedded.status(data_dir).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while os.path.exists(f"/proc/{pid}/fd/0"):
        time.sleep(0.01)


# --- sharing -----------------------------------------------------------------------------


def test_two_processes_share_one_server_and_the_last_stops_it(
    data_dir: Path, user: Callable[[], User]
) -> None:
    first, second = user(), user()  # at the same moment
    assert first.joined() == second.joined()
    assert embedded.status(data_dir).users == 2
    first.leave()
    assert embedded.status(data_dir).running
    second.leave()
    status = embedded.status(data_dir)
    assert (status.running, status.pid, status.version, status.users) == (False, None, None, 0)
    assert not status.socket.exists()


def test_holds_of_one_process_are_counted(data_dir: Path) -> None:
    holds: list[EmbeddedServer] = []
    threads = [
        threading.Thread(target=lambda: holds.append(EmbeddedServer.acquire(data_dir)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({hold.url for hold in holds}) == 1
    for hold in holds[1:]:
        hold.release()
        hold.release()  # idempotent
        assert embedded.status(data_dir).running
    holds[0].release()
    assert not embedded.status(data_dir).running


def test_the_data_is_there_at_the_next_start(data_dir: Path) -> None:
    for text in ("one", "two"):
        server = EmbeddedServer.acquire(data_dir)
        insert(server.url, text)
        server.release()
    server = EmbeddedServer.acquire(data_dir)
    assert notes(server.url) == ["one", "two"]
    server.release()


# --- deaths ------------------------------------------------------------------------------


def test_the_server_outlives_a_starter_that_is_killed(
    data_dir: Path, user: Callable[[], User]
) -> None:
    starter = user()
    pid, url = starter.joined()
    insert(url, "before")
    starter.kill()
    heir = user()
    assert heir.joined() == (pid, url)
    assert notes(url) == ["before"]
    assert embedded.status(data_dir).users == 1
    heir.leave()
    assert not embedded.status(data_dir).running


def test_a_killed_server_is_started_again_with_its_data(data_dir: Path) -> None:
    server = EmbeddedServer.acquire(data_dir)
    insert(server.url, "kept")
    kill_server(data_dir)
    assert embedded.status(data_dir).socket.exists()  # stale
    again = EmbeddedServer.acquire(data_dir)
    assert again.url == server.url
    assert notes(again.url) == ["kept"]
    server.release()
    again.release()


def test_the_last_to_leave_does_not_mind_that_the_server_is_dead(data_dir: Path) -> None:
    server = EmbeddedServer.acquire(data_dir)
    kill_server(data_dir)
    server.release()
    assert not embedded.status(data_dir).running


def test_a_stale_socket_and_pid_file_are_cleaned(data_dir: Path) -> None:
    EmbeddedServer.acquire(data_dir).release()
    socket = embedded.status(data_dir).socket
    with sockets.socket(sockets.AF_UNIX) as listener:
        listener.bind(str(socket))
    (data_dir / "db" / "mongod.lock").write_text(f"{os.getpid()}\n")
    assert not embedded.status(data_dir).running
    server = EmbeddedServer.acquire(data_dir)
    assert embedded.status(data_dir).running
    server.release()


# --- forks -------------------------------------------------------------------------------


# Python 3.12 warns where a thread exists, such as one that a closed client of another test leaves.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_child(action: Callable[[], object]) -> int:
    """Run ``action`` in a forked child and return its exit code."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@forks
def test_a_forked_child_does_not_stop_the_server_of_its_parent(data_dir: Path) -> None:
    server = EmbeddedServer.acquire(data_dir)
    assert in_child(server.release) == 0
    assert embedded.status(data_dir).running
    server.release()
    assert not embedded.status(data_dir).running


@forks
def test_a_forked_child_that_acquires_has_a_hold_of_its_own(data_dir: Path) -> None:
    server = EmbeddedServer.acquire(data_dir)
    go_read, go_write = os.pipe()
    ready_read, ready_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go_write)
        own = EmbeddedServer.acquire(data_dir)
        os.write(ready_write, b"x")
        os.read(go_read, 1)
        own.release()
        os._exit(0)
    os.read(ready_read, 1)
    server.release()
    assert embedded.status(data_dir).running
    os.close(go_write)
    assert os.waitpid(child, 0)[1] == 0
    assert not embedded.status(data_dir).running
    for descriptor in (go_read, ready_read, ready_write):
        os.close(descriptor)


def test_a_forked_child_does_not_keep_the_hold_of_a_killed_parent(data_dir: Path) -> None:
    code = USER.replace(
        "sys.stdin.readline()",
        "import os, time\nif os.fork() == 0:\n    print(os.getpid(), flush=True)\ntime.sleep(600)",
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(data_dir)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    child = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.wait()
        assert embedded.status(data_dir).users == 0
        EmbeddedServer.acquire(data_dir).release()
        assert not embedded.status(data_dir).running
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


# --- privacy -----------------------------------------------------------------------------


def test_it_listens_on_one_private_socket_and_on_nothing_else(data_dir: Path) -> None:
    server = EmbeddedServer.acquire(data_dir)
    status = embedded.status(data_dir)
    inodes = set()
    for descriptor in Path(f"/proc/{status.pid}/fd").iterdir():
        link = os.readlink(descriptor)
        if link.startswith("socket:"):
            inodes.add(link.removeprefix("socket:[").removesuffix("]"))
    for table in ("tcp", "tcp6", "udp", "udp6"):
        lines = Path(f"/proc/{status.pid}/net/{table}").read_text().splitlines()[1:]
        assert not inodes & {line.split()[9] for line in lines}
    unix = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    listening = {f[7] for f in unix if f[6] in inodes and f[3] == "00010000" and len(f) > 7}
    assert listening == {str(status.socket)}
    assert stat.S_IMODE(status.socket.stat().st_mode) == 0o700
    for directory in (data_dir, status.socket.parent, data_dir / "db"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    server.release()


def test_a_long_data_dir_gets_a_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120) / "with, comma"
    server = EmbeddedServer.acquire(deep)
    try:
        path = embedded.status(deep).socket
        assert len(os.fsencode(path)) < 100
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        insert(server.url, "deep")
        assert notes(server.url) == ["deep"]
    finally:
        server.release()
    assert not path.exists()
    path.parent.rmdir()


def test_the_socket_is_found_by_a_process_with_another_tmpdir(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    server = EmbeddedServer.acquire(deep)
    path = embedded.status(deep).socket
    other = tmp_path / "t"
    other.mkdir()
    code = USER.replace("sys.stdin.readline()", "")
    done = subprocess.run(
        [sys.executable, "-c", code, str(deep)],
        env={**os.environ, "TMPDIR": str(other)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[1] == server.url
    server.release()
    path.parent.rmdir()


def test_a_directory_that_others_may_read_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "something").touch()
    shared.chmod(0o755)
    with pytest.raises(ServerError, match=r"is open to other users.*chmod 700"):
        EmbeddedServer.acquire(shared)
    assert [entry.name for entry in shared.iterdir()] == ["something"]


def test_the_server_does_not_get_the_environment_of_who_starts_it(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "hunter2")
    server = EmbeddedServer.acquire(data_dir)
    pid = embedded.status(data_dir).pid
    assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()
    server.release()


# --- by hand -----------------------------------------------------------------------------


def test_a_server_started_by_hand_stays_until_it_is_stopped(data_dir: Path) -> None:
    started = embedded.start(data_dir)
    assert (started.running, started.pinned) == (True, True)
    assert started.version is not None
    EmbeddedServer.acquire(data_dir).release()
    assert embedded.status(data_dir).pid == started.pid
    assert embedded.stop(data_dir) is True
    assert embedded.stop(data_dir) is False
    assert embedded.status(data_dir).pinned is False


def test_stop_refuses_while_somebody_uses_the_server(
    data_dir: Path, user: Callable[[], User]
) -> None:
    user().joined()
    with pytest.raises(ServerError, match=r"is used by 1 process.*use force"):
        embedded.stop(data_dir)
    assert embedded.status(data_dir).running
    assert embedded.stop(data_dir, force=True) is True
    assert not embedded.status(data_dir).running


def test_nothing_is_made_by_asking(tmp_path: Path) -> None:
    directory = tmp_path / "none"
    assert embedded.status(directory).running is False
    assert embedded.stop(directory) is False
    assert not directory.exists()


# --- what can be missing -----------------------------------------------------------------


def without_mongod(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    shadow = tmp_path / "shadow" / "fiftyone"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").touch()
    search = os.pathsep.join([str(shadow.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PATH": "", "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_mongod_the_error_names_both_remedies(tmp_path: Path) -> None:
    code = (
        "from omega_core.mongo.embedded import EmbeddedServer, status\n"
        "from omega_core.errors import ServerError\n"
        f"try: EmbeddedServer.acquire({str(tmp_path / 'mongo')!r})\n"
        "except ServerError as exc: print(exc)"
    )
    said = without_mongod(tmp_path, code).stdout
    assert "[mongo]" in said
    assert "pip install 'omega-core[embedded]'" in said


def test_the_mongod_of_the_wheel_is_made_runnable_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "fiftyone"
    wheel = package / "db" / "bin" / "mongod"
    wheel.parent.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    wheel.write_text("#!/bin/sh\n")
    wheel.chmod(0o644)
    monkeypatch.setenv("PATH", "")
    monkeypatch.syspath_prepend(str(package.parent))
    assert embedded.find_mongod() == wheel
    assert os.access(wheel, os.X_OK)


def test_a_mongod_in_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mongod = tmp_path / "mongod"
    mongod.write_text("#!/bin/sh\n")
    mongod.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded.find_mongod() == mongod


def test_a_mongod_that_does_not_start_says_why(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mongod = tmp_path / "bin" / "mongod"
    mongod.parent.mkdir()
    mongod.write_text("#!/bin/sh\necho 'libfoo.so: not found' >&2\nexit 127\n")
    mongod.chmod(0o755)
    monkeypatch.setenv("PATH", f"{mongod.parent}:{os.environ['PATH']}")
    with pytest.raises(ServerError, match=r"(?s)cannot start.*libfoo\.so: not found.*mongod\.log"):
        EmbeddedServer.acquire(data_dir)


def test_damaged_data_is_told_with_the_words_of_the_server(data_dir: Path) -> None:
    EmbeddedServer.acquire(data_dir).release()
    (data_dir / "db" / "WiredTiger.turtle").write_text("garbage")
    (data_dir / "db" / "WiredTiger").write_text("garbage")
    with pytest.raises(ServerError, match=r"(?s)cannot start.*WiredTiger"):
        EmbeddedServer.acquire(data_dir)


# --- the exit of the process -------------------------------------------------------------


def test_leaving_at_exit_needs_no_thread_and_says_nothing(data_dir: Path) -> None:
    # Python 3.12 starts no threads at exit, and a driver would.
    code = "import sys\nfrom omega_core.mongo.embedded import EmbeddedServer as S\nS.acquire({!r})"
    done = subprocess.run(
        [sys.executable, "-c", code.format(str(data_dir))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert not embedded.status(data_dir).running
