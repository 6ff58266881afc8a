"""The processes of this machine, seen from the one that starts them."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
import threading
import weakref
from contextlib import suppress

from distributed import Security

from omega_core import Config
from omega_core.errors import EngineError

from .local_processes import AT_ONCE

_START_SECONDS = 60.0


class LocalCluster:
    """A scheduler and worker processes on loopback, behind certificates made for them alone.

    Others who use this machine can reach the port, and can do nothing there without the key, which
    goes through a pipe, as the configuration does.

    They are processes of a program of their own, and not of `multiprocessing`, which would run the
    main module of the user again in each.

    Parameters
    ----------
    config
        What the workers are configured with, secrets included.
    processes
        How many workers.
    """

    def __init__(self, config: Config, processes: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.local_processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                # Its accounts of starting and stopping are of no use to whoever waits for a fit.
                "DASK_LOGGING__DISTRIBUTED": "warning",
                **os.environ,
                # What this process can import, so can they.
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            # Ctrl-C is for the program that waits, which then says what becomes of its tasks.
            start_new_session=True,
        )
        _close_in_children(self._process)
        # Through a pipe to a child, as multiprocessing does it, and never over a connection.
        written = base64.b64encode(pickle.dumps(config)).decode("ascii")
        self._write(json.dumps({"config": written, "processes": processes}))
        reader = threading.Timer(_START_SECONDS, self._process.kill)
        reader.start()
        assert self._process.stdout is not None
        try:
            line = self._process.stdout.readline()
        finally:
            reader.cancel()
            self._process.stdout.close()
        if not line:
            self._process.kill()
            self._process.wait()
            raise EngineError(
                "The engine 'dask' could not start its processes on this machine. What they wrote "
                "to standard error says why; [plugins.dask] scheduler names a cluster that runs."
            )
        reached: dict[str, str] = json.loads(line)
        self.address = reached.pop("address")
        self.security = Security(require_encryption=True, **reached)

    def close(self, *, at_once: bool) -> None:
        """End the processes; wait for the tasks that they have, unless ``at_once``."""
        if at_once:
            self._write(AT_ONCE)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which the reader of its answer sees
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()


def _close_in_children(process: subprocess.Popen[str]) -> None:
    """Let a forked child not keep the processes alive."""
    held = weakref.ref(process)

    def close() -> None:
        process = held()
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()

    os.register_at_fork(after_in_child=close)
