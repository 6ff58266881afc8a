"""Any sequence of puts, appends, drops, restores, collections and crashes, against a dict."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from omega_core import Omega
from omega_core.testing.statemachine import store_state_machine

Make = Callable[..., Omega]

SMALL = st.integers(-3, 3)
SCALARS = st.none() | st.booleans() | SMALL | st.text(max_size=3) | st.binary(max_size=3)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | SMALL, inner, max_size=3)
    ),
    max_leaves=6,
)
ROWS = st.lists(st.fixed_dictionaries({"i": SMALL, "of": DATA}), max_size=4)


def run(machine: Any, examples: int = 9, steps: int = 20) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def content(stored: bytes, got: Any) -> bool:
    with got:
        return bool(got.read() == stored)


def test_python_data(om: Omega) -> None:
    run(store_state_machine(lambda: om.datasets, DATA, kind="python.data"))


def test_python_data_in_a_store_that_keeps_one_version(make_omega: Make) -> None:
    om = make_omega(stores={"keep": {"jobs": 1}})
    run(store_state_machine(lambda: om.jobs, DATA, kind="python.data"), examples=6)


def test_python_rows(om: Omega) -> None:
    run(store_state_machine(lambda: om.datasets, ROWS, kind="python.rows", append=list.__add__))


def test_python_file(make_omega: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    om = make_omega(stores={"inline": 0})
    monkeypatch.setattr("omega_core.protocol.files.CHUNK_SIZE", 4)
    monkeypatch.setattr("omega_core.payloads.CHUNK_SIZE", 4)
    objects = st.binary(max_size=20)
    run(store_state_machine(lambda: om.datasets, objects, kind="python.file", equal=content))


@pytest.mark.slow
def test_frames(om: Omega) -> None:
    pd = pytest.importorskip("pandas")
    rows = st.lists(st.tuples(SMALL, st.text(max_size=3)), max_size=4)
    objects = rows.map(lambda rows: pd.DataFrame(rows, columns=["x", "y"]))
    run(store_state_machine(lambda: om.datasets, objects, equal=pd.DataFrame.equals), examples=8)


@pytest.mark.slow
def test_estimators(om: Omega) -> None:
    pytest.importorskip("omega_sklearn")
    from sklearn.linear_model import Ridge

    def same(stored: Any, got: Any) -> bool:
        return bool(stored.get_params() == got.get_params())

    objects = SMALL.map(lambda alpha: Ridge(alpha=alpha))
    run(store_state_machine(lambda: om.models, objects, equal=same), examples=5)


@pytest.mark.parametrize("name", ["FooRows", "FooFile", "FooBlob"])
def test_the_backends_of_the_example(
    install_examples: Callable[..., None], make_omega: Make, tmp_path: Path, name: str
) -> None:
    install_examples("foo")
    cls = getattr(importlib.import_module("omega_foo.types"), name)
    plain = st.lists(st.fixed_dictionaries({"i": SMALL}), min_size=1, max_size=3)
    objects = (plain if name == "FooRows" else st.binary(min_size=1, max_size=5)).map(cls)
    om = make_omega(plugins={"foo": {"root": str(tmp_path / "foofs")}})
    run(store_state_machine(lambda: om.datasets, objects), examples=6)
    # Of blobs in a service outside, neither.
    assert not [path for path in (tmp_path / "foofs").rglob("*") if path.is_file()]
