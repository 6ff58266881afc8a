"""Files of skops and of joblib, as other people write them, read under the rules of the kinds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, BinaryIO, ClassVar

from omega_core import FileFormat

Source = str | os.PathLike[str] | BinaryIO


class SkopsFormat(FileFormat):
    """A file of skops, of which nothing is made that this configuration does not trust."""

    kind: ClassVar[str | None] = "sklearn.skops"
    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = {"sklearn.skops": {}}

    def read(self, source: Source, *, kind: str | None = None) -> Any:
        """Return the estimator."""
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else "-"
        return self._backend().loads(_bytes(source), name)

    def write(self, obj: Any, target: BinaryIO) -> None:
        """Write the estimator, which is read back and compared first."""
        target.write(self._backend().dumps(obj, "-"))

    def _backend(self) -> Any:
        return self.omega.models.get_backend_bykind(self.kind)


class JoblibFormat(SkopsFormat):
    """A file of joblib, which runs code when it is read, and so needs the permission to."""

    kind = "sklearn.joblib"
    kinds: ClassVar[Mapping[str, Mapping[str, Any]]] = {"sklearn.joblib": {}}

    def read(self, source: Source, *, kind: str | None = None) -> Any:
        """Return the estimator, where pickle is allowed."""
        self._backend().permit(os.fspath(source) if isinstance(source, str | os.PathLike) else "-")
        return super().read(source, kind=kind)


def _bytes(source: Source) -> bytes:
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return file.read()
    return source.read()
