"""What backends, wrappers and plugins know of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    import datetime as dt

    from gridfs import GridFS
    from pymongo.collection import Collection
    from pymongo.database import Database

    from ..config import Config
    from ..errors import ObjectNotFoundError
    from ..locations import Locations
    from ..protocol.files import PayloadWriter
    from ..protocol.metadata import Metadata
    from ..query import Q
    from ..summary import Summary

    Documents = Collection[dict[str, Any]]


class Store(Protocol):
    """One store of one bucket, as `OmegaStore` describes it: ``self.data_store``, for one.

    It stands here because a store calls its backends, and they call it: this is the half of that
    circle which looks upwards.
    """

    prefix: str
    bucket: str

    @property
    def config(self) -> Config: ...
    @property
    def locations(self) -> Locations: ...
    @property
    def stores(self) -> Mapping[str, Store]: ...

    # --- the payload at hand -----------------------------------------------------------------

    @property
    def mongodb(self) -> Database[dict[str, Any]]: ...
    @property
    def fs(self) -> GridFS: ...
    @property
    def segments(self) -> Documents: ...
    def metadata(self, name: str, *, version: int | str | None = None) -> Metadata | None: ...
    def make_metadata(
        self, /, name: str, kind: str, *, attributes: dict[str, Any] | None = None, **fields: Any
    ) -> Metadata: ...
    def save_metadata(self, meta: Metadata) -> Metadata: ...
    def generation(self, name: str) -> str: ...
    def collection(self, name: str) -> Documents: ...
    def object_store_key(self, name: str, ext: str) -> str: ...
    def create_file(self, meta: Metadata, ext: str, uri: str | None = None) -> PayloadWriter: ...
    def open_file(self, meta: Metadata) -> BinaryIO: ...
    def compact(
        self, meta: Metadata, start: int, stop: int, write: Callable[[str], dict[str, Any]]
    ) -> bool: ...

    # --- other objects -----------------------------------------------------------------------

    def put(
        self,
        obj: Any,
        name: str,
        *,
        kind: str | None = None,
        attributes: dict[str, Any] | None = None,
        append: bool = False,
        uri: str | None = None,
        if_rev: int | None = None,
        if_changed: bool | None = None,
        **options: Any,
    ) -> Metadata: ...
    def get(self, name: str, *, version: int | str | None = None, **options: Any) -> Any: ...
    def describe(self, name: str, *, version: int | str | None = None) -> Summary: ...
    def exists(self, name: str) -> bool: ...
    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | Iterable[str] | None = None,
        where: Mapping[Any, Any] | Q | None = None,
        fitted_on: str | None = None,
        since: dt.datetime | dt.timedelta | None = None,
        sort: str = "name",
        limit: int | None = None,
        hidden: bool = False,
        raw: bool = False,
    ) -> list[Any]: ...
    def versions(self, name: str) -> Sequence[Metadata]: ...
    def drop(self, name: str, *, missing_ok: bool = False) -> bool: ...
    def retire(self, name: str, *, if_rev: int | None = None) -> bool: ...
    def not_found(self, name: str, version: int | str | None = None) -> ObjectNotFoundError: ...
    def get_backend_byobj(self, obj: Any, name: str = "obj", **options: Any) -> Any: ...
    def get_backend_bykind(self, kind: str) -> Any: ...
    def perform(
        self,
        action: str,
        name: str,
        X: str | None = None,
        Y: str | None = None,
        *,
        rName: str | None = None,
        pure_python: bool = True,
        version: int | str | None = None,
        if_rev: int | None = None,
        rows: tuple[int, int] | None = None,
        **options: Any,
    ) -> Any: ...
