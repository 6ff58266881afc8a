"""Stands between a worker and a kernel, and ends the kernel when either of them is gone.

Started as ``python -m omega_notebook.guardian <pid of the worker> <connection file>``. It imports
nothing that takes long, and holds nothing that anybody could lose.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import FrameType

from .pipe import inherited

_GLANCE = 0.1
_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Start the kernel, wait for its end or for that of the worker, and leave nothing behind."""
    worker, connection = int(sys.argv[1]), sys.argv[2]
    ended: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    # An interrupt goes to the whole group and is meant for the kernel. Not ignored: that, the
    # kernel would inherit.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    _adopt_orphans()
    here = str(os.getpid())
    command = [sys.executable, "-P", "-m", "omega_notebook.kernel", here, "-f", connection]
    kernel = subprocess.Popen(command, pass_fds=inherited())
    try:
        while kernel.poll() is None and not ended and os.getppid() == worker:
            time.sleep(_GLANCE)
    finally:
        kernel.kill()
        kernel.wait()
        _end_orphans()
        if os.getppid() != worker:  # which would have removed it
            shutil.rmtree(os.path.dirname(connection), ignore_errors=True)
    return kernel.returncode if kernel.returncode >= 0 else 128 - kernel.returncode


def _adopt_orphans() -> None:
    """Become the parent of what the kernel starts and leaves behind; on Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> None:
    """Kill what the kernel has left behind, and what that leaves behind in turn."""
    while children := _children():
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:  # another system, or a kernel that was built without it
        return []


if __name__ == "__main__":
    sys.exit(main())
