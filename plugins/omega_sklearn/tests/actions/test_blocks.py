"""Data larger than memory, chunk by chunk: one object, equal to that of one action, or none."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler

from omega_core import Omega, hookimpl
from omega_core.errors import (
    ConflictError,
    ObjectNotFoundError,
    StaleReadError,
    TaskCancelledError,
    UnsupportedOptionError,
)
from omega_core.testing.child_processes import Child, Tell
from omega_core.testing.faults import let_time_pass
from omega_core.testing.orphans import find_orphans

pd = pytest.importorskip("pandas")
pytest.importorskip("omega_pandas")

_rng = np.random.default_rng(0)
VALUES = _rng.normal(size=(25, 3))
FRAME = pd.DataFrame(VALUES, columns=list("abc"))
TIMES = FRAME.set_axis(pd.date_range("2024", periods=25, freq="h", tz="Europe/Berlin"))
Y = pd.Series((VALUES[:, 0] > 0).astype(int), name="y")
CITIES = pd.DataFrame({"city": ["Basel", "Bern", "Chur", "Bern", "Basel"] * 5})


def classifier(X: Any) -> Any:
    return make_pipeline(MaxAbsScaler(), LogisticRegression()).fit(X, Y)


CASES: dict[str, tuple[Any, Any, str]] = {
    "a series": (FRAME, classifier(FRAME), "predict"),
    "a series with times": (TIMES, classifier(TIMES), "predict"),
    "a frame of classes": (FRAME, classifier(FRAME), "predict_proba"),
    "a frame": (TIMES, PCA(2).fit(TIMES), "transform"),
    "a frame of sparse columns": (CITIES, OneHotEncoder().fit(CITIES), "transform"),
    "an array": (VALUES, classifier(VALUES), "predict"),
    "an array of several columns": (VALUES, PCA(2).fit(VALUES), "transform"),
    "a sparse matrix": (sp.csr_matrix(VALUES), MaxAbsScaler().fit(VALUES), "transform"),
}


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize("chunksize", [4, 25, 100])
def test_the_result_is_that_of_one_action(om: Omega, what: str, chunksize: int) -> None:
    X, model, action = CASES[what]
    om.datasets.put(X, "X")
    om.models.put(model, "m")
    act = getattr(om.runtime.model("m"), action)
    act("X", rName="one").get()
    result = act("X", rName="r", chunksize=chunksize)
    meta = result.get()
    assert (meta.name, meta.version, meta.kind) == ("r", 1, om.datasets.metadata("one").kind)
    assert (result.status, result.progress) == ("success", (25, 25))
    assert om.runtime.result(result.id).get() == meta
    one, chunked = om.datasets.get("one"), om.datasets.get("r")
    assert type(one) is type(chunked)
    if sp.issparse(one):
        assert (one != chunked).nnz == 0
        assert one.shape == chunked.shape
    elif isinstance(one, np.ndarray):
        np.testing.assert_allclose(chunked, one, rtol=1e-12)
    else:
        check: Any = getattr(pd.testing, f"assert_{type(one).__name__.lower()[-6:]}_equal", None)
        check = check or pd.testing.assert_frame_equal
        check(chunked, one, check_freq=False, rtol=1e-12)
        assert chunked.index.equals(one.index)


def test_the_lineage_tells_of_all_of_x(om: Omega) -> None:
    om.datasets.put(FRAME, "X")
    om.models.put(classifier(FRAME), "m")
    om.runtime.model("m").predict("X", rName="one").get()
    om.runtime.model("m").predict("X", rName="r", chunksize=10).get()
    one, chunked = (om.datasets.metadata(name).attributes["lineage"] for name in ("one", "r"))
    for key in ("action", "model", "X", "libraries"):
        assert chunked[key] == one[key]
    assert "rows" not in chunked


def test_a_value_may_be_taken_in_chunks_too(om: Omega) -> None:
    om.models.put(classifier(FRAME), "m")
    om.runtime.model("m").predict(FRAME, rName="r", chunksize=10).get()
    assert len(om.datasets.get("r")) == 25
    assert om.datasets.list(hidden=True) == ["r"]


# --- all or nothing ------------------------------------------------------------------------------


def nothing_is_left(om: Omega, *names: str) -> bool:
    """Return whether only these datasets are there, and no other data, once all is collected."""
    let_time_pass(om.database.mongodb, 48 * 3600)
    om.gc(grace=0)
    let_time_pass(om.database.mongodb, 48 * 3600)
    om.gc(grace=0)
    listed = sorted(om.datasets.list(hidden=True)) == sorted(names)
    return listed and find_orphans(om.database.mongodb) == []


def test_where_one_chunk_fails_nothing_is_stored(om: Omega) -> None:
    bad = FRAME.copy()
    bad.iloc[20, 1] = np.nan
    om.datasets.put(bad, "X")
    om.models.put(classifier(FRAME), "m")
    result = om.runtime.model("m").predict("X", rName="r", chunksize=3)
    with pytest.raises(ValueError, match="NaN"):
        result.get()
    assert result.status == "failure"
    assert nothing_is_left(om, "X")


class Stepping:
    """A wrapper that stops at the predictions of some chunk."""

    def __init__(self, om: Omega, step: int) -> None:
        self.arrived, self.go = threading.Event(), threading.Event()
        self._step = step
        self._count = 0
        om.plugins.manager.register(self)

    @hookimpl(wrapper=True)
    def predict(self) -> Iterator[None]:
        self._count += 1
        if self._count == self._step:
            self.arrived.set()
            assert self.go.wait(30)
        return (yield)


def test_chunks_of_different_versions_of_x_are_not_mixed(
    om: Omega, make_omega: Callable[..., Omega]
) -> None:
    om.datasets.put(FRAME, "X")
    om.models.put(classifier(FRAME), "m")
    stepping = Stepping(om, 2)
    result = om.runtime.model("m").predict("X", rName="r", chunksize=5)
    assert stepping.arrived.wait(30)
    make_omega().datasets.put(-FRAME, "X")
    stepping.go.set()
    with pytest.raises(StaleReadError, match="replaced while predict read it chunk by chunk"):
        result.get()
    assert not om.datasets.exists("r")


def test_rows_that_are_appended_meanwhile_and_another_model_change_nothing(
    om: Omega, make_omega: Callable[..., Omega]
) -> None:
    om.datasets.put(FRAME, "X")
    om.models.put(classifier(FRAME), "m")
    stepping = Stepping(om, 2)
    result = om.runtime.model("m").predict("X", rName="r", chunksize=5)
    assert stepping.arrived.wait(30)
    other = make_omega()
    other.datasets.put(FRAME, "X", append=True)
    other.models.put(classifier(-FRAME), "m")
    stepping.go.set()
    result.get()
    assert om.datasets.get("r").tolist() == classifier(FRAME).predict(FRAME).tolist()


def test_what_is_cancelled_stores_nothing(om: Omega) -> None:
    om.datasets.put(FRAME, "X")
    om.models.put(classifier(FRAME), "m")
    stepping = Stepping(om, 3)
    result = om.runtime.model("m").predict("X", rName="r", chunksize=5)
    assert stepping.arrived.wait(30)
    assert result.cancel()
    stepping.go.set()
    with pytest.raises(TaskCancelledError):
        result.get()
    assert result.status == "cancelled"
    assert om.runtime.result(result.id).status == "cancelled"
    assert not om.datasets.exists("r")


def test_another_process_can_cancel_it(om: Omega, make_omega: Callable[..., Omega]) -> None:
    om.datasets.put(FRAME, "X")
    om.models.put(classifier(FRAME), "m")
    stepping = Stepping(om, 3)
    result = om.runtime.model("m").predict("X", rName="r", chunksize=2)
    assert stepping.arrived.wait(30)
    found = make_omega().runtime.result(result.id)
    assert found.status == "running"
    assert found.cancel()
    stepping.go.set()
    assert isinstance(result.exception(30), TaskCancelledError)
    assert not om.datasets.exists("r")


def test_who_closes_waits_for_what_was_asked(om: Omega, make_omega: Callable[..., Omega]) -> None:
    om.datasets.put(FRAME, "X")
    om.models.put(classifier(FRAME), "m")
    with make_omega() as other:
        result = other.runtime.model("m").predict("X", rName="r", chunksize=3)
    assert result.done()
    assert om.datasets.get("r").tolist() == classifier(FRAME).predict(FRAME).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_client_that_is_killed_leaves_nothing(
    om: Omega, make_omega: Callable[..., Omega], step: int
) -> None:
    om.datasets.put(FRAME, "X")
    om.models.put(classifier(FRAME), "m")
    victim = make_omega(runtime={"workers": 1})

    def work(tell: Tell) -> None:
        stepping = Stepping(victim, step)
        victim.runtime.model("m").predict("X", rName="r", chunksize=5)
        assert stepping.arrived.wait(30)
        tell("there")
        threading.Event().wait()

    with Child(work) as child:
        assert child.hear() == "there"
        child.kill()
    assert not om.datasets.exists("r")
    assert nothing_is_left(om, "X")


# --- fitting further -----------------------------------------------------------------------------


def test_a_model_is_fitted_chunk_by_chunk(om: Omega) -> None:
    om.datasets.put(FRAME, "X")
    om.datasets.put(Y, "y")
    om.models.put(SGDClassifier(random_state=0), "m")
    result = om.runtime.model("m").partial_fit("X", "y", chunksize=10, classes=[0, 1])
    assert result.get().version == 4
    expected = SGDClassifier(random_state=0)
    for start in (0, 10, 20):
        part = slice(start, start + 10)
        expected.partial_fit(FRAME[part], Y[part], classes=[0, 1])
    np.testing.assert_array_equal(om.models.get("m").coef_, expected.coef_)
    assert om.models.metadata("m").attributes["lineage"]["rows"] == [20, 25]


def test_a_model_that_somebody_else_fits_meanwhile_is_not_fitted_on(
    om: Omega, make_omega: Callable[..., Omega]
) -> None:
    om.datasets.put(FRAME, "X")
    om.datasets.put(Y, "y")
    om.models.put(SGDClassifier(random_state=0), "m")

    class Meddling:
        count = 0

        @hookimpl(wrapper=True)
        def partial_fit(self) -> Iterator[None]:
            self.count += 1
            answer = yield
            if self.count == 2:
                make_omega().models.put(SGDClassifier(), "m")
            return answer

    om.plugins.manager.register(Meddling())
    with pytest.raises(ConflictError):
        om.runtime.model("m").partial_fit("X", "y", chunksize=5, classes=[0, 1]).get()


# --- what cannot be ------------------------------------------------------------------------------


def test_what_makes_no_whole_of_chunks_is_refused_before_anything_runs(om: Omega) -> None:
    om.datasets.put(FRAME, "X")
    om.datasets.put(Y[:9], "y")
    om.datasets.put([[1, 2, 3]], "list")
    om.models.put(classifier(FRAME), "m")
    model = om.runtime.model("m")
    asked: list[tuple[str, Callable[[], Any]]] = [
        ("rName=", lambda: model.predict("X", chunksize=5)),
        ("chunksize is 0", lambda: model.predict("X", rName="r", chunksize=0)),
        ("chunksize is True", lambda: model.predict("X", rName="r", chunksize=True)),
        ("partial_fit takes chunks", lambda: model.fit("X", "y", chunksize=5)),
        ("not one row for each", lambda: model.score("X", "y", chunksize=5)),
        ("another number of them", lambda: model.partial_fit("X", "y", chunksize=5)),
        ("how many rows", lambda: model.predict("list", rName="r", chunksize=5)),
    ]
    for match, act in asked:
        with pytest.raises(UnsupportedOptionError, match=match):
            act()
    with pytest.raises(ObjectNotFoundError, match="'Z'"):
        model.predict("Z", rName="r", chunksize=5)
    with pytest.raises(ObjectNotFoundError, match="'other'"):
        om.runtime.model("other").predict("X", rName="r", chunksize=5)
    assert om.datasets.list(hidden=True) == ["X", "list", "y"]


# --- memory --------------------------------------------------------------------------------------

ROWS, WIDTH, CHUNK = 4_000_000, 16, 16_384


def peak() -> int:
    """Return the most memory that this process had, in bytes."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells the peak")
