"""Whoever dies meanwhile: one version is stored, and the result is found again by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from omega_core import Omega
from omega_core.testing.engine_deaths import EngineDeathTests, assert_fitted_once
from omega_core.testing.held_model import HeldModel

from .conftest import Broker, Workers

pytestmark = pytest.mark.slow

Start = Callable[..., Workers]


@pytest.fixture(scope="module")
def mortal(make_broker: Callable[[], Broker]) -> Broker:
    """A broker of these tests alone."""
    return make_broker()


@pytest.fixture(scope="module")
def start(
    mortal: Broker,
    make_config: Callable[..., dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Start]:
    """Start a worker, unless there is one."""
    running: list[Workers] = []

    def start(**section: Any) -> Workers:
        if not running or running[-1].dead:
            config = make_config(mortal, "celery_deaths", **section)
            running.append(Workers(config, tmp_path_factory.mktemp("celery")))
        return running[-1]

    yield start
    for workers in running:
        workers.kill()


class TestDeaths(EngineDeathTests):
    @pytest.fixture
    def om(
        self, mortal: Broker, start: Start, make_config: Callable[..., dict[str, Any]]
    ) -> Iterator[Omega]:
        start()
        config = make_config(mortal, "celery_deaths", timeout=60.0)
        with Omega(config) as made:
            yield made

    def test_the_broker_dies(self, om: Omega, mortal: Broker, model: HeldModel) -> None:
        om.models.put(model, "held")
        result = om.runtime.model("held").fit([1.0, 2.0])
        model.wait_for_fits(1)
        mortal.kill()
        model.let_go()
        mortal.start()
        assert result.get(60).version == 2
        assert_fitted_once(om, result.id)

    def test_all_of_a_worker_dies(self, om: Omega, start: Start, model: HeldModel) -> None:
        om.models.put(model, "held")
        result = om.runtime.model("held").fit([1.0, 2.0])
        model.wait_for_fits(1)
        start().kill()
        start(visibility=1.0)
        model.wait_for_fits(2)
        model.let_go()
        assert result.get(60).version == 2
        assert_fitted_once(om, result.id)
