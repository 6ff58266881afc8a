"""Tests of an engine whose processes die: for authors of engines.

::

    class TestDeaths(EngineDeathTests):
        @pytest.fixture
        def om(self, cluster): ...
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ..omega import Omega
from .held_model import HeldModel, wait_until


class EngineDeathTests:
    """Whoever dies meanwhile: one version is stored, and the result is found again by its id.

    The fixture ``om`` is an `Omega` whose engine has two worker processes at work, which are
    replaced when they die, in a fresh bucket. The plugin of `omega_core.testing.held_model` is
    installed, for the workers too.
    """

    @pytest.fixture
    def model(self, tmp_path: Path) -> HeldModel:
        (tmp_path / "home").mkdir()
        return HeldModel(str(tmp_path / "home"))

    def test_a_worker_dies_in_the_middle_of_a_fit(self, om: Omega, model: HeldModel) -> None:
        om.models.put(model, "held")
        result = om.runtime.model("held").fit([1.0, 2.0])
        [victim] = model.wait_for_fits(1)
        os.kill(victim, signal.SIGKILL)
        assert len(set(model.wait_for_fits(2))) == 2
        model.let_go()
        assert result.get(60).version == 2
        assert_fitted_once(om, result.id)

    def test_a_worker_dies_that_has_stored_and_not_yet_told(
        self, om: Omega, model: HeldModel
    ) -> None:
        om.models.put(HeldModel(model.home, suicidal=True), "held")
        model.let_go()
        result = om.runtime.model("held").fit([1.0, 2.0])
        assert result.get(60).version == 2
        assert_fitted_once(om, result.id)

    def test_the_client_dies(self, om: Omega, model: HeldModel) -> None:
        om.models.put(model, "held")
        program = f"""
            import sys
            from omega_core import Omega
            om = Omega({om.config.to_dict(redact=False)!r})
            print(om.runtime.model("held").fit([1.0, 2.0]).id, flush=True)
            sys.stdin.read()
        """
        client = subprocess.Popen(
            [sys.executable, "-P", "-c", textwrap.dedent(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with client:
            assert client.stdout is not None
            id = client.stdout.readline().strip()
            model.wait_for_fits(1)
            client.kill()
        model.let_go()
        assert_fitted_once(om, id)


def assert_fitted_once(om: Omega, id: str) -> None:
    """Assert what every death has to leave behind: one fit, a result, no temporary dataset."""
    found = om.runtime.result(id)
    wait_until(found.done)
    assert found.get().version == 2
    assert [version.version for version in om.models.versions("held")] == [1, 2]
    assert om.models.get("held").fits == 1
    om.gc(0)
    assert om.datasets.list(hidden=True) == []
