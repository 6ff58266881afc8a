"""Faults between a client and a real mongod, at any chosen command, without a hook in the code.

A `FaultProxy` stands on a unix socket in front of the server and relays what passes. At the n-th
command it can lose the command, or the answer to it, or kill whoever sent it. As every backend
reaches MongoDB through the driver, one loop over n finds every step of every operation::

    for step in itertools.count(1):
        with proxy.fault(step, "lost answer") as fault:
            ...                                 # the operation, by an Omega at proxy.url(database)
        if fault.struck is None:
            break                               # the operation has less than `step` commands
        ...                                     # what must hold now, by an Omega past the proxy
"""

from __future__ import annotations

import os
import selectors
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote

import bson
from pymongo.uri_parser import parse_uri

if TYPE_CHECKING:
    from pymongo.database import Database

FaultKind = Literal["lost command", "lost answer", "cut off before", "cut off after"]

FAULTS: tuple[FaultKind, ...] = ("lost command", "lost answer", "cut off before", "cut off after")
"""The command, or the answer to it, is lost and the connection with it; or, from there on, the
client reaches the server no more, and all that it would do to clean up is lost as well."""

_HEADER = struct.Struct("<iiii")  # length, request id, response to, opcode
_OP_MSG = 2013
_BODY = _HEADER.size + 5  # after the flags, and the kind of the first section
_RECEIVE = 1 << 18

# What the driver sends by itself, at times of its own.
_UNCOUNTED = {"hello", "ismaster", "isMaster", "ping", "buildInfo", "endSessions", "killCursors"}


@dataclass
class Fault:
    """A fault that is planned, and what became of it.

    Attributes
    ----------
    commands
        The commands counted so far, such as ``"insert omega.default.segments"``.
    struck
        The command that it struck; None until then.
    """

    step: int
    kind: FaultKind
    then: Callable[[], object] | None = None
    commands: list[str] = field(default_factory=list)
    struck: str | None = None

    @property
    def cuts_off(self) -> bool:
        return self.kind.startswith("cut off")

    def heal(self) -> None:
        """Let a client that is cut off reach the server again."""
        self.kind = "lost answer" if self.answer else "lost command"

    @property
    def answer(self) -> bool:
        """Whether the server sees the command."""
        return self.kind in ("lost answer", "cut off after")


