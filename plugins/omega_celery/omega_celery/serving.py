"""``omega worker --engine celery``: a worker that takes tasks of ours, and no others."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from celery import Celery

import omega_core
from omega_core import Omega

from .app import TASK


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

    app.task(name=TASK)(run)
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
    worker.start()
