"""omega_core: an object store for data science on MongoDB, made of plugins.

>>> import omega_core
>>> om = omega_core.Omega()                       # doctest: +SKIP
>>> om.datasets.put({"answer": 42}, "facts")      # doctest: +SKIP
>>> om.datasets.get("facts")                      # doctest: +SKIP
{'answer': 42}
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import errors
from .errors import OmegaError

if TYPE_CHECKING:
    from .backends.actions import action
    from .backends.base import ACTIONS, BaseDataBackend, BaseJobBackend, BaseModelBackend
    from .backends.filters import possible_matches
    from .backends.row_documents import dump_row, read_rows, row_id, row_place
    from .backends.store import Store
    from .columns import check_columns
    from .config import Config, Secret
    from .difference import Change, Difference, RowChanges
    from .file_format import FileFormat
    from .job_store import JobStore
    from .lineage.origin import Lineage
    from .omega import Omega
    from .plugins.marker import hookimpl
    from .plugins.spec import BackendSpec
    from .plugins.wrapping import answer_with, change_object
    from .preview import Preview
    from .protocol.aliases import Alias
    from .protocol.metadata import Metadata
    from .protocol.snapshots import Snapshot
    from .query import Q
    from .runtime.engines import Engine
    from .runtime.execution import execute
    from .runtime.outcomes import decode_result, encode_result
    from .runtime.remote_errors import error_from_json, error_to_json
    from .runtime.remote_result import RemoteResult, TaskFuture
    from .runtime.result import Result
    from .runtime.task import Task
    from .scheduling.run import Run
    from .scheduling.schedule import Schedule
    from .security import require_pickle_allowed
    from .store import OmegaStore
    from .summary import ColumnSummary, Summary
    from .worker import run_task

__all__ = [
    "ACTIONS",
    "Alias",
    "BackendSpec",
    "BaseDataBackend",
    "BaseJobBackend",
    "BaseModelBackend",
    "Change",
    "ColumnSummary",
    "Config",
    "Difference",
    "Engine",
    "FileFormat",
    "JobStore",
    "Lineage",
    "Metadata",
    "Omega",
    "OmegaError",
    "OmegaStore",
    "Preview",
    "Q",
    "RemoteResult",
    "Result",
    "RowChanges",
    "Run",
    "Schedule",
    "Secret",
    "Snapshot",
    "Store",
    "Summary",
    "Task",
    "TaskFuture",
    "__version__",
    "action",
    "answer_with",
    "change_object",
    "check_columns",
    "decode_result",
    "dump_row",
    "encode_result",
    "error_from_json",
    "error_to_json",
    "errors",
    "execute",
    "hookimpl",
    "possible_matches",
    "read_rows",
    "require_pickle_allowed",
    "row_id",
    "row_place",
    "run_task",
]

# A plugin imports this package only to declare itself, so what needs a MongoDB driver waits
# until it is asked for.
_LAZY = {
    "ACTIONS": ".backends.base",
    "BackendSpec": ".plugins.spec",
    "BaseDataBackend": ".backends.base",
    "BaseJobBackend": ".backends.base",
    "BaseModelBackend": ".backends.base",
    "Store": ".backends.store",
    "action": ".backends.actions",
    "hookimpl": ".plugins.marker",
    "Alias": ".protocol.aliases",
    "Change": ".difference",
    "ColumnSummary": ".summary",
    "Config": ".config",
    "Difference": ".difference",
    "Engine": ".runtime.engines",
    "FileFormat": ".file_format",
    "JobStore": ".job_store",
    "Lineage": ".lineage.origin",
    "Metadata": ".protocol.metadata",
    "Omega": ".omega",
    "OmegaStore": ".store",
    "Preview": ".preview",
    "Q": ".query",
    "RemoteResult": ".runtime.remote_result",
    "Result": ".runtime.result",
    "RowChanges": ".difference",
    "Run": ".scheduling.run",
    "Schedule": ".scheduling.schedule",
    "Secret": ".config",
    "Snapshot": ".protocol.snapshots",
    "Summary": ".summary",
    "Task": ".runtime.task",
    "TaskFuture": ".runtime.remote_result",
    "answer_with": ".plugins.wrapping",
    "change_object": ".plugins.wrapping",
    "check_columns": ".columns",
    "decode_result": ".runtime.outcomes",
    "dump_row": ".backends.row_documents",
    "encode_result": ".runtime.outcomes",
    "error_from_json": ".runtime.remote_errors",
    "error_to_json": ".runtime.remote_errors",
    "execute": ".runtime.execution",
    "possible_matches": ".backends.filters",
    "read_rows": ".backends.row_documents",
    "require_pickle_allowed": ".security",
    "row_id": ".backends.row_documents",
    "row_place": ".backends.row_documents",
    "run_task": ".worker",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("omega-core")
    try:
        module = _LAZY[name]
    except KeyError:
        from .former_names import former_name

        way = former_name(__name__, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{way}") from None
    value = getattr(importlib.import_module(module, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    # What was imported to make this module is nobody's business.
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
