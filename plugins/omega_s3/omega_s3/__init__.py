"""Objects of an omega_core store in S3, and in whatever speaks its protocol.

This module only declares; obstore and fsspec are imported when an ``s3:`` URI is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from omega_core import hookimpl

from .settings import S3Settings

__all__ = ["S3Settings"]


@hookimpl
def settings() -> type[S3Settings]:
    """The section ``[plugins.s3]``."""
    return S3Settings


@hookimpl
def filesystems() -> Mapping[str, str]:
    """The file system of the scheme ``s3``."""
    return {"s3": "omega_s3.filesystem:open_filesystem"}
