"""Engines with two workers each, all on this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omega_core import Omega

ENGINES = ("local", "dask", "celery")
WORKERS = 2


def installed(engine: str) -> str | None:
    """Return why an engine cannot be measured here; None where it can."""
    if engine == "local":
        return None
    if importlib.util.find_spec(f"omega_{engine}") is None:
        return f"omega-{engine} is not installed"
    if engine == "celery" and shutil.which("redis-server") is None:
        return "there is no redis-server"
    return None


@contextmanager
def cluster(engine: str, config: Mapping[str, Any], directory: Path) -> Iterator[Omega]:
    """Start an engine, and let an `Omega` use it."""
    runtime = {"engine": engine, "workers": WORKERS}
    sections: dict[str, Any] = {**config, "runtime": runtime}
    processes: list[subprocess.Popen[bytes]] = []
    try:
        if engine == "dask":
            sections["plugins"] = {"dask": {"processes": WORKERS}}
            # What its workers read: they configure themselves.
            os.environ["OMEGA_MONGO__URL"] = config["mongo"]["url"]
        if engine == "celery":
            socket = directory / "redis.sock"
            broker = f"redis+socket://{socket}"
            sections["plugins"] = {"celery": {"broker": broker}}
            listen = ("--port", "0", "--unixsocket", str(socket), "--save", "")
            quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            processes.append(subprocess.Popen(["redis-server", *listen], cwd=directory, **quiet))
            while not socket.exists():
                time.sleep(0.05)
            worker = [sys.executable, "-m", "omega_core", "worker", "--engine", "celery"]
            environ = {
                **os.environ,
                "OMEGA_MONGO__URL": config["mongo"]["url"],
                "OMEGA_PLUGINS__CELERY__BROKER": broker,
            }
            count = ("--concurrency", str(WORKERS))
            processes.append(subprocess.Popen([*worker, *count], env=environ, **quiet))
        with Omega(sections) as om:
            yield om
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()
