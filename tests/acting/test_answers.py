"""What an action gives back is what was promised, or an error names who did not keep it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Any

import pytest

from omega_core import Omega
from omega_core.answers import first_foreign
from omega_core.errors import PluginContractError

Backend = Any


class OddList(list):  # type: ignore[type-arg]
    """A list that is none of Python's own."""


class OddInt(int):
    """An int that is none of Python's own."""


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        "text",
        b"bytes",
        [],
        {},
        [[1, 2.0], ["x", None], []],
        {"a": [1, {"b": (2, {3})}]},
        [dt.datetime(2026, 1, 2, tzinfo=dt.UTC), Decimal("1.5")],
        [1, [2, [3, [4]]], "mixed", {"deep": [5]}],
    ],
    ids=repr,
)
def test_what_is_pythons_own_is_plain(value: Any) -> None:
    assert first_foreign(value) is None


@pytest.mark.parametrize(
    "value",
    [
        OddInt(1),
        [1, OddInt(1)],
        [[1.0], [1.0, OddInt(1)]],
        [1, [2, [OddInt(3)]]],
        {"a": [OddInt(1)]},
        {OddInt(1): "key"},
        ({"a": OddInt(1)},),
    ],
    ids=repr,
)
def test_what_is_not_is_found_however_deep(value: Any) -> None:
    assert first_foreign(value) is OddInt


def test_other_things_are_not_plain() -> None:
    assert first_foreign(OddList()) is OddList
    assert first_foreign([iter([1])]) is type(iter([1]))
    assert first_foreign([object()]) is object
    endless: list[Any] = []
    endless.append(endless)
    assert first_foreign(endless) is None


def answering(om: Omega, backend: Backend, act: Callable[..., Any], **more: Any) -> Any:
    """Let the backend of ``m`` do this as an action."""
    backend.meanwhile = staticmethod(act)
    return om.models.perform("script", "m", "X", **more)


def test_the_objects_of_a_library_are_given_on_request(om: Omega, backend: Backend) -> None:
    assert type(answering(om, backend, lambda *_: OddInt(1), pure_python=False)) is OddInt
    with pytest.raises(PluginContractError, match=r"script of 'm'.*pure_python=True it returned"):
        answering(om, backend, lambda *_: OddInt(1))


def test_it_is_said_what_was_stored_nevertheless(om: Omega, backend: Backend) -> None:
    def act(self: Any, model: str, X: str) -> Any:
        self.data_store.put([1], "by the way")
        return object()

    with pytest.raises(PluginContractError, match="It stored data/'by the way', version 1"):
        answering(om, backend, act)
    assert om.datasets.get("by the way") == [1]


def test_a_wrapper_that_changes_the_answer_is_named_as_well(
    make_omega: Callable[..., Omega], install: Callable[..., str], backend: Backend
) -> None:
    install(
        "meddle",
        """
        from omega_core import hookimpl

        @hookimpl(wrapper=True)
        def fit():
            meta = yield
            return meta.name
        """,
    )
    om = make_omega(plugins={"enabled": ["meddle"]})
    om.models.register_backend(backend)
    om.models.put(backend.Model(), "m")
    om.datasets.put([1.0], "X")
    told = r"within the wrappers of .*meddle.*returned a str, .*It stored models/'m', version 2"
    with pytest.raises(PluginContractError, match=told):
        om.models.perform("fit", "m", "X")


def test_who_is_asked_stores_no_model_and_no_data(om: Omega, backend: Backend) -> None:
    def fit(self: Any, model: str, X: str) -> Any:
        return self.fit(model, X).name

    def put(self: Any, model: str, X: str) -> Any:
        return self.data_store.put([0], X).name

    def drop(self: Any, model: str, X: str) -> Any:
        return self.model_store.drop(model)

    for act, told in (
        (fit, "stores the model 'm' anew"),
        (put, "another dataset"),
        (drop, "drops"),
    ):
        with pytest.raises(PluginContractError, match=told):
            answering(om, backend, act)
    assert om.models.metadata("m").version == om.datasets.metadata("X").version == 1


def test_a_wrapper_may_store_what_it_wants(om: Omega, backend: Backend) -> None:
    from omega_core import hookimpl

    class Refresh:
        @hookimpl(wrapper=True)
        def predict(self, store: Any) -> Generator[None, Any, Any]:
            result = yield
            store.put(backend.Model(1.0), "m")
            store.stores["data/"].put([0.0], "X")
            return result

    om.plugins.manager.register(Refresh())
    assert om.models.perform("predict", "m", "X") == [None, 3.0]
    assert om.models.metadata("m").lineage is None


def test_a_result_may_take_the_place_of_its_data(om: Omega) -> None:
    om.models.perform("fit", "m", "X")
    meta = om.models.perform("predict", "m", "X", rName="X")
    assert (meta.version, meta.lineage["X"]["version"]) == (2, 1)
    assert om.datasets.get("X") == [3.0, 3.0]


def test_an_error_of_the_backend_is_its_own(om: Omega, backend: Backend) -> None:
    def act(self: Any, model: str, X: str) -> Any:
        self.data_store.get(X)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        answering(om, backend, act)


def test_another_way_to_read_is_no_breach(om: Omega, backend: Backend) -> None:
    def act(self: Any, model: str, X: str) -> Any:
        try:
            return self.data_store.get(X, lazy=True)
        except TypeError:
            return self.data_store.get(X)

    assert answering(om, backend, act) == [1.0, 2.0]
