"""What a command shows while it works: nothing for a second, and a bar after that."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

WORK = """
import time
from omega_core.cli.waiting import waiting

with waiting("dropping", {steps}) as advance:
    for _ in range({steps}):
        time.sleep({seconds})
        advance()
print("done")
"""


def shown(steps: int, seconds: float) -> str:
    """What stands at a terminal at the end, and stood there before."""
    ours, theirs = pty.openpty()
    code = WORK.format(steps=steps, seconds=seconds)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment
    ) as worker:
        os.close(theirs)
        read = b""
        while part := _read(ours):
            read += part
    os.close(ours)
    assert worker.returncode == 0, read
    return read.decode()


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
