"""One action of many models, or on many datasets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

from omega_core import Omega, hookimpl
from omega_core.errors import ObjectNotFoundError, UnsupportedOptionError

NAMES = [f"X{n}" for n in range(6)]


@pytest.fixture
def many(om: Omega) -> Omega:
    """A store with six datasets, and two models."""
    for n, name in enumerate(NAMES):
        om.datasets.put([[float(n)], [n + 0.5]], name)
    for slope in (1, 2):
        om.models.put(LinearRegression().fit([[0.0], [1.0]], [0.0, slope]), f"m{slope}")
    return om


def rounded(values: Any) -> list[float]:
    return [float(round(value, 6)) for value in values]


def test_one_model_acts_on_many_datasets(many: Omega) -> None:
    found = {X: rounded(r.get()) for _, X, r in many.runtime.map("predict", "m2", NAMES)}
    assert found == {name: [2.0 * n, 2.0 * n + 1] for n, name in enumerate(NAMES)}


def test_many_models_act_on_one_dataset_or_each_on_its_own(many: Omega) -> None:
    on_one = {m: rounded(r.get()) for m, _, r in many.runtime.map("predict", ["m1", "m2"], "X1")}
    assert on_one == {"m1": [1.0, 1.5], "m2": [2.0, 3.0]}
    pairs = many.runtime.map("predict", ["m1", "m2"], ["X1", "X2"], ordered=True)
    assert [(m, X, rounded(r.get())) for m, X, r in pairs] == [
        ("m1", "X1", [1.0, 1.5]),
        ("m2", "X2", [4.0, 5.0]),
    ]
    ((model, X, _),) = many.runtime.map("predict", "m1", "X1")
    assert (model, X) == ("m1", "X1")
    assert list(many.runtime.map("predict", "m1", [])) == []


class Held:
    """A wrapper that holds back what is predicted for X0."""

    def __init__(self, om: Omega) -> None:
        self.go = threading.Event()
        om.plugins.manager.register(self)

    @hookimpl(wrapper=True)
    def predict(self, Xname: str) -> Iterator[None]:
        if Xname == "X0":
            assert self.go.wait(30)
        return (yield)


def test_what_ends_first_comes_first_unless_the_order_is_asked_for(many: Omega) -> None:
    held = Held(many)
    results = many.runtime.map("predict", "m1", ["X0", "X1"])
    assert next(results).X == "X1"
    held.go.set()
    assert next(results).X == "X0"
    ordered = many.runtime.map("predict", "m1", NAMES, ordered=True)
    assert [one.X for one in ordered] == NAMES


def test_a_failure_is_told_by_its_result_and_stops_no_other(many: Omega) -> None:
    found = {X: r for _, X, r in many.runtime.map("predict", "m1", ["X1", "none", "X2"])}
    assert isinstance(found["none"].exception(), ObjectNotFoundError)
    assert rounded(found["X2"].get()) == [2.0, 2.5]


def test_who_leaves_the_loop_cancels_the_rest(many: Omega) -> None:
    held = Held(many)
    results = many.runtime.map("predict", "m1", ["X0", "X1"], rName="{X} by {model}")
    assert next(results).X == "X1"
    results.close()  # type: ignore[attr-defined]
    held.go.set()
    assert many.datasets.exists("X1 by m1")
    assert not many.datasets.exists("X0 by m1")


def test_each_result_has_a_name_of_its_own(many: Omega) -> None:
    for one in many.runtime.map("predict", "m1", NAMES[:2], rName="{X}.predicted"):
        assert one.result.get().name == f"{one.X}.predicted"
    with pytest.raises(UnsupportedOptionError, match="names several results the same"):
        many.runtime.map("predict", "m1", NAMES, rName="{model}")


@pytest.mark.parametrize(
    ("models", "X", "match"),
    [
        (["m1", "m2"], NAMES, "2 models and 6 X"),
        ("m1", [[1.0]], "a name or a list of names"),
        (3, NAMES, "models takes a name"),
    ],
)
def test_what_is_no_list_of_names_is_refused(many: Omega, models: Any, X: Any, match: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=match):
        many.runtime.map("predict", models, X)


def test_hints_go_to_the_engine(many: Omega) -> None:
    with pytest.raises(UnsupportedOptionError, match="does not honour queue"):
        many.runtime.map("predict", "m1", NAMES, hints={"queue": "x"})
