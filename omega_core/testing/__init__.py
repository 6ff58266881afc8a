"""The kit for authors of plugins: classes of tests to derive from, and what they are made of.

>>> from omega_core.testing import DataBackendTests

`DataBackendTests`, `ModelBackendTests` and `JobBackendTests` are for backends, `FilesystemTests`
for schemes of URIs, `EngineTests` for engines, `WrapperTests` for wrappers. Their fixtures come
with ``-p omega_core.testing.fixtures``. `store_state_machine` compares a store with a model of it.

The others do harm: `faults` and `crashes` at any command, `child_processes` that are killed, a
`replica_set` that loses its primary, `document_edits` by hand. `orphans` finds what that has left.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conformance import DataBackendTests
    from .crashes import CrashingTwin
    from .engines import EngineTests
    from .filesystems import FilesystemTests
    from .jobs import JobBackendTests
    from .models import ModelBackendTests
    from .orphans import find_orphans
    from .statemachine import store_state_machine
    from .wrappers import WrapperTests

__all__ = [
    "CrashingTwin",
    "DataBackendTests",
    "EngineTests",
    "FilesystemTests",
    "JobBackendTests",
    "ModelBackendTests",
    "WrapperTests",
    "find_orphans",
    "store_state_machine",
]

# A worker imports the model of `engine_plugin` from here, and has no pytest.
_LAZY = {
    "CrashingTwin": ".crashes",
    "DataBackendTests": ".conformance",
    "EngineTests": ".engines",
    "FilesystemTests": ".filesystems",
    "JobBackendTests": ".jobs",
    "ModelBackendTests": ".models",
    "WrapperTests": ".wrappers",
    "find_orphans": ".orphans",
    "store_state_machine": ".statemachine",
}


def __getattr__(name: str) -> Any:
    try:
        module = _LAZY[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(importlib.import_module(module, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


_TESTS = (
    *("backends", "capabilities", "commits", "conformance", "engine_blocks"),
    *("engine_ends", "engine_results", "engine_stage", "engine_waits", "engines"),
    *(
        "filesystems",
        "jobs",
        "models",
        "pickles",
        "round_trips",
        "stage",
        "statemachine",
        "versioning",
        "wrappers",
    ),
)

if "pytest" in sys.modules:
    # So that an assert in these modules shows its values also where the kit is installed.
    import pytest

    pytest.register_assert_rewrite(
        *(f"{__name__}.{module}" for module in _TESTS if f"{__name__}.{module}" not in sys.modules)
    )
