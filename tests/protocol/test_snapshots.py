"""Snapshots: what they pin stays as it was, whatever becomes of the objects; and then it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import pytest

from omega_core import BaseDataBackend, Metadata, Omega, Snapshot
from omega_core.errors import (
    ConflictError,
    IntegrityError,
    InvalidNameError,
    LeaseLostError,
    ObjectNotFoundError,
    ReadOnlyError,
    UnsupportedOptionError,
)
from omega_core.protocol.snapshots import SnapshotRecords
from omega_core.testing.faults import let_time_pass
from omega_core.testing.orphans import find_orphans

Make = Callable[..., Omega]
ROWS = {"kind": "python.rows"}


def leave_nothing(om: Omega) -> None:
    for store in (om.datasets, om.models, om.jobs):
        for name in store.list(hidden=True):
            store.drop(name)
    for snapshot in om.snapshots():
        om.drop_snapshot(snapshot.name)
    assert om.gc(grace=0).blocked == []
    assert find_orphans(om.database.mongodb) == []
    assert om.database.metadata.find_one({}) is None


def test_a_snapshot_is_what_there_was(om: Omega) -> None:
    om.datasets.put({"n": 1}, "x", attributes={"a": 1})
    om.datasets.put(b"hidden", ".h")
    om.models.put(b"model", "m")
    taken = om.snapshot("q1", note="before the new prices")
    assert isinstance(taken, Snapshot)
    assert om.snapshots() == [taken]
    assert (taken.name, taken.bucket, taken.note) == ("q1", "default", "before the new prices")
    assert taken.objects == {"datasets": 1, "models": 1, "jobs": 0}
    assert "@" in taken.by
    assert taken.at.tzinfo is not None
    om.datasets.put({"n": 2}, "x")
    om.datasets.put({"n": 3}, "y")
    om.models.drop("m")
    om.gc(grace=0)
    was = om.at("q1")
    assert was.snapshot == taken
    assert was.datasets.get("x") == {"n": 1}
    assert was.models.get("m").read() == b"model"
    meta = was.datasets.metadata("x")
    assert meta is not None
    assert (meta.version, meta.rev, meta.attributes) == (1, 1, {"a": 1})
    assert was.datasets.list() == list(was.datasets) == ["x"]
    assert [m.version for m in was.datasets.list("x*", kind="python.data", raw=True)] == [1]
    assert was.datasets.list(kind="python.rows") == was.jobs.list() == []
    assert len(was.models) == 1
    assert "x" in was.datasets
    assert "y" not in was.datasets
    assert was.datasets.metadata("y") is None
    leave_nothing(om)


def change(om: Omega, name: str) -> None:
    """Do everything to an object that changes it, and free what can be freed."""
    store = om.datasets
    store.put([{"n": 2}], name, append=True, attributes={"a": 2})
    meta = store.metadata(name)
    assert meta is not None
    meta.attributes["a"] = 3
    meta.save()
    om.gc(grace=0)


THEN: dict[str, Callable[[Omega], Any]] = {
    "nothing": lambda om: None,
    "replaced": lambda om: [om.datasets.put([{"n": n}], "x", **ROWS) for n in range(5)],
    "another kind": lambda om: [om.datasets.put({"n": n}, "x") for n in range(5)],
    "dropped": lambda om: om.datasets.drop("x"),
    "dropped and put": lambda om: [om.datasets.drop("x"), om.datasets.put(b"new", "x")],
    "dropped twice": lambda om: [
        om.datasets.drop("x"),
        om.datasets.put(b"new", "x"),
        om.datasets.drop("x"),
    ],
    "restored": lambda om: [
        om.datasets.put([{"n": 9}], "x", **ROWS),
        om.datasets.restore("x", 1),
        change(om, "x"),
    ],
}


@pytest.mark.parametrize("then", THEN)
def test_a_pin_survives(om: Omega, then: str) -> None:
    om.datasets.put([{"n": 1}], "x", **ROWS, attributes={"a": 1})
    om.snapshot("first")
    change(om, "x")
    om.snapshot("second")
    changed = om.datasets.metadata("x")
    THEN[then](om)
    om.gc(grace=0)
    first, second = om.at("first").datasets, om.at("second").datasets
    assert first.get("x") == [{"n": 1}]
    assert second.get("x") == [{"n": 1}, {"n": 2}]
    metas = first.metadata("x"), second.metadata("x")
    assert [m.attributes for m in metas if m] == [{"a": 1}, {"a": 3}]
    assert [m.rev for m in metas if m] == [1, 3]
    assert metas[1] == changed
    # One goes, and the other stays.
    om.drop_snapshot("first")
    om.gc(grace=0)
    assert second.get("x") == [{"n": 1}, {"n": 2}]
    with pytest.raises(ObjectNotFoundError, match="Perhaps it was dropped meanwhile"):
        first.get("x")
    leave_nothing(om)


def test_what_a_snapshot_pins_is_no_version(om: Omega) -> None:
    for number in range(4):
        om.datasets.put({"n": number}, "x")
        om.snapshot(f"s{number}")
    om.gc(grace=0)
    assert [m.version for m in om.datasets.versions("x")] == [3, 4]
    with pytest.raises(ObjectNotFoundError, match="No version 1 "):
        om.datasets.get("x", version=1)
    assert [om.at(f"s{n}").datasets.get("x")["n"] for n in range(4)] == [0, 1, 2, 3]
    om.datasets.drop("x")
    om.datasets.put({"n": "new"}, "x")
    assert [m.version for m in om.datasets.versions("x")] == [5]
    leave_nothing(om)


def test_what_only_a_snapshot_kept_is_freed_with_it(om: Omega) -> None:
    om.datasets.put(bytes(100_000), "x")
    om.snapshot("s")
    om.datasets.alias("x", "champion")
    for _ in range(3):
        om.datasets.put(b"small", "x")
    om.drop_snapshot("s")
    om.gc(grace=0)
    assert len(om.datasets.get("x", version="champion").read()) == 100_000
    om.snapshot("s")
    om.datasets.unalias("x", "champion")
    om.datasets.put(b"small", "x")
    om.gc(grace=0)
    assert om.database.mongodb["omega.default.fs.files"].count_documents({}) == 0
    leave_nothing(om)


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({}, ["a", "b/1", "b/2", "m"]),
        ({"datasets": "b/*", "models": False}, ["b/1", "b/2"]),
        ({"datasets": ["a", "b/[2]"]}, ["a", "b/2", "m"]),
        ({"datasets": False, "models": "m"}, ["m"]),
        ({"datasets": ".h", "models": False}, [".h"]),
        ({"datasets": [], "models": False, "jobs": False}, []),
    ],
    ids=str,
)
def test_some_objects_of_some_stores(om: Omega, chosen: Any, names: list[str]) -> None:
    for name in ("a", "b/1", "b/2", ".h"):
        om.datasets.put({"n": name}, name)
    om.models.put(b"m", "m")
    om.snapshot("s", **chosen)
    assert [*om.at("s").datasets, *om.at("s").models] == names


def test_what_cannot_be_taken_is_refused_and_leaves_nothing(om: Omega) -> None:
    om.datasets.put({"n": 1}, "sales")
    with pytest.raises(ObjectNotFoundError, match="mean 'sales'"):
        om.snapshot("s", datasets=["sale"])
    with pytest.raises(UnsupportedOptionError, match="datasets= takes"):
        om.snapshot("s", datasets=True)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedOptionError, match="note= is a text"):
        om.snapshot("s", note=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidNameError):
        om.snapshot("")
    assert om.snapshots() == []
    om.snapshot("s")
    with pytest.raises(ConflictError, match="already"):
        om.snapshot("s")
    with pytest.raises(ObjectNotFoundError, match="mean 's'"):
        om.at("ss")
    with pytest.raises(ObjectNotFoundError):
        om.drop_snapshot("t")
    assert om.drop_snapshot("t", missing_ok=True) is False
    assert om.drop_snapshot("s") is True
    leave_nothing(om)


def test_a_snapshot_is_of_one_bucket(om: Omega) -> None:
    om.datasets.put({"n": 1}, "x")
    om["other"].datasets.put({"n": 2}, "x")
    om.snapshot("s")
    assert om["other"].snapshots() == []
    om["other"].snapshot("s")
    assert om.at("s").datasets.get("x") == {"n": 1}
    assert om["other"].at("s").datasets.get("x") == {"n": 2}


def test_nothing_is_written_to_a_snapshot(om: Omega) -> None:
    om.datasets.put({"n": 1}, "x")
    om.snapshot("s")
    was = om.at("s").datasets
    for write in ("put", "drop", "restore", "alias", "unalias", "versions", "gc", "make_metadata"):
        with pytest.raises(ReadOnlyError, match=f"'s' is read-only.*{write} of datasets"):
            getattr(was, write)("x")
    meta = was.metadata("x")
    assert meta is not None
    meta.attributes["a"] = 1
    with pytest.raises(ReadOnlyError, match="saving the metadata of 'x'"):
        meta.save()
    with pytest.raises(UnsupportedOptionError, match="one version of each"):
        was.get("x", version=1)
    assert not hasattr(was, "putt")
    with pytest.raises(ObjectNotFoundError, match="mean 'x'"):
        was.get("xx")
    assert om.datasets.metadata("x").attributes == {}  # type: ignore[union-attr]


class InPlace(BaseDataBackend):
    """Appends to its collection, and keeps no batches."""

    KIND = "acme.inplace"
    TYPES = None

    def put(self, obj: Any, name: str, attributes: Any = None, *, append: bool = False, **kwargs: Any) -> Metadata:  # fmt: skip  # noqa: E501
        collection = self.data_store.collection(name)
        collection.insert_many([dict(item) for item in obj])
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        if not append:
            meta.collection = collection
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        return list(self.data_store.collection(name).find({}, {"_id": 0}))


def test_a_kind_that_appends_in_place_does_not_append_to_what_is_pinned(om: Omega) -> None:
    om.datasets.register_backend(InPlace)
    om.datasets.put([{"n": 1}], "x", kind=InPlace.KIND)
    om.datasets.put([{"n": 2}], "x", append=True)
    om.snapshot("s")
    with pytest.raises(ConflictError, match="part of a snapshot"):
        om.datasets.put([{"n": 3}], "x", append=True)
    assert om.at("s").datasets.get("x") == om.datasets.get("x") == [{"n": 1}, {"n": 2}]
    om.datasets.put([{"n": 4}], "x", kind=InPlace.KIND)
    om.datasets.put([{"n": 5}], "x", append=True)
    om.gc(grace=0)
    assert om.at("s").datasets.get("x") == [{"n": 1}, {"n": 2}]
    assert om.datasets.get("x") == [{"n": 4}, {"n": 5}]
    leave_nothing(om)


def test_files_at_uris_stay(make_omega: Make, tmp_path: Path) -> None:
    om = make_omega(uris={"allow": [f"file://{tmp_path}/"]})
    om.datasets.put(b"first", "x", uri=f"file://{tmp_path}/{{key}}")
    om.snapshot("s")
    om.datasets.drop("x")
    om.gc(grace=0)
    assert om.at("s").datasets.get("x").read() == b"first"
    leave_nothing(om)
    assert [*tmp_path.iterdir()] == []


def test_what_something_else_edited_hides_nothing_else(om: Omega) -> None:
    for name in ("a", "b", "c"):
        om.datasets.put([{"n": 1}], name, **ROWS)
    om.snapshot("s")
    metadata = om.database.metadata
    metadata.update_one({"name": "a"}, {"$set": {"kind_meta.batches.0.rows": 7}})
    metadata.update_one({"name": "b"}, {"$set": {"pins.0.rev": "x"}})
    was = om.at("s").datasets
    assert was.list() == ["a", "b", "c"]
    assert [m.damage is None for m in was.list(raw=True)] == [False, False, True]
    for name in ("a", "b"):
        with pytest.raises(IntegrityError, match="damaged"):
            was.get(name)
    assert was.get("c") == [{"n": 1}]


def test_the_document_of_an_object_in_many_snapshots_stays_small(om: Omega) -> None:
    payload = bytes(range(256)) * 40
    for number in range(60):
        om.datasets.put(payload, "x")
        om.snapshot(f"s{number}")
    document = om.database.metadata.find_one({"name": "x"})
    assert document is not None
    assert len(bson.encode(document)) < 450_000
    assert om.at("s0").datasets.get("x").read() == payload
    assert om.at("s59").datasets.get("x").read() == payload


@pytest.mark.needs_plugins("pandas")
@pytest.mark.parametrize("layout", [None, "rows"])
def test_appends_and_compactions_of_frames(om: Omega, monkeypatch: Any, layout: Any) -> None:
    import pandas as pd

    monkeypatch.setattr("omega_pandas.columnar.MAX_SMALL_BATCHES", 3)
    options = {} if layout is None else {"layout": layout}
    df = pd.DataFrame({"a": [0, 1]})
    om.datasets.put(df, "x", **options)
    expected = {}
    for number in range(20):
        om.datasets.put(df + number, "x", append=True)
        if number in (1, 8, 9, 15):
            om.snapshot(f"s{number}")
            expected[f"s{number}"] = om.datasets.get("x")
    om.gc(grace=0)
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(om.at(name).datasets.get("x"), frame)
        assert len(om.at(name).datasets.get("x", lazy=True)) == len(frame)
    batches = om.datasets.metadata("x").kind_meta["batches"]  # type: ignore[union-attr]
    assert (len(batches) < 21) == (layout is None)  # what is not pinned apart was compacted
    om.datasets.put(df, "x")
    om.datasets.drop("x")
    om.gc(grace=0)
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(om.at(name).datasets.get("x"), frame)
    leave_nothing(om)


@pytest.mark.needs_plugins("sklearn")
def test_models(om: Omega) -> None:
    from sklearn.linear_model import Ridge

    om.models.put(Ridge(alpha=1), "m")
    om.snapshot("s")
    om.models.put(Ridge(alpha=2), "m")
    om.models.drop("m")
    om.gc(grace=0)
    assert om.at("s").models.get("m").alpha == 1
    leave_nothing(om)


def test_a_snapshot_of_a_dead_process_is_given_up_with_its_pins(
    om: Omega, make_omega: Make
) -> None:
    om.datasets.put(bytes(100_000), "x")
    other = make_omega()
    slow = SnapshotRecords(other.database, "default", 60.0)
    other.database.prepare_snapshots("default")
    selection = om._snapshots._selections({"data/": None}, "s")  # what a snapshot is about
    slow._open("0" * 32, "s", None)
    slow._pin("0" * 32, selection[0], ["x"])
    with pytest.raises(ConflictError, match="is taking"):
        om.snapshot("s")
    om.datasets.drop("x")
    om.gc(grace=0)
    assert om.database.metadata.find_one({})["held"]  # type: ignore[index]
    let_time_pass(om.database.mongodb, 61)
    assert om.gc(dry_run=True).condemned == 1
    assert om.gc(grace=0).condemned == 1
    om.gc(grace=0)
    assert om.database.metadata.find_one({}) is None
    # It wakes up, pins once more, and learns that it was given up; what it pinned goes in a day.
    om.datasets.put({"n": 1}, "x")
    slow._pin("0" * 32, selection[0], ["x"])
    with pytest.raises(LeaseLostError, match="given up"):
        slow._update("0" * 32, "s", {"at": "$$NOW"}, {})
    om.snapshot("s")
    let_time_pass(om.database.mongodb, 25 * 3600)
    om.gc(grace=0)
    assert len(om.database.metadata.find_one({})["pins"][0]["by"]) == 1  # type: ignore[index]
    assert find_orphans(om.database.mongodb) == []
