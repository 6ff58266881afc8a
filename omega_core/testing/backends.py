"""What all tests of backends share: their attributes, their fixtures, and how they put."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest

from ..errors import NoBackendError, PluginContractError, PluginError
from ..omega import Omega
from ..protocol.metadata import Metadata
from ..store import OmegaStore
from .faults import let_time_pass
from .orphans import find_orphans
from .promises import alike, broken, is_equal, missing, raised, shown, told_type

HOUR = 3600.0


class BackendTests:
    """What `DataBackendTests` and those that derive from it are given.

    Attributes
    ----------
    kind
        Passed to every put; None: the objects find their backend by type.
    options
        Passed to every put.
    capabilities
        What the backend can do beyond `put` and `get`: see `CapabilityTests`.
    """

    kind: ClassVar[str | None] = None
    options: ClassVar[dict[str, Any]] = {}
    capabilities: ClassVar[Collection[str]] = ()

    @pytest.fixture
    def store(self, om: Omega, request: pytest.FixtureRequest) -> OmegaStore:
        """An empty store: by default the datasets, models or jobs, whatever the backend is for."""
        objects = request.getfixturevalue("objects") if self.kind is None else [None]
        router = om.datasets._router
        try:
            kind = self.kind or om.datasets.kind_for(objects[0])
            home = router.adapter(router.spec(kind)).home
        except (NoBackendError, PluginError) as exc:
            self._unknown(exc)
        return om.datasets.stores[home]

    @pytest.fixture
    def objects(self) -> list[Any]:
        """At least two objects that differ."""
        missing(self, "objects", "at least two objects that differ", "return [Thing(1), Thing(2)]")

    @pytest.fixture
    def directories(self) -> list[Path]:
        """Where a backend writes that writes outside of MongoDB, and not by `create_file`."""
        return []

    def same(self, one: Any, other: Any) -> bool:
        """Return whether two objects, as they are put, are equal; override where ``==`` fails.

        By default also of the same class, and so is what lists, tuples and dicts hold, in order.
        """
        return alike(one, other)

    def equal(self, stored: Any, got: Any) -> bool:
        """Return whether ``got`` came back as what ``stored`` was put as."""
        return self.same(stored, got)

    # --- their parts -------------------------------------------------------------------------

    def _equal(self, stored: Any, got: Any) -> bool:
        return is_equal(self, self.equal, stored, got)

    def _comes_back(self, what: str, stored: Any, got: Any) -> None:
        """Fail unless ``got`` is what was put."""
        __tracebackhide__ = True
        if not self._equal(stored, got):
            broken(what, expected=told_type(stored), got=told_type(got))

    def _gets(self, what: str, stored: Any, store: OmegaStore, name: str, **options: Any) -> None:
        """Fail unless a get gives what was put."""
        __tracebackhide__ = True
        try:
            got = store.get(name, **options)
        except Exception as exc:
            broken(what, expected=told_type(stored), got=raised(exc), cause=exc)
        self._comes_back(what, stored, got)

    def _put(self, store: OmegaStore, obj: Any, name: str, **options: Any) -> Metadata:
        try:
            return store.put(obj, name, kind=self.kind, **{**self.options, **options})
        except NoBackendError as exc:
            self._unknown(exc)

    def _unknown(self, exc: Exception) -> NoReturn:
        pytest.fail(
            f"promise: the objects of {type(self).__name__} find their backend; expected a plugin "
            f"that is installed, enabled and declares it, got: {exc}\nInstall the package (pip "
            "install -e .), look at `omega plugins list` and `omega plugins check`, and give the "
            'tests kind = "..." where objects do not find their kind by type.'
        )

    def _accepted(self, store: OmegaStore, obj: Any, fault: str, name: str = "x") -> Metadata:
        try:
            return self._put(store, obj, name)
        except PluginContractError as exc:
            pytest.fail(f"a put was refused that saved metadata {fault}, or the like: {exc}")


def like(store: OmegaStore, omega: Omega) -> OmegaStore:
    """Return the store of ``omega`` that has the prefix of ``store``."""
    stores = (omega.datasets, omega.models, omega.jobs)
    return next(candidate for candidate in stores if candidate.prefix == store.prefix)


def left_over(store: OmegaStore, directories: Collection[Path] = ()) -> list[str]:
    """Return what is left over when all leases are over and all is collected."""
    let_time_pass(store.database.mongodb, HOUR)
    collected = store.omega.gc(grace=0)
    return [*collected.blocked, *find_orphans(store.database.mongodb, directories)]


def own_collections(store: OmegaStore) -> dict[str, int]:
    """Return how many documents there are in collections that are not omega_core's."""
    database = store.database.mongodb
    names = [name for name in database.list_collection_names() if not name.startswith("omega.")]
    return {name: database[name].count_documents({}) for name in names}


def nothing_left(what: str, left: Collection[str]) -> None:
    """Fail where something is left over."""
    __tracebackhide__ = True
    if left:
        broken(what, expected="nothing that belongs to no object", got=shown(list(left)))
