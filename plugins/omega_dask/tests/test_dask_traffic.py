"""What client, scheduler and workers say to each other: names, and not what they stand for."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omega_core import Omega
from omega_core.testing.engine_model import KitModel
from omega_core.testing.traffic import Traffic

from .conftest import Cluster

SECRET = "hunter2canary"
NUMBER = 48271.90625

pytestmark = pytest.mark.slow


@pytest.fixture
def traffic(make_cluster: Callable[..., Cluster]) -> Iterator[tuple[Traffic, Omega]]:
    """Everything that a client and two workers say to a scheduler, and it to them."""
    cluster = make_cluster()
    host, _, port = cluster.address.removeprefix("tcp://").partition(":")
    with Traffic((host, int(port))) as recorded:
        assert not isinstance(recorded.address, Path)
        scheduler = f"tcp://127.0.0.1:{recorded.address[1]}"
        cluster.url += f"?appName={SECRET}"
        cluster.start_workers(2, scheduler=scheduler)
        with Omega(cluster.config(scheduler=scheduler)) as om:
            yield recorded, om


def test_no_credential_no_data_and_no_code_travels(traffic: tuple[Traffic, Omega]) -> None:
    recorded, om = traffic
    om.datasets.put([NUMBER, NUMBER], "inputs")
    om.models.put(KitModel(), "estimator")
    model = om.runtime.model("estimator")
    assert model.fit("inputs").get(60).version == 2
    assert model.predict([NUMBER]).get(60) == [NUMBER]
    assert model.predict("inputs", rName="outputs").get(60).name == "outputs"
    failed = model.fit("missing")
    assert "missing" in str(failed.exception(60))

    assert b"estimator" in recorded  # so this is where the tasks pass
    assert b"recorded" in recorded  # and what comes of them
    assert SECRET.encode() not in recorded
    assert b"mongodb" not in recorded
    for said in (repr(NUMBER).encode(), struct.pack("<d", NUMBER), struct.pack(">d", NUMBER)):
        assert said not in recorded
    assert b"ObjectNotFound" not in recorded


def test_what_dask_pickles_names_our_function_and_dask_alone(
    traffic: tuple[Traffic, Omega],
) -> None:
    recorded, om = traffic
    om.datasets.put([1.0], "inputs")
    om.models.put(KitModel(), "estimator")
    om.runtime.model("estimator").fit("inputs").get(60)
    names = recorded.pickled()
    assert "omega_dask.worker.run_task" in names
    foreign = {name for name in names if not name.startswith(("distributed.", "dask."))}
    assert foreign == {"omega_dask.worker.run_task", "builtins.str"}
