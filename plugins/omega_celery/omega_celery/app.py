"""The Celery application: JSON both ways, one task, no result backend."""

from __future__ import annotations

import ssl
from typing import Any

from celery import Celery

from omega_core.errors import ConfigError

from .settings import CelerySettings

TASK = "omega.run"

_LOST_SECONDS = 1.0
"""After which a task of a process that died is given back."""

_STEPS = 7

PRIORITIES = 10
"""How many there are on brokers that know any; the one in the middle is that of most tasks."""


def application(settings: CelerySettings) -> Celery:
    """Return the application that clients and workers share.

    Outcomes are in the database, where a client looks for them: they would be no safer, and known
    in one place more, if they went through the broker.

    Raises
    ------
    ConfigError
        There is no broker.
    """
    if settings.broker is None:
        raise ConfigError(
            '[plugins.celery] broker is not set. Name one, as broker = "redis://host:6379/0"; a '
            'secret is broker = { env = "OMEGA_BROKER" }.'
        )
    broker = settings.broker.reveal()
    # One message may take as many steps, each of which waits for the broker.
    patience = settings.timeout / _STEPS
    app = Celery("omega", broker=broker, set_as_current=False, autofinalize=False)
    app.conf.update(
        accept_content=["json"],
        result_accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        event_serializer="json",
        task_ignore_result=True,
        task_default_queue=settings.queue,
        # A task of a worker that dies is done by another. It may have been done already, which
        # `omega_core.run_task` sees.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_lost_wait=_LOST_SECONDS,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        # Nobody who reaches the broker can stop workers, or change what they do.
        worker_enable_remote_control=False,
        # A connection that was lost is made again, for as long as it takes.
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_timeout=patience,
        broker_transport_options=_transport(broker, settings, patience),
        broker_use_ssl=_ssl(broker, settings),
    )
    return app


def is_redis(broker: str) -> bool:
    return broker.startswith(("redis:", "rediss:", "redis+socket:", "sentinel:"))


def _transport(broker: str, settings: CelerySettings, patience: float) -> dict[str, Any]:
    if not is_redis(broker):
        return {}
    return {
        "visibility_timeout": settings.visibility,
        "socket_connect_timeout": patience,
        "socket_timeout": patience,
        "priority_steps": list(range(PRIORITIES)),
        "queue_order_strategy": "priority",
    }


def _ssl(broker: str, settings: CelerySettings) -> Any:
    """Return the certificates, by the names that the transport has for them."""
    files = {
        "ca_certs": settings.tls_ca,
        "certfile": settings.tls_cert,
        "keyfile": settings.tls_key,
    }
    given = {name: path for name, path in files.items() if path is not None}
    if not broker.startswith(("rediss:", "amqps:")):
        if given:
            raise ConfigError(
                "[plugins.celery] tls_ca, tls_cert and tls_key are for rediss:// and amqps://, and "
                "broker is neither. What is there is not shown, as it may hold a password."
            )
        return None
    prefix = "ssl_" if is_redis(broker) else ""
    options: dict[str, Any] = {f"{prefix}{name}": path for name, path in given.items()}
    options[f"{prefix}cert_reqs"] = ssl.CERT_REQUIRED
    return options
