"""`Omega`: a configuration, its plugins, three stores and a runtime."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import importlib_metadata

from .config import Config, load_config
from .describing import HIDDEN
from .errors import OmegaError
from .former_names import formerly
from .html.markup import element, facts, framed, grid
from .job_store import JobStore
from .locations import Locations
from .mongo.database import Database, answering
from .operations import Collaborators
from .plugins.builtin import builtin_specs
from .plugins.factories import imported
from .plugins.registry import Plugins
from .plugins.routing import Router
from .progress import Wanted, in_bytes, told
from .protocol.collect import Collected, Collector
from .protocol.housekeeping import Housekeeping
from .protocol.lease import LeaseKeeper
from .protocol.metadata import Metadata
from .protocol.naming import DATA, JOBS, MODELS, SECTION, Key, bucket_key, check_name
from .protocol.resources import Freer
from .protocol.scope import Scope, entered
from .protocol.snapshots import Snapshot
from .protocol.task_records import TaskRecords
from .runtime.engines import Engines
from .runtime.runtime import Runtime
from .selection import Selecting, Selection
from .snapshots import Snapshots, SnapshotView
from .store import OmegaStore
from .text import counted
from .transfer.exporting import export
from .transfer.importing import import_
from .visible import Visible


@formerly("Omega")
class Omega(Visible):
    """The way in: datasets, models and jobs of one bucket, and a runtime for the models.

    Parameters
    ----------
    config
        The path of a TOML file, or a mapping in its shape. By default ``$OMEGA_CONFIG``, else
        ``omega.toml`` in the working directory or above, and so on; without any, everything is at
        its default, and the data is on a local MongoDB that comes along.
    url
        The MongoDB server, ``mongodb://host/database``. Wins over the configuration.
    bucket
        The namespace. Wins over the configuration.

    Attributes
    ----------
    datasets, models : OmegaStore
        The objects that are data, and those that act on them.
    jobs : JobStore
        Notebooks, what their runs have left, and when they run by themselves.
    runtime : Runtime
        Lets models act and jobs run, by their names.
    config : Config
        The configuration in force.

    Examples
    --------
    >>> with Omega() as om:                              # doctest: +SKIP
    ...     om.datasets.put(df, "sales")
    ...     om["team-a"].datasets.list()
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Mapping[str, Any] | Config | None = None,
        *,
        url: str | None = None,
        bucket: str | None = None,
    ) -> None:
        loaded = load_config(config, url=url, bucket=bucket)
        self._join(_Shared(loaded, self.__getitem__), loaded.stores.bucket)

    def _join(self, shared: _Shared, bucket: str) -> None:
        self._shared = shared
        self.bucket = check_name(bucket, "bucket name")
        stores: dict[str, OmegaStore] = {}
        for prefix in (DATA, MODELS):
            stores[prefix] = OmegaStore(shared.collaborators, bucket, prefix, stores, self)
        stores[JOBS] = self.jobs = JobStore(shared.collaborators, bucket, JOBS, stores, self)
        self.datasets, self.models = stores[DATA], stores[MODELS]
        self.runtime = Runtime(self, shared.engines)
        self._snapshots = Snapshots(stores, shared.database, shared.config.stores.lease)
        # setdefault: of two threads that open one bucket, both get the same one.
        shared.buckets.setdefault(bucket, self)

    def __getitem__(self, bucket: str) -> Omega:
        """Return the same with another bucket: same client, same plugins, other namespace."""
        found = self._shared.buckets.get(check_name(bucket, "bucket name"))
        if found is None:
            found = object.__new__(type(self))
            found._join(self._shared, bucket)
        return self._shared.buckets[bucket]

    @property
    def buckets(self) -> list[str]:
        """The buckets that hold objects, sorted."""
        with answering(self.database):
            return sorted(self.database.metadata.distinct("bucket", {"gen": {"$exists": True}}))

    @property
    def config(self) -> Config:
        return self._shared.config

    @property
    def plugins(self) -> Plugins:
        """The installed plugins, and what became of each."""
        return self._shared.router.plugins

    # --- snapshots ---------------------------------------------------------------------------

    def snapshot(
        self,
        name: str,
        *,
        datasets: Selecting = None,
        models: Selecting = None,
        jobs: Selecting = None,
        note: str | None = None,
    ) -> Snapshot:
        """Name one version of each object of the bucket, as all of them are at one moment.

        Whatever becomes of the objects, `at` reads them as they were, until `drop_snapshot`. No
        data is copied, and nobody has to wait: versions, lists and puts are what they were.

        Parameters
        ----------
        datasets, models, jobs
            Which objects: None for all that are not hidden; a name or a shell glob, or a list of
            them; False for none.
        note
            A text to keep with it.

        Raises
        ------
        ConflictError
            There is a snapshot of this name; or objects were changed all the time.
        ObjectNotFoundError
            A name or a glob finds no object.
        """
        chosen = {DATA: datasets, MODELS: models, JOBS: jobs}
        return self._snapshots.take(name, chosen, note)

    def snapshots(self) -> list[Snapshot]:
        """Return the snapshots of the bucket, the oldest first."""
        return self._snapshots.list()

    def at(self, name: str) -> SnapshotView:
        """Return the bucket as a snapshot has it, to read: ``om.at("q1").models.get("churn")``.

        Raises
        ------
        ObjectNotFoundError
            There is no such snapshot; suggests a near name.
        """
        return self._snapshots.at(name)

    def drop_snapshot(self, name: str, *, missing_ok: bool = False) -> bool:
        """Remove a snapshot, and what nothing but it keeps; return whether there was one.

        Raises
        ------
        ObjectNotFoundError
            There is none, unless ``missing_ok``.
        """
        return self._snapshots.drop(name, missing_ok=missing_ok)

    def gc(self, grace: float | None = None, *, dry_run: bool = False) -> Collected:
        """Collect in all stores and buckets of the database; see `OmegaStore.gc`."""
        grace = self.config.stores.grace if grace is None else grace
        with answering(self.database):
            return Collector(self.freer).run({}, grace, dry_run=dry_run)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        datasets: Selecting = None,
        models: Selecting = None,
        jobs: Selecting = None,
        versions: str | Sequence[int | str] | None = None,
        progress: Wanted = None,
    ) -> Path:
        """Write objects of this bucket to an archive, a zip file of plain files; return its path.

        Parameters
        ----------
        path
            Where there is nothing yet.
        datasets, models, jobs
            Which of each store: None for all that are not hidden, False for none, else a name, a
            glob, or a list of these.
        versions
            None: the current one of each; ``"all"``; or a list of numbers and aliases.
        progress
            As in `OmegaStore.put`, in bytes.

        Raises
        ------
        ObjectNotFoundError
            A name or glob means nothing.
        """
        wanted = {self.datasets: datasets, self.models: models, self.jobs: jobs}
        chosen = []
        for store, asked in wanted.items():
            selection = Selection(asked, f"export: {SECTION[store.prefix]}=")
            names = store.list(hidden=True)
            for missing in selection.unmatched(names):
                raise store.not_found(missing)
            chosen += [(store._copying, name) for name in names if selection(name)]
        with told("export", progress, self.config.ui.progress) as tell:
            return export(path, chosen, versions, in_bytes(tell))

    def import_(
        self,
        path: str | os.PathLike[str],
        *,
        replace: bool = False,
        uri: str | None = None,
        progress: Wanted = None,
    ) -> list[Metadata]:
        """Store all objects that an archive holds, in this bucket; return the metadata of each.

        The archive is looked at as a whole before anything is written.

        Parameters
        ----------
        replace
            Put them on top of what is there, which become versions. Else what is there already is
            an error.
        uri
            Where files at URIs go, with ``{key}``; by default under the prefix where they were.
        progress
            As in `OmegaStore.put`, in bytes.

        Raises
        ------
        ArchiveError
            It is no archive, or not any more what was written. Nothing was imported.
        ConflictError
            There is an object of one of the names.
        """
        stores = {SECTION[s.prefix]: s._arrivals for s in (self.datasets, self.models, self.jobs)}
        with told("import", progress, self.config.ui.progress) as tell:
            return import_(path, stores, replace=replace, uri=uri, tell=in_bytes(tell))

    def close(self) -> None:
        """End the runtime and the connection, of all buckets; leave the embedded server."""
        self._shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Omega], tuple[Config]]:
        # Neither a client nor a plugin manager travels: the other side builds its own.
        return partial(Omega, bucket=self.bucket), (self.config,)

    def __repr__(self) -> str:
        return f"<Omega bucket {self.bucket!r} at {self._shared.database.described}>"

    def _repr_html_(self) -> str:
        """Return what there is, for notebooks; one query, no plugin."""
        try:
            counts = self._counts()
        except OmegaError as exc:
            return framed(repr(self), element("p", exc, class_="note"))
        rows = [(attribute, counts.get(prefix, 0)) for prefix, attribute in SECTION.items()]
        told = {"bucket": self.bucket, "server": self._shared.database.described}
        return framed("Omega", facts(told), grid(("store", "objects"), rows, right=(1,)))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        try:
            counts = self._counts()
        except OmegaError as exc:
            printer.text(f"{self!r}: {exc}")
            return
        told = (counted(counts.get(p, 0), a.rstrip("s")) for p, a in SECTION.items())
        printer.text(f"{self!r}: {', '.join(told)}")

    def _counts(self) -> dict[str, int]:
        """Return how many objects each store has, by its prefix; hidden ones left out."""
        here = {"bucket": self.bucket, "gen": {"$exists": True}, "name": {"$not": HIDDEN}}
        stages: list[dict[str, Any]] = [
            {"$match": here},
            {"$group": {"_id": "$prefix", "count": {"$sum": 1}}},
        ]
        with answering(self.database):
            return {row["_id"]: row["count"] for row in self.database.metadata.aggregate(stages)}

    def _ipython_key_completions_(self) -> list[str]:
        """Return what the tab key offers in ``om["``: the buckets that hold objects; one query."""
        return self.buckets

    # --- for the rest of the core ------------------------------------------------------------

    _inner = frozenset({"database", "freer", "leases", "records", "router"})

    @property
    def database(self) -> Database:
        return self._shared.database

    @property
    def router(self) -> Router:
        return self._shared.router

    @property
    def locations(self) -> Locations:
        return self._shared.locations

    @property
    def freer(self) -> Freer:
        return self._shared.freer

    @property
    def leases(self) -> LeaseKeeper:
        return self._shared.collaborators.leases

    @property
    def records(self) -> TaskRecords:
        return self._shared.records


