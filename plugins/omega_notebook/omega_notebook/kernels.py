"""Kernels that nobody else can talk to, and that end with whoever started them.

A kernel listens on Unix sockets in a directory of its own. What it needs to make ``om`` comes by a
pipe: neither its command line nor a file has it. Between the worker and the kernel stands the
guardian, which ends the kernel, and what that has started, when the worker is gone.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from omega_core import Config

from . import pipe

_LONGEST_DIRECTORY = 70
"""Characters; the path of a Unix socket may have 107."""

_GOING = 5.0
"""Seconds that a kernel has to end by itself, and then its guardian to end it."""


class KernelStartError(Exception):
    """The kernel did not come up; the text is for people."""


class _Manager(AsyncKernelManager):
    """Starts our kernel, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        guardian = [sys.executable, "-P", "-m", "omega_notebook.guardian", str(os.getpid())]
        return KernelSpec(argv=[*guardian, "{connection_file}"], language="python")


@asynccontextmanager
async def started(config: Config, bucket: str, seconds: float) -> AsyncIterator[AsyncKernelManager]:
    """Start a kernel whose ``om`` has this configuration and bucket; it is gone after the block.

    Raises
    ------
    KernelStartError
        It did not come up within so many seconds.
    """
    directory = _private_directory()
    manager = _Manager(
        transport="ipc", connection_file=str(directory / "kernel.json"), autorestart=False
    )
    try:
        work = directory / "work"
        work.mkdir()
        try:
            await asyncio.wait_for(_launch(manager, config, bucket, directory), seconds)
        except (OSError, RuntimeError, TimeoutError) as exc:
            raise KernelStartError(f"the kernel did not start: {exc}") from exc
        yield manager
        await _let_it_end(manager)
    finally:
        await _end(manager)
        with suppress(Exception):
            await manager.cleanup_resources()
        shutil.rmtree(directory, ignore_errors=True)


def _private_directory() -> Path:
    directory = tempfile.mkdtemp(prefix="omega-nb-")
    if len(directory) > _LONGEST_DIRECTORY and os.path.isdir("/tmp"):
        os.rmdir(directory)
        directory = tempfile.mkdtemp(prefix="omega-nb-", dir="/tmp")
    return Path(directory)  # which mkdtemp makes for this user alone


async def _launch(
    manager: AsyncKernelManager, config: Config, bucket: str, directory: Path
) -> None:
    reading, writing = os.pipe()
    try:
        environ = {
            **os.environ,
            pipe.NAME: str(reading),
            # What this process can import, so can the kernel.
            "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path),
            # Neither the history nor the start-up files of whoever runs the worker.
            "IPYTHONDIR": str(directory / "ipython"),
        }
        await manager.start_kernel(env=environ, cwd=str(directory / "work"), pass_fds=(reading,))
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    told = pickle.dumps((config, bucket))
    # A pipe takes so much and waits then, until somebody reads; the kernel may never do.
    threading.Thread(target=_write, args=(writing, told), daemon=True).start()


def _write(end: int, told: bytes) -> None:
    with suppress(BrokenPipeError), open(end, "wb") as sink:
        sink.write(told)


async def _let_it_end(manager: AsyncKernelManager) -> None:
    """Ask the kernel to end, so that it does what it has to do at its exit."""
    with suppress(Exception):
        await manager.request_shutdown()
        await asyncio.wait_for(manager.provisioner.wait(), _GOING)  # type: ignore[union-attr]


async def _end(manager: AsyncKernelManager) -> None:
    """End the kernel and whatever it has started: by its guardian, and by force after a while."""
    provisioner = manager.provisioner
    if not isinstance(provisioner, LocalProvisioner) or provisioner.process is None:
        return
    with suppress(ProcessLookupError):
        # Of the guardian alone, which leads the group: it ends the others.
        provisioner.process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(provisioner.wait(), _GOING)
    except TimeoutError:
        await provisioner.kill()
        await provisioner.wait()
