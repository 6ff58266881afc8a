"""``python.data``: nested Python data, types exact, as one BSON document."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sized
from dataclasses import replace
from typing import Any, ClassVar

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from ..difference import Read, RowChanges, changes_between
from ..errors import IntegrityError, UnsupportedValueError
from ..faithful import decode, encode
from ..mongo.database import EXACT_TYPES
from ..preview import Preview
from ..protocol.metadata import Metadata
from ..shapes import CHECKSUM
from ..summary import Summary, flat
from .base import BaseDataBackend

_READ_TO_DESCRIBE = 16 * 1024 * 1024
_KEYS = 100

_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(type_registry=EXACT_TYPES)
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


class PythonDataBackend(BaseDataBackend):
    """Stores dicts, lists, tuples, sets, scalars, dates, Decimals and UUIDs, nested.

    Where the type of a value is not exactly one of these, the put is refused and names the path:
    a subclass, an enum or a NumPy scalar would come back as something else.
    """

    extension: ClassVar[str] = "bson"

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        document = {"value": encode(obj, "the object")}
        try:
            encoded = bson.encode(document)
        except (bson.errors.BSONError, OverflowError, RecursionError) as exc:
            raise UnsupportedValueError(f"{name!r} cannot be stored as BSON: {exc}") from exc
        meta = self.data_store.make_metadata(name, "python.data", attributes=attributes)
        with self.data_store.create_file(meta, "bson") as file:
            file.write(encoded)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        if meta.gridfile is None and meta.inline is None:
            encoded = self._read_segment(meta)
        else:
            with self.data_store.open_file(meta) as file:
                encoded = file.read()
        return decode(bson.decode(encoded, _CODEC)["value"])

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return the type and, of a dict, its keys; what is very large is not read for that."""
        summary = super().describe(name)
        if summary.size is None or summary.size > _READ_TO_DESCRIBE:
            return summary
        obj = self.get(name)
        details: dict[str, Any] = {"type": type(obj).__name__}
        if isinstance(obj, Sized) and not isinstance(obj, str | bytes):
            details["length"] = len(obj)
        if isinstance(obj, dict):
            kept = list(obj.items())[:_KEYS]
            details["keys"] = {str(key): type(value).__name__ for key, value in kept}
        elif not isinstance(obj, Sized) or len(str(obj)) <= _KEYS:
            details["value"] = obj
        return replace(summary, details=details)

    def changed_rows(self, one: Read, two: Read) -> list[RowChanges]:
        """Return at which paths the values differ."""
        before, after = ({"": obj} if not isinstance(obj, dict) else obj for obj in (one(), two()))
        count = sum(1 for _ in flat(before))
        return [RowChanges.of_items("path", changes_between(before, after), count)]

    def preview(self, summary: Summary, read: Read) -> Preview | None:
        """Return the first values, each with its path."""
        if summary.size is None or summary.size > _READ_TO_DESCRIBE:
            return None
        obj = read()
        if isinstance(obj, list):
            obj = dict(enumerate(obj[:_KEYS]))
        found = flat(obj) if isinstance(obj, dict) else iter([("value", obj)])
        rows = [(path, value) for path, value in itertools.islice(found, _KEYS)]
        return Preview(("path", "value"), rows, head=_KEYS, charts=False)

    def misshapen(self, meta: Metadata) -> str | None:
        return CHECKSUM(meta.integrity, "integrity")

    def _read_segment(self, meta: Metadata) -> bytes:
        """Read what earlier versions wrote: a document of the bucket's shared collection."""
        what = f"{meta.prefix}{meta.name!r} in bucket {meta.bucket!r}, version {meta.version}"
        # As bytes, and not by a codec: the driver would decode its own errors with that as well.
        found = b"".join([*self.data_store.segments.find_raw_batches({"_id": meta.gen})])
        data = bson.decode(found, _RAW).get("data") if found else None
        if not isinstance(data, RawBSONDocument):
            raise IntegrityError(f"{what}: its document is missing.")
        encoded = bytes(data.raw)
        assert meta.integrity is not None
        if hashlib.sha256(encoded).hexdigest() != meta.integrity["sha256"]:
            raise IntegrityError(f"{what}: its document is not the one that was written.")
        return encoded
