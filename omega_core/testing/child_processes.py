"""Processes that a test forks, and may kill or pause at any moment."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import traceback
import warnings
from collections.abc import Callable
from typing import Any, Self

Tell = Callable[[Any], None]

_LENGTH = struct.Struct("<I")


class KilledError(Exception):
    """The process died before its function returned."""


class Child:
    """A forked process that calls ``function(tell)``, where ``tell(value)`` reports to the parent.

    As a context manager, it is killed at the end if it still runs.
    """

    def __init__(self, function: Callable[[Tell], Any]) -> None:
        receiver, sender = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns of every fork while there are threads; it is the point here.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            os.close(receiver)
            _run(function, sender)
        os.close(sender)
        self._receiver = receiver
        self._ended = False

    def hear(self) -> Any:
        """Return the next value that it tells; wait for it.

        Raises
        ------
        KilledError
            It ended without telling any more.
        """
        what, value = self._read() or ("killed", None)
        if what == "told":
            return value
        raise KilledError(f"process {self.pid} {what} {value if value is not None else ''}")

    def result(self) -> Any:
        """Wait for its end, and return what its function returned.

        Raises
        ------
        KilledError
            It was killed. What the function raised is raised here.
        """
        try:
            while frame := self._read():
                what, value = frame
                if what == "returned":
                    return value
                if what == "raised":
                    raise value
            raise KilledError(f"process {self.pid} died")
        finally:
            self._reap()

    def heard(self) -> list[Any]:
        """Wait for its end, however it ends, and return all that it told."""
        told = []
        while frame := self._read():
            if frame[0] == "told":
                told.append(frame[1])
        self._reap()
        return told

    def kill(self) -> None:
        """Kill it with SIGKILL; nothing in it gets to clean up."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it until `resume`; return when it has stopped."""
        self._signal(signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if not self._ended:
            self.kill()
            self._reap()
        os.close(self._receiver)

    def _signal(self, number: int) -> None:
        # Its own child, not yet waited for: the pid cannot be anybody else's.
        if not self._ended:
            os.kill(self.pid, number)

    def _reap(self) -> None:
        if not self._ended:
            os.waitpid(self.pid, 0)
            self._ended = True

    def _read(self) -> tuple[str, Any] | None:
        head = self._exactly(_LENGTH.size)
        body = self._exactly(_LENGTH.unpack(head)[0]) if head else None
        if body is None:
            return None  # the end, perhaps in the middle of a word
        frame: tuple[str, Any] = pickle.loads(body)
        return frame

    def _exactly(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            part = os.read(self._receiver, size - len(data))
            if not part:
                return None
            data += part
        return data


def _run(function: Callable[[Tell], Any], sender: int) -> None:
    """Call the function and end the process, without the clean-up that belongs to the parent."""

    def send(what: str, value: Any) -> None:
        try:
            body = pickle.dumps((what, value))
            pickle.loads(body)
        except Exception:
            text = "".join(traceback.format_exception(value)) if what == "raised" else repr(value)
            body = pickle.dumps((what, RuntimeError(text)))
        os.write(sender, _LENGTH.pack(len(body)) + body)

    try:
        send("returned", function(lambda value: send("told", value)))
    except BaseException as exc:
        send("raised", exc)
    finally:
        os._exit(0)
