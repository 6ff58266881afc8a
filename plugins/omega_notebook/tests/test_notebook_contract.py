"""Notebooks keep the contract of jobs, and of whatever is stored."""

from __future__ import annotations

from typing import Any

import pytest

from omega_core.testing.jobs import JobBackendTests

from .conftest import code, notebook


class TestNotebooks(JobBackendTests):
    capabilities = ("uri", "describe")

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        return {"details": {"cells": {"code": 2}}}

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [notebook(code("day = None", "parameters"), "print(day)"), notebook("1")]

    @pytest.fixture
    def params(self) -> dict[str, Any]:
        return {"day": "2026-01-31"}

    @pytest.fixture
    def failing(self) -> Any:
        return notebook("1 / 0")
