"""The local engine keeps the contract of all engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Omega
from omega_core.testing.engines import EngineTests


class TestLocal(EngineTests):
    @pytest.fixture
    def om(self, engine_kit: Path, make_omega: Callable[..., Omega]) -> Omega:
        return make_omega(runtime={"workers": self.workers})
