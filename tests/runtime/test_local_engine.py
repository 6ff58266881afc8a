"""The local engine keeps the contract of all engines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Omega, OmegaStore
from omega_core.testing.engines import EngineTests

needs_versions = pytest.mark.skipif(
    "version" not in inspect.signature(OmegaStore.perform).parameters, reason="not there yet"
)


class TestLocal(EngineTests):
    @pytest.fixture
    def om(self, engine_kit: Path, make_omega: Callable[..., Omega]) -> Omega:
        return make_omega(runtime={"workers": self.workers})

    @needs_versions
    def test_the_version_that_is_asked_for_acts(self, bucket: Omega) -> None:
        super().test_the_version_that_is_asked_for_acts(bucket)

    @needs_versions
    def test_a_fit_that_expects_another_revision_is_refused(self, bucket: Omega) -> None:
        super().test_a_fit_that_expects_another_revision_is_refused(bucket)
