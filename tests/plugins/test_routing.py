"""From an object to its backend: claims, priorities, `supports`, and what may be registered."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from mongoengine.fields import GridFSProxy

from omega_core import BackendSpec, BaseDataBackend, BaseModelBackend, Metadata, Omega
from omega_core.errors import (
    AmbiguousBackendError,
    NoBackendError,
    PluginConflictError,
    PluginContractError,
    PluginDisabledError,
    PluginLoadError,
    PluginNotFoundError,
    StoreError,
)


class Thing(dict):  # type: ignore[type-arg]
    """A user's own class, which is a dict as well."""


class SpecialThing(Thing):
    pass


class ThingBackend(BaseDataBackend):
    """The simplest backend: one file in GridFS."""

    KIND = "test.thing"
    TYPES = (f"{__name__}:Thing",)

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        file_id = self.data_store.fs.put(BytesIO(repr(dict(obj)).encode()), filename="thing")
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        meta.gridfile = GridFSProxy(grid_id=file_id)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return meta.gridfile.read()


class AskedBackend(ThingBackend):
    """Claims no type; says in `supports` what it takes, as authors of omega|ml backends do."""

    KIND = "test.asked"
    TYPES: Any = ()

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        return isinstance(obj, Thing)


def test_a_backend_for_a_subclass_of_dict_is_chosen_without_tricks(om: Omega) -> None:
    om.datasets.register_backend(ThingBackend)
    assert om.datasets.put(Thing(a=1), "x").kind == "test.thing"
    assert om.datasets.put(SpecialThing(a=1), "y").kind == "test.thing"
    assert om.datasets.put({"a": 1}, "z").kind == "python.data"
    assert om.datasets.get("x") == b"{'a': 1}"


def test_a_backend_without_claims_is_asked_and_wins_over_the_built_in_one(om: Omega) -> None:
    om.datasets.register_backend(AskedBackend)
    assert om.datasets.put(Thing(a=1), "x").kind == "test.asked"
    assert om.datasets.put({"a": 1}, "z").kind == "python.data"


def test_the_most_derived_claim_wins(om: Omega) -> None:
    om.datasets.register_backend(ThingBackend)
    special = type("Special", (ThingBackend,), {"KIND": "test.special"})
    om.datasets.register_backend(
        BackendSpec("test.special", special, types=[f"{__name__}:SpecialThing"], priority=-99)
    )
    assert om.datasets.put(SpecialThing(), "x").kind == "test.special"
    assert om.datasets.put(Thing(), "x").kind == "test.thing"


def test_then_the_priority_and_then_it_is_ambiguous(om: Omega) -> None:
    om.datasets.register_backend(ThingBackend)
    rival = type("Rival", (ThingBackend,), {"KIND": "test.rival"})
    om.datasets.register_backend(rival)
    with pytest.raises(AmbiguousBackendError) as caught:
        om.datasets.put(Thing(), "x")
    assert "'test.thing'" in str(caught.value)
    assert "'test.rival'" in str(caught.value)
    assert "kind='test." in str(caught.value)
    assert om.datasets.put(Thing(), "x", kind="test.rival").kind == "test.rival"
    stronger = type("Stronger", (ThingBackend,), {"KIND": "test.stronger", "PRIORITY": 1})
    om.datasets.register_backend(stronger)
    assert om.datasets.put(Thing(), "x").kind == "test.stronger"


def test_an_object_that_nobody_takes_is_refused_with_what_was_asked(om: Omega) -> None:
    class Unknown:
        pass

    with pytest.raises(NoBackendError) as caught:
        om.datasets.put(Unknown(), "x")
    assert "No enabled backend stores 'x', a " in str(caught.value)
    assert "Unknown. Nothing was stored." in str(caught.value)
    assert issubclass(NoBackendError, TypeError)
    assert om.database.metadata.count_documents({}) == 0


def test_the_error_says_what_to_install_or_enable(make_omega: Callable[..., Omega]) -> None:
    numpy = pytest.importorskip("numpy")
    om = make_omega(plugins={"enabled": []})
    installed = "pandas" in om.plugins
    remedy = r"add 'pandas' to enabled in \[plugins\]" if installed else "pip install omega-pandas"
    with pytest.raises(NoBackendError, match=remedy):
        om.datasets.put(numpy.zeros(3), "x")


