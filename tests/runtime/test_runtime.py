"""Models act on datasets by name, here or wherever the engine is."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omega_core import ACTIONS, BaseModelBackend, Metadata, Omega, Task, execute
from omega_core.errors import (
    NoBackendError,
    ObjectNotFoundError,
    PluginNotFoundError,
    TaskCancelledError,
    UnsupportedOptionError,
    UnsupportedValueError,
)
from omega_core.runtime.runtime import ModelRuntime


class Mean:
    """A model that predicts the mean of what it was fitted on."""

    def __init__(self, mean: float | None = None) -> None:
        self.mean = mean


class MeanBackend(BaseModelBackend):
    KIND = "test.mean"
    TYPES = (f"{__name__}:Mean",)
    started = threading.Event()
    go_on = threading.Event()

    def put(self, obj: Mean, name: str, attributes: Any = None, **kwargs: Any) -> Metadata:
        meta = self.model_store.make_metadata(name, self.KIND, attributes=attributes)
        meta.kind_meta = {"mean": obj.mean}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Mean:
        meta = self.model_store.metadata(name)
        assert meta is not None
        return Mean(meta.kind_meta["mean"])

    def fit(
        self, modelname: str, Xname: str, Yname: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Metadata:
        X = self.data_store.get(Xname)
        if kwargs.pop("wait", False):
            self.started.set()
            assert self.go_on.wait(10)
        return self.model_store.put(Mean(sum(X) / len(X)), modelname, **kwargs)

    def predict(
        self, modelname: str, Xname: str, rName: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        model = self.model_store.get(modelname)
        result = [model.mean for _ in self.data_store.get(Xname)]
        return result if rName is None else self.data_store.put(result, rName)


@pytest.fixture
def om(om: Omega) -> Omega:
    om.models.register_backend(MeanBackend)
    om.models.put(Mean(), "m")
    om.datasets.put([1, 2, 3], "X")
    return om


def test_fit_makes_a_version_and_predict_uses_it(om: Omega) -> None:
    model = om.runtime.model("m")
    meta = model.fit("X").get()
    assert meta.version == 2
    assert model.predict("X").get() == [2.0, 2.0, 2.0]
    assert om.models.get("m", version=1).mean is None


def test_a_result_can_be_stored(om: Omega) -> None:
    om.runtime.model("m").fit("X").get()
    meta = om.runtime.model("m").predict("X", rName="p").get()
    assert isinstance(meta, Metadata)
    assert om.datasets.get("p") == [2.0, 2.0, 2.0]


def test_a_model_and_its_dataset_may_have_one_name(om: Omega) -> None:
    om.datasets.put([5, 7], "m")
    om.runtime.model("m").fit("m").get()
    assert om.runtime.model("m").predict("m", rName="m").get().prefix == "data/"
    assert om.datasets.get("m") == [6.0, 6.0]
    assert om.models.get("m").mean == 6.0


def everything(om: Omega) -> list[str]:
    return om.datasets.list(hidden=True)


def test_values_leave_nothing_behind(om: Omega) -> None:
    model = om.runtime.model("m")
    model.fit([4, 6]).get()
    assert model.predict([0, 0]).get() == [5.0, 5.0]
    with pytest.raises(ZeroDivisionError):
        model.fit([]).get()
    with pytest.raises(UnsupportedValueError):
        model.fit([object()])
    assert everything(om) == ["X"]
    assert om.database.metadata.count_documents({}) == 2  # X and m


def test_values_of_a_client_that_died_are_collected(om: Omega) -> None:
    meta = om.datasets.put_temporary([1], seconds=0.05)
    kept = om.datasets.put_temporary([1], seconds=60)
    assert meta.name.startswith(".temporary/")
    time.sleep(0.1)
    assert om.gc(grace=0).expired == 1
    assert everything(om) == [kept.name, "X"]


def test_a_put_under_the_name_of_a_temporary_object_makes_it_permanent(om: Omega) -> None:
    meta = om.datasets.put_temporary([1], seconds=0.05)
    om.datasets.put([2], meta.name)
    time.sleep(0.1)
    assert om.gc(grace=0).expired == 0
    assert om.datasets.get(meta.name) == [2]


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (
            lambda om: om.runtime.model("n").fit("X"),
            "No object 'n' in the models of bucket 'default'",
        ),
        (
            lambda om: om.runtime.model("m").fit("Y"),
            "No object 'Y' in the datasets of bucket 'default'",
        ),
    ],
)
def test_what_is_missing_is_named(om: Omega, act: Callable[[Omega], Any], text: str) -> None:
    result = act(om)
    with pytest.raises(ObjectNotFoundError, match=text):
        result.get(timeout=10)
    assert result.status == "failure"
    assert [m.version for m in om.models.versions("m")] == [1]


def test_none_is_no_dataset(om: Omega) -> None:
    with pytest.raises(UnsupportedOptionError, match="X is None"):
        om.runtime.model("m").fit(None)


def test_the_signatures_of_backends_are_those_of_the_runtime(om: Omega) -> None:
    """By position, by the names of backends, and by the short ones."""
    contracts = {action: getattr(BaseModelBackend, action) for action in ACTIONS}
    for action, contract in contracts.items():
        wanted = [p for p in inspect.signature(contract).parameters if p not in ("modelname",)]
        offered = list(inspect.signature(getattr(ModelRuntime, action)).parameters)
        positions = [p.removesuffix("name") for p in wanted]
        assert offered[: len(positions) - 1] == positions[:-1]
        assert set(wanted) <= set(offered)
    model = om.runtime.model("m")
    assert model.fit("X", "X", False).get().version == 2
    assert model.fit(Xname="X", Yname="X").get().version == 3
    assert model.fit(X="X", Y="X").get().version == 4
    assert model.predict("X", "by position").get().name == "by position"
    assert model.predict(Xname="X", rName="by name").get().name == "by name"
    assert model.predict("X", None, True).get() == model.predict(X="X").get()
    assert model.predict(Xname=[0]).get() == [2.0]
    assert om.datasets.get("by position") == om.datasets.get("by name") == [2.0, 2.0, 2.0]
    assert everything(om) == ["X", "by name", "by position"]


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda model: model.fit("X", Xname="X"), "X and Xname are the same"),
        (lambda model: model.fit("X", "Y", Yname="Y"), "Y and Yname are the same"),
        (lambda model: model.fit(), "X is None"),
        (lambda model: model.predict("X", [1, 2]), "rName is a str, not a list"),
        (lambda model: model.predict("X", pure_python="no"), "pure_python is a bool, not a str"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_stored(
    om: Omega, act: Callable[[Any], Any], text: str
) -> None:
    with pytest.raises(UnsupportedOptionError, match=text):
        act(om.runtime.model("m"))
    assert everything(om) == ["X"]


class Picky(MeanBackend):
    """Complains of its data by name, in every way."""

    KIND = "test.picky"
    TYPES = None

    def fit(
        self, modelname: str, Xname: str, Yname: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Metadata:
        try:
            raise KeyError(f"data/{Xname!r}")
        except KeyError as exc:
            error = ValueError(
                f"The dataset {Xname!r} is odd, {self.data_store.metadata(Xname)!r} too; "
                f"and {Yname} is worse", 42
            )  # fmt: skip
            error.add_note(f"While {Xname!r} was read.")
            raise error from exc


def test_a_value_is_called_by_the_argument_that_it_was_passed_as(om: Omega) -> None:
    om.models.register_backend(Picky)
    om.models.put(Mean(), "picky", kind="test.picky")
    with pytest.raises(ValueError, match="odd") as caught:
        om.runtime.model("picky").fit([1], [2]).get()
    told = "\n".join(traceback.format_exception(caught.value))
    assert ".temporary" not in told
    assert "is odd, <Metadata the value passed as X in 'default'" in told
    assert "and the value passed as Y is worse" in told
    assert "While the value passed as X was read." in told
    assert caught.value.args[1] == 42
    with pytest.raises(NoBackendError, match="stores the value passed as Y, a object"):
        om.runtime.model("picky").fit([1], object())
    with pytest.raises(UnsupportedValueError, match="the value passed as X") as refused:
        om.runtime.model("picky").fit([object()], [1])
    assert ".temporary" not in "\n".join(traceback.format_exception(refused.value))
    with pytest.raises(ValueError, match="The dataset 'X' is odd"):
        om.runtime.model("picky").fit("X").get()
    assert everything(om) == ["X"]


def test_an_unknown_action_or_argument_is_an_error(om: Omega) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"'fitt'.* Did you mean 'fit'\?"):
        om.models.perform("fitt", "m", "X")
    with pytest.raises(UnsupportedOptionError, match="predict of 'm' takes no Y"):
        om.models.perform("predict", "m", "X", "Y")
    with pytest.raises(UnsupportedOptionError, match="fit of 'm' takes no rName"):
        om.models.perform("fit", "m", "X", rName="r")


def test_a_result_is_a_future(om: Omega) -> None:
    MeanBackend.started.clear()
    MeanBackend.go_on.clear()
    result = om.runtime.model("m").fit("X", wait=True)
    called = threading.Event()
    result.add_done_callback(lambda r: called.set() if r is result else None)
    assert MeanBackend.started.wait(10)
    assert result.status == "running"
    assert not result.done()
    with pytest.raises(TimeoutError):
        result.get(timeout=0.01)
    MeanBackend.go_on.set()
    assert result.get(timeout=10).version == 2
    assert result.result() == result.get()
    assert result.status == "success"
    assert result.exception() is None
    assert called.wait(10)
    assert result.id in repr(result)


def test_a_task_travels_as_json_and_any_process_can_execute_it(om: Omega) -> None:
    task = Task("t1", "default", "models", "m", "fit", {"X": "X"})
    again = Task.from_json(task.to_json())
    assert again == task
    assert execute(again, om).version == 2
    assert set(json.loads(task.to_json())) == {
        "id", "bucket", "store", "name", "action", "arguments", "options", "temporary", "hints",
    }  # fmt: skip


def test_an_option_that_cannot_travel_is_an_error() -> None:
    task = Task("t1", "default", "models", "m", "fit", {"X": "X"}, {"weights": object()})
    with pytest.raises(UnsupportedOptionError, match=r"the options \['weights'\] do not travel"):
        task.to_json()


def test_an_unknown_engine_is_an_error(make_omega: Callable[..., Omega]) -> None:
    om = make_omega(runtime={"engine": "locl"})
    with pytest.raises(PluginNotFoundError, match="Did you mean 'local'"):
        om.runtime.model("m").fit("X")


# --- Ctrl-C ------------------------------------------------------------------------------

_INTERRUPTED = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what runs in the background
from omega_core import Omega
sys.path.insert(0, sys.argv[2])
from slow_backend import SlowBackend, Slow
om = Omega({"mongo": {"url": sys.argv[1]}, "runtime": {"workers": 1}})
om.models.register_backend(SlowBackend)
om.models.put(Slow(), "m")
om.datasets.put([1.0], "x")
first, second = (om.runtime.model("m").fit("x") for _ in range(2))
while first.status != "running":
    time.sleep(0.01)
WAY
"""

