"""The connection of one `Omega` to its MongoDB database."""

from __future__ import annotations

import datetime as dt
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion, TypeDecoder, TypeRegistry
from bson.int64 import Int64
from pymongo import ReadPreference
from pymongo.collection import Collection
from pymongo.database import Database as MongoDatabase
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import split_options
from pymongo.write_concern import WriteConcern

from ..config import MongoConfig
from ..errors import ConfigError, IntegrityError, OmegaError, ServerError
from ..forking import reset_in_children
from ..secret import redact_url, without_secrets
from .causal import CausalClock, CausalCollection
from .embedded import EmbeddedServer
from .refusals import has_user, is_transient, lost, refused
from .stalls import client_options

Document = dict[str, Any]

DEFAULT_DATABASE = "omega"


class _PlainInt(TypeDecoder):
    """An integer of 64 bits comes back as the int that it was, not as a subclass of it."""

    bson_type = Int64

    def transform_bson(self, value: Int64) -> int:
        return int(value)


EXACT_TYPES = TypeRegistry([_PlainInt()])
"""For the codec of whatever users get back."""

_UNTOLD = (
    ". Write mongodb://user:password@host:port/database?option=value, where user and password are "
    "percent-encoded, or set [mongo] username and password. What is wrong is not repeated, as it "
    "may be a part of the password."
)

CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=True,
    type_registry=EXACT_TYPES,
    # Nothing that somebody else wrote there ends in an error of the driver, which would not know
    # of which document: a time that Python lacks stays a number, and what is no UTF-8 becomes
    # lone surrogates, which no text of MongoDB has.
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="surrogateescape",
)
"""For the metadata documents."""

_METADATA = "omega.metadata"
_DROPPED = "omega.dropped"
_TASKS = "omega.tasks"
_SCHEDULES = "omega.schedules"
_SNAPSHOTS = "omega.snapshots"
# Duplicate keys, or another index of this name or of these keys.
_NOT_THE_INDEX = (11000, 67, 85, 86)
_KEY_INDEX = [("bucket", 1), ("prefix", 1), ("name", 1)]


