"""``foo.file``: a payload in GridFS."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from mongoengine.fields import GridFSProxy

from omega_core import BaseDataBackend, Metadata

from .types import FooFile


class FooFileBackend(BaseDataBackend):
    """Stores bytes as one file in the GridFS of the bucket."""

    def put(
        self, obj: bytes, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        filename = self.data_store.object_store_key(name, 'foo')
        fileid = self.data_store.fs.put(BytesIO(obj), filename=filename)
        meta = self.data_store.make_metadata(name, 'foo.file')
        meta.gridfile = GridFSProxy(grid_id=fileid)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> FooFile:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return FooFile(meta.gridfile.read())
