"""A wrapper may answer in the place of the backend, and hand it another object."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import omega_core
from omega_core import Metadata, Omega, Summary
from omega_core.errors import PluginContractError
from omega_core.testing.wrappers import StubBackend, StubObject

Install = Callable[..., str]

ANSWERS = """
from omega_core import answer_with, hookimpl

KEPT = {}

@hookimpl(wrapper=True)
def get(store, name):
    if name in KEPT:
        answer_with(KEPT[name])
    return (yield)
"""
SEES = """
from omega_core import hookimpl

SEEN = []

@hookimpl(wrapper=True)
def get(name):
    result = yield
    SEEN.append((name, result))
    return result
"""
DOUBLES = """
from omega_core import change_object, hookimpl

@hookimpl(wrapper=True)
def put(obj):
    change_object(lambda obj: [*obj, "{0}"])
    return (yield)
"""


@pytest.fixture
def kept(install: Install) -> dict[str, Any]:
    """What the plugin ``answers`` answers, by name."""
    import importlib

    module = importlib.import_module(install("answers", ANSWERS))
    found: dict[str, Any] = module.KEPT
    return found


@pytest.mark.parametrize("value", [None, 0, "", [1]], ids=repr)
def test_a_wrapper_answers_a_get_and_the_backend_is_not_asked(
    kept: dict[str, Any], make_omega: Callable[..., Omega], value: Any
) -> None:
    om = make_omega()
    om.datasets.register_backend(StubBackend)
    om.models.put(StubObject(), "x", kind=StubBackend.KIND)
    kept["x"] = value
    StubBackend.raises = AssertionError("it was asked")
    try:
        assert om.models.get("x") is value
        del kept["x"]
        with pytest.raises(AssertionError, match="it was asked"):
            om.models.get("x")
    finally:
        StubBackend.raises = None


def test_the_wrappers_inside_of_one_that_answers_run_as_ever(
    kept: dict[str, Any], install: Install, make_omega: Callable[..., Omega]
) -> None:
    import importlib

    seen = importlib.import_module(install("sees", SEES)).SEEN
    om = make_omega(plugins={"order": ["answers", "sees"]})
    om.datasets.put([1], "x")
    kept["x"] = "ours"
    assert om.datasets.get("x") == "ours"
    assert seen == [("x", "ours")]


def test_a_get_inside_of_a_wrapper_is_a_call_of_its_own(
    install: Install, make_omega: Callable[..., Omega]
) -> None:
    install(
        "links",
        """
        from omega_core import answer_with, hookimpl

        @hookimpl(wrapper=True)
        def get(store, name):
            if name == "link":
                other = store.get("target")
                answer_with([*other, "by way of a link"])
            return (yield)
        """,
    )
    om = make_omega()
    om.datasets.put([1], "target")
    om.datasets.put(["never read"], "link")
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(om.datasets.get, ["link", "target"] * 10))
    assert got == [[1, "by way of a link"], [1]] * 10


def test_a_description_can_be_answered_as_well(
    install: Install, make_omega: Callable[..., Omega]
) -> None:
    install(
        "hides",
        """
        from omega_core import Summary, answer_with, hookimpl

        @hookimpl(wrapper=True)
        def describe(meta):
            answer_with(Summary(meta.kind))
            return (yield)
        """,
    )
    om = make_omega()
    om.datasets.put([{"secret": 1}], "x", kind="python.rows")
    told = om.datasets.describe("x")
    assert isinstance(told, Summary)
    assert (told.kind, told.rows, told.size) == ("python.rows", None, None)


def test_what_wrappers_change_passes_from_the_outside_in(
    install: Install, make_omega: Callable[..., Omega]
) -> None:
    for id in ("inner", "outer"):
        install(id, DOUBLES.replace("{0}", id))
    om = make_omega(plugins={"order": ["outer", "inner"]})
    given = ["given"]
    om.datasets.put(given, "x")
    assert om.datasets.get("x") == ["given", "outer", "inner"]
    assert given == ["given"]


def test_a_change_that_fails_leaves_the_old_object(
    install: Install, make_omega: Callable[..., Omega]
) -> None:
    install(
        "strict",
        """
        from omega_core import change_object, hookimpl

        def check(obj):
            if "bad" in obj:
                raise ValueError("it is bad")
            return obj

        @hookimpl(wrapper=True)
        def put(name):
            change_object(check)
            return (yield)
        """,
    )
    om = make_omega()
    om.datasets.put(["good"], "x")
    with pytest.raises(ValueError, match="it is bad"):
        om.datasets.put(["bad"], "x")
    assert om.datasets.get("x") == ["good"]
    assert om.datasets.metadata("x").version == 1


@pytest.mark.parametrize(
    ("hook", "call", "told"),
    [
        ("put", "answer_with(None)", "answer_with is for wrappers of get and describe.*'put'"),
        ("get", "change_object(list)", "change_object is for wrappers of put.*'get' is under way"),
        ("drop", "answer_with(True)", "answer_with is for wrappers of get and describe.*'drop'"),
    ],
)
def test_neither_is_for_other_hooks(
    install: Install, make_omega: Callable[..., Omega], hook: str, call: str, told: str
) -> None:
    install(
        "wrong",
        f"""
        from omega_core import answer_with, change_object, hookimpl

        @hookimpl(wrapper=True)
        def {hook}(name):
            if name == "x":
                {call}
            return (yield)
        """,
    )
    om = make_omega(plugins={"disabled": ["wrong"]})
    om.datasets.put([1], "x")
    operation: Any = getattr(make_omega().datasets, hook)
    with pytest.raises(PluginContractError, match=told):
        operation(*([[2], "x"] if hook == "put" else ["x"]))
    assert om.datasets.get("x") == [1]


@pytest.mark.parametrize("hook", ["get", "put"])
def test_it_is_too_late_after_the_yield(
    install: Install, make_omega: Callable[..., Omega], hook: str
) -> None:
    install(
        "late",
        f"""
        from omega_core import answer_with, change_object, hookimpl

        @hookimpl(wrapper=True)
        def {hook}(name):
            result = yield
            {"answer_with(1)" if hook == "get" else "change_object(list)"}
            return result
        """,
    )
    om = make_omega(plugins={"disabled": ["late"]})
    om.datasets.put([1], "x")
    late = make_omega().datasets
    with pytest.raises(PluginContractError, match="and its backend has answered"):
        late.get("x") if hook == "get" else late.put([2], "x")


def test_outside_of_any_wrapper_there_is_nothing_to_answer() -> None:
    with pytest.raises(PluginContractError, match="no call is wrapped here"):
        omega_core.answer_with(1)
    with pytest.raises(PluginContractError, match="no call is wrapped here"):
        omega_core.change_object(list)


def test_a_backend_answers_for_itself_alone(om: Omega) -> None:
    class Presumptuous(omega_core.BaseDataBackend):
        KIND, TYPES = "acme.presumptuous", None

        def put(
            self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
        ) -> Metadata:
            return self.data_store.make_metadata(name, self.KIND, attributes=attributes).save()

        def get(self, name: str, **kwargs: Any) -> Any:
            omega_core.answer_with("somebody else's")

    om.datasets.register_backend(Presumptuous)
    om.datasets.put(1, "x", kind=Presumptuous.KIND)
    with pytest.raises(PluginContractError, match="its backend has answered"):
        om.datasets.get("x")
