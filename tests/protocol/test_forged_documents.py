"""Whoever can write metadata documents has the collector delete nothing but what they may have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.testing.faults import let_time_pass

Document = dict[str, Any]

LARGE = bytes(100_000)
GEN = "0123456789abcdef" * 2


class Victims:
    """What belongs to others: objects of this store, and data that it knows nothing of."""

    def __init__(self, om: Omega, directory: Path) -> None:
        self.om = om
        database = om.database.mongodb
        om.datasets.put(LARGE, "file")
        om.datasets.put([{"i": 1}], "rows", kind="python.rows")
        om.datasets.put([{"i": 2}], "rows", kind="python.rows", append=True)
        om.datasets.put(b"at a uri", "at uri", uri=f"{directory.as_uri()}/{{key}}")
        database["payroll"].insert_one({"_id": f"{GEN}x", "salary": 1})
        database["omega.default.fs.files"].insert_one({"_id": "foreign", "length": 0})
        database["omega.default.fs.chunks"].insert_one({"files_id": "foreign", "n": 0})
        database["omega.default.segments"].insert_one({"_id": "s", "payload": f"{'f' * 32}.0"})
        self.precious = directory / "precious.bin"
        self.precious.write_bytes(b"precious")
        self.meta = {name: om.datasets.metadata(name) for name in om.datasets}
        self.before = self.everything()

    def everything(self) -> Any:
        database = self.om.database.mongodb
        names = [n for n in database.list_collection_names() if n != "omega.dropped"]
        stored = {
            name: sorted(str(d) for d in database[name].find())
            for name in names
            if name != "omega.metadata"
        }
        files = sorted(path.read_bytes() for path in self.precious.parent.iterdir())
        rows = self.om.datasets.get("rows")
        return stored, files, rows, self.om.datasets.get("at uri").read()


@pytest.fixture
def victims(make_omega: Callable[..., Omega], tmp_path: Path) -> Victims:
    om = make_omega(uris={"allow": [tmp_path.as_uri() + "/"]})
    if om.plugins.specs.get("pandas.dataframe"):
        import pandas as pd

        for _ in range(2):
            om.datasets.put(pd.DataFrame({"x": [1, 2]}), "frame", append=True)
    return Victims(om, tmp_path)


def _of(victims: Victims, name: str) -> Any:
    found = victims.meta.get(name)
    if found is None:
        pytest.skip("omega_pandas is not here")
    return found


FORGERIES: dict[str, Callable[[Victims], Document]] = {
    "a collection": lambda v: {"collections": ["payroll"]},
    "a collection to which rows were appended": lambda v: {"rows": ["payroll"]},
    "the collection of another object": lambda v: {"collections": [_of(v, "rows").collection]},
    "rows of another object": lambda v: {"rows": [_of(v, "rows").collection]},
    "a file at a URI": lambda v: {"uris": [v.precious.as_uri()]},
    "a directory at a URI": lambda v: {"uris": [v.precious.parent.as_uri() + "/"]},
    "the file of another object at a URI": lambda v: {"uris": [_of(v, "at uri").uri]},
    "a file in GridFS": lambda v: {"files": ["foreign"]},
    "the file of another object in GridFS": lambda v: {"files": [_of(v, "file").gridfile.grid_id]},
    "segments": lambda v: {"batches": ["s", 1]},
    "segments of another object": lambda v: {
        "batches": [b["payload"] for b in _of(v, "frame").kind_meta["batches"]]
    },
    "the metadata": lambda v: {"collections": ["omega.metadata", "omega.default.segments"]},
    "everything": lambda v: {
        "gridfs": True, "segments": True, "collections": ["payroll"], "rows": ["payroll"],
        "files": ["foreign", {"$gt": ""}], "uris": [v.precious.as_uri()],
    },
}  # fmt: skip


@pytest.mark.parametrize("where", ["live", "version", "retired", "crashed"])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_collector_deletes_only_what_bears_the_generation(
    victims: Victims, forgery: str, where: str
) -> None:
    om, res = victims.om, FORGERIES[forgery](victims)
    om.datasets.put({"a": 1}, "forged")
    om.datasets.put({"a": 2}, "forged")
    metadata = om.database.metadata
    collection = (res.get("collections") or res.get("rows") or [None])[0]
    update: Document = {
        "live": {"res": res, "collection": collection},
        "version": {"versions.0.res": res, "versions.0.collection": collection},
        "retired": {f"retired.{GEN}": {"res": res, "kind": "python.data"}},
        "crashed": {f"pending.{GEN}": {"res": res, "kind": "python.data"}},
    }[where]
    if where == "retired":
        update[f"retired.{GEN}"]["at"] = om.datasets.metadata("forged").modified  # type: ignore[union-attr]
    if where == "crashed":
        update[f"pending.{GEN}"]["lease"] = om.datasets.metadata("forged").modified  # type: ignore[union-attr]
    update["gc_at"] = om.datasets.metadata("forged").modified  # type: ignore[union-attr]
    metadata.update_one({"name": "forged"}, {"$set": update})
    if where in ("live", "version"):
        om.datasets.drop("forged")
    for _ in range(2):  # what is condemned is swept twice
        om.gc(grace=0)
        let_time_pass(om.database.mongodb, 25 * 3600)
    om.gc(grace=0)
    assert victims.everything() == victims.before


@pytest.mark.parametrize("gen", ["", "0", "g" * 32, f"{GEN}-1", "z"])
def test_a_generation_that_is_none_frees_nothing(victims: Victims, gen: str) -> None:
    om = victims.om
    om.datasets.put({"a": 1}, "forged")
    res = {"gridfs": True, "segments": True}
    now = om.datasets.metadata("forged").modified  # type: ignore[union-attr]
    om.database.metadata.update_one(
        {"name": "forged"}, {"$set": {"gen": gen, "res": res, "gc_at": now}}
    )
    om.datasets.drop("forged")
    om.gc(grace=0)
    assert victims.everything() == victims.before
