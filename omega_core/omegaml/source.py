"""The database that is read: what omega|ml wrote down of its objects, and nothing but reading.

The driver has no switch against writing. This class is the only one that holds the client, and has
no method that writes: it finds, aggregates without ``$out`` and ``$merge``, and opens files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import gridfs
import pymongo
from bson import ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.errors import PyMongoError

from ..errors import ServerError, StoreError
from ..mongo.database import EXACT_TYPES
from ..secret import parse_mongo_url, redact_url, without_secrets

Document = dict[str, Any]

DEFAULT_BUCKET = "omegaml"
"""What the metadata of the default bucket says; ``om.buckets`` calls it ``default``."""

_METADATA = "metadata"
_VERSIONS = "_versions/"
_HIDDEN = re.compile(r"[._]")
_CODEC: CodecOptions[Document] = CodecOptions(
    type_registry=EXACT_TYPES,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


@dataclass(frozen=True)
class Entry:
    """One document of omega|ml's metadata.

    Attributes
    ----------
    shared : tuple of str
        The other names whose rows lie in the same collection.
    """

    id: ObjectId
    name: str
    bucket: str
    prefix: str
    kind: str
    collection: str | None = None
    gridfile: ObjectId | None = None
    uri: str | None = None
    kind_meta: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    created: Any = None
    modified: Any = None
    shared: tuple[str, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any], shared: Sequence[str] = ()) -> Self:
        """Return what a document says; of older ones, which say less, as much as there is."""
        return cls(
            document["_id"],
            str(document.get("name")),
            str(document.get("bucket") or DEFAULT_BUCKET),
            str(document.get("prefix") or ""),
            str(document.get("kind")),
            document.get("collection") or None,
            document.get("gridfile") or None,
            document.get("uri") or None,
            document.get("kind_meta") or {},
            document.get("attributes") or {},
            document.get("created"),
            document.get("modified"),
            tuple(shared),
        )

    @property
    def hidden(self) -> bool:
        """Whether omega|ml does not list it: its own, temporary, or one version of a model."""
        return _HIDDEN.match(self.name) is not None

    @property
    def commits(self) -> list[tuple[str, str]]:
        """The versions of a model, the oldest first: a reference, and the name of its entry."""
        versions = self.attributes.get("versions")
        found = versions.get("commits") if isinstance(versions, Mapping) else None
        return [(str(c["ref"]), str(c["name"])) for c in found or () if {"ref", "name"} <= set(c)]

    @property
    def tags(self) -> dict[str, str]:
        """The tags of a model's versions, with the reference of each; ``latest`` left out."""
        versions = self.attributes.get("versions")
        found = versions.get("tags") if isinstance(versions, Mapping) else None
        return {str(tag): str(ref) for tag, ref in (found or {}).items() if tag != "latest"}


class Source:
    """A database of omega|ml, to read.

    Parameters
    ----------
    url
        ``mongodb://user:password@host/database``. As omega|ml does, users are looked up in the
        database ``admin``, unless the URL says another ``authSource``.

    Raises
    ------
    ServerError
        It cannot be reached, or does not let us in.
    StoreError
        It is no database of omega|ml.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.described = redact_url(url)
        parsed = parse_mongo_url(url)
        if parsed is None or not parsed.database:
            raise StoreError(
                "The URL of omega|ml's database is not understood, and is not repeated, as it may "
                "hold a password. Write it as OMEGA_MONGO_URL has it: "
                "mongodb://user:password@host:port/database."
            )
        options: dict[str, Any] = {"appname": "omega import-omegaml", "retryWrites": False}
        if parsed.userinfo and parsed.option("authSource") is None:
            options["authSource"] = "admin"
        if parsed.option("serverSelectionTimeoutMS") is None:
            options["serverSelectionTimeoutMS"] = 10_000
        with self._answering():
            self._client: pymongo.MongoClient[Document] = pymongo.MongoClient(url, **options)
            # A name that the URL encodes is decoded by the driver.
            self._database = self._client.get_default_database(codec_options=_CODEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Say of an error of the driver which server it is about, and nothing that is secret."""
        try:
            yield
        except (PyMongoError, ValueError) as error:
            reason = without_secrets(str(error).split(", full error:")[0], self._url)
            raise ServerError(
                f"omega|ml's database at {self.described} cannot be read"
                f"{': ' if reason else ''}{reason[:500]}. Check the URL, and that its user may "
                "read the database."
            ) from None

    def entries(self) -> list[Entry]:
        """Return all objects, by bucket, store and name, the versions of models as well."""
        with self._answering():
            documents = list(self._database[_METADATA].find({"name": {"$type": "string"}}))
            if not documents and _METADATA not in self._database.list_collection_names():
                raise StoreError(
                    f"{self.described} is no database of omega|ml: it has no collection "
                    f"{_METADATA!r}. Its OMEGA_MONGO_URL names the right one."
                )
        names: dict[str, list[str]] = {}
        for document in documents:
            if document.get("collection"):
                names.setdefault(document["collection"], []).append(document["name"])
        found = []
        for document in documents:
            beside = sorted(names.get(document.get("collection") or "", []))
            if document["name"] in beside:
                beside.remove(document["name"])
            found.append(Entry.of(document, beside))
        return sorted(found, key=lambda entry: (entry.bucket, entry.prefix, entry.name))

    def size(self, collection: str) -> tuple[int, int]:
        """Return how many documents a collection has, and of how many bytes."""
        with self._answering():
            stats = self._database[collection].aggregate([{"$collStats": {"storageStats": {}}}])
            try:
                (found,) = stats
            except PyMongoError:
                # There is none of this name, or the user may not ask.
                return self._database[collection].count_documents({}), 0
        return int(found["storageStats"]["count"]), int(found["storageStats"]["size"])

    def find(self, collection: str, stages: Sequence[Document]) -> Iterator[Document]:
        """Yield what stages that only read make of a collection."""
        assert not any(key in stage for stage in stages for key in ("$out", "$merge"))
        with self._answering():
            yield from self._database[collection].aggregate(list(stages), allowDiskUse=True)

    def file(self, entry: Entry) -> gridfs.GridOut:
        """Return the file of an object, to read.

        Which GridFS it is in is not written down: it depends on the bucket, and on the version of
        omega|ml that wrote it.
        """
        if entry.gridfile is None:
            raise StoreError(f"The metadata of {entry.name!r} name no file.")
        own = "" if entry.bucket == DEFAULT_BUCKET else f"_{entry.bucket}"
        with self._answering():
            for name in dict.fromkeys((f"{DEFAULT_BUCKET}{own}", DEFAULT_BUCKET, "fs")):
                found = gridfs.GridFS(self._database, name).find_one({"_id": entry.gridfile})
                if found is not None:
                    return found
            for name in sorted(self._database.list_collection_names()):
                if name.endswith(".files"):
                    files = gridfs.GridFS(self._database, name.removesuffix(".files"))
                    found = files.find_one({"_id": entry.gridfile})
                    if found is not None:
                        return found
        raise StoreError(f"The file of {entry.name!r} is in none of the GridFS of the database.")


def is_version(entry: Entry) -> bool:
    """Return whether this is one version of a model, which goes with the model."""
    return entry.name.startswith(_VERSIONS)
