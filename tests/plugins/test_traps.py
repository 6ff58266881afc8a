"""Traps of plugin systems: facts about pluggy that the core stands on, and rules of its own.

When an upgrade of pluggy changes a fact, it is told here, and not by somebody's data.
"""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import importlib_metadata
import pluggy
import pytest
from mongoengine.fields import GridFSProxy
from packaging.requirements import Requirement

from omega_core import BackendSpec, BaseDataBackend, Omega
from omega_core.errors import (
    NoBackendError,
    PluginConflictError,
    PluginContractError,
    UnsupportedOptionError,
    UnsupportedValueError,
)

Install = Callable[..., str]
MakeOmega = Callable[..., Omega]

fact_spec = pluggy.HookspecMarker("facts")
fact_impl = pluggy.HookimplMarker("facts")


class Facts:
    @fact_spec(firstresult=True)
    def ask(self, question: str) -> Any: ...


@pytest.fixture
def facts() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("facts")
    manager.add_hookspecs(Facts)
    return manager


class Answers:
    """A plugin that answers with a constant, and remembers that it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0

    @fact_impl
    def ask(self, question: str) -> Any:
        self.asked += 1
        return self.answer


class Text:
    def __init__(self, text: str | None) -> None:
        self.text = text


class TextBackend(BaseDataBackend):
    """Stores a text in the metadata."""

    KIND = "text"
    TYPES = (f"{__name__}:Text",)

    def put(self, obj: Any, name: str, attributes: Any = None, **kwargs: Any) -> Any:
        meta = self.data_store.make_metadata(name, "text", attributes=attributes)
        meta.kind_meta = {"text": obj.text}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return meta.kind_meta["text"]


# --- pluggy ------------------------------------------------------------------------------------


def test_the_core_asks_for_the_pluggy_that_these_facts_are_about() -> None:
    requirements = map(Requirement, importlib_metadata.requires("omega-core") or ())
    pluggys = next(r.specifier for r in requirements if r.name == "pluggy")
    assert "1.7.0" in pluggys
    assert "1.6.0" not in pluggys
    assert "2.0.0" not in pluggys


def test_fact_the_plugin_registered_last_answers_first(facts: pluggy.PluginManager) -> None:
    for answer in ("first", "last"):
        facts.register(Answers(answer))
    # So a third party's plain implementation of put would win over every backend.
    assert facts.hook.ask(question="?") == "last"


def test_fact_none_means_not_mine_and_the_next_is_asked(facts: pluggy.PluginManager) -> None:
    for answer in ("other", None):
        facts.register(Answers(answer))
    assert facts.hook.ask(question="?") == "other"


def test_fact_a_subset_leaves_out_implementations_with_a_specname(
    facts: pluggy.PluginManager,
) -> None:
    class Renamed:
        @fact_impl(specname="ask")
        def ask_me(self, question: str) -> str:
            return "renamed"

        def ask(self) -> None:
            """Not an implementation, and still what pluggy looks for."""

    renamed = Renamed()
    facts.register(Answers("mine"))
    facts.register(renamed)
    assert facts.subset_hook_caller("ask", [renamed])(question="?") == "mine"


def test_fact_a_subset_is_a_live_view(facts: pluggy.PluginManager) -> None:
    left_out = Answers("left out")
    facts.register(Answers("mine"))
    facts.register(left_out)
    subset = facts.subset_hook_caller("ask", [left_out])
    facts.register(Answers("came later"))
    # Why an adapter answers nothing but the calls that are meant for it.
    assert subset(question="?") == "came later"


def test_fact_defaults_and_kwargs_are_taken_and_not_honoured(facts: pluggy.PluginManager) -> None:
    seen = {}

    class Hopeful:
        @fact_impl
        def ask(self, question: str = "default", **kwargs: Any) -> None:
            seen.update(kwargs, question=question)

    facts.register(Hopeful())
    facts.hook.ask(question="?")
    assert seen.keys() == {"question"}


def test_fact_a_misspelt_hook_is_taken_and_never_called(facts: pluggy.PluginManager) -> None:
    class Misspelt:
        @fact_impl
        def aks(self, question: str) -> str:
            return "never"

    facts.register(Misspelt())
    assert facts.hook.ask(question="?") is None


def test_fact_plugins_that_are_equal_collide(facts: pluggy.PluginManager) -> None:
    class ByValue(Answers):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, ByValue) and self.answer == other.answer

        def __hash__(self) -> int:
            return hash(self.answer)

    facts.register(ByValue(1), name="one")
    with pytest.raises(ValueError, match="already registered"):
        facts.register(ByValue(1), name="two")


def test_records_of_plugins_are_told_apart_by_identity(om: Omega) -> None:
    specs = [BackendSpec("a.b", "a:B"), BackendSpec("a.b", "a:B")]
    assert specs[0] != specs[1]
    assert len(set(specs)) == 2
    assert len({*om.plugins}) == len(om.plugins)


# --- exactly one backend answers ---------------------------------------------------------------


def test_a_none_that_was_stored_comes_back_and_nobody_else_is_asked(om: Omega) -> None:
    asked = []

    class Greedy(TextBackend):
        KIND = "greedy"
        TYPES = None

        def get(self, name: str, **kwargs: Any) -> Any:
            asked.append(name)
            return "greedy"

    om.datasets.register_backend(TextBackend)
    om.datasets.register_backend(Greedy)
    om.datasets.put(Text("x"), "greedy", kind="greedy")
    om.datasets.put(Text(None), "x")
    om.datasets.put(None, "nothing")
    assert om.datasets.get("x") is None
    assert om.datasets.get("nothing") is None
    assert asked == []


def test_a_call_that_is_meant_for_nobody_is_answered_by_nobody(om: Omega) -> None:
    om.datasets.put(1, "x")
    broadcast = om.plugins.manager.hook.get
    assert broadcast(store=om.datasets, meta=None, name="x", options={}) is None


def test_backends_activated_by_many_threads_at_once_are_one(
    make_omega: MakeOmega, install: Install
) -> None:
    source = """
        import time
        from omega_core import BackendSpec, BaseDataBackend, hookimpl

        @hookimpl
        def backends():
            return [BackendSpec("slow.thing", "slow_backend:Backend", types=[])]
    """
    backend = """
        import time
        from omega_core import BaseDataBackend

        time.sleep(0.05)
        made = []

        class Backend(BaseDataBackend):
            def supports(self, obj, name, **kwargs):
                return isinstance(obj, Exception)

            def put(self, obj, name, attributes=None, **kwargs):
                made.append(self)
                meta = self.data_store.make_metadata(name, "slow.thing")
                meta.kind_meta = {"text": str(obj)}
                return meta.save()

            def get(self, name, **kwargs):
                return self.data_store.metadata(name).kind_meta["text"]
    """
    install("slow", source)
    install("slow-backend", backend, module="slow_backend")
    om = make_omega(plugins={"enabled": ["slow"]})
    together = threading.Barrier(8)

    def work(i: int) -> Any:
        together.wait()
        name = f"x{i}"
        om.datasets.put(ValueError(name), name)
        return om.datasets.get(name)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [f"x{i}" for i in range(8)]
    made = sys.modules["slow_backend"].made
    assert len(made) == 8
    assert len(set(map(id, made))) == 1


def test_there_is_no_backend_that_takes_everything(om: Omega) -> None:
    class Explosive:
        def __repr__(self) -> str:
            raise AssertionError("an error message must not depend on the repr of an object")

    for obj in (object(), Explosive(), lambda: 0, threading.Lock()):
        with pytest.raises(NoBackendError, match="No enabled backend stores 'x'"):
            om.datasets.put(obj, "x")
    with pytest.raises(UnsupportedValueError):
        om.datasets.put([Explosive()], "x")
    assert not om.datasets.exists("x")


def test_a_class_is_found_where_it_is_claimed_wherever_it_was_defined(
    make_omega: MakeOmega, install: Install, site: Path
) -> None:
    library = site / "moved_lib"
    library.mkdir()
    (library / "core.py").write_text("class Thing:\n    text = 'moved'\n", encoding="utf-8")
    (library / "__init__.py").write_text("from .core import Thing\n", encoding="utf-8")
    om = make_omega(plugins={"enabled": []})
    om.datasets.register_backend(BackendSpec("text", TextBackend, types=["moved_lib:Thing"]))
    om.datasets.put(1, "x")
    assert "moved_lib" not in sys.modules
    thing = importlib.import_module("moved_lib").Thing()
    assert type(thing).__module__ == "moved_lib.core"
    assert om.datasets.put(thing, "x").kind == "text"


def test_a_misspelt_argument_is_an_error(om: Omega) -> None:
    with pytest.raises(UnsupportedOptionError, match="no option 'atributes'"):
        om.datasets.put(1, "x", atributes={})
    om.datasets.put(1, "x")
    with pytest.raises(UnsupportedOptionError, match="no option 'verison'"):
        om.datasets.get("x", verison=1)


# --- wrappers ----------------------------------------------------------------------------------

FORGETS = """
    from omega_core import hookimpl

    @hookimpl(wrapper=True)
    def {hook}({argument}):
        result = yield