_SLOW_BACKEND = """
import time
from omega_core import BaseModelBackend
class Slow: pass
class SlowBackend(BaseModelBackend):
    KIND = "test.slow"
    TYPES = ("slow_backend:Slow",)
    def put(self, obj, name, attributes=None, **kwargs):
        return self.model_store.make_metadata(name, self.KIND, attributes=attributes).save()
    def get(self, name, **kwargs):
        return Slow()
    def fit(self, modelname, Xname, Yname=None, pure_python=True, **kwargs):
        print("begun", flush=True)
        time.sleep(SECONDS)
        meta = self.model_store.put(Slow(), modelname)
        print("stored", flush=True)
        return meta
"""

_WAYS = {
    "get": "first.get()",
    "get of one that waits": "second.get()",
    "somewhere else": "time.sleep(60)",
    "with": "with om:\n    time.sleep(60)",
    "finally": "try:\n    time.sleep(60)\nfinally:\n    om.close()",
}


@pytest.mark.parametrize("way", _WAYS)
def test_a_program_ends_soon_after_ctrl_c_whatever_is_under_way(
    mongo_url: str, mongo_database: str, tmp_path: Path, way: str
) -> None:
    (tmp_path / "slow_backend.py").write_text(_SLOW_BACKEND.replace("SECONDS", "60"))
    url = f"{mongo_url}/{mongo_database}"
    program = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED.replace("WAY", _WAYS[way]), url, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    time.sleep(0.2)  # until it waits
    program.send_signal(signal.SIGINT)
    began = time.monotonic()
    said, errors = program.communicate(timeout=50)
    # A bound on the wait, not a benchmark: the task would take a minute.
    assert time.monotonic() - began < 10
    assert "KeyboardInterrupt" in errors
    assert "stored" not in said
    assert program.returncode in (-signal.SIGINT, 130, 1)
    with Omega(url=url) as om:
        om.models.register_backend(MeanBackend)
        assert om.models.metadata("m").version == 1  # type: ignore[union-attr]


