"""One run of a notebook: a kernel of its own, cell by cell, until the end or somebody ends it."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import os
import threading
from collections.abc import Callable
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from omega_core import Store

from .kernels import KernelStartError, started
from .outputs import BoundedClient
from .settings import NotebookSettings

_GLANCE = 0.5
"""Seconds between two looks whether the run was given up, each a question to the server."""

_TEXT = 2000
"""Characters of the message of an error; all of it is in the outputs of its cell."""


class Run:
    """Runs a notebook in place.

    Parameters
    ----------
    store
        The jobs: their configuration and their bucket are those of ``om`` in the notebook.
    time_limit
        Seconds; None: any.
    checkpoint, progress
        As a backend has them.
    """

    def __init__(
        self,
        notebook: NotebookNode,
        store: Store,
        settings: NotebookSettings,
        time_limit: float | None,
        checkpoint: Callable[[], None],
        progress: Callable[[float, float | None], None],
    ) -> None:
        self._notebook = notebook
        self._store = store
        self._settings = settings
        self._time_limit = time_limit
        self._checkpoint = checkpoint
        self._progress = progress
        self._cell = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[str | None] | None = None

    def execute(self) -> str | None:
        """Run all cells, and return what went wrong, for people; None where nothing did.

        Raises
        ------
        TaskCancelledError, TaskTimeoutError
            The task was given up meanwhile; its kernel is gone.
        """
        for cell in self._notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None  # of the run before
        # In a thread of its own: this one may have an event loop already, as in a notebook, and in
        # a main thread nbclient would take the signals of the process.
        outcome: list[Any] = []
        context = contextvars.copy_context()

        def work() -> None:
            try:
                outcome.append(context.run(asyncio.run, self._run()))
            except BaseException as exc:
                outcome.append(exc)

        thread = threading.Thread(target=work, name="omega-notebook", daemon=True)
        thread.start()
        try:
            thread.join()
        except BaseException:  # Ctrl-C: the kernel goes first
            self._cancel()
            thread.join()
            raise
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        error: str | None = outcome[0]
        return error

    # --- its parts ---------------------------------------------------------------------------

    def _cancel(self) -> None:
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            loop.call_soon_threadsafe(task.cancel)

    async def _run(self) -> str | None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        cells = asyncio.ensure_future(self._run_cells())
        watch = asyncio.ensure_future(self._watch())
        try:
            done, _ = await asyncio.wait(
                {cells, watch}, timeout=self._time_limit, return_when=asyncio.FIRST_COMPLETED
            )
            if cells in done:
                return cells.result()
            if watch in done:
                watch.result()  # raises
            return f"{self._place()}: the run took longer than {self._time_limit:g} s, its limit"
        finally:
            for one in (cells, watch):
                one.cancel()
            await asyncio.gather(cells, watch, return_exceptions=True)  # the kernel goes now

    async def _watch(self) -> None:
        while True:
            self._checkpoint()
            await asyncio.sleep(_GLANCE)

    async def _run_cells(self) -> str | None:
        config = self._store.config
        if config.mongo.data_dir is not None:
            # The kernel works in another directory.
            absolute = os.path.abspath(config.mongo.data_dir)
            mongo = dataclasses.replace(config.mongo, data_dir=absolute)
            config = dataclasses.replace(config, mongo=mongo)
        # Nobody watches the run, and its outputs are kept.
        config = dataclasses.replace(config, ui=dataclasses.replace(config.ui, progress="off"))
        try:
            async with started(config, self._store.bucket, self._settings.startup) as manager:
                return await self._run_in(manager)
        except KernelStartError as exc:
            return str(exc)

    async def _run_in(self, manager: AsyncKernelManager) -> str | None:
        count = len(self._notebook.cells)

        def begin(cell: NotebookNode, cell_index: int) -> None:
            self._cell = cell_index
            self._progress(cell_index, count)

        client = BoundedClient(
            self._notebook,
            km=manager,
            limit=self._settings.outputs,
            timeout=None,
            startup_timeout=int(self._settings.startup) + 1,
            store_widget_state=False,
            record_timing=False,
            coalesce_streams=True,
            on_cell_start=begin,
        )
        try:
            await client.async_execute()
        except CellExecutionError as exc:
            return f"{self._place()}: {exc.ename}: {_short(exc.evalue)}"
        except DeadKernelError:
            return (
                f"{self._place()}: the kernel died. The cell ended its process, or needed more "
                "memory than there is"
            )
        except RuntimeError as exc:
            return f"the kernel did not start: {exc}"
        finally:
            if client.kc is not None:
                client.kc.stop_channels()
        self._progress(count, count)
        return None

    def _place(self) -> str:
        """Name the cell that is at work."""
        cell = self._notebook.cells[self._cell]
        line = next((line for line in cell.source.splitlines() if line.strip()), "").strip()
        return f"cell {self._cell + 1} of {len(self._notebook.cells)} ({_short(line, 80)})"


def _short(text: str, limit: int = _TEXT) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
