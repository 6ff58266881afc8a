"""``omega worker --engine dask``: worker processes that belong to a scheduler which runs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress

from distributed import Nanny
from distributed.comm.addressing import get_address_host
from distributed.utils import get_ip

from omega_core import Config
from omega_core.errors import ConfigError, EngineError

from .nodes import worker
from .settings import DaskSettings
from .tls import security

_AGAIN = 1.0
"""Seconds until a scheduler that is gone is looked for again."""

_NO_SCHEDULER = (
    "[plugins.dask] scheduler is not set, and a worker belongs to a scheduler. Without one the "
    "engine starts processes of its own, and needs no 'omega worker'."
)

_logger = logging.getLogger("distributed.omega")


def serve(
    config: Config, concurrency: int | None = None, resources: Mapping[str, float] | None = None
) -> None:
    """Execute tasks until SIGINT or SIGTERM.

    Parameters
    ----------
    concurrency
        How many processes; each executes one task at a time.
    resources
        What each of them has, as ``{"GPU": 1}``.
    """
    settings = config.section("dask", DaskSettings)
    address = settings.scheduler
    if address is None:
        raise ConfigError(_NO_SCHEDULER)
    identity = security(settings)
    host = get_ip(get_address_host(address))  # listens where the scheduler sees it, and only there

    def start() -> Nanny:
        return worker(address, config, security=identity, host=host, resources=resources)

    asyncio.run(_keep(start, concurrency or os.cpu_count() or 1))


async def _keep(start: Callable[[], Nanny], count: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await asyncio.gather(*(_keep_one(start, stop) for _ in range(count)))


async def _keep_one(start: Callable[[], Nanny], stop: asyncio.Event) -> None:
    """Have a worker, whenever there is a scheduler."""
    stopped = asyncio.ensure_future(stop.wait())
    while not stop.is_set():
        try:
            async with start() as nanny:
                ended = asyncio.ensure_future(nanny.finished())
                await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, TimeoutError) as exc:
            _logger.warning("The scheduler does not answer, and is asked again: %s", exc)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(stopped), _AGAIN)


def check(config: Config) -> list[str]:
    """Return what keeps workers and clients from working, each with what to do."""
    from .connection import Connection

    settings = config.section("dask", DaskSettings)
    if settings.scheduler is None:
        return [_NO_SCHEDULER]
    try:
        Connection(settings.scheduler, security(settings), settings.timeout).close()
    except (ConfigError, EngineError) as exc:
        return [str(exc)]
    return []
