"""How soon a server that has gone silent is noticed, without cutting what merely takes long.

No operation has a deadline: a slow query and the upload of a large batch may take what they take,
as long as the server is alive. Whether it is, the driver's monitor asks beside them, on a
connection of its own; when no answer comes, it breaks off whatever waits for one.

Only what is being *sent* when the server stops reading, the driver cannot break off. That the
kernel does, where a connection takes not one byte for too long.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import threading
from typing import Any

from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)

_HEARTBEATS = (0.5, 10.0)
"""The shortest that the driver takes, and the longest, which is its default."""


def client_options(timeout: float) -> dict[str, Any]:
    """Return the options of a client that notices silence within twice ``timeout`` seconds.

    A heartbeat, its answer, and then a server that is looked for during ``timeout``: 0.2, 0.5 and
    1 of it, and half a second of the driver's. Below a ``timeout`` of 2 s, that half second, and
    the shortest heartbeat, make it longer.
    """
    shortest, longest = _HEARTBEATS
    heartbeat = min(max(timeout / 5, shortest), longest)
    return {
        "serverSelectionTimeoutMS": round(timeout * 1000),
        "connectTimeoutMS": round(max(timeout / 2, min(timeout, 0.25)) * 1000),
        "heartbeatFrequencyMS": round(heartbeat * 1000),
        # Twice this, where something was sent at first.
        "event_listeners": [SendTimeouts(timeout / 2)],
    }


class SendTimeouts(ConnectionPoolListener):
    """Gives each new connection a limit on how long it may wait to send a byte.

    The driver tells of a connection, in the thread that makes it, before and after; its socket is
    the one that was not open before.

    Parameters
    ----------
    seconds
        Without any progress; a slow connection may take longer for a large message.
    """

    def __init__(self, seconds: float) -> None:
        whole = int(seconds)
        self._limit = struct.pack("ll", whole, int((seconds - whole) * 1e6))
        self._thread = threading.local()

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        self._thread.before = _sockets()

    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        for descriptor in _sockets() - getattr(self._thread, "before", set()):
            # Another thread may close it at this moment, or have opened a socket of its own.
            with (
                contextlib.suppress(OSError),
                socket.socket(fileno=os.dup(descriptor)) as connection,
            ):
                if _leads_to(connection, event.address):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, self._limit)

    # --- what else happens to connections is no concern here ---------------------------------

    def pool_created(self, event: PoolCreatedEvent) -> None: ...
    def pool_ready(self, event: PoolReadyEvent) -> None: ...
    def pool_cleared(self, event: PoolClearedEvent) -> None: ...
    def pool_closed(self, event: PoolClosedEvent) -> None: ...
    def connection_closed(self, event: ConnectionClosedEvent) -> None: ...
    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None: ...
    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None: ...
    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None: ...
    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None: ...


def _sockets() -> set[int]:
    """Return the descriptors of the sockets of this process; none where the system tells none."""
    found: set[int] = set()
    try:
        descriptors = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return found
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # closed meanwhile
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                found.add(descriptor)
    return found


def _leads_to(connection: socket.socket, address: tuple[str, int | None]) -> bool:
    peer: Any = connection.getpeername()
    host, port = address
    return bool(peer == host if port is None else isinstance(peer, tuple) and peer[1] == port)
