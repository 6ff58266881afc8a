"""``python.file``: bytes, binary files, and paths of files and directories, streamed."""

from __future__ import annotations

import io
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import IntegrityError, UnsupportedOptionError, UnsupportedValueError
from ..protocol.files import PayloadWriter
from ..protocol.metadata import Metadata
from ..secret import redact_text
from ..shapes import CHECKSUM, fields, one_of, text
from ..summary import Summary
from .base import BaseDataBackend
from .directories import LinkError, SpecialFileError, pack, unpack
from .tarfiles import TarError

_BLOCK = 4 * 1024 * 1024
_SHAPE = fields({"form": one_of("bytes", "file", "directory")}, {"filename": text()})


class PythonFileBackend(BaseDataBackend):
    """Stores bytes as they are, and a directory as an uncompressed tar archive.

    Symbolic links in a directory are kept if they lead, relatively, to a place in it.
    """

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
                view = memoryview(obj).cast("B")
                file.expected = len(view)
                for start in range(0, len(view), _BLOCK):
                    file.write(view[start : start + _BLOCK])
            elif form == "directory":
                _write_directory(obj, file, name)
            elif isinstance(obj, Path):
                with obj.open("rb") as source:
                    file.expected = os.fstat(source.fileno()).st_size
                    shutil.copyfileobj(source, file, _BLOCK)
            else:
                _copy_stream(obj, file, name)
        return meta.save()

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return what the file was: bytes, a file or a directory; its name, its checksum."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        details = {"form": meta.kind_meta["form"]}
        for key, found in (
            ("filename", meta.kind_meta.get("filename")),
            ("uri", None if meta.uri is None else redact_text(meta.uri)),
            ("sha256", (meta.integrity or {}).get("sha256")),
        ):
            if found is not None:
                details[key] = found
        return replace(super().describe(name), details=details)

    def misshapen(self, meta: Metadata) -> str | None:
        return _SHAPE(meta.kind_meta, "kind_meta") or CHECKSUM(meta.integrity, "integrity")

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
        if os.path.lexists(target):
            raise UnsupportedOptionError(
                f"get of {name!r}: {str(target)!r} exists. Nothing is overwritten; choose "
                "another path."
            )
        with self.data_store.open_file(meta) as file:
            if meta.kind_meta["form"] == "directory":
                _unpack_directory(meta, file, target)
            else:
                _write_file(file, target)
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


def _unpack_directory(meta: Metadata, file: BinaryIO, target: Path) -> None:
    try:
        unpack(file, target)
    except (TarError, LinkError) as exc:
        raise IntegrityError(
            f"{meta.prefix}{meta.name!r} in bucket {meta.bucket!r}, version {meta.version}: its "
            f"archive is none that a directory is stored as: {exc}. Nothing was written outside "
            f"of {str(target)!r}, and that was removed. Restore another version "
            f"(store.versions({meta.name!r})), and find out who wrote this one."
        ) from exc


def _write_file(file: BinaryIO, target: Path) -> None:
    with target.open("xb") as sink:
        try:
            shutil.copyfileobj(file, sink, _BLOCK)
        except BaseException:
            target.unlink(missing_ok=True)  # half a file must not look like a whole one
            raise


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
    try:
        pack(root, file)
    except LinkError as exc:
        raise UnsupportedValueError(
            f"put of {name!r}: {exc}. Remove it, make it relative, or copy what it points to."
        ) from None
    except SpecialFileError as exc:
        raise UnsupportedValueError(f"put of {name!r}: {exc}. Remove it.") from None
