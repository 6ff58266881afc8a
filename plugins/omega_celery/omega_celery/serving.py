"""``omega worker --engine celery``: a worker that takes tasks of ours, and no others."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import ClassVar

from celery import Celery
from celery.worker.request import Request
from kombu.asynchronous import Hub

import omega_core
from omega_core import Omega

from .app import TASK


class ReconnectingRequest(Request):  # type: ignore[misc]
    """A task of a worker that makes a new connection where the broker was gone when the task ended.

    celery logs then that it could not say so, and the task counts as one that the worker still has.
    With as many of them as it may have at a time, it takes no more tasks, does not read from its
    connection, and so never sees that it has to make a new one.
    """

    hub: ClassVar[Hub | None] = None
    """The loop of the worker; `get_event_loop` knows none any more once a connection was lost."""

    def acknowledge(self) -> None:
        super().acknowledge()
        self._look_soon()

    def reject(self, requeue: bool = False) -> None:
        super().reject(requeue)
        self._look_soon()

    def _look_soon(self) -> None:
        hub = self.hub
        if hub is not None:
            # The broker is told in the next turn of the loop; so this is for the one after it.
            hub.call_soon(hub.call_soon, self._look, hub)  # type: ignore[no-untyped-call]

    def _look(self, hub: Hub) -> None:
        # A loop that is being closed has nothing to read from any more, and needs no end.
        if hub.readers and not self.message.acknowledged:
            # What celery takes for the end of a connection, after which it makes the next one. The
            # broker gives the task out again, and whoever takes it finds that it is done.
            raise ConnectionError("the broker was gone when a task ended")


def serve(
    app: Celery, omega: Omega, concurrency: int | None = None, queues: Sequence[str] | None = None
) -> None:
    """Execute tasks until SIGINT or SIGTERM; what is under way is brought to its end.

    Parameters
    ----------
    concurrency
        How many processes; each executes one task at a time.
    queues
        Of which queues; by default, that of the configuration.
    """

    def run(text: str) -> None:
        # Its processes are forked from this one, and the Omega goes along: it connects anew there.
        omega_core.run_task(text, omega=omega)

    app.task(name=TASK, Request=ReconnectingRequest)(run)
    app.finalize()
    worker = app.Worker(
        hostname=f"omega-{os.getpid()}@{socket.gethostname()}",
        pool="prefork",
        concurrency=concurrency or os.cpu_count() or 1,
        optimization="fair",
        queues=list(queues or [app.conf.task_default_queue]),
        loglevel="INFO",
        quiet=True,  # its banner repeats the address of the broker
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    ReconnectingRequest.hub = worker.hub
    worker.start()
