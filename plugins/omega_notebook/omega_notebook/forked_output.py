"""How a kernel hears what processes print that a notebook has forked: by a socket of its own.

ipykernel has a TCP socket for that, which every user of the machine can reach.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread
from zmq.eventloop.zmqstream import ZMQStream


class ForkedOutput(IOPubThread):
    """Takes the output of forked processes by a Unix socket beside the connection file."""

    @property
    def _address(self) -> str:
        directory = os.path.dirname(sys.argv[sys.argv.index("-f") + 1])
        return f"ipc://{directory}/forked"

    def _setup_pipe_in(self) -> None:
        self._pipe_uuid = os.urandom(16)
        incoming = self.socket.context.socket(zmq.PULL)
        incoming.linger = 0
        incoming.bind(self._address)
        self._pipe_in = ZMQStream(incoming, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def _setup_pipe_out(self) -> tuple[Any, Any]:
        context = zmq.Context()  # that of the parent is no good after a fork
        outgoing = context.socket(zmq.PUSH)
        outgoing.linger = 3000
        outgoing.connect(self._address)
        return context, outgoing