class FaultProxy:
    """Relays between clients and the server at ``url``.

    Parameters
    ----------
    url
        The URL of a standalone mongod, on a unix socket or elsewhere.
    """

    def __init__(self, url: str) -> None:
        self._target = parse_uri(url)["nodelist"][0]
        self._directory = tempfile.mkdtemp(prefix="omega-faults-")
        self._socket = os.path.join(self._directory, "proxy.sock")
        self._plan: Fault | None = None
        self._failure: BaseException | None = None
        self._selector = selectors.DefaultSelector()
        self._pairs: set[_Pair] = set()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self._socket)
        self._listener.listen(128)
        self._wake, waker = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(waker, selectors.EVENT_READ, None)
        self._waker = waker
        self._thread = threading.Thread(target=self._run, name="omega-fault-proxy", daemon=True)
        self._thread.start()

    def url(self, database: str) -> str:
        """Return the URL by which a client passes through here."""
        # Polling finds the server again soon after a fault; a stream of hellos takes half a second.
        address = quote(self._socket, safe="")
        return f"mongodb://{address}/{database}?serverMonitoringMode=poll"

    @contextmanager
    def fault(
        self, step: int, kind: FaultKind, then: Callable[[], object] | None = None
    ) -> Iterator[Fault]:
        """Let the ``step``-th command from now on fail, once.

        Parameters
        ----------
        step
            Counts from 1, over all connections, commands of operations only; 0: count, and let
            everything pass.
        then
            Called at that moment, before the client notices: ``child.kill``, for example.
        """
        self._plan = fault = Fault(step, kind, then)
        try:
            yield fault
        finally:
            self._plan = None

    def close(self) -> None:
        """Stop relaying, and close all connections."""
        self._wake.send(b"x")
        self._thread.join()
        for pair in list(self._pairs):
            self._part(pair)
        for end in (self._listener, self._wake, self._waker, self._selector):
            end.close()
        shutil.rmtree(self._directory)
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # --- one thread does it all --------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.data is None:
                        return
                    key.data()
        except BaseException as exc:
            self._failure = exc

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        plan = self._plan
        if plan is not None and plan.struck is not None and plan.cuts_off:
            client.close()
            return
        host, port = self._target
        try:
            if port is None:
                server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                server.connect(host)
            else:
                server = socket.create_connection((host, port))
        except OSError:
            client.close()  # the server is down: so are we
            return
        pair = _Pair(client, server)
        self._pairs.add(pair)
        self._selector.register(client, selectors.EVENT_READ, lambda: self._from_client(pair))
        self._selector.register(server, selectors.EVENT_READ, lambda: self._from_server(pair))

    def _from_client(self, pair: _Pair) -> None:
        data = self._receive(pair, pair.client)
        if not data:
            return
        pair.buffer += data
        while len(pair.buffer) >= _HEADER.size:
            length = _HEADER.unpack_from(pair.buffer)[0]
            if len(pair.buffer) < length:
                return
            message = bytes(pair.buffer[:length])
            del pair.buffer[:length]
            if self._strikes(message) is None:
                self._send(pair, pair.server, message)
                continue
            fault = self._plan
            assert fault is not None
            if fault.answer:
                pair.swallowed = fault
                self._send(pair, pair.server, message)
            else:
                self._strike(pair, fault)
            return

    def _from_server(self, pair: _Pair) -> None:
        data = self._receive(pair, pair.server)
        if not data:
            return
        if pair.swallowed is not None:
            # It has begun to answer, so the command is applied.
            self._strike(pair, pair.swallowed)
        else:
            self._send(pair, pair.client, data)

    def _strikes(self, message: bytes) -> str | None:
        fault = self._plan
        command = _command(message)
        if fault is None or fault.struck is not None or command is None:
            return None
        fault.commands.append(command)
        if len(fault.commands) != fault.step:
            return None
        fault.struck = command
        return command

    def _strike(self, pair: _Pair, fault: Fault) -> None:
        if fault.then is not None:
            fault.then()
        for other in list(self._pairs) if fault.cuts_off else [pair]:
            self._part(other)

    def _receive(self, pair: _Pair, end: socket.socket) -> bytes:
        if pair not in self._pairs:
            return b""  # parted while this event waited for its turn
        try:
            data = end.recv(_RECEIVE)
        except OSError:
            data = b""
        if not data:
            self._part(pair)
        return data

    def _send(self, pair: _Pair, end: socket.socket, data: bytes) -> None:
        try:
            end.sendall(data)
        except OSError:
            self._part(pair)

    def _part(self, pair: _Pair) -> None:
        if pair not in self._pairs:
            return
        self._pairs.discard(pair)
        for end in (pair.client, pair.server):
            self._selector.unregister(end)
            # A process that was forked meanwhile may hold copies of the descriptors.
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@dataclass(eq=False)
class _Pair:
    """A client, and the connection to the server that is made for it."""

    client: socket.socket
    server: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    swallowed: Fault | None = None


def _command(message: bytes) -> str | None:
    """Return the command in a message and what it is about, if it is one that counts."""
    if _HEADER.unpack_from(message)[3] != _OP_MSG:
        return None
    size = struct.unpack_from("<i", message, _BODY)[0]
    body: dict[str, Any] = bson.decode(message[_BODY : _BODY + size])
    name, target = next(iter(body.items()))
    return None if name in _UNCOUNTED else f"{name} {target}"


def let_time_pass(database: Database[dict[str, Any]], seconds: float) -> None:
    """Make all leases and graces ``seconds`` older, so that no test has to wait for them."""
    earlier = round(seconds * 1000)

    def shifted(field: str, time: str) -> dict[str, Any]:
        entry = {"$mergeObjects": ["$$e.v", {time: {"$subtract": [f"$$e.v.{time}", earlier]}}]}
        entries = {"$objectToArray": f"${field}"}
        moved = {"$map": {"input": entries, "as": "e", "in": {"k": "$$e.k", "v": entry}}}
        return {"$cond": [_missing(field), "$$REMOVE", {"$arrayToObject": moved}]}

    def moved(field: str) -> dict[str, Any]:
        return {"$cond": [_missing(field), "$$REMOVE", {"$subtract": [f"${field}", earlier]}]}

    database["omega.metadata"].update_many(
        {},
        [
            {
                "$set": {
                    "pending": shifted("pending", "lease"),
                    "retired": shifted("retired", "at"),
                    "gc_at": moved("gc_at"),
                    "expires": moved("expires"),
                }
            }
        ],
    )
    tasks = {"$set": {"lease": moved("lease"), "expires": moved("expires")}}
    database["omega.tasks"].update_many({}, [tasks])
    database["omega.snapshots"].update_many({}, [{"$set": {"lease": moved("lease")}}])


def _missing(field: str) -> dict[str, Any]:
    return {"$eq": [{"$type": f"${field}"}, "missing"]}
