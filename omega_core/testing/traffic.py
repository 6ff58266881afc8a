"""What goes over the wire: a relay between two processes, which keeps all that it passes on."""

from __future__ import annotations

import pickletools
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

Address = tuple[str, int] | Path
"""Of TCP, or of a Unix socket."""


class Traffic:
    """Relays connections to ``target``, and records both directions of each.

    Parameters
    ----------
    target
        Where what arrives is passed on to.
    listen
        The Unix socket to listen at; by default a free port of the loopback device.

    Attributes
    ----------
    address
        Where to connect instead of to ``target``.
    """

    def __init__(self, target: Address, listen: Path | None = None) -> None:
        self._target = target
        self._streams: list[bytearray] = []
        self._sockets: list[socket.socket] = []
        near: Address = ("127.0.0.1", 0) if listen is None else listen
        self._listener = socket.socket(self._family(near))
        self._listener.bind(self._place(near))
        self._listener.listen()
        self.address: Address = listen or self._listener.getsockname()
        self._run(self._accept)

    @property
    def streams(self) -> list[bytes]:
        """What was sent so far, by connection and direction."""
        return [bytes(stream) for stream in self._streams]

    def __contains__(self, text: bytes) -> bool:
        return any(text in stream for stream in self.streams)

    def pickled(self) -> set[str]:
        """Return the names of all that a pickle in the traffic would import, as ``module.name``."""
        return {name for stream in self.streams for name in pickled_names(stream)}

    def close(self) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- its parts ---------------------------------------------------------------------------

    @staticmethod
    def _family(address: Address) -> socket.AddressFamily:
        return socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET

    @staticmethod
    def _place(address: Address) -> str | tuple[str, int]:
        return str(address) if isinstance(address, Path) else address

    @staticmethod
    def _run(function: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(self._family(self._target))
                self._sockets += [near, far]
                try:
                    far.connect(self._place(self._target))
                except OSError:
                    near.close()
                    continue
                for source, sink in ((near, far), (far, near)):
                    self._streams.append(bytearray())
                    self._run(self._relay, source, sink, self._streams[-1])

    @staticmethod
    def _relay(source: socket.socket, sink: socket.socket, stream: bytearray) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                stream += data  # first: who has got it may look at once
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def pickled_names(data: bytes) -> set[str]:
    """Return the names that the pickles in some bytes would import.

    A pickle of protocol 2 or later is found by its first byte, wherever it begins.
    """
    found: set[str] = set()
    for start in (i for i, byte in enumerate(data) if byte == 0x80):
        if data[start + 1 : start + 2] not in (b"\2", b"\3", b"\4", b"\5"):
            continue
        # Any error means that these bytes only look as if a pickle began there.
        with suppress(Exception):
            found |= _names(data[start:])
    return found


def _names(data: bytes) -> set[str]:
    names: set[str] = set()
    texts: list[str] = []
    memo: list[str | None] = []
    last: str | None = None
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "MEMOIZE":
            memo.append(last)
            continue
        last = memo[argument or 0] if opcode.name in ("BINGET", "LONG_BINGET") else argument
        if opcode.name == "GLOBAL":
            names.add(str(argument).replace(" ", "."))
        elif opcode.name == "STACK_GLOBAL":
            names.add(".".join(texts[-2:]))
        elif isinstance(last, str):
            texts.append(last)
        else:
            last = None
    return names
