"""`Omega`: a configuration, its plugins, three stores and a runtime."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from types import TracebackType
from typing import Any, Self

import importlib_metadata
from pymongo.errors import PyMongoError

from .catalog import DATA, JOBS, MODELS
from .config import Config, load_config
from .errors import OmegaError
from .locations import Locations
from .mongo.database import Database, answering
from .plugins.adapters import is_model_backend
from .plugins.builtin import builtin_specs
from .plugins.factories import imported
from .plugins.registry import Plugins
from .plugins.routing import Router
from .protocol.collect import CROWDED, Collected, Collector
from .protocol.commit import Intent
from .protocol.lease import LeaseKeeper
from .protocol.metadata import Metadata
from .protocol.naming import bucket_key, check_name
from .protocol.resources import Freer
from .protocol.scope import Scope, entered
from .runtime.runtime import Engines, Runtime
from .store import OmegaStore
from .visible import Visible

log = logging.getLogger("omega_core")

_COLLECT_EVERY = 60.0
_COLLECT_LIMIT = 16


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
    datasets, models, jobs : OmegaStore
    runtime : Runtime
    config : Config

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
        self._join(_Shared(loaded), loaded.stores.bucket)

    def _join(self, shared: _Shared, bucket: str) -> None:
        self._shared = shared
        self.bucket = check_name(bucket, "bucket name")
        self.datasets = OmegaStore(self, DATA)
        self.models = OmegaStore(self, MODELS)
        self.jobs = OmegaStore(self, JOBS)
        self.runtime = Runtime(self)
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

    def gc(self, grace: float | None = None, *, dry_run: bool = False) -> Collected:
        """Collect in all stores and buckets of the database; see `OmegaStore.gc`."""
        grace = self.config.stores.grace if grace is None else grace
        with answering(self.database):
            return Collector(self.freer).run({}, grace, dry_run=dry_run)

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

    # --- for the stores ----------------------------------------------------------------------

    _inner = frozenset(
        {"collect_now_and_then", "database", "engines", "freer", "leases", "new_id", "router"}
    )

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
    def leases(self) -> LeaseKeeper:
        return self._shared.leases

    @property
    def engines(self) -> Engines:
        return self._shared.engines

    @cached_property
    def freer(self) -> Freer:
        return Freer(self.database, bucket_key, self.locations.delete, self._free_backend)

    def new_id(self) -> str:
        """Return an id for a task or a temporary object."""
        return uuid.uuid4().hex

    def collect_now_and_then(self, put: Intent) -> None:
        """Collect a bounded amount after a put: at most once a minute in this process.

        And what the object itself has too much of: if it is put again and again, the grace alone
        would let the list of its retired generations grow without bounds.
        """
        grace = self.config.stores.grace
        try:
            # Of several writers, the one whose put made the number round does it for all.
            if put.retired > CROWDED and put.retired % _COLLECT_LIMIT == 0:
                Collector(self.freer).run(put.key.filter(), grace)
            if self._shared.time_to_collect():
                Collector(self.freer).run({}, grace, limit=_COLLECT_LIMIT, overdue=grace)
        except (PyMongoError, OmegaError):
            # The put that this follows succeeded, and must not be reported as failed.
            log.warning("Collecting after a put failed; `omega gc` repeats it.", exc_info=True)

    def _free_backend(self, entry: dict[str, Any]) -> None:
        spec = self.plugins.spec(entry["kind"], writer=entry.get("plugin"))
        adapter = self.router.adapter(spec)
        omega = self[entry["bucket"]]
        stores = {store.prefix: store for store in (omega.datasets, omega.models, omega.jobs)}
        store = stores[entry["prefix"]]
        meta = Metadata.retired(entry, store)
        home = MODELS if is_model_backend(adapter) else DATA
        with entered(Scope("drop", store, meta.name, home, meta)):
            adapter.backend(store).drop(meta)


class _Shared:
    """What all buckets of one `Omega` have in common."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.database = Database(config.mongo)
        self.leases = LeaseKeeper(config.stores.lease)
        self.buckets: dict[str, Omega] = {}
        self.engines = Engines()
        self._lock = threading.RLock()
        self._router: Router | None = None
        self._collected = time.monotonic()
        self.locations = Locations(config.uris.allow, self._filesystems, self._why_no_scheme)

    @property
    def router(self) -> Router:
        """The router, with the plugins loaded; at the first use, so that `Omega` is made fast."""
        if self._router is None:
            with self._lock:
                if self._router is None:
                    version = importlib_metadata.version("omega-core")
                    self._router = Router(Plugins(self.config, builtin_specs(), version))
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

    def time_to_collect(self) -> bool:
        now = time.monotonic()
        if now - self._collected < _COLLECT_EVERY:
            return False
        self._collected = now
        return True

    def close(self) -> None:
        self.engines.close()
        self.database.close()
