"""A put of what is there already makes no version; a put of anything else always does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import ConflictError, UnsupportedOptionError
from omega_core.testing.orphans import find_orphans

Make = Callable[..., Omega]

PAIRS: dict[str, tuple[Any, Any]] = {
    "python.data": ({"a": 1}, {"a": True}),
    "python.data, large": (["x" * 100] * 1000, [*(["x" * 100] * 999), "y" * 100]),
    "python.file": (b"one", b"two"),
    "python.file, large": (bytes(600_000), bytes(599_999) + b"\1"),
    "python.rows": ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 2.0}]),
    "python.rows, none": ([], [{"a": 1}]),
}


@pytest.mark.parametrize("case", PAIRS)
def test_the_same_makes_no_version_and_another_does(om: Omega, case: str) -> None:
    kind = case.partition(",")[0]
    same, other = PAIRS[case]
    first = om.datasets.put(same, "x", kind=kind, attributes={"a": 1})
    again = om.datasets.put(same, "x", kind=kind, if_changed=True)
    assert again == first
    assert (again.version, again.rev, again.attributes) == (1, 1, {"a": 1})
    assert om.datasets.put(other, "x", kind=kind, if_changed=True).version == 2
    assert om.datasets.put(same, "x", kind=kind, if_changed=True).version == 3
    assert om.datasets.put(same, "x", kind=kind).version == 4
    om.gc(grace=0)
    found = om.datasets.get("x")
    assert (found.read() if kind == "python.file" else found) == same
    om.datasets.drop("x")
    om.gc(grace=0)
    assert [left for left in find_orphans(om.database.mongodb) if "empty" not in left] == []


def test_another_kind_of_the_same_is_another_object(om: Omega) -> None:
    om.datasets.put([{"a": 1}], "x", kind="python.data")
    assert om.datasets.put([{"a": 1}], "x", kind="python.rows", if_changed=True).version == 2


def test_given_attributes_are_saved_nevertheless(om: Omega) -> None:
    om.datasets.put({"a": 1}, "x", attributes={"owner": "ann", "n": 1})
    meta = om.datasets.put({"a": 1}, "x", attributes={"n": 2}, if_changed=True)
    assert (meta.version, meta.rev, meta.attributes) == (1, 2, {"owner": "ann", "n": 2})
    assert om.datasets.metadata("x") == meta
    meta = om.datasets.put({"a": 1}, "x", attributes={"n": 2}, if_changed=True)
    assert meta.rev == 2
    assert om.datasets.put({"a": 1}, "x", attributes={}, if_changed=True).attributes == {}
    assert [m.version for m in om.datasets.versions("x")] == [1]


def test_of_a_name_that_is_new_it_is_a_put(om: Omega) -> None:
    assert om.datasets.put({"a": 1}, "x", if_changed=True).version == 1
    om.datasets.drop("x")
    assert om.datasets.put({"a": 1}, "x", if_changed=True).version == 2


def test_what_was_appended_is_not_what_is_put(om: Omega) -> None:
    om.datasets.put([{"a": 1}], "x", kind="python.rows")
    om.datasets.put([{"a": 2}], "x", kind="python.rows", append=True)
    meta = om.datasets.put([{"a": 1}], "x", kind="python.rows", if_changed=True)
    assert meta.version == 2
    with pytest.raises(UnsupportedOptionError, match="goes with no if_changed"):
        om.datasets.put([{"a": 2}], "x", kind="python.rows", append=True, if_changed=True)
    assert om.datasets.get("x") == [{"a": 1}]


def test_an_index_more_is_a_change(om: Omega) -> None:
    om.datasets.put([{"a": 1}], "x", kind="python.rows")
    assert om.datasets.put([{"a": 1}], "x", kind="python.rows", index=["a"], if_changed=True)
    assert [m.version for m in om.datasets.versions("x")] == [1, 2]


def test_a_revision_that_is_gone_is_a_conflict_also_of_the_same(om: Omega) -> None:
    om.datasets.put({"a": 1}, "x")
    assert om.datasets.put({"a": 1}, "x", if_rev=1, if_changed=True).rev == 1
    with pytest.raises(ConflictError):
        om.datasets.put({"a": 1}, "x", if_rev=7, if_changed=True)


def test_damage_of_what_is_stored_is_a_change(om: Omega) -> None:
    # The checksums in the ids stay as they were; the rows are compared as such.
    om.datasets.put([{"a": 1}], "x", kind="python.rows")
    collection = om.datasets.collection("x")
    collection.update_one({}, {"$set": {"a": 3}})
    assert om.datasets.put([{"a": 1}], "x", kind="python.rows", if_changed=True).version == 2
    assert om.datasets.get("x") == [{"a": 1}]


def test_a_reference_to_the_same_place_is_the_same(make_omega: Make, tmp_path: Path) -> None:
    om = make_omega(uris={"allow": [f"file://{tmp_path}/"]})
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"data")
    first = om.datasets.put(f"file://{tmp_path}/a", "x", reference=True)
    assert om.datasets.put(f"file://{tmp_path}/a", "x", reference=True) == first
    assert om.datasets.put(f"file://{tmp_path}/b", "x", reference=True).version == 2
    anew = om.datasets.put(f"file://{tmp_path}/b", "x", reference=True, if_changed=False)
    assert anew.version == 3


def test_a_file_at_a_uri_is_compared_and_the_second_goes(make_omega: Make, tmp_path: Path) -> None:
    om = make_omega(uris={"allow": [f"file://{tmp_path}/"]})
    options = {"uri": f"file://{tmp_path}/{{key}}", "kind": "python.file"}
    first = om.datasets.put(b"data", "x", **options)
    assert om.datasets.put(b"data", "x", if_changed=True, **options).uri == first.uri
    assert len([*tmp_path.iterdir()]) == 1
    assert om.datasets.put(b"datb", "x", if_changed=True, **options).version == 2


@pytest.mark.needs_plugins("pandas")
def test_frames(om: Omega) -> None:
    import pandas as pd

    df = pd.DataFrame({"a": range(1000), "b": [str(n) for n in range(1000)]})
    first = om.datasets.put(df, "x")
    assert om.datasets.put(df.copy(), "x", if_changed=True) == first
    assert om.datasets.put(df.astype({"a": "int32"}), "x", if_changed=True).version == 2
    df.loc[999, "b"] = "another"
    assert om.datasets.put(df, "x", if_changed=True).version == 3
    om.datasets.put(df, "r", layout="rows")
    assert om.datasets.put(df, "r", layout="rows", if_changed=True).version == 1
    om.gc(grace=0)
    assert om.datasets.get("x").equals(df)
    assert find_orphans(om.database.mongodb) == []
