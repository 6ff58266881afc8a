"""``foo.uri``: a payload in a service outside MongoDB."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

from omega_core import BaseDataBackend, Metadata
from omega_core.errors import ConfigError, IntegrityError

from .foofs import FooFS
from .types import FooBlob


class FooUriBackend(BaseDataBackend):
    """Stores bytes in foofs.

    The store cannot delete what it did not write. So every blob lies under the generation that it
    belongs to, and `drop` frees a generation: when it is collected, and also when its put failed or
    its process died between the two lines that write the blob and save the metadata.
    """

    def put(
        self, obj: bytes, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        foofs, folder = self.foofs(), self.data_store.generation(name)
        filename = self.data_store.object_store_key(name, 'foo')
        fileid = foofs.put(BytesIO(obj), filename=filename, folder=folder)
        meta = self.data_store.make_metadata(name, 'foo.uri')
        meta.uri = 'foofs://{}'.format(fileid)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> FooBlob:
        meta = self.data_store.metadata(name)
        assert meta is not None
        assert meta.uri is not None
        try:
            return FooBlob(self.foofs().get(meta.uri.removeprefix("foofs://")))
        except FileNotFoundError as exc:
            # The store then looks whether it is lost, or was replaced and collected meanwhile.
            raise IntegrityError(f"{meta!r}: there is nothing at {meta.uri}.") from exc

    def drop(self, meta: Metadata) -> None:
        # Of a put that failed, nothing is known but the generation.
        assert meta.gen is not None
        self.foofs().delete(meta.gen)

    def export_payload(self, meta: Metadata, create: Callable[[str], BinaryIO]) -> bool:
        # Only this backend knows where the blob is, so only it can put it into an archive.
        create("blob.foo").write(self.get(meta.name))
        return True

    def import_payload(
        self,
        name: str,
        open: Callable[[str], BinaryIO],
        kind_meta: dict[str, Any],
        attributes: dict[str, Any] | None = None,
    ) -> Metadata:
        with open("blob.foo") as file:
            return self.put(file.read(), name, attributes=attributes)

    def foofs(self) -> FooFS:
        if self.settings.root is None:
            raise ConfigError("[plugins.foo] root is not set: the directory of foofs.")
        return FooFS(self.settings.root)