"""


@pytest.mark.parametrize("hook", ["put", "get", "drop", "supports"])
def test_a_wrapper_that_forgets_to_return_is_an_error_that_names_it(
    make_omega: MakeOmega, install: Install, hook: str
) -> None:
    install("forgetful", FORGETS.format(hook=hook, argument="name"))
    make_omega(plugins={"enabled": []}).datasets.put({"a": 1}, "old")
    store = make_omega(plugins={"enabled": ["forgetful"]}).datasets
    calls: dict[str, Callable[[], Any]] = {
        "put": lambda: store.put({"a": 1}, "x"),
        "supports": lambda: store.put({"a": 1}, "x"),
        "get": lambda: store.get("old"),
        "drop": lambda: store.drop("old"),
    }
    told = rf"{hook} of .* was done.*Wrappers of '{hook}': plugin 'forgetful' \(omega-forgetful"
    with pytest.raises(PluginContractError, match=told):
        calls[hook]()


def test_a_wrapper_that_swallows_an_error_is_an_error_that_names_it(
    make_omega: MakeOmega, install: Install
) -> None:
    source = """
        from omega_core import hookimpl

        @hookimpl(wrapper=True)
        def put(name):
            try:
                return (yield)
            except Exception:
                pass
    """
    install("careless", source)
    om = make_omega(plugins={"enabled": ["careless"]})
    with pytest.raises(PluginContractError, match=r"swallowed.*plugin 'careless'") as caught:
        om.datasets.put([object()], "x")
    assert isinstance(caught.value.__cause__, UnsupportedValueError)
    assert not om.datasets.exists("x")


def test_a_wrapper_may_return_something_else_even_for_none(
    make_omega: MakeOmega, install: Install
) -> None:
    source = """
        from omega_core import hookimpl

        @hookimpl(wrapper=True)
        def get(name):
            result = yield
            return {"instead": result}
    """
    install("changes", source)
    om = make_omega(plugins={"enabled": ["changes"]})
    om.datasets.put(None, "x")
    assert om.datasets.get("x") == {"instead": None}


def test_what_get_returned_can_be_read_when_all_wrappers_are_done(
    make_omega: MakeOmega, install: Install
) -> None:
    install("done", FORGETS.format(hook="get", argument="name") + "        return result\n")
    om = make_omega(plugins={"enabled": ["done"]})
    om.datasets.put(b"x" * 5_000_000, "file")
    om.datasets.put([{"i": i} for i in range(3)], "rows", kind="python.rows")
    file, rows = om.datasets.get("file"), om.datasets.get("rows")
    om.datasets.drop("file")
    om.datasets.drop("rows")
    assert file.read() == b"x" * 5_000_000
    assert [row["i"] for row in rows] == [0, 1, 2]


def test_a_wrapper_that_calls_itself_without_end_is_told_the_cycle(
    make_omega: MakeOmega, install: Install
) -> None:
    source = """
        from omega_core import hookimpl

        @hookimpl(wrapper=True)
        def put(store, name):
            store.put(f"{name} was put", ".log")
            return (yield)
    """
    install("endless", source)
    om = make_omega(plugins={"enabled": ["endless"]})
    with pytest.raises(PluginContractError, match=r"nested.*put data/\.log -> put data/\.log"):
        om.datasets.put(1, "x")
    assert om.datasets.list(hidden=True) == []


# --- discovery ---------------------------------------------------------------------------------


def test_plugins_are_sorted_and_an_entry_that_is_listed_twice_counts_once(
    make_omega: MakeOmega, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for id in ("zoe", "bob", "ann"):
        install(id, "")
    twice = tmp_path / "editable" / "omega_bob-1.0.dist-info"
    twice.mkdir(parents=True)
    for file in ("METADATA", "entry_points.txt"):
        original = tmp_path / "site" / "omega_bob-1.0.dist-info" / file
        (twice / file).write_text(original.read_text())
    monkeypatch.syspath_prepend(str(twice.parent))
    om = make_omega(plugins={"enabled": ["ann", "bob", "zoe"]})
    ids = [plugin.id for plugin in om.plugins]
    assert ids == sorted(ids)
    assert ids.count("bob") == 1
    assert om.plugins["bob"].state == "enabled"


def test_two_distributions_that_offer_one_plugin_conflict(
    make_omega: MakeOmega, install: Install
) -> None:
    install("acme", "raise AssertionError('imported')")
    install("acme", "raise AssertionError('imported')", distribution="acme-omega")
    om = make_omega(plugins={"enabled": ["acme"]})
    with pytest.warns(UserWarning, match=r"acme-omega 1\.0 .*omega-acme 1\.0 .*Uninstall one"):
        om.datasets.put(1, "x")
    assert isinstance(om.plugins["acme"].error, PluginConflictError)
    assert om.plugins["acme"].state == "conflict"


# --- processes and databases -------------------------------------------------------------------


def test_an_omega_travels_as_its_configuration(om: Omega) -> None:
    om["team"].datasets.put({"a": 1}, "x")
    with pickle.loads(pickle.dumps(om["team"])) as copy:
        assert copy.bucket == "team"
        assert copy.datasets.get("x") == {"a": 1}
        assert copy.database is not om.database
    assert om["team"].datasets.get("x") == {"a": 1}
    store = pickle.loads(pickle.dumps(om["team"].datasets))
    assert store.get("x") == {"a": 1}
    store.omega.close()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_an_omega_is_used_on_both_sides_of_a_fork(om: Omega) -> None:
    om.datasets.put(1, "before")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            om.datasets.put(om.datasets.get("before") + 1, "child")
            os.write(writing, str(om.datasets.get("child")).encode())
        finally:
            os._exit(0)
    os.close(writing)
    om.datasets.put(3, "parent")
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"2"
    os.waitpid(child, 0)
    assert [om.datasets.get(name) for name in ("before", "child", "parent")] == [1, 2, 3]


def test_two_omegas_keep_their_databases_apart_in_one_process(
    mongo_url: str, mongo_database: str
) -> None:
    class FileBackend(TextBackend):
        KIND = "proxy"
        TYPES = None

        def put(self, obj: Any, name: str, attributes: Any = None, **kwargs: Any) -> Any:
            file_id = self.data_store.fs.put(obj)
            meta = self.data_store.make_metadata(name, "proxy")
            # Without an alias: mongoengine's default, to which nobody is connected here.
            meta.gridfile = GridFSProxy(grid_id=file_id)
            return meta.save()

        def get(self, name: str, **kwargs: Any) -> Any:
            meta = self.data_store.metadata(name)
            assert meta is not None
            return meta.gridfile.read()

    one = Omega(url=f"{mongo_url}/{mongo_database}")
    two = Omega(url=f"{mongo_url}/{mongo_database}_two")
    try:
        for om, content in ((one, b"one"), (two, b"two")):
            om.datasets.register_backend(FileBackend)
            meta = om.datasets.put(content, "x", kind="proxy")
            assert meta.gridfile.read() == content
        assert one.datasets.get("x") == b"one"
        assert two.datasets.get("x") == b"two"
        one.datasets.drop("x")
        one.close()
        assert two.datasets.get("x") == b"two"
    finally:
        two.datasets.mongodb.client.drop_database(f"{mongo_database}_two")
        two.close()
        one.close()


def test_plugins_are_per_omega_and_not_per_process(make_omega: MakeOmega) -> None:
    one, two = make_omega(), make_omega()
    one.datasets.register_backend(TextBackend)
    assert "text" in one.plugins.kinds
    assert "text" not in two.plugins.kinds
