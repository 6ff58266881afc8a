"""The engine ``dask``: models of an omega_core store act on a Dask cluster.

This module only declares; distributed is imported when the first task is submitted.
"""

from __future__ import annotations

from collections.abc import Mapping

from omega_core import hookimpl

from .settings import DaskSettings

__all__ = ["DaskSettings"]


@hookimpl
def settings() -> type[DaskSettings]:
    """The section ``[plugins.dask]``."""
    return DaskSettings


@hookimpl
def engines() -> Mapping[str, str]:
    """The engine ``dask``."""
    return {"dask": "omega_dask.engine:DaskEngine"}
