"""What scikit-learn does in parallel within one fit runs on all workers, where that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega

from .certificates import Certificates
from .conftest import Cluster

pytest.importorskip("sklearn")
pytestmark = [pytest.mark.slow, pytest.mark.needs_plugins("pandas", "sklearn")]


@pytest.fixture(scope="module")
def spreading(make_cluster: Callable[..., Cluster], certificates: Certificates) -> Cluster:
    found = make_cluster(certificates=certificates)
    found.start_workers(2, joblib="true")
    return found


def test_a_grid_search_is_spread_and_stored_as_a_model(
    spreading: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV

    # Within the test, so that it travels as it is: the scheduler cannot import this module.
    def executed_there(dask_scheduler: Any) -> int:
        return sum(1 for log in dask_scheduler.transition_log if log[2] == "memory")

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=60)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=4)
    local = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=4).fit(X, y)
    # The scheduler imports scikit-learn meanwhile, and answers nobody for as long as that takes.
    with Omega(spreading.config(timeout=60.0)) as om, spreading.client() as client:
        om.datasets.put(X, "X")
        om.datasets.put(y, "y")
        om.models.put(search, "search")
        om.runtime.model("search").fit("X", "y").get(120)
        executed = client.run_on_scheduler(executed_there)
        fitted = om.models.get("search")
        predicted = om.runtime.model("search").predict("X").get(120)
    assert fitted.best_params_ == local.best_params_
    np.testing.assert_allclose(
        fitted.cv_results_["mean_test_score"], local.cv_results_["mean_test_score"]
    )
    np.testing.assert_allclose(predicted, local.predict(X))
    assert executed > 1  # more tasks than the fit itself
