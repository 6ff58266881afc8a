"""The section ``[plugins.celery]`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core import Secret


@dataclass(frozen=True, kw_only=True)
class CelerySettings:
    """Which broker, and how tasks wait there.

    Attributes
    ----------
    broker
        The URL, as ``"redis://host:6379/0"``, ``"rediss://..."``, ``"amqps://..."`` or
        ``"redis+socket:///path"``. It may hold a password, and so is never shown.
    queue
        Where tasks go that name no queue, and where workers take them that name none.
    timeout
        Seconds after which a broker that does not answer is given up.
    visibility
        Seconds after which a task that was taken and not finished is handed to another worker, on
        brokers that do not see a worker go, such as Redis. A task that takes longer runs twice:
        it stores its result once, but the time is lost.
    tls_ca, tls_cert, tls_key
        Paths of PEM files, for ``rediss://`` and ``amqps://``.
    """

    broker: Secret | None = None
    queue: str = "omega"
    timeout: float = 10.0
    visibility: float = 3600.0
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None

    def __post_init__(self) -> None:
        if not self.queue:
            raise ValueError("queue: a name that is not empty.")
        for key in ("timeout", "visibility"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key}: more than 0 seconds.")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together.")
