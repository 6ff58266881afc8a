"""A connection to a scheduler that is watched, so that nobody waits for one that is gone."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import dask
from distributed import Client, Security, fire_and_forget
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from omega_core.errors import EngineError

from .worker import run_task

T = TypeVar("T")

_NO_CODE = {"distributed.diagnostics.computations.nframes": 0}
"""Sends no source of what called us along, whatever Dask is configured to."""

_FRESH = 1.0
"""Seconds for which a sign of life of the scheduler counts."""


@dataclass(frozen=True)
class Order:
    """What is submitted: text, and how Dask is to treat it."""

    key: str
    text: str
    how: Mapping[str, Any] = field(default_factory=dict)


class DaskFuture(Future[str]):
    """The outcome of one task as JSON, or an `EngineError`."""

    def __init__(self, release: Callable[[], None]) -> None:
        super().__init__()
        self._release = release

    def cancel(self) -> bool:
        """Cancel the task. One that is under way goes on, and can store nothing any more."""
        cancelled = super().cancel()
        if cancelled:
            self._release()
        return cancelled


class Connection:
    """A client of one scheduler, in a thread of its own.

    When the scheduler is gone and comes back within the timeout, what is unfinished is submitted
    again; a task that had committed by then returns what it committed.

    Parameters
    ----------
    address
        Of the scheduler.
    security
        For ``tls://``.
    timeout
        Seconds after which a scheduler that does not answer is given up.

    Attributes
    ----------
    lost
        Whether it was given up, so that another connection is needed.
    """

    def __init__(self, address: str, security: Security | None, timeout: float) -> None:
        self._address = address
        self._security = security
        self._timeout = timeout
        self._waiting: set[DaskFuture] = set()
        self._seen = 0.0
        self.lost = False
        self._client: Client | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="omega-dask", daemon=True
        )
        self._thread.start()
        _forget_in_children(self)
        try:
            self._do(self._open())
        except BaseException:
            self.close()
            raise

    def submit(self, order: Order) -> DaskFuture:
        """Let the cluster execute the order.

        Raises
        ------
        EngineError
            The scheduler does not answer within the timeout.
        """
        return self._do(self._submit(order))

    def wait(self) -> None:
        """Wait until no task is unfinished."""
        for future in list(self._waiting):
            with suppress(BaseException):
                future.exception()

    def close(self) -> None:
        """End the connection. What was submitted goes on."""
        with suppress(EngineError):
            self._do(self._close())
        self._end_thread()

    # --- in its thread -----------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        client = Client(
            self._address,
            asynchronous=True,
            security=self._security,
            timeout=self._timeout,
            set_as_default=False,
            direct_to_workers=False,
            name="omega",
        )
        try:
            async with asyncio.timeout(self._timeout):
                await client
        except (OSError, TimeoutError) as exc:
            await client.close()
            raise self._silent() from exc
        self._client = client
        self._seen = self._loop.time()
        self._watching = self._loop.create_task(self._keep_watching(client))

    async def _submit(self, order: Order) -> DaskFuture:
        client = self._client
        if client is None or self.lost or not await self._answers(client):
            raise self._silent()

        def release() -> None:
            self._loop.call_soon_threadsafe(follow.cancel)

        future = DaskFuture(release)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        follow = self._loop.create_task(self._follow(client, order, future))
        return future

    async def _follow(self, client: Client, order: Order, future: DaskFuture) -> None:
        """Bring the outcome of the order into the future."""
        try:
            while True:
                with dask.config.set(_NO_CODE):
                    submitted = client.submit(
                        run_task, order.text, key=order.key, pure=False, **order.how
                    )
                # It is executed also where this process has ended by then.
                fire_and_forget(submitted)
                try:
                    outcome = await submitted
                    break
                except FutureCancelledError:
                    if not await self._comes_back(client):
                        raise self._silent() from None
        except asyncio.CancelledError:
            if future.cancelled():
                with suppress(Exception):
                    await client.cancel([submitted], force=True)
        except EngineError as exc:
            await _fail(future, exc)
        except KilledWorker as exc:
            await _fail(
                future,
                EngineError(
                    f"The task {order.key} was given up: {exc.allowed_failures + 1} workers of "
                    "Dask died while they executed it, the last one "
                    f"{exc.last_worker.address}. The log of that worker says why."
                ),
            )
        except Exception as exc:
            await _fail(
                future,
                EngineError(
                    f"A worker of Dask could not execute the task {order.key}: "
                    f"{type(exc).__name__}: {exc}. 'omega worker --engine dask --check', where "
                    "that worker is, says what is missing."
                ),
            )
        else:
            await _end(future.set_result, outcome)

    async def _comes_back(self, client: Client) -> bool:
        """Return whether Dask has connected again; it tries for as long as the timeout."""
        while client.status == "connecting":
            await asyncio.sleep(0.05)
        return not self.lost and client.status == "running"

    async def _keep_watching(self, client: Client) -> None:
        while await self._answers(client):
            await asyncio.sleep(self._timeout / 4)
        await self._give_up()

    async def _answers(self, client: Client) -> bool:
        """Return whether the scheduler answers, or has just done so."""
        if self._loop.time() - self._seen < _FRESH and client.status == "running":
            return True
        try:
            async with asyncio.timeout(self._timeout):
                while client.status == "connecting":
                    await asyncio.sleep(0.05)
                if client.scheduler is None:
                    return False  # it was closed
                await client.scheduler.echo(data="")
        except (OSError, TimeoutError):
            return False
        self._seen = self._loop.time()
        return client.status == "running"

    async def _give_up(self) -> None:
        self.lost = True
        for future in list(self._waiting):
            await _fail(future, self._silent())

    def _silent(self) -> EngineError:
        return EngineError(
            f"The scheduler of Dask at {self._address} does not answer within {self._timeout:g} "
            "seconds ([plugins.dask] timeout). See whether it runs, and whether this machine may "
            "reach it."
        )

    async def _close(self) -> None:
        client, self._client = self._client, None
        for future in list(self._waiting):
            await _fail(future, EngineError("The Omega that waited for this task was closed."))
        if client is not None:
            await client.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self._loop.shutdown_default_executor()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _fail(future: DaskFuture, error: EngineError) -> None:
    await _end(future.set_exception, error)


async def _end(tell: Callable[[T], None], what: T) -> None:
    """Tell a future how it ends, unless it knows.

    In another thread, since a callback may submit, and wait for, another task.
    """

    def call() -> None:
        with suppress(InvalidStateError):
            tell(what)

    await asyncio.to_thread(call)


def _forget_in_children(connection: Connection) -> None:
    """Let a forked child not close, and wait for, what is of its parent."""
    held = weakref.ref(connection)

    def forget() -> None:
        connection = held()
        if connection is not None and connection._client is not None:
            connection._client.status = "closed"

    os.register_at_fork(after_in_child=forget)
