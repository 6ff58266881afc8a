"""A worker keeps the models that it asks, never an old one, and never one that asking changes."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neighbors import BallTree, KDTree, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from omega_core import Omega, hookimpl
from omega_sklearn.actions.sharing import shared_size
from omega_sklearn.formats.skops_format import SkopsBackend

from ..formats.test_estimators import ESTIMATORS, INPUTS, _fitted, _instance

X = [[0.0], [1.0], [2.0]]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the models that were read, which grows."""
    names: list[str] = []
    loads = SkopsBackend.loads

    def counted(self: SkopsBackend, data: bytes, name: str) -> Any:
        names.append(name)
        return loads(self, data, name)

    monkeypatch.setattr(SkopsBackend, "loads", counted)
    return names


def line(slope: float) -> LinearRegression:
    return LinearRegression().fit(X, [0.0, slope, 2 * slope])


def asked(om: Omega) -> float:
    return float(round(om.runtime.model("m").predict([[1.0]]).get()[0], 6))


def test_a_model_that_is_asked_again_is_not_read_again(om: Omega, reads: list[str]) -> None:
    om.models.put(line(3), "m")
    reads.clear()
    assert [asked(om) for _ in range(3)] == [3, 3, 3]
    assert reads == ["m"]
    om.runtime.model("m").score(X, [0.0, 3.0, 6.0]).get()
    assert reads == ["m"]


def test_who_gets_a_model_gets_one_of_its_own(om: Omega, reads: list[str]) -> None:
    om.models.put(line(3), "m")
    asked(om)
    own = om.models.get("m")
    own.coef_[:] = 99
    assert asked(om) == 3
    assert om.models.get("m") is not own


def test_a_fit_reads_a_model_of_its_own(om: Omega) -> None:
    om.models.put(line(3), "m")
    assert asked(om) == 3
    om.runtime.model("m").fit(X, [0.0, 5.0, 10.0]).get()
    assert asked(om) == 5
    om.datasets.put([[1.0]], "X")
    assert round(om.models.perform("predict", "m", "X", version=1)[0], 6) == 3


def test_what_is_kept_is_never_an_old_version(om: Omega, make_omega: Callable[..., Omega]) -> None:
    om.models.put(line(3), "m")
    assert asked(om) == 3
    elsewhere = make_omega()
    elsewhere.models.put(line(4), "m")
    assert asked(om) == 4
    elsewhere.models.restore("m", 1)
    assert asked(om) == 3
    elsewhere.models.drop("m")
    elsewhere.models.gc(grace=0)
    with pytest.raises(KeyError):
        asked(om)
    elsewhere.models.put(line(7), "m")
    assert asked(om) == 7


def test_buckets_do_not_share_models(om: Omega) -> None:
    om.models.put(line(3), "m")
    om["b"].models.put(line(4), "m")
    assert (asked(om), asked(om["b"])) == (3, 4)


def test_nothing_is_kept_where_the_configuration_says_so(
    make_omega: Callable[..., Omega], reads: list[str]
) -> None:
    om = make_omega(runtime={"cache": 0})
    om.models.put(line(3), "m")
    reads.clear()
    assert [asked(om) for _ in range(3)] == [3, 3, 3]
    assert reads == ["m"] * 3


def test_a_wrapper_of_get_sees_every_reading(om: Omega) -> None:
    class Audit:
        names: list[str] = []  # noqa: RUF012

        @hookimpl(wrapper=True)
        def get(self, name: str) -> Any:
            self.names.append(name)
            return (yield)

    om.models.put(line(3), "m")
    om.plugins.manager.register(Audit())
    asked(om)
    asked(om)
    assert Audit.names.count("m") == 2


def test_a_forked_worker_asks_models_too(om: Omega) -> None:
    om.models.put(line(3), "m")
    om.datasets.put([[1.0]], "X")
    assert asked(om) == 3
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, b"%.3f" % om.models.perform("predict", "m", "X")[0])
        finally:
            os._exit(0)
    os.close(writer)
    assert os.read(reader, 100) == b"3.000"
    os.waitpid(child, 0)
    os.close(reader)


class Counting(BaseEstimator):  # type: ignore[misc]
    """Of a package of its own."""

    def fit(self, X: Any) -> Counting:
        return self


def test_only_what_is_scikit_learns_own_is_kept() -> None:
    assert shared_size(line(1)) is not None
    scaled = make_pipeline(StandardScaler(), Ridge()).fit(X, [1, 2, 3])
    assert shared_size(scaled) is not None
    assert shared_size(Counting()) is None
    assert shared_size(make_pipeline(HashingVectorizer())) is None
    assert shared_size(make_pipeline(Counting(), Ridge())) is None
    assert shared_size(Ridge(random_state=np.random.RandomState(1))) is None
    large = KNeighborsRegressor(algorithm="kd_tree").fit(np.ones((1000, 10)), np.ones(1000))
    size = shared_size(large)
    assert size is not None
    assert size > 80_000


class _State(pickle.Pickler):
    """What a model holds, but for how often its search trees were asked."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (KDTree, BallTree)) or type(obj).__name__[-6:] in ("Tree32", "Tree64"):
            arrays = [part for part in obj.__getstate__() if isinstance(part, np.ndarray)]
            return tuple, (arrays,)
        return NotImplemented


def state(model: Any) -> bytes:
    file = io.BytesIO()
    _State(file).dump(model)
    return file.getvalue()


ASKING = (
    *("predict", "predict_proba", "predict_log_proba", "decision_function", "score"),
    *("transform", "inverse_transform", "score_samples", "kneighbors", "apply"),
)


def unasked(fitted: Any, x: Any) -> Any:
    """Return a model that was fitted on the same, and never asked."""
    for data, y in INPUTS:
        if data is x:
            with suppress(ValueError, TypeError, AttributeError, IndexError):
                return clone(fitted).fit(*((x,) if y is None else (x, y)))
    raise AssertionError


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of scikit-learn about our small data
@pytest.mark.parametrize("name", sorted(set(ESTIMATORS) - {"Birch"}))
def test_no_estimator_is_changed_by_being_asked(name: str) -> None:
    fitted, x = _fitted(_instance(name, ESTIMATORS[name]))
    model = pickle.loads(pickle.dumps(unasked(fitted, x)))
    if shared_size(model) is None:
        pytest.skip("it is not shared")
    before = state(model)
    for method in ASKING:
        with suppress(TypeError, ValueError, AttributeError):  # of what takes other data
            getattr(model, method)(x)
        assert state(model) == before, method
