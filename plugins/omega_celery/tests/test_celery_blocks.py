"""Data larger than memory, and many datasets, over the workers of another process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from omega_core import Omega

from .conftest import Broker, Workers

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
linear = pytest.importorskip("sklearn.linear_model")

pytestmark = [pytest.mark.slow, pytest.mark.needs_plugins("pandas", "sklearn")]


@pytest.fixture
def om(
    broker: Broker, workers: Workers, make_config: Callable[..., dict[str, Any]]
) -> Iterator[Omega]:
    with Omega(make_config(broker, "celery_shared")) as made:
        yield made


def test_chunks_become_one_object_or_none(om: Omega) -> None:
    index = pd.date_range("2024", periods=1000, freq="h")
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(1000, 3)), index=index).add_prefix("c")
    model = linear.LogisticRegression().fit(X, (X.c0 > 0).astype(int))
    om.models.put(model, "m")
    om.datasets.put(X, "X")
    result = om.runtime.model("m").predict("X", rName="r", chunksize=300)
    assert result.get(60).name == "r"
    assert om.runtime.result(result.id).get() == om.datasets.metadata("r")
    stored = om.datasets.get("r")
    assert stored.tolist() == model.predict(X).tolist()
    assert stored.index.equals(index)
    X.iloc[-1, 0] = np.nan
    om.datasets.put(X, "bad")
    with pytest.raises(ValueError, match="NaN"):
        om.runtime.model("m").predict("bad", rName="r2", chunksize=300).get(60)
    assert not om.datasets.exists("r2")


def test_many_datasets_are_taken_at_once(om: Omega) -> None:
    om.models.put(linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), "line")
    names = [f"X{n}" for n in range(4)]
    for n, name in enumerate(names):
        om.datasets.put([[float(n)]], name)
    found = {X: result.get()[0] for _, X, result in om.runtime.map("predict", "line", names)}
    assert {X: round(value, 6) for X, value in found.items()} == {
        name: 2.0 * n for n, name in enumerate(names)
    }