def test_an_unknown_kind_is_an_error_with_the_closest(om: Omega) -> None:
    with pytest.raises(PluginNotFoundError, match=r"'python\.dat'.* Did you mean 'python\.data'\?"):
        om.datasets.put(1, "x", kind="python.dat")
    assert om.database.metadata.count_documents({}) == 0


def test_an_object_of_a_disabled_plugin_says_so(make_omega: Callable[..., Omega]) -> None:
    pytest.importorskip("omega_pandas")
    import pandas as pd

    make_omega().datasets.put(pd.DataFrame({"a": [1]}), "x")
    om = make_omega(plugins={"disabled": ["pandas"]})
    with pytest.raises(
        PluginDisabledError,
        match=r"written by pandas .* take 'pandas' out of disabled",
    ):
        om.datasets.get("x")
    assert om.datasets.drop("x")
    assert om.datasets.gc(grace=0).freed == 1


def test_a_kind_is_stored_by_one_backend(om: Omega) -> None:
    with pytest.raises(PluginConflictError, match=r"'python\.data' is stored by omega_core"):
        om.datasets.register_backend(BackendSpec("python.data", ThingBackend))


def note(om: Omega, answer: str) -> type[BaseDataBackend]:
    """Run what would be a cell of a notebook: it makes a class, and registers it."""

    class NoteBackend(ThingBackend):
        KIND = "test.note"
        TYPES = (f"{__name__}:SpecialThing",)
        opened: Any = None

        def get(self, name: str, **kwargs: Any) -> Any:
            return answer

        def supports(self, obj: Any, name: str, compress: bool = False, **kwargs: Any) -> bool:
            return True

    om.datasets.register_backend(NoteBackend)
    return NoteBackend


def test_a_cell_that_is_run_again_replaces_its_backend(om: Omega) -> None:
    for answer in ("first", "second", "third"):
        cls = note(om, answer)
        om.datasets.put(SpecialThing(), answer)
        assert om.datasets.get("first") == answer
        assert om["team"].datasets.put(SpecialThing(), "x").kind == "test.note"
        assert om["team"].datasets.get("x") == answer
        backend = om.datasets.get_backend("first")
        assert isinstance(backend, cls)
        # Whatever an instance opened went with its class.
        assert backend.opened is None
        backend.opened = answer
    hooks = om.plugins.manager.hook.get.get_hookimpls()
    assert len([hook for hook in hooks if "NoteBackend" in hook.plugin_name]) == 1