def test_the_frame_is_never_in_memory(om: Omega, make_omega: Callable[..., Omega]) -> None:
    def frames() -> Iterator[Any]:
        # Few distinct values, so that it is stored in no time; in memory they are what others are.
        values = np.random.default_rng(0).integers(0, 9, (250_000, WIDTH)).astype(float)
        for start in range(0, ROWS, len(values)):
            index = pd.RangeIndex(start, start + len(values))
            yield pd.DataFrame(values, index=index).add_prefix("c")

    om.datasets.put(frames(), "X")
    sample = om.datasets.get("X", rows=(0, 100))
    om.models.put(StandardScaler().fit(sample), "m")
    bare = make_omega(runtime={"workers": 2})

    def work(tell: Tell) -> None:
        bare.runtime.model("m").transform("X", rows=(0, 1000), rName="warm").get()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = peak()
        bare.runtime.model("m").transform("X", rName="r", chunksize=CHUNK).get()
        tell(peak() - before)

    with Child(work) as child:
        grown = child.hear()
        child.result()
    whole = ROWS * WIDTH * 8
    assert grown < whole / 2, f"{grown / 1e6:.0f} MB for a frame of {whole / 1e6:.0f} MB"
    assert om.datasets.metadata("r").kind_meta["rows"] == ROWS
