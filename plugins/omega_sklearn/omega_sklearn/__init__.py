"""scikit-learn estimators in an omega_core store: safe to load, fitted and asked by name.

Importing this module imports neither scikit-learn nor skops: it only declares.
"""

from __future__ import annotations

from omega_core import BackendSpec, hookimpl

__all__ = ["backends", "file_formats"]


@hookimpl
def backends() -> list[BackendSpec]:
    """Declare the two formats in which an estimator can be stored."""
    return [
        BackendSpec(
            "sklearn.skops",
            "omega_sklearn.formats.skops_format:SkopsBackend",
            types=["sklearn.base:BaseEstimator"],
            summary="any estimator or pipeline, as skops: reading it runs no code that it carries",
        ),
        BackendSpec(
            "sklearn.joblib",
            "omega_sklearn.formats.joblib_format:JoblibBackend",
            # Never asked for an object: this kind is chosen by name alone.
            types=None,
            summary='any estimator or pipeline, as joblib; needs [security] pickle = "allow"',
        ),
    ]


@hookimpl
def file_formats() -> dict[str, str]:
    """Declare the files in which estimators travel."""
    return {
        ".skops": "omega_sklearn.formats.files:SkopsFormat",
        ".joblib": "omega_sklearn.formats.files:JoblibFormat",
    }
