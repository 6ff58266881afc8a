"""Importing stays cheap. What is loaded is counted: a clock does not say the same twice."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    *("fsspec", "gridfs", "mongoengine", "pymongo", "bson"),
    *("numpy", "pandas", "pyarrow", "sklearn", "scipy", "skops", "joblib", "obstore"),
    *("dask", "distributed", "celery", "kombu", "redis", "cryptography"),
    *("nbformat", "nbclient", "jupyter_client", "ipykernel", "jupytext", "nbconvert", "zmq"),
    *("rich", "typer", "tomlkit", "importlib_metadata"),
}
LIGHT = 10
"""How many modules of its own `import omega_core` may load; it loads six today."""


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has after a statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    modules: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(modules)


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_import_omega_core_loads_no_driver_and_no_data_library() -> None:
    found = roots(loaded_by("import omega_core")) & HEAVY
    assert not found, (
        f"`import omega_core` loads {sorted(found)}. Probably a module that omega_core/__init__.py "
        "or plugins/spec.py imports got an import at its top that belongs into a function, or a "
        "public name is no longer in _LAZY."
    )


def test_import_omega_core_loads_few_modules() -> None:
    ours = {m for m in loaded_by("import omega_core") if m.partition(".")[0] == "omega_core"}
    assert len(ours) <= LIGHT, (
        f"`import omega_core` loads {len(ours)} of its modules: {sorted(ours)}. Probably one of "
        "them imports what it needs only for types, or only later."
    )


def test_import_omega_core_costs_little_beyond_pluggy() -> None:
    more = roots(loaded_by("import omega_core")) - roots(loaded_by("import pluggy"))
    assert len(more) <= 10, (
        f"Beside pluggy, `import omega_core` loads {sorted(more)}. Probably a dependency is "
        "imported at the top of a light module."
    )


@pytest.mark.parametrize(
    ("plugin", "library"),
    [
        pytest.param(plugin, library, marks=pytest.mark.needs_plugins(plugin), id=plugin)
        for plugin, library in [
            *(("pandas", "pandas"), ("sklearn", "sklearn"), ("s3", "obstore")),
            *(("dask", "distributed"), ("celery", "celery"), ("notebook", "nbformat")),
        ]
    ],
)
def test_a_plugin_declares_itself_without_its_library(plugin: str, library: str) -> None:
    found = roots(loaded_by(f"import omega_{plugin}")) & (HEAVY - {"tomlkit"})
    assert not found, (
        f"`import omega_{plugin}` loads {sorted(found)}. Its __init__.py may only declare: "
        f"{library} is imported by the modules that the factories name, at the first use."
    )


@pytest.mark.parametrize(
    "name", ["Omega", "OmegaStore", "Metadata", "Config", "Secret", "Result", "Q"]
)
def test_public_names_are_there_when_asked_for(name: str) -> None:
    import omega_core

    assert name in omega_core.__all__
    assert name in dir(omega_core)
    assert getattr(omega_core, name).__name__ == name


def test_config_needs_no_driver() -> None:
    found = roots(loaded_by("from omega_core import Config, Secret")) & {"pymongo", "mongoengine"}
    assert not found
