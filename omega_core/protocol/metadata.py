"""The metadata document: the name of an object, and the pointer to its current payload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gridfs import GridFS
from mongoengine import (
    BinaryField,
    BooleanField,
    DateTimeField,
    Document,
    IntField,
    ObjectIdField,
    StringField,
)
from mongoengine.base import BaseField
from mongoengine.fields import GridFSProxy
from pymongo.collection import Collection

from ..errors import IntegrityError, ObjectNotFoundError, StoreError
from ..html.markup import facts, framed
from ..secret import redact_text
from ..summary import flat
from ..text import shown
from . import attributes as attributes_codec
from . import document as shape
from .lineage import LINEAGE, recorded, unpacked
from .reading import names_of

PAYLOAD_FIELDS = (
    "kind",
    "kind_meta",
    "attributes",
    "collection",
    "gridfile",
    "uri",
    "inline",
    "integrity",
    "options",
    "plugin",
    "res",
    "seal",
)
"""What a commit sets, a version keeps, and a restore brings back; beside gen, version, modified."""


class Keeper(Protocol):
    """Who keeps a document: reads it, commits it, and has the files that it points at."""

    @property
    def fs(self) -> GridFS: ...
    def metadata(self, name: str) -> Metadata | None: ...
    def save_metadata(self, meta: Metadata) -> Metadata: ...


class PlainDictField(BaseField):
    """A dict that stays a dict: any key that BSON takes, and no proxy around it."""

    def validate(self, value: Any, clean: bool = True) -> None:
        if not isinstance(value, dict):
            self.error(f"expected a dict, not {type(value).__name__}")


class CollectionField(StringField):
    """The name of a collection; a pymongo `Collection` may be assigned."""

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, value.name if isinstance(value, Collection) else value)


class StoredFile(GridFSProxy):
    """Reads like any proxy, and raises where a file is missing or damaged.

    mongoengine's returns None or an empty string then, which a backend would take for the data.
    """

    def get(self, grid_id: Any = None) -> Any:
        if grid_id is not None:
            self.grid_id = grid_id
        if self.gridout is None and self.grid_id is not None:
            self.gridout: Any = self.fs.get(self.grid_id)
        return self.gridout

    def read(self, size: int = -1) -> Any:
        file = self.get()
        return None if file is None else file.read(size)


class GridFileField(BaseField):
    """A file in the GridFS of the store, whichever way its proxy was made.

    mongoengine binds a proxy to a connection alias that is global to the process; here it is bound
    to the keeper that the metadata came from.
    """

    def __set__(self, instance: Any, value: Any) -> None:
        if value is not None and not isinstance(value, StoredFile):
            grid_id = value.grid_id if isinstance(value, GridFSProxy) else value
            value = StoredFile(grid_id=grid_id)
        super().__set__(instance, value)

    def __get__(self, instance: Any, owner: Any) -> Any:
        proxy = super().__get__(instance, owner)
        keeper = getattr(instance, "_keeper", None)
        if isinstance(proxy, GridFSProxy) and proxy._fs is None and keeper is not None:
            proxy._fs = keeper.fs
        return proxy

    def to_mongo(self, value: Any) -> Any:
        return None if value is None else value.grid_id

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, GridFSProxy) else StoredFile(grid_id=value)

    def validate(self, value: Any, clean: bool = True) -> None:
        if value is not None and value.grid_id is None:
            self.error("the GridFSProxy has no grid_id: write the file first")


class Metadata(Document):
    """Names an object, says how it is stored, and points at its payload.

    Attributes
    ----------
    name, bucket, prefix : str
        Together the key of the object.
    kind : str
        How the object is stored, such as ``"pandas.dataframe"``.
    kind_meta : dict
        What the backend needs to know to read the payload.
    attributes : dict
        The user's own: what ``python.data`` takes, and comes back the same.
    collection : str or None
        The name of the collection that holds the payload, where one does.
    gridfile : GridFSProxy or None
        The file in GridFS that holds the payload, where one does.
    uri : str or None
        Where the payload lies outside MongoDB, where it does.
    inline : bytes or None
        The payload itself, where it is a small file; listings leave it out.
    version : int
        Counts the payloads that this name has had, from 1.
    rev : int
        Counts every change of the document; pass it as ``put(..., if_rev=)``.
    gen : str or None
        The id of the payload; None before the first commit.
    created, modified : datetime
        UTC, with time zone; the clock of the server.
    aliases : tuple of str
        The aliases that name this version, sorted, as they were when this was read.
    damage : str or None
        In lists: why the document cannot be read, where something edited it; the rest is not set.
    """

    # Abstract, so that mongoengine never binds the class to a collection, a connection or a
    # database: one process may have many. Documents are read and committed by the store.
    meta = {"abstract": True}  # noqa: RUF012

    id = ObjectIdField(db_field="_id")
    name: str = StringField()
    bucket: str = StringField()
    prefix: str = StringField()
    kind: str = StringField()
    kind_meta: dict[str, Any] = PlainDictField(default=dict)
    attributes: dict[str, Any] = PlainDictField(default=dict)
    # Any: it reads as a name or None, and takes a pymongo Collection as well.
    collection: Any = CollectionField()
    gridfile: Any = GridFileField()
    uri: str | None = StringField()
    inline: bytes | None = BinaryField()
    integrity: dict[str, Any] | None = PlainDictField()
    options: dict[str, Any] | None = PlainDictField()
    plugin: dict[str, Any] | None = PlainDictField()
    res: dict[str, Any] | None = PlainDictField()
    version: int | None = IntField()
    rev: int | None = IntField()
    gen: str | None = StringField()
    created: Any = DateTimeField()
    modified: Any = DateTimeField()
    is_current: bool = BooleanField(default=True)

    damage: str | None = None
    aliases: tuple[str, ...] = ()
    pinned_rev: int = 0

    _keeper: Keeper | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any], keeper: Keeper) -> Metadata:
        """Return the metadata that a document of MongoDB describes, bound to ``keeper``.

        Raises
        ------
        IntegrityError
            The document is not as omega_core writes it; names the object, version and field.
        """
        shape.check(document)
        try:
            attributes = attributes_codec.from_document(document.get("attributes", {}))
        except IntegrityError as exc:
            raise shape.damaged(document, str(exc).rstrip(".")) from exc
        meta = cls._of({**document, "id": document.get("_id"), "attributes": attributes}, keeper)
        meta.aliases = names_of(document)
        return meta

    @classmethod
    def listed(cls, document: Mapping[str, Any], keeper: Keeper) -> Metadata:
        """Return the metadata, or, where the document is damaged, what names it, and the damage.

        One that cannot be read must not hide the others.
        """
        try:
            return cls.from_document(document, keeper)
        except IntegrityError as exc:
            known = {"name": str, "bucket": str, "prefix": str, "gen": str, "version": int}
            values = {
                key: document.get(key) for key in known if type(document.get(key)) is known[key]
            }
            is_current = document.get("is_current") is not False
            meta = cls._of({**values, "is_current": is_current}, keeper)
            meta.damage = str(exc)
            return meta

    @classmethod
    def retired(cls, entry: Mapping[str, Any], keeper: Keeper) -> Metadata:
        """Return what is known of a payload that waits to be freed."""
        return cls._of({**entry, "attributes": {}}, keeper)

    @classmethod
    def _of(cls, values: Mapping[str, Any], keeper: Keeper) -> Metadata:
        given = {name: values[name] for name in cls._fields if values.get(name) is not None}
        meta = cls(**given)
        meta._keeper = keeper
        return meta

    @property
    def lineage(self) -> dict[str, Any] | None:
        """What the model was fitted on, or the result was made of; None where nobody recorded it.

        It is the attribute of that name, as long as it is a record: see docs/lineage.md.
        """
        record = recorded(self.attributes)
        return None if record is None else unpacked(record)

    def copy(self) -> Metadata:
        """Return metadata whose fields can be set without setting those of this one."""
        values = {name: getattr(self, name) for name in self._fields}
        made = Metadata._of({**values, "kind_meta": dict(self.kind_meta)}, self._bound())
        made.aliases = self.aliases
        return made

    def payload(self) -> dict[str, Any]:
        """Return the payload fields as MongoDB takes them, absent ones and attributes left out."""
        self.validate()
        own = [f for f in PAYLOAD_FIELDS if f in self._fields and f != "attributes"]
        values = {field: getattr(self, field) for field in own}
        return {f: self._fields[f].to_mongo(v) for f, v in values.items() if v is not None}

    def save(self, *args: Any, **kwargs: Any) -> Metadata:
        """Commit: inside a put, make the new payload current; elsewhere, save the attributes.

        Raises
        ------
        ConflictError
            Where somebody else changed the object since this metadata was read.
        """
        if self.damage is not None:
            raise IntegrityError(self.damage)
        return self._bound().save_metadata(self)

    def reload(self, *args: Any, **kwargs: Any) -> Metadata:
        """Read the document again, in place, and return it."""
        fresh = self._bound().metadata(self.name)
        if fresh is None:
            raise ObjectNotFoundError(f"{self.prefix}{self.name!r} in {self.bucket!r} was dropped.")
        for field in self._fields:
            setattr(self, field, getattr(fresh, field))
        self.aliases = fresh.aliases
        return self

    def _bound(self) -> Keeper:
        if self._keeper is None:
            raise StoreError(
                f"The metadata of {self.name!r} belongs to no store. "
                "Make it with store.make_metadata(name, kind)."
            )
        return self._keeper

    def __dir__(self) -> list[str]:
        # Not what is inherited: what a mongoengine document does besides, this one does not do.
        own = [cls for cls in type(self).__mro__ if issubclass(cls, Metadata)]
        names = {name for cls in own for name in vars(cls)} & set(super().__dir__())
        inner = {
            "copy",
            "from_document",
            "integrity",
            "listed",
            "meta",
            "options",
            "payload",
            "pinned_rev",
            "res",
            "retired",
        }
        return [name for name in names - inner if not name.startswith("_")]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metadata) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        return (self.bucket, self.prefix, self.name, self.gen, self.rev)

    def __repr__(self) -> str:
        version = f", version={self.version}" if self.version is not None else ""
        version += ", damaged" if self.damage is not None else ""
        return f"<Metadata {self.prefix}{self.name} in {self.bucket!r}: {self.kind}{version}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Return it as HTML, for notebooks; asks nobody."""
        return framed(f"{self.prefix}{self.name}", facts(self._facts()))

    def _facts(self) -> dict[str, Any]:
        """Return what there is to tell people."""
        current = "" if self.is_current else ", not the current one"
        known = {
            "bucket": self.bucket,
            "kind": self.kind,
            "version": None if self.version is None else f"{self.version}{current}",
            "aliases": ", ".join(self.aliases) or None,
            "revision": self.rev,
            "uri": None if self.uri is None else redact_text(self.uri),
            "created": self.created,
            "modified": self.modified,
            "damage": self.damage,
        }
        told = {key: value for key, value in known.items() if value is not None}
        for path, value in flat(self.attributes):
            if path and path.partition(".")[0] != LINEAGE:
                told[path] = shown(value)
        record = self.lineage
        return {**told, "made by": record["action"]} if record is not None else told