class _Shared:
    """What all buckets of one `Omega` have in common."""

    def __init__(self, config: Config, open_bucket: Callable[[str], Omega]) -> None:
        self.config = config
        self._open_bucket = open_bucket
        self.buckets: dict[str, Omega] = {}
        self._lock = threading.RLock()
        self._router: Router | None = None
        self.database = Database(config.mongo)
        self.locations = Locations(config.uris.allow, self._filesystems, self._why_no_scheme)
        self.freer = Freer(self.database, bucket_key, self.locations.delete, self._free_backend)
        self.collaborators = Collaborators(
            config,
            self.database,
            self.locations,
            LeaseKeeper(config.stores.lease),
            self.freer,
            Housekeeping(self.freer, config.stores.grace),
            lambda: self.router,
        )
        self.records = TaskRecords(
            self.database,
            lease=config.stores.lease,
            stay=config.runtime.results,
            history=config.runtime.history,
        )
        self.engines = Engines(config.runtime.engine, lambda: self.router.plugins)

    @property
    def router(self) -> Router:
        """The router, with the plugins loaded; at the first use, so that `Omega` is made fast."""
        if self._router is None:
            with self._lock:
                if self._router is None:
                    version = importlib_metadata.version("omega-core")
                    plugins = Plugins(self.config, builtin_specs(), version)
                    self._router = Router(plugins, self.config.runtime.cache)
        return self._router

    def _filesystems(self) -> dict[str, Callable[[], Any]]:
        plugins = self.router.plugins

        def factory(owner: Any, target: Any) -> Any:
            return imported(target, str(owner))(plugins.settings(owner.id))

        return {
            scheme: partial(factory, owner, target)
            for scheme, (owner, target) in plugins.filesystems.items()
        }

    def _why_no_scheme(self, scheme: str) -> str:
        plugins = self.router.plugins
        return f"{plugins.missing(scheme)}{plugins.not_working()}".strip()

    def _free_backend(self, entry: dict[str, Any]) -> None:
        spec = self.router.spec(entry["kind"], writer=entry.get("plugin"))
        adapter = self.router.adapter(spec)
        key = Key(entry["bucket"], entry["prefix"], entry["name"])
        store = self._open_bucket(key.bucket).datasets.stores[key.prefix]
        meta = Metadata.retired(entry, store)
        with entered(Scope("drop", self.database, key, adapter.home, meta)):
            adapter.backend(store).drop(meta)

    def close(self) -> None:
        self.engines.close()
        self.database.close()
