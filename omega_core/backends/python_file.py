"""``python.file``: bytes, binary files, and paths of files and directories, streamed."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import UnsupportedOptionError, UnsupportedValueError
from ..protocol.files import PayloadWriter
from ..protocol.metadata import Metadata
from .base import BaseDataBackend

_BLOCK = 4 * 1024 * 1024


class PythonFileBackend(BaseDataBackend):
    """Stores bytes as they are, and a directory as an uncompressed tar archive."""

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        *,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Store bytes, a binary file from its current position on, or what is at a path.

        Parameters
        ----------
        uri
            Where to store it instead of in GridFS, with ``{key}`` in the place of the file's name.
        """
        form = _form(obj, name)
        meta = self.data_store.make_metadata(name, "python.file", attributes=attributes)
        meta.kind_meta = {"form": form}
        if isinstance(obj, Path):
            meta.kind_meta["filename"] = obj.resolve().name
        ext = "tar" if form == "directory" else "bin"
        with self.data_store.create_file(meta, ext, uri=uri) as file:
            if form == "bytes":
                file.write(obj)
            elif form == "directory":
                _write_directory(obj, file, name)
            elif isinstance(obj, Path):
                with obj.open("rb") as source:
                    shutil.copyfileobj(source, file, _BLOCK)
            else:
                _copy_stream(obj, file, name)
        return meta.save()

    def get(
        self, name: str, *, path: str | os.PathLike[str] | None = None, **kwargs: Any
    ) -> BinaryIO | Path:
        """Return a readable, seekable binary file; for a directory, its tar archive.

        Parameters
        ----------
        path
            Write it there instead, a file or a directory, and return the path. There must be
            nothing yet.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None
        if path is None:
            return self.data_store.open_file(meta)
        target = Path(path)
        if target.exists():
            raise UnsupportedOptionError(
                f"get of {name!r}: {str(target)!r} exists. Nothing is overwritten; choose "
                "another path."
            )
        with self.data_store.open_file(meta) as file:
            if meta.kind_meta.get("form") == "directory":
                target.mkdir(parents=True)
                with tarfile.open(fileobj=file, mode="r|") as archive:
                    # The filter refuses members that would land outside of the target.
                    archive.extractall(target, filter="data")
            else:
                with target.open("xb") as sink:
                    shutil.copyfileobj(file, sink, _BLOCK)
        return target


def _form(obj: Any, name: str) -> str:
    if isinstance(obj, bytes | bytearray | memoryview):
        return "bytes"
    if isinstance(obj, Path):
        if obj.is_dir():
            return "directory"
        if obj.is_file():
            return "file"
        what = "is neither a file nor a directory" if obj.exists() else "does not exist"
        raise FileNotFoundError(f"put of {name!r}: {str(obj)!r} {what}. Nothing was stored.")
    if isinstance(obj, io.TextIOBase) or (hasattr(obj, "mode") and "b" not in str(obj.mode)):
        raise UnsupportedValueError(
            f"put of {name!r}: the file is open in text mode. Open it with 'rb'."
        )
    if not callable(getattr(obj, "read", None)):
        raise UnsupportedValueError(
            f"put of {name!r}: python.file takes bytes, a binary file or a pathlib.Path, not "
            f"{type(obj).__name__}. A str is data, never a path."
        )
    return "file"


def _copy_stream(source: Any, file: PayloadWriter, name: str) -> None:
    seekable = callable(getattr(source, "seekable", None)) and source.seekable()
    position = source.tell() if seekable else None
    try:
        while block := source.read(_BLOCK):
            if not isinstance(block, bytes | bytearray | memoryview):
                raise UnsupportedValueError(
                    f"put of {name!r}: the file gives {type(block).__name__}, not bytes. "
                    "Open it in binary mode."
                )
            file.write(block)
    finally:
        if position is not None:
            source.seek(position)  # the caller's file is as it was


def _write_directory(root: Path, file: PayloadWriter, name: str) -> None:
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for directory, folders, files in os.walk(root):
            folders.sort()
            for entry in sorted([*folders, *files]):
                path = Path(directory, entry)
                inside = path.relative_to(root)
                if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
                    raise UnsupportedValueError(
                        f"put of {name!r}: {str(inside)!r} is a symbolic link out of the "
                        "directory. Remove it, or copy what it points to."
                    )
                if not (path.is_symlink() or path.is_dir() or path.is_file()):
                    raise UnsupportedValueError(
                        f"put of {name!r}: {str(inside)!r} is a device, socket or pipe."
                    )
                archive.add(path, arcname=str(inside), recursive=False)