def test_a_program_that_ends_by_itself_waits_for_its_tasks(
    mongo_url: str, mongo_database: str, tmp_path: Path
) -> None:
    (tmp_path / "slow_backend.py").write_text(_SLOW_BACKEND.replace("SECONDS", "0.5"))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _INTERRUPTED.replace("WAY", ""),
            f"{mongo_url}/{mongo_database}",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.splitlines(), done.stderr) == (["begun", "stored"] * 2, "")
    with Omega(url=f"{mongo_url}/{mongo_database}") as om:
        assert om.models.metadata("m").version == 3  # type: ignore[union-attr]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C reach this process, also where it runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_cancels_what_waits_and_what_is_under_way_stores_nothing_any_more(
    om: Omega, interruptible: None
) -> None:
    MeanBackend.started.clear()
    MeanBackend.go_on.clear()
    om.models.put(Mean(), "m")
    om.datasets.put([1.0, 2.0], "x")
    results = [om.runtime.model("m").fit("x", wait=True)]
    assert MeanBackend.started.wait(10)
    workers = om.config.runtime.workers or os.cpu_count() or 1
    for _ in range(workers - 1):
        results.append(om.runtime.model("m").fit("x", wait=True))
    waits = om.runtime.model("m").fit([1.0], wait=True)  # of a value, stored for it alone
    for result in (results[0], waits):
        main = threading.main_thread().ident
        assert main is not None
        threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            result.get()
    assert (results[0].status, waits.status) == ("cancelled", "cancelled")
    MeanBackend.go_on.set()
    others = results[1:]
    assert len({result.get().version for result in others}) == len(others)
    with pytest.raises(TaskCancelledError, match="It stores nothing any more"):
        results[0].get()
    # The thread goes on in vain: what is fitted next is the next version.
    assert om.runtime.model("m").fit("x").get().version == 3 + len(others)
    # The thread that comes to what was cancelled removes it, sooner than the collector would.
    patience = time.monotonic() + 30
    while any("temporary" in name for name in om.datasets.list(hidden=True)):
        assert time.monotonic() < patience
        time.sleep(0.01)
