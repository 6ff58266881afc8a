"""What an object is, without reading it; and how versions differ: the kinds of the core."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import BaseDataBackend, Metadata, Omega, Summary
from omega_core.errors import ObjectNotFoundError, PluginContractError


def test_data_is_described_by_its_type_and_its_keys(om: Omega) -> None:
    om.datasets.put({"a": 1, "b": {"c": [1, 2]}}, "config")
    told = om.datasets.describe("config")
    assert (told.store, told.bucket, told.name, told.version) == (
        "datasets", "default", "config", 1
    )  # fmt: skip
    assert told.kind == "python.data"
    assert told.details == {"type": "dict", "length": 2, "keys": {"a": "int", "b": "dict"}}
    assert told.size is not None
    assert told.size > 10
    assert "keys.b: dict" in repr(told)
    om.datasets.put(42, "answer")
    assert om.datasets.describe("answer").details == {"type": "int", "value": 42}


def test_rows_are_described_by_their_number_and_their_keys(om: Omega) -> None:
    items: list[dict[str, Any]] = [{"a": 1}, {"a": "x", "b": None}]
    om.datasets.put(items, "r", kind="python.rows")
    om.datasets.put(items, "r", kind="python.rows", append=True)
    told = om.datasets.describe("r")
    assert told.rows == 4
    assert [(c.name, c.dtype) for c in told.columns] == [("a", "int | str"), ("b", "NoneType")]


def test_files_are_described_by_what_they_were(
    om: Omega, tmp_path: Path, make_omega: Callable[..., Omega]
) -> None:
    path = tmp_path / "report.txt"
    path.write_bytes(b"hello")
    om.datasets.put(path, "f")
    told = om.datasets.describe("f")
    assert (told.size, told.details["form"], told.details["filename"]) == (5, "file", "report.txt")
    assert len(told.details["sha256"]) == 64
    open_ = make_omega(uris={"allow": [tmp_path.as_uri() + "/"]})
    open_.datasets.put(path.as_uri(), "ref", reference=True)
    assert open_.datasets.describe("ref").details["the file is"] == "there"
    path.unlink()
    gone = open_.datasets.describe("ref")
    assert (gone.size, gone.details["the file is"], gone.details["size at put"]) == (
        None, "missing", 5
    )  # fmt: skip


def test_a_version_is_described_as_it_was(om: Omega) -> None:
    om.datasets.put([1], "x")
    om.datasets.put([1, 2], "x")
    assert om.datasets.describe("x", version=1).details["length"] == 1
    assert om.datasets.describe("x").version == 2
    with pytest.raises(ObjectNotFoundError, match=r"No version 3 of 'x'.*Versions: 1, 2"):
        om.datasets.describe("x", version=3)
    with pytest.raises(ObjectNotFoundError, match="No object 'y'"):
        om.datasets.describe("y")


def test_an_alias_is_a_version(om: Omega) -> None:
    om.datasets.put([1], "x")
    om.datasets.put([1, 2], "x")
    om.datasets.alias("x", "stable", 1)
    assert om.datasets.describe("x", version="stable").version == 1
    assert om.datasets.diff("x", "stable").versions == (1, 2)
    assert om.datasets.diff("x", 2, "stable").versions == (2, 1)
    page = om.datasets.page("x", version="stable")
    assert "version 1</h1>" in page
    assert "<td>stable</td>" in page
    assert "stable" in om.datasets.versions("x")._repr_html_()
    meta = om.datasets.metadata("x", version="stable")
    assert meta is not None
    assert "<dt>aliases</dt><dd>stable</dd>" in meta._repr_html_()
    with pytest.raises(ObjectNotFoundError, match="stabel"):
        om.datasets.describe("x", version="stabel")


class Plain(BaseDataBackend):
    KIND = "test.plain"

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        with self.data_store.create_file(meta, "bin") as file:
            file.write(obj)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> bytes:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return self.data_store.open_file(meta).read()


class Counting(Plain):
    KIND = "test.counting"

    def describe(self, name: str, **kwargs: Any) -> Summary:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return Summary(self.KIND, rows=len(self.get(name)), details={"version seen": meta.version})


class Wrong(Plain):
    KIND = "test.wrong"

    def describe(self, name: str, **kwargs: Any) -> Any:
        return {"rows": 1}


def test_a_backend_that_says_nothing_is_described_by_kind_and_size(om: Omega) -> None:
    om.jobs.register_backend(Plain)
    om.jobs.put(b"abc", "x", kind="test.plain")
    told = om.jobs.describe("x")
    assert (told.store, told.kind, told.size, told.rows) == ("jobs", "test.plain", 3, None)
    assert told.columns == ()
    assert told.details == {}
    assert om.jobs.diff("x", 1).note == ""
    om.jobs.put(b"abd", "x", kind="test.plain")
    difference = om.jobs.diff("x", 1)
    assert difference
    assert difference.same_payload is False
    assert "not compared" in difference.note


def test_a_backend_tells_of_the_version_that_was_asked_for(om: Omega) -> None:
    om.datasets.register_backend(Counting)
    om.datasets.put(b"abc", "x", kind="test.counting")
    om.datasets.put(b"abcdef", "x", kind="test.counting")
    told = om.datasets.describe("x", version=1)
    assert (told.rows, told.details) == (3, {"version seen": 1})
    backend = om.datasets.get_backend("x")
    assert backend.describe("x").rows == 6


def test_a_backend_that_returns_something_else_is_told(om: Omega) -> None:
    om.datasets.register_backend(Wrong)
    om.datasets.put(b"abc", "x", kind="test.wrong")
    with pytest.raises(PluginContractError, match=r"describe of 'x': dict came back.*test\.wrong"):
        om.datasets.describe("x")


def test_wrappers_stand_around_describe(om: Omega, install: Callable[..., str]) -> None:
    install(
        "guard",
        """
        from omega_core import hookimpl

        @hookimpl(wrapper=True)
        def describe(meta, name):
            if name.startswith("secret"):
                raise PermissionError(f"{name} is not for you")
            return (yield)
        """,
    )
    om.datasets.put({"a": 1}, "secret/plan")
    om.datasets.put({"a": 1}, "plan")
    with pytest.raises(PermissionError, match="secret/plan is not for you"):
        om.datasets.describe("secret/plan")
    assert om.datasets.describe("plan").kind == "python.data"


# --- differences ---------------------------------------------------------------------------------


def test_data_differs_by_path(om: Omega) -> None:
    om.datasets.put({"a": 1, "b": {"c": [1, 2], "d": 0}}, "x")
    om.datasets.put({"a": 1.0, "b": {"c": [1, 2], "e": 1}}, "x", attributes={"owner": "ann"})
    told = om.datasets.diff("x", 1)
    [changes] = told.changes
    assert (changes.added, changes.removed, changes.changed, changes.same) == (1, 1, 1, 1)
    assert {(c.at, c.what) for c in changes.sample} == {
        ("a", "changed"), ("b.d", "removed"), ("b.e", "added")
    }  # fmt: skip
    assert [(c.at, c.what, c.after) for c in told.attributes] == [("owner", "added", "ann")]
    back = om.datasets.diff("x", 2, 1)
    assert back.versions == (2, 1)
    assert [(c.at, c.what) for c in back.attributes] == [("owner", "removed")]


def test_rows_differ_by_position(om: Omega) -> None:
    om.datasets.put([{"n": n} for n in range(30)], "r", kind="python.rows")
    om.datasets.put([{"n": n + (n >= 5)} for n in range(40)], "r", kind="python.rows")
    [changes] = om.datasets.diff("r", 1).changes
    assert (changes.added, changes.removed, changes.changed, changes.same) == (10, 0, 25, 5)
    assert len(changes.sample) == 20  # ten of each sort, of 35
    assert changes.sample[0].to_dict() == {
        "at": 5, "what": "changed", "before": {"n": 5}, "after": {"n": 6}
    }  # fmt: skip


def test_what_is_the_same_does_not_differ(om: Omega) -> None:
    om.datasets.put({"a": [1, float("nan")]}, "x")
    om.datasets.put({"a": [1, float("nan")]}, "x")
    told = om.datasets.diff("x", 1, 2)
    assert not told
    assert told.same_payload
    assert "no difference" in repr(told)
    assert json.dumps(told.to_dict(), allow_nan=False)
    assert not om.datasets.diff("x", 2)


def test_versions_of_different_kinds_say_so(om: Omega) -> None:
    om.datasets.put({"a": 1}, "x")
    om.datasets.put(b"bytes", "x")
    told = om.datasets.diff("x", 1)
    assert told
    assert told.kinds == ("python.data", "python.file")
    assert "no rows in common" in told.note


def test_a_version_that_is_not_there_has_no_difference(om: Omega) -> None:
    om.datasets.put([1], "x")
    with pytest.raises(ObjectNotFoundError, match="No version 7 of 'x'"):
        om.datasets.diff("x", 1, 7)
