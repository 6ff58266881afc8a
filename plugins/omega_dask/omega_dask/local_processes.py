"""The program of the processes of this machine: a scheduler and its workers, on loopback.

It is told by its standard input what to do, answers there how it is reached, and ends when that
input does: with the process that started it, however that one ends. What was begun by then is
brought to its end.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omega_core import Config

_POLL = 0.05
_UNFINISHED = frozenset({"waiting", "queued", "no-worker", "processing"})

AT_ONCE = "at once"
"""The line that ends the program without waiting for what was begun."""


async def serve(order: dict[str, Any]) -> None:
    """Run the cluster until the standard input ends."""
    from distributed import Security

    from .nodes import scheduler, worker

    config: Config = pickle.loads(base64.b64decode(order["config"]))
    security = Security.temporary()
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(scheduler(security=security))
        workers = [
            worker(node.address, config, security=security) for _ in range(order["processes"])
        ]
        await asyncio.gather(*map(stack.enter_async_context, workers))
        answer(
            {
                "address": node.address,
                "tls_ca_file": security.tls_ca_file,
                "tls_client_cert": security.tls_client_cert,
                "tls_client_key": security.tls_client_key,
            }
        )
        line = await asyncio.to_thread(sys.stdin.readline)
        while line.strip() != AT_ONCE and _is_at_work(node):
            await asyncio.sleep(_POLL)


def _is_at_work(scheduler: Any) -> bool:
    return any(task.state in _UNFINISHED for task in scheduler.tasks.values())


def answer(document: dict[str, Any]) -> None:
    """Write the one line of standard output; what models print goes to standard error."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.stdin.readline())))
