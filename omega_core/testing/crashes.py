"""Crashes at a command of one's choice: of an `Omega` beside another, or of a whole process."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any, Self
from unittest.mock import patch

from pymongo.errors import PyMongoError

from ..errors import OmegaError, ServerError
from ..omega import Omega
from .child_processes import Child, KilledError, Tell
from .faults import FaultKind, FaultProxy


def kill_at(
    proxy: FaultProxy,
    step: int,
    victim: Omega,
    action: Callable[[Omega], Any],
    kind: FaultKind = "lost answer",
) -> tuple[bool, bool]:
    """Run an action in a process of its own, and kill -9 that at a command to the server.

    Parameters
    ----------
    victim
        Reaches its server through the ``proxy``.
    step
        The number of the command, from 1.

    Returns
    -------
    succeeded, struck
        Whether the action ended, and whether it came to that step.
    """
    go, start = os.pipe()

    def act(tell: Tell) -> None:
        # Connected and prepared, so that the first command that counts is the action's.
        victim.database.prepare("default")
        tell("ready")
        assert os.read(go, 1)
        action(victim)

    try:
        with Child(act) as child:
            assert child.hear() == "ready"
            with proxy.fault(step, kind, then=child.kill) as fault:
                os.write(start, b"x")
                try:
                    child.result()
                    succeeded = True
                except KilledError:
                    succeeded = False
    finally:
        os.close(go)
        os.close(start)
    return succeeded, fault.struck is not None


class CrashingTwin:
    """Does what an `Omega` would do, and breaks off at a command of one's choice.

    It has the same configuration, database and registered backends, and reaches the server through
    a `FaultProxy`. Whoever is cut off there cannot clean up, as if the process had died.

    Parameters
    ----------
    omega
        On a standalone server without authentication, as the fixtures make it.
    timeout
        Seconds for which one that is cut off waits for its server, at every attempt.
    **sections
        Sections of the configuration that are other ones, such as ``uris=UrisConfig(...)``.
    """

    def __init__(self, omega: Omega, *, timeout: float = 0.04, **sections: Any) -> None:
        host, port = omega.database.client.address or ("", None)
        address = host.replace("/", "%2F") if port is None else f"{host}:{port}"
        self._proxy = FaultProxy(f"mongodb://{address}")
        url = self._proxy.url(omega.database.mongodb.name)
        mongo = dataclasses.replace(omega.config.mongo, url=url, timeout=timeout)
        config = dataclasses.replace(omega.config, mongo=mongo, **sections)
        self.omega = Omega(config, bucket=omega.bucket)
        for spec in omega.plugins.specs.values():
            if spec.kind not in self.omega.plugins.specs:
                self.omega.plugins.register(dataclasses.replace(spec))
        # The driver looks for a lost server every half a second; here it is lost at every step.
        with patch("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.01):
            self._connect()

    def crash(
        self, step: int, action: Callable[[Omega], Any], kind: FaultKind = "cut off after"
    ) -> bool:
        """Run ``action`` and break it off at its ``step``-th command to the server.

        Returns
        -------
        bool
            False if it ended before it came to that step.
        """
        self._connect()
        with self._proxy.fault(step, kind) as fault:
            try:
                action(self.omega)
            except (OmegaError, PyMongoError, OSError):
                if fault.struck is None:
                    raise
        return fault.struck is not None

    def close(self) -> None:
        self.omega.close()
        self._proxy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _connect(self) -> None:
        # Connected and prepared, so that the first command that counts is the operation's.
        while True:
            try:
                self.omega.database.prepare("default")
                self.omega.database.client.admin.command("ping")
                return
            except (ServerError, PyMongoError):
                continue  # the machine is busy, and this client impatient
