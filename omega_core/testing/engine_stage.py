"""What the tests of an engine share: a bucket with a model, a gate to wait at, and patience."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..errors import (
    OmegaError,
    TaskCancelledError,
)
from ..omega import Omega
from ..runtime.result import Result
from .engine_model import KitModel
from .promises import Words, holds, missing, promise, raising

PATIENCE = 180.0
"""Seconds after which a test gives up; no test takes so long."""


class Gate:
    """A directory at which workers wait: see `omega_core.testing.engine_model`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def begun(self, count: int = 1) -> list[int]:
        """Wait until so many have come, and return their process ids."""

        def come() -> list[int]:
            # In the order in which they came.
            files = sorted(self.directory.glob("*.begun"), key=lambda file: file.stat().st_mtime_ns)
            return [int(file.read_text()) for file in files]

        until(lambda: len(come()) >= count, f"{count} tasks begin")
        return come()

    def open(self) -> None:
        """Let those who wait, and all others, go on."""
        (self.directory / "go").touch()


def until(happened: Callable[[], object], what: str = "what a test waits for happens") -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        holds(
            what,
            time.monotonic() < deadline,
            expected=f"it within {PATIENCE:.0f} s",
            got=Words("nothing of it"),
        )
        time.sleep(0.02)


class EngineStage:
    """What the tests of an engine are given.

    Attributes
    ----------
    workers
        How many tasks are executed at the same time.
    hints
        Values of hints for which there is a worker, beside those of timeout, retries and priority.
    patience
        Seconds after which a test gives up; none takes so long.
    """

    workers: ClassVar[int] = 2
    hints: ClassVar[dict[str, Any]] = {}
    patience: ClassVar[float] = PATIENCE

    @pytest.fixture
    def om(self) -> Omega:
        """An `Omega` whose ``[runtime] engine`` is the one under test, with its workers."""
        missing(
            self,
            "om",
            "an Omega whose engine is the one under test, with its workers",
            'with workers_of(om := make_omega(runtime={"engine": "acme"})):\n    yield om',
            parameters="engine_kit, make_omega",
        )

    def kill_worker(self, pid: int) -> None:
        """Kill the worker process that executes a task, with SIGKILL; others remain, or come."""
        pytest.skip("the workers of this engine are threads of this process")

    @pytest.fixture
    def bucket(self, om: Omega) -> Iterator[Omega]:
        """A bucket with a fitted model, and data; nothing temporary stays there."""
        bucket = om[f"engine-{uuid.uuid4().hex[:12]}"]
        bucket.datasets.put([1.0, 2.0, 3.0], "X")
        bucket.datasets.put([4.0, 6.0], "Y")
        bucket.models.put(KitModel(6.0, 3), "m")
        yield bucket
        until(lambda: hidden(bucket) == [], "what a task was given is removed when it ends")
        for store in (bucket.datasets, bucket.models):
            for name in store.list(hidden=True):
                store.drop(name)

    # --- their parts -------------------------------------------------------------------------

    def _needs(self, bucket: Omega, hint: str) -> None:
        if hint not in bucket._shared.engines.get(bucket).honours:
            pytest.skip(f"this engine does not honour {hint}")

    def _is_cancelled(self, result: Result) -> None:
        what = "a result that was cancelled says so"
        promise(what, (result.status, result.cancelled(), result.done()), ("cancelled", True, True))
        with raising(TaskCancelledError, what):
            result.get(self.patience)

    def _settled(self, bucket: Omega) -> None:
        """Wait until the workers have done what they had; two tasks later, they have."""
        for _ in range(self.workers):
            with suppress(OmegaError):
                bucket.runtime.model("m").predict("X").get(self.patience)
        until(lambda: hidden(bucket) == [], "what a task was given is removed when it ends")


def hidden(bucket: Omega) -> list[str]:
    return [name for name in bucket.datasets.list(hidden=True) if name.startswith(".")]


def versions(bucket: Omega) -> list[int]:
    return [meta.version for meta in bucket.models.versions("m") if meta.version is not None]


def stored(bucket: Omega) -> list[tuple[str, int | None]]:
    stores = (bucket.datasets, bucket.models)
    metas = [meta for store in stores for name in store.list() for meta in store.versions(name)]
    return [(meta.prefix + meta.name, meta.version) for meta in metas]