def test_a_spec_that_names_a_class_takes_it_anew_when_its_module_was_reloaded(
    om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    source = """
from omega_core import BaseDataBackend
class Backend(BaseDataBackend):
    def put(self, obj, name, attributes=None, **kwargs):
        return self.data_store.make_metadata(name, "test.reloaded").save()
    def get(self, name, **kwargs):
        return "{answer}"
"""
    module = None
    for answer in ("first", "the second"):
        (tmp_path / "reloaded_backend.py").write_text(source.format(answer=answer))
        if module is None:
            module = importlib.import_module("reloaded_backend")
        else:
            importlib.reload(module)
        spec = BackendSpec("test.reloaded", "reloaded_backend:Backend", types=None)
        om.datasets.register_backend(spec)
        om.datasets.put(1, "x", kind="test.reloaded")
        assert om.datasets.get("x") == answer


def test_a_kind_is_replaced_by_its_own_class_alone(om: Omega) -> None:
    note(om, "mine")
    other = type("OtherBackend", (ThingBackend,), {"KIND": "test.note"})
    with pytest.raises(PluginConflictError, match=r"NoteBackend already.*OtherBackend"):
        om.datasets.register_backend(other)
    om.datasets.put(SpecialThing(), "x")
    assert om.datasets.get("x") == "mine"


def test_an_object_of_a_backend_that_was_registered_says_how_to_have_it_again(
    make_omega: Callable[..., Omega],
) -> None:
    om = make_omega()
    note(om, "mine")
    om.datasets.put(SpecialThing(), "x")
    with pytest.raises(PluginNotFoundError, match="register that class with register_backend"):
        make_omega().datasets.get("x")


def test_a_class_without_a_kind_cannot_be_registered(om: Omega) -> None:
    with pytest.raises(PluginContractError, match="KIND"):
        om.datasets.register_backend(BaseDataBackend)


def test_what_is_no_backend_cannot_be_one(om: Omega) -> None:
    om.datasets.register_backend(BackendSpec("test.no", "builtins:dict", types=None))
    om.datasets.register_backend(BackendSpec("test.gone", "no_such_module:X", types=None))
    with pytest.raises(PluginContractError, match="not a subclass of BaseDataBackend"):
        om.datasets.put(1, "x", kind="test.no")
    with pytest.raises(PluginLoadError, match="no_such_module:X"):
        om.datasets.put(1, "x", kind="test.gone")


def test_backends_know_both_stores_whichever_was_called(om: Omega) -> None:
    om.datasets.register_backend(ThingBackend)
    om.models.put(Thing(a=1), "x")
    for store in (om.datasets, om.models, om.jobs):
        backend = store.get_backend_bykind("test.thing")
        assert backend.data_store is om.datasets
        assert backend.model_store is om.models
    for backend in (om.models.get_backend("x"), om.datasets.get_backend_byobj(Thing())):
        assert isinstance(backend, ThingBackend)
    assert om.models.get("x") == b"{'a': 1}"
    assert not om.datasets.exists("x")
    team = om["team"]
    assert team.datasets.get_backend_bykind("test.thing").data_store is team.datasets


def test_a_backend_that_does_not_save_stores_nothing(om: Omega) -> None:
    class Forgetful(ThingBackend):
        KIND = "test.forgetful"

        def put(self, obj: Any, name: str, attributes: Any = None, **kwargs: Any) -> Metadata:
            self.data_store.fs.put(b"data", filename="x")
            return self.data_store.make_metadata(name, self.KIND)

    om.datasets.register_backend(Forgetful)
    with pytest.raises(PluginContractError, match=r"did not save its metadata.*meta\.save\(\)"):
        om.datasets.put(Thing(), "x")
    assert om.database.metadata.count_documents({}) == 0
    assert om.database.data("omega.default.fs.files").count_documents({}) == 0


def test_an_error_of_a_backend_keeps_its_type_and_gains_a_note(om: Omega) -> None:
    class Broken(ThingBackend):
        KIND = "test.broken"

        def put(self, obj: Any, name: str, attributes: Any = None, **kwargs: Any) -> Metadata:
            raise ZeroDivisionError("oh")

    om.datasets.register_backend(Broken)
    with pytest.raises(ZeroDivisionError) as caught:
        om.datasets.put(Thing(), "x")
    assert caught.value.__notes__ == [
        "In put of data/'x', bucket 'default', kind 'test.broken', plugin runtime ."
    ]


def test_a_model_backend_that_saves_in_the_wrong_store_is_told(om: Omega) -> None:
    class Confused(BaseModelBackend):
        KIND = "test.confused"
        put = ThingBackend.put

    om.datasets.register_backend(BackendSpec("test.confused", Confused, types=None))
    with pytest.raises(StoreError, match=r"put of models/'m' is under way.*self\.model_store"):
        om.models.put(Thing(), "m", kind="test.confused")
    assert om.database.metadata.count_documents({}) == 0


def test_an_action_that_a_backend_lacks_names_kind_and_action(om: Omega) -> None:
    class Idle(BaseModelBackend):
        KIND = "test.idle"
        TYPES = (f"{__name__}:Thing",)

        def put(self, obj: Any, name: str, attributes: Any = None, **kwargs: Any) -> Metadata:
            return self.model_store.make_metadata(name, self.KIND).save()

    om.datasets.register_backend(Idle)
    om.models.put(Thing(), "m")
    om.datasets.put([1], "X")
    from omega_core import ACTIONS

    for action in ACTIONS:
        with pytest.raises(NotImplementedError) as caught:
            om.models.perform(action, "m", "X")
        assert f"'{action}'" in str(caught.value)
        assert "'test.idle'" in " ".join([str(caught.value), *caught.value.__notes__])
    with pytest.raises(NotImplementedError, match=r"'X' is of kind 'python\.data', which is data"):
        om.datasets.perform("fit", "X", "X")


def test_claims_cost_no_import(om: Omega) -> None:
    om.datasets.register_backend(
        BackendSpec("test.far", "no_such_module:Backend", types=["no_such_module:Thing"])
    )
    assert om.datasets.put({"a": 1}, "x").kind == "python.data"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("", "m:C"), "kind must be a non-empty string"),
        (("k", "m.C"), "factory must be a class or 'package.module:Class'"),
        (("k", "m:C", ["pandas.DataFrame"]), "a type claim is 'module:Class'"),
    ],
)
def test_a_spec_that_cannot_work_is_refused(arguments: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        BackendSpec(*arguments)
