"""The example of a plugin. This module declares, and imports nothing but omega_core."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core import BackendSpec, hookimpl


@dataclass(frozen=True, kw_only=True)
class FooSettings:
    """``[plugins.foo]``: ``root`` is the directory in which foofs keeps its blobs."""

    root: str | None = None


@hookimpl
def settings() -> type[FooSettings]:
    return FooSettings


@hookimpl
def backends() -> list[BackendSpec]:
    return [
        BackendSpec(
            "foo.rows",
            "omega_foo.rows:FooRowsBackend",
            types=["omega_foo.types:FooRows"],
            summary="A list of dicts, in a collection.",
        ),
        BackendSpec(
            "foo.file",
            "omega_foo.file:FooFileBackend",
            types=["omega_foo.types:FooFile"],
            summary="Bytes, in GridFS.",
        ),
        BackendSpec(
            "foo.uri",
            "omega_foo.uri:FooUriBackend",
            types=["omega_foo.types:FooBlob"],
            summary="Bytes, in foofs.",
        ),
        BackendSpec(
            "foo.mean",
            "omega_foo.mean:FooMeanBackend",
            types=["omega_foo.types:FooMean"],
            summary="A model that predicts the mean.",
        ),
    ]
