"""A scheduler and workers as we start them: they serve no web page, and hold no data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distributed import Nanny, Scheduler, Security, Worker

from omega_core import Config

from .worker import OmegaPlugin

LOOPBACK = "127.0.0.1"


class _NoWebServer:
    """No port for dashboards, metrics and logs. Dask opens one even where these are off."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        pass


class QuietScheduler(_NoWebServer, Scheduler):
    """A scheduler."""


class QuietWorker(_NoWebServer, Worker):
    """A worker."""


def scheduler(*, security: Security | None, host: str = LOOPBACK, port: int = 0) -> QuietScheduler:
    """Return a scheduler, not yet started."""
    protocol = "tcp" if security is None else "tls"
    return QuietScheduler(
        host=host, port=port, protocol=protocol, security=security, dashboard=False
    )


def worker(
    scheduler: str,
    config: Config,
    *,
    security: Security | None,
    host: str = LOOPBACK,
    resources: Mapping[str, float] | None = None,
) -> Nanny:
    """Return a worker process of one thread, not yet started, which is replaced when it dies.

    Its memory is not limited: what it holds are no data of Dask, which could be written to disk.
    """
    return Nanny(
        scheduler,
        nthreads=1,
        host=host,
        security=security,
        resources=dict(resources or {}),
        memory_limit=0,
        worker_class=QuietWorker,
        plugins=(OmegaPlugin(config),),
    )
