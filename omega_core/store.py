"""A store: put, get and everything else that is done with objects by name."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from bson.errors import InvalidBSON
from gridfs import GridFS
from gridfs.errors import CorruptGridFile, NoFile
from pymongo.collection import Collection
from pymongo.database import Database as MongoDatabase
from pymongo.errors import AutoReconnect

from .backends.base import ACTION_TABLE, ACTIONS, BaseDataBackend
from .catalog import Catalog
from .config import Config
from .errors import (
    OvertakenError,
    PluginContractError,
    PluginError,
    ServerError,
    StaleReadError,
    StoreError,
    UnsupportedOptionError,
    suggestion,
)
from .locations import Locations
from .mongo.database import Database, answering
from .payloads import Payloads
from .plugins.adapters import Adapter, is_model_backend
from .plugins.routed import RoutedBackend
from .plugins.routing import Route, Router
from .plugins.spec import BackendSpec
from .protocol import attributes as attributes_codec
from .protocol.commit import Intent, rollback
from .protocol.document import damaged, explained
from .protocol.housekeeping import Housekeeping
from .protocol.lease import LeaseKeeper
from .protocol.metadata import Metadata
from .protocol.naming import DATA, MODELS, SECTION, TEMPORARY, Key, check_name
from .protocol.resources import Freer
from .protocol.scope import Scope, entered
from .visible import Visible

Document = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")

_ATTEMPTS = 5


@dataclass(frozen=True)
class Collaborators:
    """Whom all stores of one `Omega` work with, in all its buckets."""

    config: Config
    database: Database
    locations: Locations
    leases: LeaseKeeper
    freer: Freer
    housekeeping: Housekeeping
    router: Callable[[], Router]


def _of(
    part: str, method: Callable[Concatenate[Any, P], R]
) -> Callable[Concatenate[OmegaStore, P], R]:
    """Return a method of a store that is the method of one of its parts."""

    @wraps(method)
    def delegate(self: OmegaStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(getattr(self, part), *args, **kwargs)

    return delegate


class OmegaStore(Visible):
    """The objects of one bucket that share a prefix: ``om.datasets``, ``om.models``, ``om.jobs``.

    A put reads top to bottom: route, begin, hook, backend, commit. A store has a catalog, of the
    names that there are, and payloads, which are what its backends write and read.

    Attributes
    ----------
    bucket, prefix : str
        Whose objects these are, and how their keys begin.
    omega : Omega
        Which it belongs to.
    """

    _inner = frozenset(
        {"database", "discard", "key", "locations", "put_temporary", "retire", "save_metadata"}
        | {"stores"}
    )

    def __init__(
        self,
        collaborators: Collaborators,
        bucket: str,
        prefix: str,
        stores: Mapping[str, OmegaStore],
        # What stands above is not this module's to know.
        omega: Any,
    ) -> None:
        self._with = collaborators
        self.bucket = bucket
        self.prefix = prefix
        self.stores = stores
        self.omega = omega
        config, database = collaborators.config, collaborators.database
        self._payloads = Payloads(database, collaborators.locations, bucket, prefix)
        self._catalog = Catalog(self._payloads, collaborators.freer, config.stores.grace)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._with.config

    @property
    def database(self) -> Database:
        return self._with.database

    @property
    def locations(self) -> Locations:
        return self._with.locations

    @property
    def _router(self) -> Router:
        return self._with.router()

    # --- the catalog -------------------------------------------------------------------------

    exists = _of("_catalog", Catalog.exists)
    list = _of("_catalog", Catalog.list)
    versions = _of("_catalog", Catalog.versions)
    restore = _of("_catalog", Catalog.restore)
    retire = _of("_catalog", Catalog.retire)
    gc = _of("_catalog", Catalog.gc)
    not_found = _of("_catalog", Catalog.not_found)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(name) and self.exists(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def drop(self, name: str, *, missing_ok: bool = False) -> bool:
        """Remove an object and its versions; return whether there was one.

        Slow readers keep what they read for the grace; then the collector frees it.

        Raises
        ------
        ObjectNotFoundError
            There is none, unless ``missing_ok``.
        """
        meta = self._catalog.look(name)
        if meta is None:
            if missing_ok:
                return False
            raise self.not_found(name)
        known = explained(self.database, self.key(name))
        scope = Scope("drop", self.database, self.key(name), self.prefix, meta)
        with answering(self.database), known, entered(scope):
            return bool(
                self._router.call("drop", None, store=self, meta=meta, name=name, options={})
            )

    def discard(self, name: str) -> None:
        """Drop a temporary object, if it is there, and free it at once: nobody else reads it."""
        self.drop(name, missing_ok=True)
        self._catalog.free(name)

    # --- the payloads ------------------------------------------------------------------------

    key = _of("_payloads", Payloads.key)
    metadata = _of("_payloads", Payloads.metadata)
    make_metadata = _of("_payloads", Payloads.make_metadata)
    save_metadata = _of("_payloads", Payloads.save_metadata)
    generation = _of("_payloads", Payloads.generation)
    collection = _of("_payloads", Payloads.collection)
    object_store_key = _of("_payloads", Payloads.object_store_key)
    create_file = _of("_payloads", Payloads.create_file)
    open_file = _of("_payloads", Payloads.open_file)

    @property
    def mongodb(self) -> MongoDatabase[Document]:
        """The database."""
        return self._payloads.mongodb

    @property
    def segments(self) -> Collection[Document]:
        """The bucket's shared collection of payload documents; see `Payloads.segments`."""
        return self._payloads.segments

    @property
    def fs(self) -> GridFS:
        """The bucket's GridFS."""
        return self._payloads.fs

    # --- put and get -------------------------------------------------------------------------

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
        **options: Any,
    ) -> Metadata:
        """Store ``obj`` under ``name``, and return its metadata.

        An existing object is replaced, in one step: readers see the old one or the new one.

        Parameters
        ----------
        obj
            Anything that an enabled plugin stores. It is not changed.
        name
            Any string of 1 to 512 bytes without NUL. Names that begin with ``.`` are hidden.
        kind
            How to store it. By default, what the type of ``obj`` says.
        attributes
            The user's own: whatever ``python.data`` takes comes back the same, and the rest is
            refused; scalars of numpy become Python's. None keeps those of the object that is
            replaced, ``{}`` resets them, anything else updates them.
        append
            Add ``obj`` to the object that is there, for kinds that can.
        uri
            Store the payload there instead of in MongoDB, for kinds that are files:
            ``"s3://bucket/prefix/{key}"``.
        if_rev
            Replace only the object with this revision; 0: only if there is none.
        **options
            Options of the kind.

        Raises
        ------
        NoBackendError, AmbiguousBackendError
            No backend, or more than one, takes the object.
        UnsupportedOptionError, UnsupportedValueError
            The kind does not know an option, or cannot store the object faithfully.
        ConflictError
            Somebody else changed the object, and ``if_rev`` forbids to replace that.
        """
        if append:
            options["append"] = True
        if uri is not None:
            options["uri"] = uri
        return self._put(obj, name, kind, attributes, options, if_rev=if_rev)

    def compact(
        self, meta: Metadata, start: int, stop: int, write: Callable[[str], dict[str, Any]]
    ) -> bool:
        """Replace some batches of the live payload by one that holds the same; for backends.

        Parameters
        ----------
        meta
            What is live, with its batches in ``kind_meta``.
        start, stop
            The batches to replace, ``stop`` not included.
        write
            Takes the id of a generation, writes the batch under it to `segments`, and returns its
            entry for ``kind_meta["batches"]``.

        Returns
        -------
        bool
            False where somebody else replaced, dropped or compacted the object meanwhile.
        """
        writer = {"kind": meta.kind, "plugin": meta.plugin}
        keep = self.config.stores.keep[SECTION[meta.prefix]]
        lease = self.config.stores.lease
        key = Key(meta.bucket, meta.prefix, meta.name)
        intent = Intent(self._with.freer, key, writer=writer, keep=keep, lease=lease, append=True)
        intent.res.segments = True
        live = intent.begin()
        done = False
        try:
            if live is not None and live["gen"] == meta.gen:
                there = Metadata.from_document(live, self._payloads).kind_meta
                known, now = meta.kind_meta["batches"], there.get("batches", [])
                if [b["gen"] for b in known[:stop]] == [b["gen"] for b in now[:stop]]:
                    with self._with.leases.keeping(intent):
                        done = intent.compact(write(intent.gen), start, stop)
        except BaseException as exc:
            rollback(intent, exc)
            raise
        if not done:
            intent.abort()
        return done

    def put_temporary(self, obj: Any, *, seconds: float) -> Metadata:
        """Store ``obj`` under a hidden name that the collector drops after ``seconds``."""
        name = f"{TEMPORARY}{uuid.uuid4().hex}"
        return self._put(obj, name, None, None, {}, expires=seconds)

    def get(self, name: str, *, version: int | None = None, **options: Any) -> Any:
        """Return the object.

        Parameters
        ----------
        version
            A version that `versions` lists, instead of the current one.
        **options
            Options of the kind.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version; suggests near names.
        IntegrityError
            The stored payload is not the one that was written.
        """
        check_name(name)
        with answering(self.database):
            for attempt in range(1, _ATTEMPTS + 1):
                meta = self._catalog.existing(name, version)
                try:
                    return self._get(meta, options)
                except (AutoReconnect, ServerError):
                    raise  # no question to a server that has been waited for in vain
                except Exception as exc:
                    # Either the payload is damaged, or it was replaced and collected meanwhile.
                    if self._catalog.is_kept(meta):
                        if isinstance(exc, NoFile | CorruptGridFile | InvalidBSON):
                            raise self._payloads.damage(meta, str(exc)) from exc
                        raise
                    if attempt == _ATTEMPTS:
                        raise
        raise AssertionError("unreachable")

    def _put(
        self,
        obj: Any,
        name: str,
        kind: str | None,
        attributes: dict[str, Any] | None,
        options: dict[str, Any],
        *,
        if_rev: int | None = None,
        expires: float | None = None,
    ) -> Metadata:
        check_name(name)
        with answering(self.database), explained(self.database, self.key(name)):
            overtaken: OvertakenError | None = None
            for _ in range(_ATTEMPTS):
                try:
                    return self._put_once(
                        obj, name, kind, attributes, options, if_rev=if_rev, expires=expires
                    )
                except OvertakenError as exc:
                    overtaken = exc
                    # What a backend has read of an iterator, nobody can read again.
                    if isinstance(obj, Iterator):
                        break
                except UnsupportedOptionError as exc:
                    if overtaken is None:
                        raise
                    # There is an object of another kind now.
                    raise overtaken from exc
        assert overtaken is not None
        raise overtaken

    def _put_once(
        self,
        obj: Any,
        name: str,
        kind: str | None,
        attributes: dict[str, Any] | None,
        options: dict[str, Any],
        *,
        if_rev: int | None,
        expires: float | None,
    ) -> Metadata:
        spec = self._spec_for(obj, name, kind, options)
        adapter = self._router.adapter(spec)
        self._router.check_options(spec, "put", name, options)
        self._check_uri(options.get("uri"))
        own = attributes_codec.to_document(attributes or {}, f"put of {name!r}")
        intent = self._intent_to_put(name, spec, adapter, options, if_rev, expires)
        live = intent.begin()
        try:
            meta = None if live is None else Metadata.from_document(live, self._payloads)
            self._check_append(intent, meta, spec)
            if intent.append and meta is not None:
                self._check_shape(adapter, meta)
            intent.check_room(own)
            scope = self._scope("put", adapter, name, meta, intent, attributes)
            with self._with.leases.keeping(intent), self._operating(scope, spec):
                saved = self._router.call(
                    "put",
                    adapter,
                    store=self,
                    meta=meta,
                    obj=obj,
                    name=name,
                    attributes=attributes,
                    options=options,
                )
                self._check_saved(saved, intent, name, spec)
        except BaseException as exc:
            rollback(intent, exc)
            raise
        self._with.housekeeping.after(intent)
        assert isinstance(saved, Metadata)
        return saved

    def _get(self, meta: Metadata, options: dict[str, Any]) -> Any:
        router = self._router
        spec = self._spec_of(meta)
        adapter = router.adapter(spec)
        router.check_options(spec, "get", meta.name, options)
        self._check_shape(adapter, meta)
        scope = self._scope("get", adapter, meta.name, meta)
        with self._operating(scope, spec):
            obj = router.call(
                "get", adapter, store=self, meta=meta, name=meta.name, options=options
            )
        # A collection that is dropped while it is read just ends, without an error.
        if meta.collection is not None and not self._catalog.is_kept(meta):
            raise StaleReadError(f"{meta!r} was replaced while it was read. Get it again.")
        return obj

    # --- backends ----------------------------------------------------------------------------

    def get_backend(self, name: str) -> BaseDataBackend:
        """Return the backend that stores an existing object.

        Its put, get, fit, predict and so on are those of this store, wrappers included: see
        `RoutedBackend`.
        """
        meta = self._catalog.existing(name)
        return self._backend(self._spec_of(meta))

    def get_backend_byobj(self, obj: Any, name: str = "obj", **options: Any) -> BaseDataBackend:
        """Return the backend that would store an object."""
        return self._backend(self._spec_for(obj, name, None, options))

    def get_backend_bykind(self, kind: str) -> BaseDataBackend:
        """Return the backend that stores a kind."""
        return self._backend(self._router.spec(kind))

    def register_backend(self, spec_or_class: BackendSpec | type[BaseDataBackend]) -> BackendSpec:
        """Add a backend to this `Omega`, without a package: for notebooks and tests.

        Parameters
        ----------
        spec_or_class
            A `BackendSpec`; or a backend class with a class attribute ``KIND``, and optionally
            ``TYPES`` and ``PRIORITY``.
        """
        spec = spec_or_class
        if not isinstance(spec, BackendSpec):
            kind = getattr(spec, "KIND", None)
            if not isinstance(kind, str):
                raise PluginContractError(
                    f"register_backend: {spec!r} has no class attribute KIND. Add it, or pass "
                    "BackendSpec(kind, cls)."
                )
            types, priority = getattr(spec, "TYPES", ()), getattr(spec, "PRIORITY", 0)
            spec = BackendSpec(kind, spec, types=types, priority=priority)
        self._router.register(spec)
        return spec

    def explain(self, obj_or_name: Any) -> str:
        """Return, for people, who stores an existing object (by name), or would store this one."""
        if isinstance(obj_or_name, str) and (meta := self._catalog.read(obj_or_name)) is not None:
            writer = meta.plugin or {}
            within = "segments" if meta.inline is None else "the metadata"
            place = meta.uri or meta.collection or (meta.gridfile and "GridFS") or within
            return (
                f"{meta!r}\n   written by {writer.get('name')} {writer.get('version')}\n"
                f"   payload: {place}, generation {meta.gen}\n"
                f"   read by {self.get_backend(obj_or_name).__class__.__name__}"
            )
        return str(self._route(obj_or_name, "obj", {}))

    def perform(
        self,
        action: str,
        name: str,
        X: str,
        Y: str | None = None,
        *,
        rName: str | None = None,
        pure_python: bool = True,
        **options: Any,
    ) -> Any:
        """Let a model act: route, load, act, store. What every worker of every engine calls.

        Parameters
        ----------
        action
            One of `omega_core.ACTIONS`.
        X, Y
            Names of datasets.
        rName
            The name of the dataset that takes the result; its metadata is returned then.
        pure_python
            Return lists and scalars; False returns frames, series or arrays.
        **options
            Passed to the estimator's method.
        """
        if action not in ACTION_TABLE:
            raise UnsupportedOptionError(
                f"Models have no action {action!r}.{suggestion(action, ACTIONS)} "
                f"Actions: {', '.join(ACTIONS)}."
            )
        arguments: dict[str, Any] = {"modelname": name, "Xname": X, "pure_python": pure_python}
        for parameter, given in (("Yname", Y), ("rName", rName)):
            if parameter in ACTION_TABLE[action].parameters:
                arguments[parameter] = given
            elif given is not None:
                called = parameter.replace("Yname", "Y")
                raise UnsupportedOptionError(f"{action} of {name!r} takes no {called}.")
        with answering(self.database):
            meta = self._catalog.existing(name)
            spec = self._spec_of(meta)
            adapter = self._router.adapter(spec)
            self._check_shape(adapter, meta)
            scope = self._scope(action, adapter, name, meta)
            with self._operating(scope, spec):
                return self._router.call(
                    action, adapter, store=self, meta=meta, options=options, **arguments
                )

    # --- their parts -------------------------------------------------------------------------

    def _route(self, obj: Any, name: str, options: dict[str, Any]) -> Route:
        return self._router.route(obj, name, self, None, options)

    def _spec_for(
        self, obj: Any, name: str, kind: str | None, options: dict[str, Any]
    ) -> BackendSpec:
        if (
            kind is None
            and options.get("append")
            and (meta := self._catalog.read(name)) is not None
        ):
            kind = meta.kind
        if kind is not None:
            return self._router.spec(kind)
        route = self._route(obj, name, options)
        if route.chosen is None:
            assert route.error is not None
            raise route.error
        return route.chosen

    def _backend(self, spec: BackendSpec) -> BaseDataBackend:
        # It says that it is an instance of the class, and behaves like one.
        return cast(BaseDataBackend, RoutedBackend(spec, self, self._router))

    def _spec_of(self, meta: Metadata) -> BackendSpec:
        try:
            return self._router.spec(meta.kind, writer=meta.plugin)
        except PluginError as exc:
            exc.add_note(f"It is asked for by {self.key(meta.name)}, version {meta.version}.")
            raise

    def _check_shape(self, adapter: Adapter, meta: Metadata) -> None:
        fault = adapter.backend(self).misshapen(meta)
        if fault is not None:
            raise damaged({**self.key(meta.name).filter(), "version": meta.version}, fault)

    def _scope(self, operation: str, adapter: Adapter, name: str, *more: Any) -> Scope:
        home = MODELS if is_model_backend(adapter) else DATA
        return Scope(operation, self.database, self.key(name), home, *more)

    def _intent_to_put(
        self,
        name: str,
        spec: BackendSpec,
        adapter: Adapter,
        options: dict[str, Any],
        if_rev: int | None,
        expires: float | None,
    ) -> Intent:
        return Intent(
            self._with.freer,
            self.key(name),
            writer={
                "kind": spec.kind,
                "plugin": spec.writer,
            },
            keep=self.config.stores.keep[SECTION[self.prefix]],
            lease=self.config.stores.lease,
            append=bool(options.get("append")),
            if_rev=if_rev,
            expires=expires,
            backend_frees=adapter.cls.drop is not BaseDataBackend.drop,
            kinds=self._router.plugins.kinds_of(spec.plugin),
            uri=options.get("uri"),
            inline=self.config.stores.inline,
        )

    def _check_uri(self, uri: Any) -> None:
        """Refuse a place outside of ``[uris] allow``, whatever the backend makes of it."""
        if isinstance(uri, str):
            self.locations.check(uri)

    def _check_append(self, intent: Intent, meta: Metadata | None, spec: BackendSpec) -> None:
        if intent.append and meta is not None and meta.kind != spec.kind:
            raise UnsupportedOptionError(
                f"Cannot append {spec.kind!r} to {meta!r}: it holds another kind. "
                "Put it under another name, or without append=True to replace it."
            )

    @staticmethod
    def _check_saved(saved: Any, intent: Intent, name: str, spec: BackendSpec) -> None:
        who = f"{spec.plugin} {spec.version}, kind {spec.kind!r}"
        if not intent.committed:
            raise PluginContractError(
                f"put of {name!r}: the backend ({who}) did not save its metadata, so nothing was "
                "stored. Its put must end with 'return meta.save()'."
            )
        if not isinstance(saved, Metadata):
            raise PluginContractError(
                f"put of {name!r}: the object is stored, but {type(saved).__name__} came back "
                f"instead of its metadata. The backend ({who}) or a wrapper of put forgets to "
                "return it."
            )

    @contextmanager
    def _operating(self, scope: Scope, spec: BackendSpec) -> Iterator[None]:
        """Enter the scope; an error that leaves it says which operation it ended."""
        with entered(scope):
            try:
                yield
            except Exception as exc:
                exc.add_note(
                    f"In {scope.operation} of {self.prefix}{scope.key.name!r}, bucket "
                    f"{self.bucket!r}, kind {spec.kind!r}, plugin {spec.plugin} {spec.version}."
                )
                raise

    def __repr__(self) -> str:
        return f"<OmegaStore {self.prefix} of bucket {self.bucket!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        attribute = SECTION.get(self.prefix)
        if attribute is None:
            raise StoreError(f"{self!r} cannot be pickled.")
        return getattr, (self.omega, attribute)
