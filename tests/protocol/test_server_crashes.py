"""The server dies in the middle of a put, with what it had not written to disk, and comes back.

Whatever was acknowledged is whole afterwards: data that a new life of the server does not have is
never named by a commit that it accepts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from mongoengine.fields import GridFSProxy

from omega_core import BaseDataBackend, Metadata, Omega
from omega_core.errors import OmegaError
from omega_core.testing.faults import FaultProxy, let_time_pass
from omega_core.testing.fixtures import PrivateMongod
from omega_core.testing.orphans import find_orphans

Put = Callable[[Omega, int], Any]


class Documents(BaseDataBackend):
    """A backend of a third party: documents in the collection of the object."""

    KIND = "crash.documents"
    TYPES = None

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        collection = self.data_store.collection(name)
        for item in obj:
            collection.insert_one({"item": item})
        meta = self.data_store.make_metadata(name, self.KIND)
        meta.collection = collection
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        return [row["item"] for row in self.data_store.collection(name).find()]


class File(BaseDataBackend):
    """A backend of a third party: a file in the driver's own GridFS."""

    KIND = "crash.file"
    TYPES = None

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND)
        meta.gridfile = GridFSProxy(grid_id=self.data_store.fs.put(BytesIO(obj)))
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return meta.gridfile.read()


def _frame(om: Omega, i: int, **options: Any) -> Any:
    pd = pytest.importorskip("pandas")
    return om.datasets.put(pd.DataFrame({"x": [i] * 3}), "x", **options)


def _rows(om: Omega, i: int, **options: Any) -> Any:
    return om.datasets.put([{"i": i}] * 3, "x", kind="python.rows", **options)


PUTS: dict[str, Put] = {
    "python.data": lambda om, i: om.datasets.put({"i": i}, "x"),
    "python.data, large": lambda om, i: om.datasets.put([i] * 20_000, "x"),
    "python.file": lambda om, i: om.datasets.put(bytes([i]) * 50_000, "x"),
    "python.rows": _rows,
    "python.rows, append": lambda om, i: _rows(om, i, append=i > 0),
    "pandas.dataframe": _frame,
    "pandas.dataframe, append": lambda om, i: _frame(om, i, append=i > 0),
    "pandas.dfrows": lambda om, i: _frame(om, i, layout="rows"),
    "collection": lambda om, i: om.datasets.put([i, i], "x", kind="crash.documents"),
    "fs": lambda om, i: om.datasets.put(bytes([i]) * 9, "x", kind="crash.file"),
}


class Crashes:
    """A server behind a proxy, and clients on both sides of it."""

    def __init__(self, server: PrivateMongod) -> None:
        self.server = server
        self.proxy = FaultProxy(server.url())
        # Long enough for the server to come back, so that the client may go on as if nothing was.
        self.through = self._omega(self.proxy.url("omega"))
        self.beside = self._omega(server.url())

    @staticmethod
    def _omega(url: str) -> Omega:
        om = Omega({"mongo": {"url": url, "timeout": 20.0}})
        om.datasets.register_backend(Documents)
        om.datasets.register_backend(File)
        return om

    def crash(self) -> None:
        self.server.kill()
        self.server.restart()

    def close(self) -> None:
        self.through.close()
        self.beside.close()
        self.proxy.close()


@pytest.fixture
def crashes(private_mongod: PrivateMongod) -> Iterator[Crashes]:
    stage = Crashes(private_mongod)
    yield stage
    stage.close()


def value(om: Omega) -> Any:
    found = om.datasets.get("x")
    if hasattr(found, "read"):
        with found:
            return found.read()
    return found.to_dict("list") if hasattr(found, "to_dict") else found


@pytest.mark.slow
@pytest.mark.parametrize("put", PUTS.values(), ids=PUTS)
def test_what_is_acknowledged_is_whole_though_the_server_died_before_the_commit(
    crashes: Crashes, put: Put, request: pytest.FixtureRequest
) -> None:
    put(crashes.through, 0)
    with crashes.proxy.fault(0, "lost command") as counting:
        put(crashes.through, 1)
    for i, step in enumerate(range(2, len(counting.commands) + 1), start=2):
        before = value(crashes.beside)
        with crashes.proxy.fault(step, "lost command", then=crashes.crash) as fault:
            try:
                put(crashes.through, i)
                acknowledged = True
            except OmegaError:
                acknowledged = False
        assert fault.struck is not None, f"there is no step {step}"
        now = value(crashes.beside)
        assert acknowledged or now == before, f"step {step}, {fault.struck}"
        if acknowledged:
            assert now != before, f"step {step}, {fault.struck}"
            if "append" not in request.node.callspec.id:
                put(crashes.beside, i)  # the same, with nothing in between
                assert now == value(crashes.beside), f"step {step}, {fault.struck}"
    let_time_pass(crashes.beside.database.mongodb, 3600)
    assert crashes.beside.gc(grace=0).blocked == []
    assert find_orphans(crashes.beside.database.mongodb) == []


@pytest.mark.slow
def test_a_log_of_appends_stays_readable_over_many_deaths_of_the_server(crashes: Crashes) -> None:
    crashes.beside.datasets.put([{"i": 0}], "log", kind="python.rows")
    acknowledged = [0]
    for i in itertools.count(1):
        if len(acknowledged) == 6:
            break
        with crashes.proxy.fault(2 + i % 3, "lost command", then=crashes.crash):
            try:
                crashes.through.datasets.put([{"i": i}], "log", kind="python.rows", append=True)
                acknowledged.append(i)
            except OmegaError:
                pass
        assert [row["i"] for row in crashes.beside.datasets.get("log")] == acknowledged
