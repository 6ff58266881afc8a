"""A backend declares actions of its own by their method; whatever else there is of them follows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from omega_core import BackendSpec, BaseModelBackend, Omega, action, hookimpl
from omega_core.errors import ObjectNotFoundError, PluginContractError, UnsupportedOptionError

Backend = Any


class Watch:
    """Stands around all actions that have no hook of their own."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @hookimpl(wrapper=True)
    def act(
        self, store: Any, meta: Any, action: str, modelname: str, arguments: Any, options: Any
    ) -> Any:
        self.seen.append((meta.kind, action, modelname, dict(arguments), dict(options)))
        return (yield)


@pytest.fixture
def near(om: Omega, backend: Backend) -> Omega:
    """The model ``n``, with actions of its own."""

    class Near(backend):  # type: ignore[misc]
        KIND = "test.near"

        @action
        def nearest(
            self,
            modelname: str,
            Xname: str,
            Yname: str,
            rName: str | None = None,
            pure_python: bool = True,
            n: int = 1,
            **kwargs: Any,
        ) -> Any:
            """Return the nearest.

            And more of it.
            """
            result = [self.data_store.get(Xname), self.data_store.get(Yname), n, kwargs]
            return result if rName is None else self.data_store.put(result, rName)

        @action(fits="anew")
        def settle(self, modelname: str, Xname: str, *, by: float = 1.0) -> Any:
            """Fit the model in another way."""
            return self.model_store.put(self.Model(by * self.sum(Xname)), modelname)

        @action(fits="further")
        def extend(self, modelname: str, Xname: str) -> Any:
            return self.partial_fit(modelname, Xname)

    om.models.register_backend(BackendSpec("test.near", Near, types=None))
    om.models.put(backend.Model(), "n", kind="test.near")
    om.datasets.put([7.0], "Y")
    return om


def test_the_runtime_offers_the_actions_of_the_model(near: Omega) -> None:
    model: Any = near.runtime.model("n")
    assert {"nearest", "settle", "extend", "fit", "predict"} <= set(dir(model))
    assert "nearest" not in dir(near.runtime.model("m"))
    assert list(inspect.signature(model.nearest).parameters) == [
        *("X", "Y", "rName", "pure_python", "Xname", "Yname", "n", "kwargs")
    ]
    assert model.nearest.__doc__.startswith("Return the nearest.")
    assert model.nearest("X", "Y", n=3, deep=True).get() == [[1.0, 2.0], [7.0], 3, {"deep": True}]
    assert model.nearest([5], "Y").get()[0] == [5]
    assert model.nearest(Xname="X", Yname="Y", rName="r").get().name == "r"
    assert near.datasets.metadata("r").lineage["action"] == "nearest"
    assert near.models.perform("nearest", "n", "X", "Y")[2] == 1
    assert near.models.get_backend("n").nearest("n", "X", "Y", n=2)[2] == 2


def test_what_fits_is_stored_with_its_lineage(near: Omega) -> None:
    model: Any = near.runtime.model("n")
    meta = model.settle("X", by=2.0).get()
    assert (meta.version, meta.lineage["action"], near.models.get("n").total) == (2, "settle", 6.0)
    meta = model.extend("X").get()
    assert (meta.lineage["model"]["version"], near.models.get("n").total) == (2, 9.0)
    assert near.models.actions("n")["extend"].fits == "further"
    assert near.models.perform("settle", "n", "X", if_rev=meta.rev).version == 4


def test_wrappers_of_act_see_them(near: Omega) -> None:
    watch = Watch()
    near.plugins.manager.register(watch)
    near.runtime.model("n").nearest("X", "Y", n=3).get()
    near.models.get_backend("n").settle("n", "X")
    near.models.perform("predict", "n", "X")
    arguments = {"Xname": "X", "Yname": "Y", "rName": None, "pure_python": True}
    assert watch.seen == [
        ("test.near", "nearest", "n", arguments, {"n": 3}),
        ("test.near", "settle", "n", {"Xname": "X"}, {}),
    ]


def test_an_unknown_action_is_an_attribute_error_with_the_nearest_name(near: Omega) -> None:
    with pytest.raises(AttributeError, match=r"'n' has no action 'nearst'.*'nearest'\?"):
        _ = near.runtime.model("n").nearst
    assert not hasattr(near.runtime.model("m"), "nearest")
    assert not hasattr(near.runtime.model("nobody"), "nearest")
    assert "fit" in dir(near.runtime.model("nobody"))
    with pytest.raises(UnsupportedOptionError, match=r"kind 'test\.near'.*'nearst'.*'nearest'\?"):
        near.models.perform("nearst", "n", "X")
    with pytest.raises(UnsupportedOptionError, match=r"kind 'test\.total'.*no action 'nearest'"):
        near.models.perform("nearest", "m", "X")
    with pytest.raises(ObjectNotFoundError):
        near.models.actions("nobody")


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda om: om.models.perform("nearest", "n", "X"), "nearest of 'n' needs Y"),
        (lambda om: om.models.perform("settle", "n", "X", "Y"), "settle of 'n' takes no Y"),
        (
            lambda om: om.models.perform("settle", "n", "X", rName="r"),
            "settle of 'n' takes no rName",
        ),
        (lambda om: om.models.perform("settle", "n", "X", bye=1), r"no option 'bye'.*'by'\?"),
        (lambda om: om.models.perform("nearest", "n", "X", "Y", if_rev=1), "takes no if_rev"),
    ],
)
def test_what_an_action_does_not_take_is_refused(
    near: Omega, act: Callable[[Omega], Any], text: str
) -> None:
    with pytest.raises(UnsupportedOptionError, match=text):
        act(near)
    assert near.models.metadata("n").version == 1


def test_the_actions_of_a_model_are_listed(near: Omega) -> None:
    assert list(near.models.actions("m")) == ["fit", "partial_fit", "predict", "columns", "script"]
    assert near.models.actions("n")["nearest"].summary.splitlines()[0] == "Return the nearest."
    assert near.datasets.actions("X") == {}


def declare_badly(*parameters: str, **declaration: Any) -> Any:
    body: dict[str, Any] = {}
    exec(f"def odd({', '.join(parameters)}): pass", body)
    return action(**declaration)(body["odd"])


@pytest.mark.parametrize(
    ("parameters", "declaration", "text"),
    [
        (("self", "name", "X"), {}, "its parameters begin with name, X"),
        (("self", "modelname"), {}, "its parameters begin with modelname"),
        (("self", "modelname", "Xname", "*args"), {}, "parameters without a name"),
        (("self", "modelname", "Xname", "/"), {}, "parameters without a name"),
        (("self", "modelname", "Xname"), {"fits": "often"}, "neither 'anew' nor 'further'"),
    ],
)
def test_a_declaration_that_could_not_be_called_is_refused_at_once(
    parameters: tuple[str, ...], declaration: dict[str, Any], text: str
) -> None:
    with pytest.raises(PluginContractError, match=rf"@action on odd: .*{text}"):
        declare_badly(*parameters, **declaration)


def test_an_action_that_is_overridden_with_other_parameters_is_refused(om: Omega) -> None:
    class Base(BaseModelBackend):
        @action
        def nearest(self, modelname: str, Xname: str, pure_python: bool = True) -> Any:
            return []

    class Odd(Base):
        KIND = "test.odd"

        def nearest(self, rows: Any) -> Any:  # type: ignore[override]
            return rows

    om.models.register_backend(Odd)
    with pytest.raises(PluginContractError, match=r"'test\.odd'.*Odd\.nearest\(rows"):
        om.models.get_backend_bykind("test.odd")
