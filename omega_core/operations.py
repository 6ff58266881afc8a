"""The way of an object: from a name to its kind, its backend, and what that does.

A put reads top to bottom: route, begin, hook, backend, commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

from bson.errors import InvalidBSON
from gridfs.errors import CorruptGridFile, NoFile
from pymongo.errors import AutoReconnect, PyMongoError

from .additions import Addition
from .backends.base import BaseDataBackend
from .backends.store import Store
from .catalog import Catalog
from .config import Config
from .errors import (
    OmegaError,
    OvertakenError,
    PluginContractError,
    PluginError,
    ServerError,
    StaleReadError,
    UnsupportedOptionError,
)
from .locations import Locations
from .mongo.database import Database, answering
from .payloads import Payloads
from .plugins.adapters import Adapter, is_model_backend
from .plugins.routed import RoutedBackend
from .plugins.routing import Route, Router
from .plugins.spec import BackendSpec
from .protocol import attributes as attributes_codec
from .protocol import put_options
from .protocol.commit import Intent, rollback
from .protocol.compaction import compact
from .protocol.document import damaged, explained
from .protocol.housekeeping import Housekeeping
from .protocol.lease import LeaseKeeper
from .protocol.metadata import Metadata
from .protocol.naming import SECTION, Key, check_name
from .protocol.resources import Freer
from .protocol.scope import Scope, acting_in, called_by_backend, entered, read_by_backend
from .summary import Summary

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


class Operations:
    """What is done with the objects of one store, each by the one backend that its kind has."""

    def __init__(
        self, store: Store, collaborators: Collaborators, payloads: Payloads, catalog: Catalog
    ) -> None:
        self._store = store
        self._with = collaborators
        self._payloads = payloads
        self._catalog = catalog
        self._config = collaborators.config
        self._database = collaborators.database
        self._key = payloads.key

    @property
    def router(self) -> Router:
        return self._with.router()

    # --- put ---------------------------------------------------------------------------------

    def put(
        self,
        obj: Any,
        name: str,
        kind: str | None,
        attributes: dict[str, Any] | None,
        options: dict[str, Any],
        **conditions: Any,
    ) -> Metadata:
        """Store an object; anew, where somebody else was faster to begin or end its name."""
        check_name(name)
        acting = acting_in(self._database, self._store.bucket)
        if acting is None:
            return self._put(obj, name, kind, attributes, options, None, **conditions)
        key = acting.meant(self._key(name))
        if key.prefix != self._store.prefix:
            there = self._store.stores[key.prefix]
            return there.put(obj, name, kind=kind, attributes=attributes, **conditions, **options)
        part = acting.stores(key) if called_by_backend(acting) else None
        added = None if part is None else Addition.to(part, acting, obj, self._store)
        if added is not None and added.attributes is not None:
            attributes = {**added.attributes(), **(attributes or {})}
        saved = self._put(obj, name, kind, attributes, options, added, **conditions)
        acting.stored(key, saved)
        return saved

    def _put(
        self,
        obj: Any,
        name: str,
        kind: str | None,
        attributes: dict[str, Any] | None,
        options: dict[str, Any],
        added: Addition | None,
        **conditions: Any,
    ) -> Metadata:
        with answering(self._database), explained(self._database, self._key(name)):
            overtaken: OvertakenError | None = None
            for _ in range(_ATTEMPTS):
                try:
                    return self._put_once(obj, name, kind, attributes, options, added, **conditions)
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
        added: Addition | None,
        *,
        if_rev: int | None = None,
        if_changed: bool | None = None,
        expires: float | None = None,
    ) -> Metadata:
        if added is not None:
            if_rev = added.if_rev if if_rev is None else if_rev
            if kind is None and added.kind is not None and self.router.takes(added.kind, obj):
                kind = added.kind
        spec = self.spec_for(obj, name, kind, options)
        adapter = self.router.adapter(spec)
        if added is not None:
            known = self.router.options(spec, "put")
            kept = {key: value for key, value in added.options.items() if key in known}
            options = {**kept, **options}
        self.router.check_options(spec, "put", name, options)
        self._check_uri(options.get("uri"))
        own = attributes_codec.to_document(attributes or {}, f"put of {name!r}")
        if_changed = adapter.cls.if_changed if if_changed is None else if_changed
        if if_changed and options.get("append"):
            raise UnsupportedOptionError(
                f"put of {name!r}: append=True always adds, so that it goes with no if_changed. "
                "Leave one of them out."
            )
        intent = self._intent_to_put(name, spec, adapter, options, if_rev, if_changed, expires)
        live = intent.begin()
        try:
            meta = None if live is None else Metadata.from_document(live, self._payloads)
            self._check_append(intent, meta, spec)
            if intent.append and meta is not None:
                self.check_shape(adapter, meta)
            intent.check_room(own)
            scope = self.scope("put", adapter, name, meta, intent, attributes)
            scope.lineage = None if added is None else added.lineage
            with self._with.leases.keeping(intent), self.operating(scope, spec):
                saved = self.router.call(
                    "put",
                    adapter,
                    store=self._store,
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
        if intent.unchanged:
            # What was written is what was there, and goes; if not now, the collector takes it.
            with suppress(PyMongoError, OmegaError):
                intent.abort()
        self._with.housekeeping.after(intent)
        assert isinstance(saved, Metadata)
        return saved

    # --- get ---------------------------------------------------------------------------------

    def get(self, name: str, version: int | str | None, options: dict[str, Any]) -> Any:
        """Return an object; to the backend of an action, what the name means as long as it acts."""
        check_name(name)
        acting = acting_in(self._database, self._store.bucket)
        if acting is None:
            return self._read(name, version, options)[0]
        key = acting.meant(self._key(name))
        if key.prefix != self._store.prefix:
            return self._store.stores[key.prefix].get(name, version=version, **options)
        if not read_by_backend(acting, key):
            obj, meta = self._read(name, version, options, acting.pinned(key, version))
            if version is None:
                acting.pin(key, meta)
            return obj
        options = acting.options_to_read(key, options)
        try:
            obj, meta = self._read(name, version, options, acting.pinned(key, version))
        except Exception as exc:
            acting.failed(key, exc)
            raise
        acting.pin(key, meta)
        return acting.observed(key, meta, options, obj)

    def get_pinned(self, meta: Metadata, options: dict[str, Any]) -> Any:
        """Return an object as its metadata say, whatever is current."""
        return self._read(meta.name, None, options, meta)[0]

    def _read(
        self,
        name: str,
        version: int | str | None,
        options: dict[str, Any],
        pinned: Metadata | None = None,
    ) -> tuple[Any, Metadata]:
        """Return an object and its metadata; anew, where it was replaced and collected meanwhile.

        Parameters
        ----------
        pinned
            The version to read, and no other.
        """
        with answering(self._database):
            for attempt in range(1, _ATTEMPTS + 1):
                meta = pinned if pinned is not None else self._catalog.existing(name, version)
                try:
                    return self._get(meta, options), meta
                except (AutoReconnect, ServerError):
                    raise  # no question to a server that has been waited for in vain
                except Exception as exc:
                    # Either the payload is damaged, or it was replaced and collected meanwhile.
                    if self._catalog.is_kept(meta) or pinned is not None:
                        if isinstance(exc, NoFile | CorruptGridFile | InvalidBSON):
                            raise self._payloads.damage(meta, str(exc)) from exc
                        raise
                    if attempt == _ATTEMPTS:
                        raise
        raise AssertionError("unreachable")

    def _get(self, meta: Metadata, options: dict[str, Any]) -> Any:
        router = self.router
        spec = self.spec_of(meta)
        adapter = router.adapter(spec)
        router.check_options(spec, "get", meta.name, options)
        self.check_shape(adapter, meta)
        scope = self.scope("get", adapter, meta.name, meta)
        with self.operating(scope, spec):
            obj = router.call(
                "get", adapter, store=self._store, meta=meta, name=meta.name, options=options
            )
        # A collection that is dropped while it is read just ends, without an error.
        if meta.collection is not None and not self._catalog.is_kept(meta):
            raise StaleReadError(f"{meta!r} was replaced while it was read. Get it again.")
        return obj

    # --- describe ----------------------------------------------------------------------------

    def describe(self, meta: Metadata) -> Summary:
        """Let the backend tell what a version is, with every wrapper around it."""
        spec = self.spec_of(meta)
        adapter = self.router.adapter(spec)
        self.check_shape(adapter, meta)
        with self.operating(self.scope("describe", adapter, meta.name, meta), spec):
            told = self.router.call(
                "describe", adapter, store=self._store, meta=meta, name=meta.name, options={}
            )
        if not isinstance(told, Summary):
            raise PluginContractError(
                f"describe of {meta.name!r}: {type(told).__name__} came back instead of a Summary. "
                f"The backend ({spec.plugin} {spec.version}, kind {spec.kind!r}) or a wrapper of "
                "describe has to return one."
            )
        return told

    def backend_of(self, meta: Metadata) -> BaseDataBackend:
        """Return the backend of a version, as its class made it: for what needs no scope."""
        return self.router.adapter(self.spec_of(meta)).backend(self._store)

    # --- drop, compact -----------------------------------------------------------------------

    def drop(self, name: str, meta: Metadata, *, if_rev: int | None = None) -> bool:
        """Let the core's hook make a name point at nothing, with every wrapper around it."""
        key = self._key(name)
        acting = acting_in(self._database, key.bucket)
        if acting is not None and called_by_backend(acting):
            acting.drops(acting.meant(key))
        scope = Scope("drop", self._database, key, key.prefix, meta)
        options = {} if if_rev is None else {"if_rev": if_rev}
        call = {"store": self._store, "meta": meta, "name": name, "options": options}
        with answering(self._database), explained(self._database, key), entered(scope):
            return bool(self.router.call("drop", None, **call))

    def compact(
        self, meta: Metadata, start: int, stop: int, write: Callable[[str], dict[str, Any]]
    ) -> bool:
        """Replace some batches of the live payload by one that holds the same."""
        intent = Intent(
            self._with.freer,
            Key(meta.bucket, meta.prefix, meta.name),
            writer={"kind": meta.kind, "plugin": meta.plugin},
            keep=self._config.stores.keep[SECTION[meta.prefix]],
            lease=self._config.stores.lease,
            append=True,
        )
        return compact(intent, self._with.leases, meta, start, stop, write)

    # --- who does it --------------------------------------------------------------------------

    def route(self, obj: Any, name: str, options: dict[str, Any]) -> Route:
        """Return who would store an object, or why nobody would."""
        return self.router.route(obj, name, self._store, None, options)

    def spec_for(
        self, obj: Any, name: str, kind: str | None, options: dict[str, Any]
    ) -> BackendSpec:
        """Return who is to store an object, or raise what says why nobody does."""
        if kind is None and options.get("append"):
            live = self._catalog.read(name)
            kind = None if live is None else live.kind
        if kind is not None:
            return self.router.spec(kind)
        route = self.route(obj, name, options)
        if route.chosen is None:
            assert route.error is not None
            raise route.error
        return route.chosen

    def backend(self, spec: BackendSpec) -> BaseDataBackend:
        """Return the backend, for whoever wants to call it."""
        # It says that it is an instance of the class, and behaves like one.
        return cast(BaseDataBackend, RoutedBackend(spec, self._store, self.router))

    def spec_of(self, meta: Metadata) -> BackendSpec:
        """Return who stores an object that is there."""
        try:
            return self.router.spec(meta.kind, writer=meta.plugin)
        except PluginError as exc:
            exc.add_note(f"It is asked for by {self._key(meta.name)}, version {meta.version}.")
            raise

    def check_shape(self, adapter: Adapter, meta: Metadata) -> None:
        """Raise `IntegrityError` for metadata that is not as the backend leaves it."""
        fault = adapter.backend(self._store).misshapen(meta)
        if fault is not None:
            raise damaged({**self._key(meta.name).filter(), "version": meta.version}, fault)

    def scope(self, operation: str, adapter: Adapter, name: str, *more: Any) -> Scope:
        """Return the scope of an operation on an object of this store."""
        return Scope(operation, self._database, self._key(name), adapter.home, *more)

    def _intent_to_put(
        self,
        name: str,
        spec: BackendSpec,
        adapter: Adapter,
        options: dict[str, Any],
        if_rev: int | None,
        if_changed: bool,
        expires: float | None,
    ) -> Intent:
        return Intent(
            self._with.freer,
            self._key(name),
            writer={
                "kind": spec.kind,
                "plugin": spec.writer,
            },
            keep=self._config.stores.keep[SECTION[self._store.prefix]],
            lease=self._config.stores.lease,
            append=bool(options.get("append")),
            if_rev=if_rev,
            expires=expires,
            backend_frees=adapter.cls.drop is not BaseDataBackend.drop,
            kinds=self.router.plugins.kinds_of(spec.plugin),
            uri=options.get("uri"),
            # Of a model alone: a fit stores it again, and nobody else puts it as it was put.
            options=put_options.to_document(options) if is_model_backend(adapter) else None,
            inline=self._config.stores.inline,
            if_changed=if_changed,
        )

    def _check_uri(self, uri: Any) -> None:
        """Refuse a place outside of ``[uris] allow``, whatever the backend makes of it."""
        if isinstance(uri, str):
            self._with.locations.check(uri)

    def _check_append(self, intent: Intent, meta: Metadata | None, spec: BackendSpec) -> None:
        if intent.append and meta is not None and meta.kind != spec.kind:
            raise UnsupportedOptionError(
                f"Cannot append {spec.kind!r} to {meta!r}: it holds another kind. "
                "Put it under another name, or without append=True to replace it."
            )

    @staticmethod
    def _check_saved(saved: Any, intent: Intent, name: str, spec: BackendSpec) -> None:
        who = f"{spec.plugin} {spec.version}, kind {spec.kind!r}"
        if not intent.committed and not intent.unchanged:
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
    def operating(self, scope: Scope, spec: BackendSpec) -> Iterator[None]:
        """Enter the scope; an error that leaves it says which operation it ended."""
        with entered(scope):
            try:
                yield
            except Exception as exc:
                of = f"{scope.key.prefix}{scope.key.name!r}, bucket {scope.key.bucket!r}"
                plugin = f"plugin {spec.plugin} {spec.version}"
                exc.add_note(f"In {scope.operation} of {of}, kind {spec.kind!r}, {plugin}.")
                raise