class Database:
    """One database, connected at the first use, and anew after a fork.

    Parameters
    ----------
    config
        The ``[mongo]`` section. Without a url, the embedded server is started or joined.
    """

    def __init__(self, config: MongoConfig) -> None:
        self.config = config
        self._name = DEFAULT_DATABASE
        self._replica_set = False
        self._closed = False
        self._disconnected()
        reset_in_children(self._disconnected)

    def _disconnected(self) -> None:
        # A MongoClient does not survive a fork: its sockets would be shared with the parent.
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self._lock = threading.RLock()
        self._client: pymongo.MongoClient[Document] | None = None
        self._clock: CausalClock | None = None
        self._server: EmbeddedServer | None = None
        self._ready: set[str] = set()

    # --- connecting ------------------------------------------------------------------------

    @property
    def client(self) -> pymongo.MongoClient[Document]:
        if self._client is None:
            self._connect()
        assert self._client is not None
        return self._client

    def _connect(self) -> None:
        with self._lock:
            if self._client is not None:
                return
            if self._closed:
                raise ServerError("This Omega is closed. Make a new one: omega_core.Omega().")
            url = self.config.url
            if url is None:
                self._server = EmbeddedServer.acquire(self.config.data_dir)
                url = self._server.url
            try:
                client, name, replica_set = self._open(url)
            except BaseException:
                if self._server is not None:
                    self._server.release()
                    self._server = None
                raise
            self._clock = CausalClock(client) if replica_set else None
            self._name, self._replica_set, self._client = name, replica_set, client

    def _open(self, url: str) -> tuple[pymongo.MongoClient[Document], str, bool]:
        credentials: Document = {}
        if self.config.username is not None:
            credentials["username"] = self.config.username
        if self.config.password is not None:
            if not has_user(self.config):
                raise ConfigError(
                    "[mongo] password is set, and there is no user for it: set [mongo] username "
                    "(or OMEGA_MONGO__USERNAME) as well."
                )
            credentials["password"] = self.config.password.reveal()
        tried = redact_url(url)
        if not url.startswith(("mongodb://", "mongodb+srv://")):
            # pymongo would take the text for the name of a host.
            raise ConfigError(
                "[mongo] url does not begin with mongodb:// or mongodb+srv://. It is not shown, "
                "as it may hold a password."
            )
        options = url.partition("?")[2]
        if _has_twice(options):
            raise ConfigError(f"[mongo] url: {tried} has an option twice. Leave one of them out.")
        reason = ""
        try:
            # Refused here, where the driver would warn, repeating what it does not know.
            split_options(options or "w=1", warn=False)
            client: pymongo.MongoClient[Document] = pymongo.MongoClient(
                url,
                uuidRepresentation="standard",
                **client_options(self.config.timeout),
                **credentials,
            )
        except (InvalidURI, ConfigurationError, InvalidName, ValueError) as exc:
            # pymongo's parser raises a bare ValueError for, say, a port that is no number.
            reason = without_secrets(f": {exc}", url) or _UNTOLD
        if reason:
            # Out of the block above, so that what the driver said is not kept as the context.
            raise ConfigError(f"[mongo] url: {tried} is not a MongoDB URL{reason}")
        try:
            hello = client.admin.command("hello")
        except AutoReconnect as exc:
            client.close()
            reason = without_secrets(str(exc).partition(" (configured")[0], url)
            refusal: OmegaError = ServerError(
                f"No MongoDB server answers at {tried} within {self.config.timeout:g} s. "
                "Check that it runs and that [mongo] url (or OMEGA_MONGO__URL) is right, or remove "
                f"the url to use the embedded server.{reason and f' The driver says: {reason}'}"
            )
        except OperationFailure as exc:
            client.close()
            refusal = refused(exc, self.config, tried) or ServerError(
                f"The MongoDB server at {tried} refuses: {without_secrets(str(exc), url)}"
            )
        else:
            return client, _database_name(client), "setName" in hello
        raise refusal

    def answers(self) -> bool:
        """Return whether the server answers a question that costs it nothing, rather soon."""
        try:
            with pymongo.timeout(max(self.config.timeout / 8, 0.25)):
                self.client.admin.command("ping")
        except (PyMongoError, ServerError):
            return False
        return True

    @property
    def described(self) -> str:
        """Where the objects are, for people, without credentials."""
        return self.config.redacted_url or "the embedded server"

    def close(self) -> None:
        """Close the connection, and leave the embedded server if it was used."""
        with self._lock:
            self._closed = True
            if self._client is not None:
                self._client.close()
                self._client = None
            if self._server is not None:
                self._server.release()
                self._server = None

    # --- collections -----------------------------------------------------------------------

    @property
    def mongodb(self) -> MongoDatabase[Document]:
        client = self.client
        return client.get_database(self._name, write_concern=self._durable)

    @property
    def metadata(self) -> Collection[Document]:
        """The metadata documents, with the concerns that the write protocol stands on."""
        return self._documents(_METADATA)

    @property
    def _durable(self) -> WriteConcern:
        # j, for data as well: what is acknowledged survives kill -9 of mongod. A journaled commit
        # alone would cover only the data that was written in the same life of the server.
        return WriteConcern(w="majority" if self._replica_set else 1, j=True)

    def _documents(self, name: str, *, durable: bool = True) -> Collection[Document]:
        client = self.client
        collection = client[self._name].get_collection(
            name,
            codec_options=CODEC,
            write_concern=self._durable if durable else WriteConcern(w=1),
            read_concern=ReadConcern("majority") if self._replica_set else ReadConcern(),
            read_preference=ReadPreference.PRIMARY,
        )
        return cast("Collection[Document]", CausalCollection(collection, self._clock))

    @property
    def dropped(self) -> Collection[Document]:
        """The numbers that names had reached when their objects were dropped and collected."""
        return self._documents(_DROPPED)

    def tasks(self, *, durable: bool) -> Collection[Document]:
        """The records of tasks; not ``durable``: a crash of the server may take the last ones."""
        return self._documents(_TASKS, durable=durable)

    @property
    def schedules(self) -> Collection[Document]:
        """When the jobs of all buckets run."""
        return self._documents(_SCHEDULES)

    def now(self) -> dt.datetime:
        """Return the time of the server, which is the one that counts, in UTC."""
        with answering(self):
            now: dt.datetime = self.client.admin.command("hello")["localTime"]
        return now.replace(tzinfo=dt.UTC)

    @property
    def snapshots(self) -> Collection[Document]:
        """The records of snapshots; what they have is pinned in the metadata documents."""
        return self._documents(_SNAPSHOTS)

    def data(self, name: str) -> Collection[Document]:
        """Return a collection for payloads."""
        client = self.client
        return client[self._name].get_collection(name, write_concern=self._durable)

    def segments(self, namespace: str) -> Collection[Document]:
        """Return a bucket's shared collection of payload documents."""
        return self.data(f"omega.{namespace}.segments")

    def files(self, namespace: str) -> str:
        """Return the name of a bucket's GridFS."""
        return f"omega.{namespace}.fs"

    # --- indexes ---------------------------------------------------------------------------

    def prepare(self, namespace: str) -> None:
        """Create, and verify, the indexes that writing relies on. Once per process and bucket.

        Raises
        ------
        IntegrityError
            Where the unique index on the metadata cannot be had. Without it, upserts of one name
            from two clients make two documents.
        """
        if namespace in self._ready:
            return
        metadata = self.metadata
        with self._lock:
            try:
                metadata.create_index(_KEY_INDEX, unique=True, name="object")
            except OperationFailure as exc:
                if exc.code not in _NOT_THE_INDEX:
                    raise
            metadata.create_index([("bucket", 1), ("prefix", 1), ("modified", 1)])
            metadata.create_index("gc_at", partialFilterExpression={"gc_at": {"$exists": True}})
            index = metadata.index_information().get("object")
            if not index or not index.get("unique") or index["key"] != _KEY_INDEX:
                raise IntegrityError(
                    f"The index 'object' of {metadata.full_name} is not the unique index on "
                    "(bucket, prefix, name). Remove duplicate documents and the index, and retry."
                )
            self.segments(namespace).create_index("payload")
            files = self.files(namespace)
            self.data(f"{files}.files").create_index([("filename", 1), ("uploadDate", 1)])
            self.data(f"{files}.chunks").create_index([("files_id", 1), ("n", 1)], unique=True)
            self._ready.add(namespace)

    def prepare_snapshots(self, namespace: str) -> None:
        """Create the indexes of snapshots: of their names, and of what they pin."""
        self.prepare(namespace)
        if _SNAPSHOTS in self._ready:
            return
        with self._lock:
            named = {"name": {"$exists": True}}
            self.snapshots.create_index(
                [("bucket", 1), ("name", 1)], unique=True, partialFilterExpression=named
            )
            self.metadata.create_index("pins.by", sparse=True)
            self._ready.add(_SNAPSHOTS)

    def prepare_tasks(self) -> None:
        """Create the index by which the records of tasks expire. Once per process."""
        if _TASKS not in self._ready:
            with self._lock:
                try:
                    self.tasks(durable=True).create_index("expires", expireAfterSeconds=0)
                except OperationFailure as exc:
                    # Somebody made one of their own, by which records expire as that says.
                    if exc.code not in _NOT_THE_INDEX:
                        raise
                self._ready.add(_TASKS)

    def prepare_runs(self) -> None:
        """Create the indexes that find the runs of a job, and what is due. Once per process."""
        if _SCHEDULES not in self._ready:
            with self._lock:
                of_a_job = {"job": {"$type": "string"}}
                self.tasks(durable=True).create_index(
                    [("bucket", 1), ("job", 1), ("created", -1)],
                    partialFilterExpression=of_a_job,
                )
                self.schedules.create_index("due")
                self._ready.add(_SCHEDULES)


def _database_name(client: pymongo.MongoClient[Document]) -> str:
    try:
        return client.get_default_database(DEFAULT_DATABASE).name
    except ConfigurationError:
        return DEFAULT_DATABASE


def _has_twice(options: str) -> bool:
    names = [pair.partition("=")[0].lower() for pair in re.split("[&;]", options)]
    names = [name for name in names if name != "readpreferencetags"]
    return len(set(names)) < len(names)


@contextmanager
def answering(database: Database) -> Iterator[None]:
    """Turn what the driver reports of an absent server, or a refusal, into errors of ours.

    What a server refuses for what the operation itself asks keeps its type.
    """
    began = time.monotonic()
    try:
        yield
    # The connection broke, also when it was tried again, or no server can be selected any more.
    except (AutoReconnect, OperationFailure) as exc:
        if isinstance(exc, AutoReconnect) or is_transient(exc):
            waited = time.monotonic() - began
            raise lost(exc, database.config, database.described, waited) from exc
        refusal = refused(exc, database.config, database.described)
        if refusal is None:
            raise
        # The text of the driver may repeat data.
        raise refusal from None
