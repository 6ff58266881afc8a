"""The way to the broker, and whether it is open."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError

from omega_core.errors import ConfigError, EngineError

from .app import PRIORITIES, TASK, is_redis


class Broker:
    """One connection, made at the first message.

    Not one of Celery's pools, which are those of the whole process, also of one that was forked.
    """

    def __init__(self, app: Celery, timeout: float) -> None:
        self._app = app
        self._timeout = timeout
        self._lock = threading.Lock()
        self._watching = threading.Lock()
        self._answered = 0.0
        self._connection: Any = None
        self._failures: tuple[type[Exception], ...] = ()

    def publish(
        self,
        id: str,
        text: str,
        *,
        queue: str | None = None,
        priority: int = 0,
        time_limit: float | None = None,
    ) -> None:
        """Hand a task to the broker.

        Parameters
        ----------
        priority
            Larger is sooner, and 0 is that of most.
        time_limit
            Seconds after which the process that executes it is killed.

        Raises
        ------
        EngineError
            The broker does not answer within the timeout.
        """
        options = {
            "queue": queue or self._app.conf.task_default_queue,
            "priority": self._rank(priority),
            "time_limit": time_limit,
            "retry": False,
            "ignore_result": True,
            "argsrepr": "",
            "kwargsrepr": "",
        }
        with self._lock:
            # The broker may have been restarted since the last message.
            for again in (self._connection is not None, False):
                try:
                    self._send(id, text, options)
                except self._failures as exc:
                    self._drop()
                    if not again:
                        raise self._silent() from exc
                else:
                    self._answered = time.monotonic()
                    return

    def check(self) -> None:
        """Raise `EngineError` unless the broker answers."""
        try:
            self._open().release()
        except self._failures as exc:
            raise self._silent() from exc
        self._answered = time.monotonic()

    def watch(self) -> None:
        """Raise `EngineError` once the broker has not answered for as long as the timeout."""
        with self._watching:
            if time.monotonic() - self._answered < self._timeout / 4:
                return
            try:
                self.check()
            except EngineError:
                if time.monotonic() - self._answered >= self._timeout:
                    raise

    def close(self) -> None:
        with self._lock:
            self._drop()

    # --- its parts ---------------------------------------------------------------------------

    def _send(self, id: str, text: str, options: dict[str, Any]) -> None:
        if self._connection is None:
            self._connection = self._open()
        self._app.send_task(TASK, (text,), task_id=id, connection=self._connection, **options)

    def _open(self) -> Any:
        try:
            connection = self._app.connection_for_write()
            self._failures = (
                *(KombuError, OSError, TimeoutError),
                *(*connection.connection_errors, *connection.channel_errors),
            )
            connection.connect()
        except ImportError as exc:
            raise ConfigError(
                f"[plugins.celery] broker needs a package that is not installed: {exc}. For "
                "redis:// it is redis; 'pip install celery[...]' with the name of the broker "
                "installs what another one needs."
            ) from None
        except (KeyError, ValueError):
            raise ConfigError(
                "[plugins.celery] broker is no URL of a broker that Celery knows, such as "
                "'redis://host:6379/0'. What is there is not shown, as it may hold a password."
            ) from None
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it may be broken
                connection.collect()

    def _rank(self, priority: int) -> int:
        """Return a priority as the broker counts: Redis takes the smallest first."""
        rank = min(max(priority + PRIORITIES // 2, 0), PRIORITIES - 1)
        return PRIORITIES - 1 - rank if is_redis(self._app.conf.broker_url) else rank

    def _silent(self) -> EngineError:
        return EngineError(
            f"The broker of [plugins.celery] does not answer within {self._timeout:g} seconds "
            "([plugins.celery] timeout). See whether it runs, and whether this machine may reach "
            "it. Its address is not shown, as it may hold a password."
        )
