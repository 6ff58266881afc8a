"""What is made says where it comes from, whichever backend made it; and it can be followed."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from omega_core import Lineage, Omega
from omega_core.errors import ColumnMismatchError
from omega_core.protocol.fence import TaskFence, fenced

Backend = Any


def script(om: Omega, backend: Backend, act: Callable[..., Any], X: str = "X", **more: Any) -> Any:
    """Let the backend of ``m`` do this as an action."""
    backend.meanwhile = staticmethod(act)
    return om.models.perform("script", "m", X, **more)


def test_a_fit_says_what_was_read(om: Omega) -> None:
    before = dt.datetime.now(dt.UTC)
    om.datasets.put([3.0, 4.0, 5.0], "X")
    meta = om.models.perform("fit", "m", "X")
    record = om.models.metadata("m").lineage
    assert record == meta.lineage == meta.attributes["lineage"]
    read = om.datasets.metadata("X")
    assert record["X"] == {
        **{"name": "X", "bucket": "default", "version": 2, "rev": read.rev, "gen": read.gen},
        **{"rows": 3, "columns": None, "dtypes": None},
    }
    assert (record["format"], record["action"]) == (2, "fit")
    assert record["Y"] is record["task"] is None
    assert "model" not in record
    assert {"python", "omega-core"} <= set(record["libraries"])
    assert abs(record["started"] - before) < dt.timedelta(minutes=1)
    assert 0 < record["duration"] < 60


def test_the_task_is_named(om: Omega) -> None:
    with fenced(TaskFence("task 1")):
        assert om.models.perform("fit", "m", "X").lineage["task"] == "task 1"


def test_what_is_fitted_further_names_the_version_before(om: Omega) -> None:
    first = om.models.perform("fit", "m", "X")
    record = om.models.perform("partial_fit", "m", "X").lineage
    assert (record["action"], record["model"]["version"], record["model"]["gen"]) == (
        "partial_fit",
        2,
        first.gen,
    )


def test_a_result_names_the_model(om: Omega) -> None:
    om.models.perform("fit", "m", "X")
    record = om.models.perform("predict", "m", "X", rName="r").lineage
    assert record == om.datasets.metadata("r").lineage
    assert (record["action"], record["model"]["name"], record["model"]["version"]) == (
        "predict",
        "m",
        2,
    )


def test_a_value_has_no_name(om: Omega) -> None:
    record = om.runtime.model("m").fit([1.0, 2.0, 3.0]).get().lineage
    nothing = dict.fromkeys(("name", "version", "rev", "gen", "columns", "dtypes"))
    assert record["X"] == {**nothing, "bucket": "default", "rows": 3}
    assert record["task"]
    assert "a value that was passed as X (3 rows)" in str(om.models.lineage("m"))


@pytest.mark.needs_plugins("pandas")
@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, 4),
        ({"columns": ["a", "b"]}, 4),
        ({"chunksize": 3}, 4),
        ({"lazy": True}, 4),
        ({"as_": "arrow"}, 4),
        ({"lazy": True, "filter": {"a__gt": 1}}, None),
    ],
)
def test_a_frame_is_described_however_it_is_read(
    om: Omega, options: dict[str, Any], rows: int | None
) -> None:
    pandas = pytest.importorskip("pandas")
    om.datasets.put(pandas.DataFrame({"a": [1, 2, 3, 4], "b": [0.5] * 4}), "frame")
    known = om.models.perform("fit", "m", "frame", **options).lineage["X"]
    assert (known["rows"], known["columns"]) == (rows, ["a", "b"])
    assert len(known["dtypes"]) == 2


@pytest.mark.needs_plugins("pandas")
def test_labels_come_back_as_they_are(om: Omega) -> None:
    pandas = pytest.importorskip("pandas")
    labels = [1, "1", 1.5, None, ("a", 2), dt.date(2026, 1, 1)]
    frame = pandas.DataFrame([[1.0] * 6])
    frame.columns = pandas.Index(labels, dtype=object)
    om.runtime.model("m").fit(frame).get()
    known = om.models.metadata("m").lineage["X"]["columns"]
    assert known == [1, "1", 1.5, None, ("a", 2), "2026-01-01"]
    assert type(known[0]) is int


@pytest.mark.needs_plugins("pandas")
def test_names_that_look_like_attributes_are_names(om: Omega) -> None:
    pandas = pytest.importorskip("pandas")
    labels = ["schema", "columns", "dtypes", "column_names", "shape", "dtype", "name"]
    known = om.runtime.model("m").fit(pandas.DataFrame([[1.0] * 7], columns=labels)).get().lineage
    assert (known["X"]["columns"], known["X"]["dtypes"]) == (labels, ["float64"] * 7)
    series = pandas.Series([1.0] * 7, index=labels, name="s")
    known = om.runtime.model("m").fit(series).get().lineage
    assert (known["X"]["columns"], known["X"]["dtypes"]) == (["s"], ["float64"])
    assert om.runtime.model("m").predict(series.rename("t")).get()


@pytest.mark.needs_plugins("pandas")
def test_what_is_read_twice_is_one_dataset(om: Omega, backend: Backend) -> None:
    pandas = pytest.importorskip("pandas")
    om.datasets.put(pandas.DataFrame({"a": [1], "b": [2], "c": [3]}), "frame")

    def act(self: Any, model: str, X: str) -> Any:
        for columns in (["a"], ["b", "a"]):
            self.data_store.get(X, columns=columns)
        return self.fit(model, X, columns=["a"])

    backend.fit_transform = lambda self, model, X, *rest, **more: [act(self, model, X).version]
    om.models.perform("fit_transform", "m", "frame", "frame")
    record = om.models.metadata("m").lineage
    assert record["X"] == record["Y"]
    assert record["X"]["columns"] == ["a", "b"]


def test_what_is_read_in_another_way_is_known_by_name_and_version(
    om: Omega, backend: Backend
) -> None:
    om.datasets.put([{"x": 1.0}, {"x": 2.0}], "rows", kind="python.rows")
    om.datasets.put(b"12", "file")

    def by_collection(self: Any, name: str) -> float:
        return float(sum(row["x"] for row in self.data_store.collection(name).find()))

    def by_file(self: Any, name: str) -> float:
        with self.data_store.open_file(self.data_store.metadata(name)) as file:
            return float(file.read())

    def by_thread(self: Any, name: str) -> float:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(self.data_store.get(name)))
        thread.start()
        thread.join()
        return float(len(found))

    for name, read in (("rows", by_collection), ("file", by_file), ("X", by_thread)):
        backend.sum = read
        known = om.models.perform("fit", "m", name).lineage["X"]
        assert (known["name"], known["version"], known["rows"]) == (name, 1, None)
        assert known["gen"] == om.datasets.metadata(name).gen


@pytest.mark.needs_plugins("pandas")
def test_what_is_read_while_the_result_is_written_is_known_as_well(
    om: Omega, backend: Backend
) -> None:
    pandas = pytest.importorskip("pandas")
    om.datasets.put(pandas.DataFrame({"a": [1.0, 2.0, 3.0]}), "frame")
    om.datasets.put(pandas.DataFrame({"b": [1.0]}), "other")

    def predict(self: Any, model: str, X: str, rName: str, **kwargs: Any) -> Any:
        def doubled() -> Any:
            for part in self.data_store.get(X, chunksize=2):
                yield 2 * part

        return self.data_store.put(doubled(), rName, kind="pandas.dataframe")

    backend.predict = predict
    om.models.perform("fit", "m", "frame")
    record = om.models.perform("predict", "m", "frame", rName="r").lineage
    assert (record["X"]["rows"], record["X"]["columns"]) == (3, ["a"])
    assert om.datasets.get("r")["a"].tolist() == [2.0, 4.0, 6.0]
    om.models.perform("predict", "m", "frame", rName="part", rows=(1, 2))
    assert om.datasets.get("part")["a"].tolist() == [4.0]
    # Into the place of what it reads.
    assert om.models.perform("predict", "m", "frame", rName="frame").lineage["X"]["version"] == 1
    with pytest.raises(ColumnMismatchError, match="missing: 'a'; extra: 'b'"):
        om.models.perform("predict", "m", "other", rName="r")
    assert om.datasets.metadata("r").version == 1


def test_what_is_read_besides_is_named_as_well(om: Omega, backend: Backend) -> None:
    om.datasets.put([7.0], "more")
    om.models.put(backend.Model(1.0), "base")

    def sum_(self: Any, name: str) -> float:
        return float(sum(self.data_store.get("more")) + self.model_store.get("base").total)

    backend.sum = sum_
    others = om.models.perform("fit", "m", "X").lineage["others"]
    assert [(other.get("store"), other["name"], other["version"]) for other in others] == [
        (None, "more", 1),
        ("models", "base", 1),
    ]
    assert [str(use) for use in om.models.used_by("base")] == [
        "models 'm', version 2: fit, as other"
    ]


def test_another_put_ends_the_lineage_and_a_restore_brings_it_back(
    om: Omega, backend: Backend
) -> None:
    om.models.perform("fit", "m", "X")
    meta = om.models.put(backend.Model(), "m", attributes={"owner": "ann"})
    assert (meta.lineage, meta.attributes) == (None, {"owner": "ann"})
    assert om.models.restore("m", 2).lineage["action"] == "fit"
    assert om.models.perform("fit", "m", "X").attributes.keys() == {"lineage"}
    om.models.perform("predict", "m", "X", rName="r")
    assert om.datasets.put([1], "r").lineage is None


def test_what_the_user_calls_lineage_is_the_users(om: Omega) -> None:
    meta = om.datasets.put([1], "d", attributes={"lineage": "from the desk"})
    assert meta.lineage is None
    assert om.datasets.put([2], "d").attributes == {"lineage": "from the desk"}


def test_attributes_that_a_backend_sets_stay_with_the_lineage(om: Omega, backend: Backend) -> None:
    om.models.put(backend.Model(), "m", attributes={"owner": "ann"})
    for own, kept in (({"loss": 0.5}, {"owner", "loss"}), ({}, set())):
        backend.fit = lambda self, model, X, *rest, own=own, **more: self.model_store.put(
            self.Model(self.sum(X)), model, attributes=own
        )
        meta = om.models.perform("fit", "m", "X")
        assert set(meta.attributes) == kept | {"lineage"}


# --- following it --------------------------------------------------------------------------------


@pytest.fixture
def chain(om: Omega, backend: Backend) -> Omega:
    """The model ``last`` was fitted on what ``m`` predicted for ``X``."""
    om.models.perform("fit", "m", "X")
    om.models.perform("predict", "m", "X", rName="between")
    om.models.put(backend.Model(), "last")
    om.models.perform("fit", "last", "between")
    return om


def test_lineage_is_followed_back_to_what_was_put(chain: Omega) -> None:
    lineage = chain.models.lineage("last")
    assert isinstance(lineage, Lineage)
    lines = str(lineage).splitlines()
    assert lines[0].startswith("models 'last', version 2 (fit on 20")
    assert [line.partition(" (")[0] for line in lines[1:]] == [
        "└─ X: datasets 'between', version 1",
        "   ├─ model: models 'm', version 2",
        "   │  └─ X: datasets 'X', version 1",
        "   └─ X: datasets 'X', version 1",
    ]
    assert "(2 rows)" in lines[-1]
    told = json.loads(lineage.to_json())
    assert told["record"]["action"] == "fit"
    assert told["sources"][0]["sources"][0]["name"] == "m"


def test_lineage_is_drawn(chain: Omega) -> None:
    chain.datasets.put([1.0], 'odd "name"')
    chain.models.perform("partial_fit", "last", 'odd "name"')
    drawn = chain.models.lineage("last").to_mermaid()
    assert drawn.splitlines()[0] == "flowchart LR"
    assert "[(\"datasets 'odd #34;name#34;', version 1\")]" in drawn
    assert '-- "model of predict" -->' in drawn
    assert drawn.count("datasets 'X', version 1") == 1


def test_the_lineage_of_a_version_is_that_of_the_version(chain: Omega) -> None:
    chain.datasets.put([5.0], "X")
    chain.models.perform("fit", "m", "X")
    assert "X: datasets 'X', version 2" in str(chain.models.lineage("m"))
    assert "X: datasets 'X', version 1" in str(chain.models.lineage("m", version=2))
    assert str(chain.models.lineage("m", version=1)) == "models 'm', version 1"
    with pytest.raises(KeyError, match="No version 7 of 'm'"):
        chain.models.lineage("m", version=7)


def test_what_is_gone_is_named_nevertheless(chain: Omega) -> None:
    chain.models.drop("m")
    chain.datasets.drop("X")
    told = str(chain.models.lineage("last"))
    assert "model: models 'm', version 2 (this version is not kept)" in told
    assert "X: datasets 'X', version 1 (2 rows; this version is not kept)" in told
    # Of the name that is used again, this is another object.
    chain.datasets.put([1.0], "X")
    assert "this version is not kept" in str(chain.models.lineage("last"))


def test_an_object_that_is_made_of_itself_ends(om: Omega) -> None:
    for _ in range(3):
        om.models.perform("partial_fit", "m", "X")
    assert str(om.models.lineage("m")).count("models 'm'") == 4
    record = {"action": "fit", "X": {"name": "loop", "version": 1}}
    meta = om.datasets.put([1], "loop", attributes={"lineage": record})
    meta.attributes["lineage"]["X"]["gen"] = meta.gen
    meta.save()
    assert "see above" in str(om.datasets.lineage("loop"))


def test_what_was_made_of_a_dataset_is_found(chain: Omega) -> None:
    chain.datasets.put([5.0], "X")
    chain.models.perform("fit", "m", "X", "X")
    uses = chain.datasets.used_by("X")
    assert [str(use) for use in uses] == [
        "datasets 'between', version 1: predict, as X",
        "models 'm', version 2: fit, as X",
        "models 'm', version 3: fit, as X and Y",
    ]
    assert [(use.used, use.is_current) for use in uses] == [(1, True), (1, False), (2, True)]
    assert [str(use) for use in chain.models.used_by("m")] == [
        "datasets 'between', version 1: predict, as model"
    ]
    chain.datasets.drop("X")
    assert chain.datasets.used_by("X") == uses
    assert chain.datasets.used_by("nothing") == []
    assert chain["other"].datasets.used_by("X") == []
