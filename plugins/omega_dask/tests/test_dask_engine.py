"""Tasks on a cluster of Dask: what is different there from a pool of threads."""

from __future__ import annotations

import pytest

from omega_core import Omega

from .conftest import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.needs_plugins("pandas", "sklearn")]


def test_a_fit_by_name_happens_on_a_worker(om: Omega, cluster: Cluster) -> None:
    from sklearn.linear_model import LinearRegression

    om.datasets.put([[1.0], [2.0], [3.0]], "X")
    om.datasets.put([2.0, 4.0, 6.0], "y")
    om.models.put(LinearRegression(), "line")
    fitted = om.runtime.model("line").fit("X", "y")
    assert fitted.get().version == 2
    assert om.runtime.model("line").predict([[10.0]]).get() == pytest.approx([20.0])
    assert om.runtime.result(fitted.id).get().version == 2
