"""What a command shows while it works: nothing for a second, and a bar after that."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

WORK = """
import time
from omega_core.cli.terminal.progress import waiting

with waiting("dropping", {steps}) as advance:
    for _ in range({steps}):
        time.sleep({seconds})
        advance()
print("done")
"""


def on_a_terminal(code: str, **variables: str) -> tuple[int, str]:
    """Run code; return how it ended, and what stood at its terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", **variables}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment
    ) as worker:
        os.close(theirs)
        read = b""
        while part := _read(ours):
            read += part
    os.close(ours)
    return worker.returncode, read.decode()


def shown(steps: int, seconds: float) -> str:
    code, text = on_a_terminal(WORK.format(steps=steps, seconds=seconds))
    assert code == 0, text
    return text


def _read(stream: int) -> bytes:
    try:
        return os.read(stream, 4096)
    except OSError:  # how Linux says that the other side is closed
        return b""


def test_a_bar_appears_where_it_takes_over_a_second() -> None:
    text = shown(steps=4, seconds=0.4)
    assert "dropping" in text
    assert "━" in text
    assert "done" in text


def test_what_is_quick_shows_no_bar() -> None:
    assert shown(steps=4, seconds=0.0).split() == ["done"]


def test_without_a_terminal_there_is_none() -> None:
    code = WORK.format(steps=3, seconds=0.5)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("done\n", "")


def test_a_command_that_waits_for_a_server_shows_one(tmp_path: Path) -> None:
    path = tmp_path / "mongod.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        url = f"mongodb://{str(path).replace('/', '%2F')}/nothing"
        command = (
            f"from omega_core.cli.main import app; app(['--url', {url!r}, 'server', 'status'])"
        )
        code, text = on_a_terminal(command, OMEGA_MONGO__TIMEOUT="2")
    assert code == 1
    assert "connecting" in text
