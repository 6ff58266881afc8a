"""The module behind the entry point declares, and costs nothing."""

from __future__ import annotations

import subprocess
import sys

import omega_sklearn

HEAVY = ("sklearn", "skops", "joblib", "numpy", "scipy", "pandas", "pymongo", "mongoengine")


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    program = (
        "import sys, omega_sklearn; list(omega_sklearn.backends()); "
        f"print(sorted(set(sys.modules) & set({HEAVY!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_skops_claims_estimators_and_joblib_claims_nothing() -> None:
    skops, joblib = omega_sklearn.backends()
    assert (skops.kind, skops.types) == ("sklearn.skops", ("sklearn.base:BaseEstimator",))
    assert (joblib.kind, joblib.types) == ("sklearn.joblib", None)
