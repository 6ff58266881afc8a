"""One command to a mongod on a unix socket, without a client.

A client starts threads, and Python 3.12 allows none while it exits, which is when the embedded
server is stopped.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

import bson

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")  # length, request id, response to, opcode
_PREAMBLE = struct.Struct("<iB")  # flags, and the kind of the one section: a document


def run_command(path: Path, command: dict[str, Any], timeout: float) -> dict[str, Any]:
    """Send a command to the ``admin`` database and return the answer.

    Raises
    ------
    OSError
        Nobody listens, the connection ended without an answer, or the time, in seconds, is over.
    """
    body = _PREAMBLE.pack(0, 0) + bson.encode({**command, "$db": "admin"})
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        connection.sendall(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
        length = _HEADER.unpack(_receive(connection, _HEADER.size))[0]
        answer = _receive(connection, length - _HEADER.size)
    return bson.decode(answer[_PREAMBLE.size :])


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionResetError("the server closed the connection")
        received += part
    return received
