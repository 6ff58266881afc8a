"""An action of models is declared once; whatever else there is of it follows."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from typing import Any

import pytest

from omega_core import ACTIONS, BaseModelBackend, Omega
from omega_core.plugins.hookspecs import Operations
from omega_core.runtime.runtime import ModelRuntime


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_shows_its_arguments_and_what_it_does(om: Omega, action: str) -> None:
    method = getattr(om.runtime.model("m"), action)
    summary = inspect.getdoc(getattr(BaseModelBackend, action))
    assert summary
    takes_y = "Yname" in inspect.signature(getattr(BaseModelBackend, action)).parameters
    shown = list(inspect.signature(method).parameters)
    assert (shown[0], shown[-1]) == ("X", "kwargs")
    assert ("Y" in shown, "Yname" in shown) == (takes_y, takes_y)
    for help_of in (ModelRuntime, Operations):
        text = pydoc.render_doc(getattr(help_of, action), renderer=pydoc.plaintext)
        assert summary.splitlines()[0] in text
    hook = list(inspect.signature(getattr(Operations, action)).parameters)
    assert hook[:4] == ["self", "store", "meta", "modelname"]
    assert hook[-1] == "options"


def test_wrong_arguments_of_an_action_are_refused_as_python_does(om: Omega) -> None:
    model: Any = om.runtime.model("m")
    with pytest.raises(TypeError, match="too many positional arguments"):
        model.predict("X", "r", True, "more")
    with pytest.raises(AttributeError, match="prdict"):
        _ = model.prdict


NEW_ACTION = '''
import inspect, sys
from omega_core.backends import base
from omega_core.backends.actions import declaration, declared

# What somebody would write into the class.
@declaration
def kneighbors(self, modelname: str, Xname: str, rName: str | None = None,
               pure_python: bool = True, **kwargs):
    """Return the nearest rows of what the model was fitted on."""

base.BaseModelBackend.kneighbors = kneighbors
base.ACTION_TABLE.update(declared(base.BaseModelBackend))

from omega_core import BaseModelBackend, Omega, hookimpl
from omega_core.plugins.registry import PROJECT

class Near:
    pass

class NearBackend(BaseModelBackend):
    KIND = "test.near"
    TYPES = ["__main__:Near"]

    def put(self, obj, name, attributes=None, **kwargs):
        return self.model_store.make_metadata(name, self.KIND, attributes=attributes).save()

    def get(self, name, **kwargs):
        return Near()

    def kneighbors(self, modelname, Xname, rName=None, pure_python=True, **kwargs):
        found = [self.data_store.get(Xname), kwargs]
        return self.data_store.put(found, rName) if rName is not None else found

class Idle(NearBackend):
    KIND = "test.idle"
    TYPES = None
    kneighbors = BaseModelBackend.kneighbors

seen = []

class Watch:
    @hookimpl(wrapper=True)
    def kneighbors(self, store, meta, modelname, Xname, rName, options):
        seen.append((store.prefix, meta.kind, modelname, Xname, rName, dict(options)))
        return (yield)

om = Omega({"plugins": {"enabled": []}}, url=sys.argv[1])
om.models.register_backend(NearBackend)
om.models.register_backend(Idle)
om.plugins.manager.register(Watch())
om.datasets.put([1], "X")
om.models.put(Near(), "m")
om.models.put(Near(), "idle", kind="test.idle")
model = om.runtime.model("m")
assert "kneighbors" in dir(model)
assert "nearest rows" in model.kneighbors.__doc__
assert list(inspect.signature(model.kneighbors).parameters) == [
    "X", "rName", "pure_python", "Xname", "kwargs"]
assert model.kneighbors("X", n=2).get() == [[1], {"n": 2}]
assert model.kneighbors(Xname="X", rName="r").get().name == "r"
assert om.models.perform("kneighbors", "m", "X") == [[1], {}]
assert om.models.get_backend("m").kneighbors("m", "X") == [[1], {}]
assert len(seen) == 4, seen
assert seen[0] == ("models/", "test.near", "m", "X", None, {"n": 2})
try:
    om.models.perform("kneighbors", "m", "X", "X")
except Exception as exc:
    assert "takes no Y" in str(exc), exc
else:
    raise SystemExit("Y was taken")
try:
    om.runtime.model("idle").kneighbors("X").get()
except NotImplementedError as exc:
    assert "Idle does not implement 'kneighbors'" in str(exc), exc
else:
    raise SystemExit("it was done")
om.close()
'''


def test_an_action_is_added_in_one_place(mongo_url: str, mongo_database: str) -> None:
    """Hook, wrapper, runtime, `perform`, `get_backend`, help: all of it from one method."""
    url = f"{mongo_url}/{mongo_database}"
    done = subprocess.run(
        [sys.executable, "-c", NEW_ACTION, url], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
