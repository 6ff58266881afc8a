"""A store: everything that is done with objects by name."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from gridfs import GridFS
from pymongo.collection import Collection
from pymongo.database import Database as MongoDatabase

from .backends.base import BaseDataBackend
from .catalog import Catalog
from .config import Config
from .describing import SHOWN_HEAD, Describing
from .errors import OmegaError, PluginContractError, StoreError, UnsupportedOptionError
from .former_names import formerly
from .html.markup import element, framed, grid
from .lineage.history import History
from .listing import Listing
from .locations import Locations
from .mongo.database import Database
from .object_page import Pages
from .operations import Collaborators, Operations
from .payloads import Payloads
from .performing import Call, Performing
from .plugins.routing import Router
from .plugins.spec import BackendSpec
from .progress import Listener, Wanted, in_bytes, told
from .protocol.fence import current_task
from .protocol.metadata import Metadata
from .protocol.naming import JOBS, SECTION, TEMPORARY
from .running import RUN, RunCall, Running
from .text import counted, table
from .transfer.arrivals import Arrivals
from .transfer.copying import Copying
from .transfer.exporting import export
from .transfer.importing import import_
from .visible import Visible

Document = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")


def _of(
    part: str, method: Callable[Concatenate[Any, P], R]
) -> Callable[Concatenate[OmegaStore, P], R]:
    """Return a method of a store that is the method of one of its parts."""

    @wraps(method)
    def delegate(self: OmegaStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(getattr(self, part), *args, **kwargs)

    return delegate


@formerly("OmegaStore")
class OmegaStore(Visible):
    """The objects of one bucket that share a prefix: ``om.datasets``, ``om.models``, ``om.jobs``.

    A store has parts: `Operations`, where a put reads top to bottom; `Catalog`, what there is under
    a name; `Listing`, the names that there are; and `Payloads`, what its backends write and read.

    Attributes
    ----------
    bucket, prefix : str
        Whose objects these are, and how their keys begin.
    omega : Omega
        Which it belongs to.
    """

    _inner = frozenset(
        {
            *("database", "discard", "get_pinned", "key", "kind_for", "locations"),
            *("put_temporary", "retire"),
            *("save_metadata", "stores"),
        }
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
        self._listing = Listing(self._payloads)
        self._operations = Operations(self, collaborators, self._payloads, self._catalog)
        self._describing = Describing(self, database, self._catalog, self._operations)
        self._history = History(self, database)
        self._pages = Pages(self, self._operations, self._history)
        self._performing = Performing(self, database, self._catalog, self._operations)
        self._arrivals = Arrivals(
            self, collaborators, self._payloads, self._catalog, self._operations
        )
        self._copying = Copying(self._arrivals)
        self._running = Running(self, database, self._catalog, self._operations)

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
    list = _of("_listing", Listing.list)
    versions = _of("_catalog", Catalog.versions)
    restore = _of("_catalog", Catalog.restore)
    alias = _of("_catalog", Catalog.alias)
    aliases = _of("_catalog", Catalog.aliases)
    unalias = _of("_catalog", Catalog.unalias)
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
        return self._operations.drop(name, meta)

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
        if_changed: bool | None = None,
        progress: Wanted = None,
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
        if_changed
            Make no new version of what is there already, content for content; attributes that are
            given are saved nevertheless. By default, what the kind does: references to URIs do so.
        progress
            A function that is called with what is done and all there is to do (None: not known),
            in rows or bytes; True for a bar, False for none. By default, a bar appears after a
            second, at a terminal and in a notebook, as ``[ui] progress`` says.
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
        conditions: dict[str, Any] = {"if_rev": if_rev, "if_changed": if_changed}
        with self._told("put", name, progress):
            return self._operations.put(obj, name, kind, attributes, options, **conditions)

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
        return self._operations.compact(meta, start, stop, write)

    def put_temporary(self, obj: Any, *, seconds: float, kind: str | None = None) -> Metadata:
        """Store ``obj`` under a hidden name that the collector drops after ``seconds``."""
        name = f"{TEMPORARY}{uuid.uuid4().hex}"
        return self._operations.put(obj, name, kind, None, {}, expires=seconds)

    def get(
        self,
        name: str,
        *,
        version: int | str | None = None,
        progress: Wanted = None,
        **options: Any,
    ) -> Any:
        """Return the object.

        Parameters
        ----------
        version
            A version that `versions` lists, or an alias, instead of the current one.
        progress
            As in `put`.
        **options
            Options of the kind.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version; suggests near names.
        IntegrityError
            The stored payload is not the one that was written.
        """
        with self._told("get", name, progress):
            return self._operations.get(name, version, options)

    # --- elsewhere ---------------------------------------------------------------------------

    def copy(
        self,
        name: str,
        to: str | None = None,
        *,
        store: str | None = None,
        bucket: str | None = None,
        omega: Any = None,
        versions: str | Sequence[int | str] | None = None,
        if_rev: int | None = None,
        progress: Wanted = None,
    ) -> Metadata:
        """Copy an object as the bytes that it is, and return the metadata of the copy.

        No plugin is needed, and no trust; attributes and lineage come along. What is there already
        is replaced as by a put, and becomes a version.

        Parameters
        ----------
        to
            Its new name; by default the same, elsewhere.
        store
            ``"datasets"``, ``"models"`` or ``"jobs"``, if another than this one.
        bucket
            Another bucket.
        omega
            An `Omega`, of another database or server.
        versions
            None: the current one; ``"all"``; or a list of numbers and aliases. Several are put one
            after the other, with their aliases, and keep their numbers where the name has not had
            those.
        if_rev
            Replace only the object with this revision; 0: only if there is none.
        progress
            As in `put`, in bytes.

        Raises
        ------
        ObjectNotFoundError
            There is no such object or version.
        ConflictError
            Somebody else changed what is there, and ``if_rev`` forbids to replace that.
        """
        there, to = self._elsewhere(store, bucket, omega)._arrivals, name if to is None else to
        with self._told("copy", name, progress) as tell:
            return self._copying.copy(
                name, there, to, versions=versions, if_rev=if_rev, tell=in_bytes(tell)
            )

    def move(
        self,
        name: str,
        to: str | None = None,
        *,
        store: str | None = None,
        bucket: str | None = None,
        omega: Any = None,
        versions: str | Sequence[int | str] | None = "all",
        if_rev: int | None = None,
        progress: Wanted = None,
    ) -> Metadata:
        """Copy an object with all its versions, and drop it here, if nobody changed it meanwhile.

        The parameters are those of `copy`. Versions that are not copied are dropped as well.

        Raises
        ------
        ConflictError
            Somebody changed it: then it stays, beside the copy.
        """
        there, to = self._elsewhere(store, bucket, omega)._arrivals, name if to is None else to
        with self._told("move", name, progress) as tell:
            return self._copying.move(
                name, there, to, versions=versions, if_rev=if_rev, tell=in_bytes(tell)
            )

    def export(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        versions: str | Sequence[int | str] | None = None,
        progress: Wanted = None,
    ) -> Path:
        """Write an object to an archive, a zip file of plain files, and return its path.

        Parameters
        ----------
        path
            Where there is nothing yet.
        versions
            As in `copy`.
        progress
            As in `put`, in bytes.
        """
        with self._told("export", name, progress) as tell:
            return export(path, [(self._copying, name)], versions, in_bytes(tell))

    def import_(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        *,
        replace: bool = False,
        uri: str | None = None,
        progress: Wanted = None,
    ) -> Metadata:
        """Store the one object that an archive holds, with its versions; return its metadata.

        Parameters
        ----------
        name
            Its new name; by default the one that it had.
        replace
            Put it on top of what is there, which becomes a version. Else that is an error.
        uri
            Where files at URIs go, with ``{key}``; by default under the prefix where they were.
        progress
            As in `put`, in bytes.

        Raises
        ------
        ArchiveError
            It is no archive, or not any more what was written. Nothing was imported.
        ConflictError
            There is an object of that name.
        """
        single = (self._arrivals, name)
        stores = {SECTION[self.prefix]: self._arrivals}
        with self._told("import", name or os.fspath(path), progress) as tell:
            return import_(
                path, stores, single=single, replace=replace, uri=uri, tell=in_bytes(tell)
            )[0]

    def _told(
        self, operation: str, name: str, wanted: Wanted
    ) -> AbstractContextManager[Listener | None]:
        """Let whoever wants it, or a bar, listen to an operation."""
        within = wanted is None and current_task() is not None
        return told(f"{operation} {name}", wanted, self.config.ui.progress, within=within)

    def _elsewhere(self, store: str | None, bucket: str | None, omega: Any) -> OmegaStore:
        """Return the store of that name, bucket and `Omega`; of those left out, this one's."""
        prefix = self.prefix
        if store is not None:
            prefixes = {section: prefix for prefix, section in SECTION.items()}
            if store not in prefixes:
                raise UnsupportedOptionError(
                    f"store= takes one of {', '.join(prefixes)}, not {store!r}."
                )
            prefix = prefixes[store]
        if omega is None:
            omega = self.omega if bucket is None else self.omega[bucket]
        elif bucket is not None:
            omega = omega[bucket]
        found: OmegaStore = omega.datasets.stores[prefix]
        return found

    # --- what objects are --------------------------------------------------------------------

    describe = _of("_describing", Describing.describe)
    diff = _of("_describing", Describing.diff)
    page = _of("_pages", Pages.page)

    def get_pinned(self, meta: Metadata, options: dict[str, Any]) -> Any:
        """Return the object that a snapshot pins, as its metadata say."""
        return self._operations.get_pinned(meta, options)

    # --- backends ----------------------------------------------------------------------------

    def get_backend(self, name: str) -> BaseDataBackend:
        """Return the backend that stores an existing object.

        Its put, get, fit, predict and so on are those of this store, wrappers included: see
        `RoutedBackend`.
        """
        meta = self._catalog.existing(name)
        return self._operations.backend(self._operations.spec_of(meta))

    def get_backend_byobj(self, obj: Any, name: str = "obj", **options: Any) -> BaseDataBackend:
        """Return the backend that would store an object."""
        return self._operations.backend(self._operations.spec_for(obj, name, None, options))

    def kind_for(self, obj: Any, name: str = "obj", **options: Any) -> str:
        """Return the kind that an object would be stored as."""
        return self._operations.spec_for(obj, name, None, options).kind

    def get_backend_bykind(self, kind: str) -> BaseDataBackend:
        """Return the backend that stores a kind."""
        return self._operations.backend(self._router.spec(kind))

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
        return str(self._operations.route(obj_or_name, "obj", {}))

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
    ) -> Any:
        """Let a model act: route, load, act, store. What every worker of every engine calls.

        In ``om.jobs``, the action ``"run"`` lets a job run instead: it takes ``params``, which are
        JSON values by name, ``rName``, ``version``, and options of the kind.

        The model and its data are read at one version each, whatever is put meanwhile. What the
        action stores has its lineage among its attributes; a model stays where it was put, and a
        result is what `lineage` and `used_by` follow.

        Parameters
        ----------
        action
            One of `actions`.
        X, Y
            Names of datasets.
        rName
            The name of the dataset that takes the result; its metadata is returned then.
        pure_python
            Return lists and scalars; False returns frames, series or arrays.
        version
            The version of the model that acts, or an alias, instead of the current one. What is
            fitted becomes the current one.
        if_rev
            Fit only the model with this revision; `partial_fit` always asks for the one it read.
        rows
            The first row of X and Y that the action sees, and the one after the last.
        **options
            Passed to the estimator's method.

        Raises
        ------
        ObjectNotFoundError
            There is no such model, version or dataset.
        ColumnMismatchError
            X is a frame with other columns than the model was fitted on.
        ConflictError
            The model was changed meanwhile, and that would be lost.
        UnsupportedOptionError
            The action does not take what it is given.
        NotImplementedError
            The kind, or the model, does not offer the action.
        PluginContractError
            The backend does not keep what its action promises.
        """
        if self.prefix == JOBS and action == RUN:
            return self._run(name, rName, options, version, X=X, Y=Y, if_rev=if_rev, rows=rows)
        given = {"Xname": X, "Yname": Y, "rName": rName, "pure_python": pure_python}
        return self._performing.perform(Call(action, name, given, options, version, if_rev, rows))

    def _run(
        self, name: str, rName: str | None, options: dict[str, Any], version: Any, **others: Any
    ) -> Metadata:
        """Let a job run; what else an action takes means nothing to it."""
        for argument, value in others.items():
            if value is not None:
                raise UnsupportedOptionError(
                    f"run of {name!r} takes no {argument}. What a job needs is passed as params=."
                )
        params = options.pop("params", None)
        return self._running.run(RunCall(name, params, rName, options, version))

    actions = _of("_performing", Performing.actions)
    lineage = _of("_history", History.lineage)
    used_by = _of("_history", History.used_by)

    def __repr__(self) -> str:
        return f"<OmegaStore {self.prefix} of bucket {self.bucket!r}>"

    def _repr_html_(self) -> str:
        """Return a table of the first objects, for notebooks; one query, no plugin."""
        try:
            count, rows = self._describing.overview()
        except OmegaError as exc:
            return framed(repr(self), element("p", exc, class_="note"))
        note = f"and {count - len(rows):,} more" if count > len(rows) else ""
        return framed(self._title(count), grid(SHOWN_HEAD, rows, right=(2,), note=note))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Not as `repr`, which errors and debuggers ask for as well: this one asks the server.
        try:
            count, rows = self._describing.overview()
        except OmegaError as exc:
            printer.text(f"{self!r}: {exc}")
            return
        more = [f"... and {count - len(rows):,} more"] if count > len(rows) else []
        lines = [
            self._title(count),
            *([table(SHOWN_HEAD, rows, right=(2,))] if rows else []),
            *more,
        ]
        printer.text("\n".join(lines))

    def _title(self, count: int) -> str:
        section = SECTION.get(self.prefix, self.prefix)
        return f"{section} of bucket {self.bucket!r}: {counted(count, 'object')}"

    def __reduce__(self) -> tuple[Any, ...]:
        attribute = SECTION.get(self.prefix)
        if attribute is None:
            raise StoreError(f"{self!r} cannot be pickled.")
        return getattr, (self.omega, attribute)
