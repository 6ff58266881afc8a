"""A backend that somebody got from a store is used like any, and seen by every wrapper."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from omega_core import ACTIONS, BaseDataBackend, BaseModelBackend, Metadata, Omega
from omega_core.errors import ObjectNotFoundError, UnsupportedOptionError

Install = Callable[..., str]


class Model:
    """A model that remembers what it was asked."""

    def __init__(self, asked: list[Any] | None = None) -> None:
        self.asked = asked or []


class ModelBackend(BaseModelBackend):
    KIND = "test.model"
    TYPES = (f"{__name__}:Model",)

    def put(self, obj: Model, name: str, attributes: Any = None, **kwargs: Any) -> Metadata:
        meta = self.model_store.make_metadata(name, self.KIND, attributes=attributes)
        meta.kind_meta = {"asked": obj.asked}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Model:
        meta = self.model_store.metadata(name)
        assert meta is not None
        return Model(meta.kind_meta["asked"])

    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        asked = ["fit", Xname, *args, sorted(kwargs.items())]
        return self.model_store.put(Model([repr(asked)]), modelname)

    def partial_fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self.fit(modelname, Xname, *args, **kwargs)

    def fit_transform(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        self.fit(modelname, Xname)
        return ["fit_transform", modelname, self.data_store.get(Xname), *args, kwargs]

    def tell(self, modelname: str) -> str:
        """An action of its own, which the contract does not know."""
        return f"{modelname} in {self.model_store.bucket}"


def _remembered(action: str) -> Any:
    def act(self: Any, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        asked = [action, modelname, self.data_store.get(Xname), *args, kwargs]
        rName = kwargs.get("rName")
        return asked if rName is None else self.data_store.put(asked, rName)

    return act


for _action in ACTIONS:
    if "fit" not in _action:
        setattr(ModelBackend, _action, _remembered(_action))


class BlobBackend(BaseDataBackend):
    KIND = "test.blob"
    TYPES = None
    opened = 0

    def put(
        self, obj: Any, name: str, attributes: Any = None, shout: bool = False, **kwargs: Any
    ) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        with self.data_store.create_file(meta, "blob") as file:
            file.write(obj.upper() if shout else obj)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        with self.data_store.open_file(meta) as file:
            return BytesIO(file.read())


WATCH = """
    from omega_core import ACTIONS, hookimpl

    seen = []

    def watch(hook, argument):
        source = (
            f"def {hook}({argument}, store):\\n"
            f"    seen.append(({hook!r}, store.prefix, {argument}))\\n"
            f"    return (yield)\\n"
        )
        exec(source, globals())
        hookimpl(wrapper=True)(globals()[hook])

    for hook in ("put", "get", "supports"):
        watch(hook, "name")
    for hook in ACTIONS:
        watch(hook, "modelname")
