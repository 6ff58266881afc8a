"""The tests that an engine has to pass for data larger than memory, and for many datasets at once.

Beside `omega_core.testing.engines.EngineTests`, with the same fixture ``om``. They need
omega-pandas and omega-sklearn, here and where the workers are.
"""

from __future__ import annotations

from typing import Any

import pytest

from ..omega import Omega
from .promises import NOT_SO, holds, promise, raising

_PATIENCE = 180.0


class BlockTests:
    """What `om.runtime.map` and ``chunksize=`` promise, on any engine."""

    @pytest.fixture
    def linear(self) -> Any:
        for plugin in ("omega_pandas", "omega_sklearn"):
            pytest.importorskip(plugin, reason=f"data and models of these tests need {plugin}")
        return pytest.importorskip("sklearn.linear_model")

    def test_chunks_become_one_object_or_none(self, om: Omega, linear: Any) -> None:
        what = "chunks become one object or none"
        import numpy as np
        import pandas as pd

        index = pd.date_range("2024", periods=1000, freq="h")
        values = np.random.default_rng(0).normal(size=(1000, 3))
        X = pd.DataFrame(values, index=index).add_prefix("c")
        model = linear.LogisticRegression().fit(X, (X.c0 > 0).astype(int))
        om.models.put(model, "m")
        om.datasets.put(X, "X")
        result = om.runtime.model("m").predict("X", rName="r", chunksize=300)
        promise(what, result.get(_PATIENCE).name, "r")
        promise(what, om.runtime.result(result.id).get(), om.datasets.metadata("r"))
        stored = om.datasets.get("r")
        promise(what, stored.tolist(), model.predict(X).tolist())
        holds(what, stored.index.equals(index), expected="stored.index.equals(index)", got=NOT_SO)
        X.iloc[-1, 0] = np.nan
        om.datasets.put(X, "bad")
        with raising(ValueError, what, "NaN"):
            om.runtime.model("m").predict("bad", rName="r2", chunksize=300).get(_PATIENCE)
        holds(
            what, not om.datasets.exists("r2"), expected='not om.datasets.exists("r2")', got=NOT_SO
        )

    def test_many_datasets_are_taken_at_once(self, om: Omega, linear: Any) -> None:
        om.models.put(linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), "line")
        names = [f"X{n}" for n in range(4)]
        for n, name in enumerate(names):
            om.datasets.put([[float(n)]], name)
        found = {X: result.get()[0] for _, X, result in om.runtime.map("predict", "line", names)}
        promise(
            "many datasets are taken at once",
            {X: round(value, 6) for X, value in found.items()},
            {name: 2.0 * n for n, name in enumerate(names)},
        )
