"""Writes an archive: one file, that is whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from ..errors import UnsupportedOptionError
from .archive_format import MANIFEST, dump

Document = dict[str, Any]

_BEGINNING = (1980, 1, 1, 0, 0, 0)


class ArchiveWriter:
    """A new zip file, written from start to end in constant memory.

    Nothing is compressed: what an object consists of is so already, for the most part, and an
    import may then refuse what would expand without end.

    Parameters
    ----------
    path
        Where there is nothing yet. It comes into being when the block ends well.
    each
        Called with the bytes that were written.
    """

    def __init__(self, path: str | os.PathLike[str], each: Callable[[int], None]) -> None:
        self.path = Path(path)
        self._each = each
        if os.path.lexists(self.path):
            raise UnsupportedOptionError(
                f"export to {str(self.path)!r}: it exists. Nothing is overwritten; choose another "
                "path, or remove it."
            )
        if not self.path.parent.is_dir():
            raise FileNotFoundError(
                f"export to {str(self.path)!r}: there is no directory {str(self.path.parent)!r}."
            )
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        self.members: list[str] = []

    def __enter__(self) -> Self:
        self._file = self._partial.open("xb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._zip.close()
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                # Not os.rename: what came into being meanwhile is not overwritten.
                os.link(self._partial, self.path)
        finally:
            # In this order: what is left open would be completed when memory is freed.
            for opened in (self._zip, self._file):
                with contextlib.suppress(Exception):
                    opened.close()
            self._partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def member(self, name: str) -> Iterator[tuple[BinaryIO, Document]]:
        """Open a member for writing; the second is what is said of it, once it is written."""
        said: Document = {"member": name}
        self.members.append(name)
        info = zipfile.ZipInfo(name, _BEGINNING)
        info.external_attr = 0o644 << 16
        with self._zip.open(info, "w", force_zip64=True) as sink:
            counted = _Counted(sink, self._each)
            yield counted, said  # type: ignore[misc]
        said["size"] = counted.length
        said["sha256"] = counted.digest.hexdigest()

    def write(self, name: str, data: bytes) -> Document:
        """Write a small member."""
        with self.member(name) as (file, said):
            file.write(data)
        return said

    def finish(self, manifest: Document) -> None:
        """Write the manifest, which comes last."""
        self.write(MANIFEST, dump(manifest))


class _Counted(io.RawIOBase):
    """Counts and digests what is written to a member."""

    def __init__(self, sink: Any, each: Callable[[int], None]) -> None:
        self._sink = sink
        self._each = each
        self.length = 0
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.length

    def write(self, data: Any, /) -> int:
        with memoryview(data) as given, given.cast("B") as view:
            self.digest.update(view)
            self._sink.write(view)
            self.length += len(view)
            self._each(len(view))
            return len(view)
