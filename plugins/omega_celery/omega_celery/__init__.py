"""The engine ``celery``: models of an omega_core store act on Celery workers.

This module only declares; celery is imported when the first task is submitted.
"""

from __future__ import annotations

from collections.abc import Mapping

from omega_core import hookimpl

from .settings import CelerySettings

__all__ = ["CelerySettings"]


@hookimpl
def settings() -> type[CelerySettings]:
    """The section ``[plugins.celery]``."""
    return CelerySettings


@hookimpl
def engines() -> Mapping[str, str]:
    """The engine ``celery``."""
    return {"celery": "omega_celery.engine:CeleryEngine"}
