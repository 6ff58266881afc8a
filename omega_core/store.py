"""A store: put, get and everything else that is done with objects by name."""

from __future__ import annotations

import builtins
import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gridfs.errors import CorruptGridFile, NoFile

from .backends.base import ACTIONS, BaseDataBackend
from .errors import (
    ConflictError,
    ObjectNotFoundError,
    PluginContractError,
    StaleReadError,
    StoreError,
    UnsupportedOptionError,
    suggestion,
)
from .mongo.database import answering
from .payloads import Payloads
from .plugins.routing import Adapter, Route, is_model_backend
from .plugins.spec import BackendSpec
from .protocol import pipelines
from .protocol.collect import Collected, Collector
from .protocol.commit import Intent, as_version, persist, rollback
from .protocol.metadata import Metadata
from .protocol.naming import Key, check_name
from .protocol.scope import Scope, current_scope, entered

DATA, MODELS, JOBS = "data/", "models/", "jobs/"

_ATTEMPTS = 5
_LISTED = {"pending": 0, "retired": 0, "versions": 0}
_TAKES_Y = ("fit", "partial_fit", "fit_transform", "score")
_TAKES_RESULT = tuple(action for action in ACTIONS if action not in ("fit", "partial_fit"))


class OmegaStore(Payloads):
    """The objects of one bucket that share a prefix: ``om.datasets``, ``om.models``, ``om.jobs``.

    A put reads top to bottom: route, begin, hook, backend, commit.
    """

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
            The user's own. None keeps those of the object that is replaced, ``{}`` resets them,
            anything else updates them.
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
        keep = self.config.stores.keep[_SECTION[meta.prefix]]
        lease = self.config.stores.lease
        key = Key(meta.bucket, meta.prefix, meta.name)
        intent = Intent(self.omega.freer, key, writer=writer, keep=keep, lease=lease, append=True)
        intent.res.segments = True
        live = intent.begin()
        done = False
        try:
            if live is not None and live["gen"] == meta.gen:
                known, now = meta.kind_meta["batches"], live["kind_meta"].get("batches", [])
                if [b["gen"] for b in known[:stop]] == [b["gen"] for b in now[:stop]]:
                    with self.omega.leases.keeping(intent):
                        done = intent.compact(write(intent.gen), start, stop)
        except BaseException as exc:
            rollback(intent, exc)
            raise
        if not done:
            intent.abort()
        return done

    def put_temporary(self, obj: Any, *, seconds: float) -> Metadata:
        """Store ``obj`` under a hidden name that the collector drops after ``seconds``."""
        name = f".temporary/{self.omega.new_id()}"
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
                meta = self._existing(name, version)
                try:
                    return self._get(meta, options)
                except Exception as exc:
                    # Either the payload is damaged, or it was replaced and collected meanwhile.
                    if self._is_kept(meta):
                        if isinstance(exc, NoFile | CorruptGridFile):
                            raise self._damage(meta, str(exc)) from exc
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
        with answering(self.database):
            spec = self._spec_for(obj, name, kind, options)
            adapter = self.omega.router.adapter(spec)
            self.omega.router.check_options(spec, "put", name, options)
            intent = self._intent_to_put(name, spec, adapter, options, if_rev, expires)
            live = intent.begin()
            meta = None if live is None else Metadata.from_document(live, self)
            try:
                self._check_append(intent, meta, spec)
                scope = Scope("put", self, name, self._home(adapter), meta, intent, attributes)
                with self.omega.leases.keeping(intent), self._operating(scope, spec):
                    saved = self.omega.router.call(
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
            self.omega.collect_now_and_then(intent)
            assert isinstance(saved, Metadata)
            return saved

    def _get(self, meta: Metadata, options: dict[str, Any]) -> Any:
        router = self.omega.router
        spec = router.plugins.spec(meta.kind, writer=meta.plugin)
        adapter = router.adapter(spec)
        router.check_options(spec, "get", meta.name, options)
        scope = Scope("get", self, meta.name, self._home(adapter), meta)
        with self._operating(scope, spec):
            obj = router.call(
                "get", adapter, store=self, meta=meta, name=meta.name, options=options
            )
        # A collection that is dropped while it is read just ends, without an error.
        if meta.collection is not None and not self._is_kept(meta):
            raise StaleReadError(f"{meta!r} was replaced while it was read. Get it again.")
        return obj

    # --- what is there -----------------------------------------------------------------------

    def exists(self, name: str) -> bool:
        """Return whether there is an object of this name, hidden or not."""
        return self._read(check_name(name)) is not None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(name) and self.exists(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | Iterable[str] | None = None,
        hidden: bool = False,
        raw: bool = False,
    ) -> list[Any]:
        """Return the names of objects, sorted; one query.

        Parameters
        ----------
        pattern
            A shell glob that the whole name matches: ``*``, ``?``, ``[...]``. A slash is a
            character like any other.
        regexp
            A regular expression to be found somewhere in the name.
        kind
            A kind, or several.
        hidden
            Include names that begin with ``.``; a pattern that begins with ``.`` does as well.
        raw
            Return `Metadata` instead of names.
        """
        query: dict[str, Any] = {"gen": {"$exists": True}}
        if kind is not None:
            query["kind"] = {"$in": [kind] if isinstance(kind, str) else [*kind]}
        matches: list[Callable[[str], Any]] = []
        if pattern is not None:
            # The server narrows down by what comes before the first wildcard, along the index.
            literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
            if literal:
                query["name"] = {"$gte": literal, "$lt": literal + "\U0010ffff"}
            matches.append(re.compile(fnmatch.translate(pattern)).match)
            hidden = hidden or pattern.startswith(".")
        if regexp is not None:
            matches.append(re.compile(regexp).search)
        projection = _LISTED if raw else {"name": 1, "_id": 0}
        with answering(self.database):
            documents = list(
                self.database.metadata.find(
                    {"bucket": self.bucket, "prefix": self.prefix, **query}, projection
                )
            )
        found = sorted(
            (d for d in documents if all(match(d["name"]) for match in matches)),
            key=lambda document: str(document["name"]),
        )
        if not hidden:
            found = [d for d in found if not d["name"].startswith(".")]
        return [Metadata.from_document(d, self) if raw else d["name"] for d in found]

    def versions(self, name: str) -> builtins.list[Metadata]:
        """Return the metadata of every version that stays, the oldest first.

        ``is_current`` tells which one `get` returns.
        """
        with answering(self.database):
            document = self.database.metadata.find_one(
                self.key(check_name(name)).filter(gen={"$exists": True}),
                {"pending": 0, "retired": 0},
            )
        if document is None:
            raise self.not_found(name)
        kept = [as_version(document, version) for version in document.pop("versions", [])]
        every = sorted([*kept, document], key=lambda d: int(d["version"]))
        return [Metadata.from_document(d, self) for d in every]

    # --- drop, restore, collect --------------------------------------------------------------

    def drop(self, name: str, *, missing_ok: bool = False) -> bool:
        """Remove an object and its versions; return whether there was one.

        Slow readers keep what they read for the grace; then the collector frees it.

        Raises
        ------
        ObjectNotFoundError
            There is none, unless ``missing_ok``.
        """
        meta = self._read(check_name(name))
        if meta is None:
            if missing_ok:
                return False
            raise self.not_found(name)
        with answering(self.database), entered(Scope("drop", self, name, self.prefix, meta)):
            return bool(
                self.omega.router.call("drop", None, store=self, meta=meta, name=name, options={})
            )

    def retire(self, name: str) -> bool:
        """Make the name point at nothing; what it pointed at is left to the collector."""
        attempts = 0

        def drop() -> bool:
            nonlocal attempts
            attempts += 1
            result = self.database.metadata.update_one(
                self.key(name).filter(gen={"$exists": True}), pipelines.drop()
            )
            # Nothing there at a second attempt: it was the first that dropped it, most likely.
            return bool(result.matched_count) or attempts > 1

        return persist(drop)

    def discard(self, name: str) -> None:
        """Drop a temporary object, if it is there, and free it at once: nobody else reads it."""
        self.drop(name, missing_ok=True)
        with answering(self.database):
            Collector(self.omega.freer).run(self.key(name).filter(), 0.0)

    def restore(self, name: str, version: int) -> Metadata:
        """Make a kept version the current one; what was current becomes a version.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        """
        chosen = self._existing(name, version)
        if not chosen.is_current:
            kept = {"versions": {"$elemMatch": {"gen": chosen.gen}}}
            condition = self.key(name).filter(gen={"$exists": True}, **kept)
            with answering(self.database):
                persist(
                    lambda: self.database.metadata.update_one(condition, pipelines.restore(version))
                )
        restored = self._existing(name)
        if restored.gen != chosen.gen:
            raise ConflictError(
                f"{self.key(name)} was put anew while version {version} was restored: its current "
                f"version is {restored.version}. Look at versions({name!r}), and repeat."
            )
        return restored

    def gc(self, grace: float | None = None, *, dry_run: bool = False) -> Collected:
        """Free what was retired longer ago than the grace, and what crashed writers left.

        Parameters
        ----------
        grace
            Seconds; default ``[stores] grace``. With 0, everything that is retired goes now.
        dry_run
            Count, and change nothing.
        """
        within = {"bucket": self.bucket, "prefix": self.prefix}
        grace = self.config.stores.grace if grace is None else grace
        with answering(self.database):
            return Collector(self.omega.freer).run(within, grace, dry_run=dry_run)

    # --- backends ----------------------------------------------------------------------------

    def get_backend(self, name: str) -> BaseDataBackend:
        """Return the backend that stores an existing object."""
        meta = self._existing(name)
        return self._backend(self.omega.router.plugins.spec(meta.kind, writer=meta.plugin))

    def get_backend_byobj(self, obj: Any, name: str = "obj", **options: Any) -> BaseDataBackend:
        """Return the backend that would store an object."""
        return self._backend(self._spec_for(obj, name, None, options))

    def get_backend_bykind(self, kind: str) -> BaseDataBackend:
        """Return the backend that stores a kind."""
        return self._backend(self.omega.router.plugins.spec(kind))

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
        self.omega.router.plugins.register(spec)
        return spec

    def explain(self, obj_or_name: Any) -> str:
        """Return, for people, who stores an existing object (by name), or would store this one."""
        if isinstance(obj_or_name, str) and (meta := self._read(obj_or_name)) is not None:
            writer = meta.plugin or {}
            place = meta.uri or meta.collection or (meta.gridfile and "GridFS") or "segments"
            return (
                f"{meta!r}\n   written by {writer.get('name')} {writer.get('version')}\n"
                f"   payload: {place}, generation {meta.gen}\n"
                f"   read by {type(self.get_backend(obj_or_name)).__name__}"
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
            Return lists and scalars; False returns frames or arrays.
        **options
            Passed to the estimator's method.
        """
        if action not in ACTIONS:
            raise UnsupportedOptionError(
                f"Models have no action {action!r}.{suggestion(action, ACTIONS)} "
                f"Actions: {', '.join(ACTIONS)}."
            )
        arguments: dict[str, Any] = {"modelname": name, "Xname": X, "pure_python": pure_python}
        for parameter, given, takers in (("Y", Y, _TAKES_Y), ("rName", rName, _TAKES_RESULT)):
            if action in takers:
                arguments["Yname" if parameter == "Y" else parameter] = given
            elif given is not None:
                raise UnsupportedOptionError(f"{action} of {name!r} takes no {parameter}.")
        with answering(self.database):
            meta = self._existing(name)
            router = self.omega.router
            spec = router.plugins.spec(meta.kind, writer=meta.plugin)
            adapter = router.adapter(spec)
            scope = Scope(action, self, name, self._home(adapter), meta)
            with self._operating(scope, spec):
                return router.call(
                    action, adapter, store=self, meta=meta, options=options, **arguments
                )

    # --- their parts -------------------------------------------------------------------------

    def _read(self, name: str, version: int | None = None) -> Metadata | None:
        # A scope of the same name may be around, as in a wrapper of put: this asks the server.
        with answering(self.database), _outside():
            return self.metadata(name, version=version)

    def _is_kept(self, meta: Metadata) -> bool:
        """Return whether the payload is still live or a version, so that nobody has freed it."""
        now = self._read(meta.name, meta.version)
        if now is None or now.gen != meta.gen:
            return False
        # A compaction replaces batches of a generation. An append adds behind, and harms no reader.
        batches = meta.kind_meta.get("batches", [])
        return bool(now.kind_meta.get("batches", [])[: len(batches)] == batches)

    def _existing(self, name: str, version: int | None = None) -> Metadata:
        meta = self._read(check_name(name), version)
        if meta is None:
            raise self.not_found(name, version)
        return meta

    def not_found(self, name: str, version: int | None = None) -> ObjectNotFoundError:
        """Return the error that names store, bucket and name, and near names."""
        where = f"the {_SECTION[self.prefix]} of bucket {self.bucket!r}"
        if version is not None and self._read(name) is not None:
            there = ", ".join(str(meta.version) for meta in self.versions(name))
            return ObjectNotFoundError(
                f"No version {version!r} of {name!r} in {where}. Versions: {there}."
            )
        near = suggestion(name, self.list(hidden=True))
        return ObjectNotFoundError(f"No object {name!r} in {where}.{near} list() shows what is.")

    def _route(self, obj: Any, name: str, options: dict[str, Any]) -> Route:
        return self.omega.router.route(obj, name, self, None, options)

    def _spec_for(
        self, obj: Any, name: str, kind: str | None, options: dict[str, Any]
    ) -> BackendSpec:
        if kind is None and options.get("append") and (meta := self._read(name)) is not None:
            kind = meta.kind
        if kind is not None:
            return self.omega.router.plugins.spec(kind)
        route = self._route(obj, name, options)
        if route.chosen is None:
            assert route.error is not None
            raise route.error
        return route.chosen

    def _backend(self, spec: BackendSpec) -> BaseDataBackend:
        return self.omega.router.adapter(spec).backend(self)

    @staticmethod
    def _home(adapter: Adapter) -> str:
        return MODELS if is_model_backend(adapter) else DATA

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
            self.omega.freer,
            self.key(name),
            writer={
                "kind": spec.kind,
                "plugin": {"name": spec.plugin, "version": spec.version},
            },
            keep=self.config.stores.keep[_SECTION[self.prefix]],
            lease=self.config.stores.lease,
            append=bool(options.get("append")),
            if_rev=if_rev,
            expires=expires,
            backend_frees=adapter.cls.drop is not BaseDataBackend.drop,
        )

    def _check_append(self, intent: Intent, meta: Metadata | None, spec: BackendSpec) -> None:
        if not intent.append:
            return
        if meta is None:
            intent.append = False  # nothing to append to: a plain first put
        elif meta.kind != spec.kind:
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
                    f"In {scope.operation} of {self.prefix}{scope.name!r}, bucket "
                    f"{self.bucket!r}, kind {spec.kind!r}, plugin {spec.plugin} {spec.version}."
                )
                raise

    def __repr__(self) -> str:
        return f"<OmegaStore {self.prefix} of bucket {self.bucket!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        attribute = _SECTION.get(self.prefix)
        if attribute is None:
            raise StoreError(f"{self!r} cannot be pickled.")
        return getattr, (self.omega, attribute)


_SECTION = {DATA: "datasets", MODELS: "models", JOBS: "jobs"}


@contextmanager
def _outside() -> Iterator[None]:
    """Look at the store as if no operation were under way."""
    scope = current_scope()
    if scope is None:
        yield
        return
    with entered(Scope("look", scope.store, scope.name, scope.home)):
        yield
