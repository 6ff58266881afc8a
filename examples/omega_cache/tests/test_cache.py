"""What the cache answers is what the backend would answer, whatever has happened meanwhile."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from omega_cache import counts
from omega_core import BaseModelBackend, Metadata, Omega, Q
from omega_core.errors import ColumnMismatchError, ConfigError, ObjectNotFoundError
from omega_core.testing import WrapperTests

MakeOmega = Callable[..., Omega]
KINDS = ["python.data", "python.rows", "python.file", "pandas.dataframe", "pandas.parquet"]


class TestCache(WrapperTests):
    config: ClassVar[dict[str, Any]] = {
        "plugins": {"cache": {"kinds": ["omega_core_testing.stub", *KINDS]}}
    }


@pytest.fixture
def make(make_omega: MakeOmega) -> MakeOmega:
    """Make an `Omega` that keeps what it reads."""

    def make(**settings: Any) -> Omega:
        return make_omega(plugins={"cache": {"kinds": KINDS, **settings}})

    return make


@pytest.fixture
def om(make: MakeOmega) -> Omega:
    return make()


def hits(om: Omega) -> int:
    return counts(om).hits


# --- never stale ---------------------------------------------------------------------------------


def test_the_second_get_is_answered_and_reads_nothing(om: Omega) -> None:
    om.datasets.put({"a": 1}, "x")
    assert om.datasets.get("x") == {"a": 1}
    assert (counts(om).hits, counts(om).misses, counts(om).entries) == (0, 1, 1)
    assert om.datasets.get("x") == {"a": 1}
    assert (counts(om).hits, counts(om).misses, counts(om).entries) == (1, 1, 1)


def test_a_kind_that_is_not_listed_is_not_kept(make: MakeOmega) -> None:
    om = make(kinds=["pandas.series"])
    om.datasets.put({"a": 1}, "x")
    for _ in range(2):
        om.datasets.get("x")
    assert counts(om).misses == counts(om).entries == 0


@pytest.mark.parametrize("seed", range(3))
def test_it_is_never_stale_whatever_is_done_and_whoever_does_it(
    om: Omega, make_omega: MakeOmega, seed: int
) -> None:
    plain = make_omega(plugins={"disabled": ["cache"]})
    rand = random.Random(seed)

    def frame() -> pd.DataFrame:
        return pd.DataFrame({"a": [rand.random() for _ in range(3)], "b": list("xyz")})

    actions: dict[str, Callable[[Omega], object]] = {
        "put": lambda omega: omega.datasets.put(frame(), "f"),
        "append": lambda omega: omega.datasets.put(frame(), "f", append=True),
        "append rows": lambda omega: omega.datasets.put([{"i": rand.random()}], "r", append=True),
        "put rows": lambda omega: omega.datasets.put([{"i": 1}], "r", kind="python.rows"),
        "attributes": lambda omega: _annotated(omega, rand.random()),
        "restore": lambda omega: omega.datasets.restore(
            "f", rand.choice(omega.datasets.versions("f")).version
        ),
        "drop": lambda omega: (omega.datasets.drop("f"), omega.datasets.put(frame(), "f")),
        "snapshot": lambda omega: omega.snapshot(f"s{rand.random()}"),
        "collect": lambda omega: omega.gc(grace=0),
        "copy": lambda omega: (omega.datasets.copy("f", "g"), omega.datasets.copy("g", "f")),
    }
    actions["put"](plain)
    actions["put rows"](plain)
    for _ in range(20):
        what = rand.choice(list(actions))
        actions[what](rand.choice([om, plain]))
        for _ in range(2):
            _compared(om, plain)
    assert hits(om) > 20


def _annotated(om: Omega, value: float) -> None:
    meta = om.datasets.metadata("f")
    meta.attributes = {"note": value}
    meta.save()


def _compared(om: Omega, plain: Omega) -> None:
    versions = [None, *(meta.version for meta in plain.datasets.versions("f"))]
    for version in versions:
        for options in ({}, {"columns": ["b"]}, {"filter": {"a__gt": 0.5}}):
            pd.testing.assert_frame_equal(
                om.datasets.get("f", version=version, **options),
                plain.datasets.get("f", version=version, **options),
            )
    assert om.datasets.get("r") == plain.datasets.get("r")
    for snapshot in plain.snapshots()[-2:]:
        one, other = (omega.at(snapshot.name).datasets.get("f") for omega in (om, plain))
        pd.testing.assert_frame_equal(one, other)


def test_what_was_dropped_is_gone(om: Omega) -> None:
    om.datasets.put({"a": 1}, "x")
    om.datasets.get("x")
    om.datasets.drop("x")
    with pytest.raises(ObjectNotFoundError):
        om.datasets.get("x")


def test_a_file_of_somebody_else_is_read_each_time(make_omega: MakeOmega, tmp_path: Path) -> None:
    om = make_omega(plugins={"cache": {"kinds": KINDS}}, uris={"allow": [f"{tmp_path.as_uri()}/"]})
    path = tmp_path / "theirs.parquet"
    for value in (1, 2):
        pd.DataFrame({"a": [value]}).to_parquet(path)
        if value == 1:
            om.datasets.put(path.as_uri(), "theirs", reference=True)
        assert om.datasets.get("theirs")["a"].tolist() == [value]
    own = om.datasets.put(pd.DataFrame({"a": [3]}), "own", uri=f"{tmp_path.as_uri()}/{{key}}")
    assert own.uri is not None
    for _ in range(2):
        assert om.datasets.get("own")["a"].tolist() == [3]
    assert hits(om) == 1


# --- whose it is ---------------------------------------------------------------------------------


def test_what_a_caller_does_to_an_object_nobody_else_sees(om: Omega) -> None:
    om.datasets.put({"a": [1, {"b": 2}]}, "x")
    frame = pd.DataFrame({"n": [1, 2], "lists": [["a"], ["b"]]})
    om.datasets.put(frame, "f")
    for _ in range(3):
        got = om.datasets.get("x")
        assert got == {"a": [1, {"b": 2}]}
        got["a"][1]["b"] = "changed"
        table = om.datasets.get("f")
        assert table["n"].tolist() == [1, 2]
        assert [list(part) for part in table["lists"]] == [["a"], ["b"]]
        table.loc[0, "n"] = 99
        table["n"].array[1] = 77
        if isinstance(table["lists"][1], list):
            table["lists"][1].append("changed")
    assert hits(om) == 4


def test_options_tell_objects_apart(om: Omega) -> None:
    om.datasets.put(pd.DataFrame({"a": [0, 1, 2], "b": list("xyz")}), "f")
    for _ in range(2):
        assert om.datasets.get("f", columns=["a"]).shape == (3, 1)
        assert om.datasets.get("f", columns=["b", "a"]).columns.tolist() == ["b", "a"]
        assert om.datasets.get("f", columns=["a", "b"]).columns.tolist() == ["a", "b"]
        assert len(om.datasets.get("f", filter={"a__gt": 1})) == 1
        assert len(om.datasets.get("f", filter={"a__gt": 0})) == 2
    assert (hits(om), counts(om).entries) == (5, 5)
    for _ in range(2):
        assert len(om.datasets.get("f", filter=Q(a__gt=1))) == 1
    assert counts(om).entries == 5, "of what is no plain value, nobody knows whether it is the same"


def test_what_is_read_once_or_later_is_not_kept(om: Omega) -> None:
    om.datasets.put(pd.DataFrame({"a": range(10)}), "f")
    om.datasets.put(b"bytes", "b")
    for _ in range(2):
        assert sum(len(part) for part in om.datasets.get("f", chunksize=3)) == 10
        assert len(om.datasets.get("f", lazy=True)) == 10
        with om.datasets.get("b") as file:
            assert file.read() == b"bytes"
    assert (hits(om), counts(om).entries) == (0, 0)


def test_each_omega_keeps_its_own(make: MakeOmega) -> None:
    one, other = make(), make()
    one.datasets.put({"a": 1}, "x")
    one.datasets.get("x")
    other.datasets.get("x")
    assert hits(one) == hits(other) == 0
    one["default"].datasets.get("x")
    assert hits(one) == 1


def test_what_a_wrapper_inside_makes_of_an_object_is_made_of_it_once(
    make_omega: MakeOmega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "doubling.py").write_text(
        "from omega_core import hookimpl\n\n"
        "@hookimpl(wrapper=True)\ndef get():\n    result = yield\n    return result * 2\n"
    )
    info = tmp_path / "omega_doubling-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: omega-doubling\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[omega_core]\ndoubling = doubling\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for order in (["cache", "doubling"], ["doubling", "cache"]):
        om = make_omega(plugins={"order": order, "cache": {"kinds": KINDS}})
        om.datasets.put([1], "x")
        assert [om.datasets.get("x") for _ in range(3)] == [[1, 1]] * 3
        assert hits(om) == 2


class Mean(BaseModelBackend):
    """A model that remembers the mean of the first column."""

    KIND, TYPES = "tests.mean", None

    def put(self, obj: Any, name: str, attributes: Any = None, **kwargs: Any) -> Metadata:
        meta = self.model_store.make_metadata(name, self.KIND, attributes=attributes)
        meta.kind_meta = {"mean": obj}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.model_store.metadata(name)
        assert meta is not None
        return meta.kind_meta["mean"]

    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Metadata:
        mean = float(self.data_store.get(Xname).iloc[:, 0].mean())
        return self.model_store.put(mean, modelname, kind=self.KIND)

    def predict(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return [self.model_store.get(modelname)] * len(self.data_store.get(Xname))


def test_a_model_that_is_answered_by_the_cache_is_looked_after_by_the_core(om: Omega) -> None:
    om.datasets.register_backend(Mean)
    om.datasets.put(pd.DataFrame({"a": [1.0, 3.0], "b": [0, 0]}), "X")
    om.datasets.get("X")
    om.models.put(0.0, "m", kind=Mean.KIND)
    model = om.runtime.model("m")
    fitted = model.fit("X").get()
    assert model.predict("X").get() == [2.0, 2.0]
    assert hits(om) == 2
    assert fitted.lineage["X"]["gen"] == om.datasets.metadata("X").gen
    assert fitted.lineage["X"]["columns"] == ["a", "b"]
    om.datasets.put(pd.DataFrame({"b": [0]}), "other")
    om.datasets.get("other")
    with pytest.raises(ColumnMismatchError, match="missing: 'a'"):
        model.predict("other").get()
    om.datasets.put(pd.DataFrame({"a": [5.0], "b": [1]}), "X")
    assert model.predict("X").get() == [2.0]


# --- bounds --------------------------------------------------------------------------------------


def test_it_holds_no_more_bytes_than_it_may(make: MakeOmega) -> None:
    om = make(megabytes=1.0)
    for number in range(5):
        om.datasets.put(pd.DataFrame({"a": np.arange(40_000.0) + number}), f"f{number}")
        om.datasets.get(f"f{number}")
    assert 0 < counts(om).bytes <= 1_000_000
    assert counts(om).entries == 3
    om.datasets.get("f4")
    assert hits(om) == 1
    om.datasets.put(pd.DataFrame({"a": np.arange(200_000.0)}), "large")
    assert len(om.datasets.get("large")) == 200_000
    assert counts(om).entries == 3, "what is larger than all of it drives nothing out"


def test_it_holds_no_more_objects_than_it_may_those_asked_for_last(make: MakeOmega) -> None:
    om = make(entries=2)
    for name in "abc":
        om.datasets.put({"name": name}, name)
    for name in "abacab":
        om.datasets.get(name)
    # b went when c came, and c when b came back.
    assert (counts(om).hits, counts(om).entries) == (2, 2)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"megabytes": 0}, "megabytes is 0: take a number above 0"),
        ({"entries": 0}, "entries is 0: take a number above 0"),
        ({"kind": ["x"]}, "'kind' in .*Did you mean 'kinds'"),
    ],
)
def test_settings_that_make_no_sense_are_told(
    make_omega: MakeOmega, settings: dict[str, Any], told: str
) -> None:
    om = make_omega(plugins={"cache": settings})
    with pytest.raises(ConfigError, match=told):
        om.datasets.put([1], "x")


def test_threads_get_what_they_asked_for(make: MakeOmega) -> None:
    om = make(entries=3)
    for number in range(6):
        om.datasets.put({"number": number}, f"x{number}")
    wrong: list[Any] = []

    def ask(seed: int) -> None:
        rand = random.Random(seed)
        for _ in range(100):
            number = rand.randrange(6)
            got = om.datasets.get(f"x{number}")
            if got != {"number": number}:
                wrong.append((number, got))
            got["number"] = "changed"

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert counts(om).entries == 3
    assert counts(om).hits > 0


def test_to_declare_it_imports_no_more_than_the_core() -> None:
    code = "import sys, omega_cache; sys.exit('pymongo' in sys.modules or 'pickle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