"""


@pytest.fixture
def om(make_omega: Callable[..., Omega], install: Install) -> Omega:
    """An `Omega` whose operations are all watched."""
    install("watch", WATCH, module="watching")
    om = make_omega(plugins={"enabled": ["watch"]})
    om.models.register_backend(ModelBackend)
    om.models.register_backend(BlobBackend)
    om.models.put(Model(), "m")
    om.datasets.put([1, 2], "X")
    om.datasets.put(b"blob", "b", kind="test.blob")
    return om


def seen(om: Omega) -> list[Any]:
    """Return what the wrappers saw since the last time."""
    module: Any = om.plugins["watch"].module
    found = [entry for entry in module.seen if entry[0] not in ("get", "put")]
    found = found or list(module.seen)
    module.seen.clear()
    return found


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_seen_by_wrappers_like_that_of_the_store(om: Omega, action: str) -> None:
    getters = [
        om.models.get_backend("m"),
        om.models.get_backend_bykind("test.model"),
        om.models.get_backend_byobj(Model()),
        om.datasets.get_backend_bykind("test.model"),
    ]
    for backend in getters:
        seen(om)
        got = getattr(backend, action)("m", "X")
        # Its fit puts the model, which is routed anew.
        acted = [entry for entry in seen(om) if entry[0] in ACTIONS]
        assert acted == [(action, "models/", "m")]
        if action not in ("fit", "partial_fit"):
            assert got[:3] == [action, "m", [1, 2]]


def test_a_backend_travels_as_its_kind(om: Omega) -> None:
    twin: Any = pickle.loads(pickle.dumps(om.datasets.get_backend("X")))
    assert twin.get("X") == [1, 2]
    assert twin.data_store is not om.datasets
    twin.data_store.omega.close()


def test_the_documented_signatures_are_understood_by_position_and_by_name(om: Omega) -> None:
    backend: Any = om.models.get_backend("m")
    defaults = {"pure_python": True}
    assert backend.predict("m", "X", "out").name == "out"
    assert om.datasets.get("out") == ["predict", "m", [1, 2], {**defaults, "rName": "out"}]
    backend.predict("m", Xname="X", rName="out", pure_python=False, deep=1)
    assert om.datasets.get("out")[3] == {"rName": "out", "pure_python": False, "deep": 1}
    assert backend.score("m", "X", "Y", "out").version == 3
    assert om.datasets.get("out")[3:] == ["Y", {**defaults, "rName": "out"}]
    assert backend.fit(modelname="m", Xname="X", Yname="Y").version == 2
    assert om.models.get("m").asked == ["['fit', 'X', 'Y', [('pure_python', True)]]"]


def test_puts_and_gets_go_through_the_store(om: Omega) -> None:
    backend: Any = om.datasets.get_backend("b")
    seen(om)
    meta = backend.put(b"new", "b", {"by": "hand"}, shout=True)
    assert (meta.version, meta.attributes) == (2, {"by": "hand"})
    assert seen(om) == [("put", "data/", "b")]
    assert backend.get("b").read() == b"NEW"
    assert backend.get("b", version=1).read() == b"blob"
    assert seen(om) == [("get", "data/", "b")] * 2
    assert backend.supports(b"x", "b") is True
    assert seen(om) == [("supports", "data/", "b")]
    om.jobs.get_backend_bykind("test.blob").put(b"job", "j")
    assert om.jobs.get("j").read() == b"job"
    assert "j" not in om.datasets
    with pytest.raises(UnsupportedOptionError, match="no option 'shuot'"):
        backend.put(b"x", "b", shuot=True)


def test_all_else_is_the_backends_own(om: Omega) -> None:
    model: Any = om.models.get_backend("m")
    blob: Any = om.datasets.get_backend("b")
    assert isinstance(model, ModelBackend)
    assert isinstance(blob, BlobBackend)
    assert not isinstance(blob, BaseModelBackend)
    assert not hasattr(blob, "fit")
    assert model.KIND == "test.model"
    assert model.data_store is om.datasets
    assert model.model_store is om.models
    assert model.tell("m") == "m in default"
    assert "tell" in dir(model)
    assert model == om.models.get_backend_bykind("test.model")
    assert len({model, om.models.get_backend("m"), om.jobs.get_backend_bykind("test.model")}) == 2
    assert model.tell.__doc__ == ModelBackend.tell.__doc__
    assert model.predict.__name__ == "act"
    blob.opened += 1
    assert om.datasets.get_backend("b").opened == 1  # type: ignore[attr-defined]
    assert BlobBackend.opened == 0
    assert "BlobBackend" in repr(blob)
    team: Any = om["team"].models.get_backend_bykind("test.model")
    assert team.tell("m") == "m in team"


def test_a_backend_does_not_answer_for_the_objects_of_another(om: Omega) -> None:
    blob: Any = om.datasets.get_backend_bykind("test.blob")
    with pytest.raises(UnsupportedOptionError, match=r"another kind.*get_backend\('X'\)"):
        blob.get("X")
    model: Any = om.models.get_backend_bykind("test.model")
    om.models.put({"a": 1}, "d")
    with pytest.raises(UnsupportedOptionError, match=r"another kind.*get_backend\('d'\)"):
        model.predict("d", "X")
    with pytest.raises(ObjectNotFoundError, match="No object 'n' in the models"):
        model.predict("n", "X")
