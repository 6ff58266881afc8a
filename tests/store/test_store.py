"""What a store does with objects by name."""

from __future__ import annotations

import copy
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest

from omega_core import Metadata, Omega
from omega_core.errors import (
    ConflictError,
    InvalidNameError,
    ObjectNotFoundError,
    StoreError,
    UnsupportedOptionError,
    UnsupportedValueError,
)

NAMES = [
    "a/b", "a_b", "a.b", "a b", "a+b", "a(b)", "a[b]", "a@b", "a#b", "a{b}", "n", "n.datastore",
    "_t", ".h", "ünï", "$x", "x" * 500, "*", "?", "[!a]", "A_B", " ", "a\nb", "data/a",
]  # fmt: skip


def stored_documents(om: Omega) -> dict[str, int]:
    """Count what is stored, by collection, the metadata included."""
    database = om.database.mongodb
    counts = {name: database[name].count_documents({}) for name in database.list_collection_names()}
    return {name: count for name, count in counts.items() if count}


def test_what_is_put_comes_back(om: Omega) -> None:
    meta = om.datasets.put({"a": [1, 2]}, "facts")
    assert isinstance(meta, Metadata)
    assert (meta.name, meta.bucket, meta.prefix, meta.kind) == (
        "facts",
        "default",
        "data/",
        "python.data",
    )
    assert om.datasets.get("facts") == {"a": [1, 2]}


def test_times_are_aware_and_utc(om: Omega) -> None:
    meta = om.datasets.put(1, "x")
    assert meta.created == meta.modified
    assert meta.created.utcoffset() == dt.timedelta(0)
    again = om.datasets.put(2, "x")
    assert again.created == meta.created
    assert again.modified > meta.modified


def test_put_again_replaces_and_keeps_one_document(om: Omega) -> None:
    om.datasets.put([1], "x")
    meta = om.datasets.put([2], "x")
    assert om.datasets.get("x") == [2]
    assert meta.version == 2
    assert om.datasets.list() == ["x"]
    assert om.database.metadata.count_documents({}) == 1


def test_another_kind_replaces_as_well(om: Omega) -> None:
    om.datasets.put([1], "x")
    om.datasets.put(b"bytes", "x")
    assert om.datasets.get("x").read() == b"bytes"


def test_attributes_none_keeps_empty_resets_other_updates(om: Omega) -> None:
    odd = {"a.b": 1, "$x": {"c.d": 2}, "list": [1, {"e": None}]}
    om.datasets.put(1, "x", attributes=odd)
    assert om.datasets.put(2, "x").attributes == odd
    assert om.datasets.put(3, "x", attributes={"n": 1}).attributes == {**odd, "n": 1}
    assert om.datasets.put(4, "x", attributes={}).attributes == {}
    assert om.datasets.metadata("x").attributes == {}


def test_attributes_can_be_saved_by_themselves(om: Omega) -> None:
    meta = om.datasets.put(1, "x")
    meta.attributes["seen"] = True
    assert meta.save().rev == 2
    assert om.datasets.metadata("x").attributes == {"seen": True}
    assert om.datasets.get("x") == 1
    assert [m.version for m in om.datasets.versions("x")] == [1]


def test_a_stale_metadata_does_not_overwrite_what_it_has_not_seen(om: Omega) -> None:
    first, second = om.datasets.put(1, "x"), om.datasets.metadata("x")
    second.attributes["by"] = "second"
    second.save()
    first.attributes["by"] = "first"
    with pytest.raises(ConflictError, match=r"'x' .* was changed or dropped since revision 1"):
        first.save()
    assert om.datasets.metadata("x").attributes == {"by": "second"}


def test_metadata_that_was_never_put_cannot_be_saved(om: Omega) -> None:
    meta = om.datasets.make_metadata("x", "python.data")
    with pytest.raises(StoreError, match=r"store\.put"):
        meta.save()
    assert not om.datasets.exists("x")


def test_metadata_of_two_objects_differ(om: Omega) -> None:
    a, b = om.datasets.put(1, "a"), om.datasets.put(1, "b")
    assert a != b
    assert a == om.datasets.metadata("a")
    assert om.datasets.put(2, "a") != a


def test_reload_reads_the_document_again(om: Omega) -> None:
    meta = om.datasets.put(1, "x")
    om.datasets.put(2, "x", attributes={"n": 2})
    assert meta.reload().attributes == {"n": 2}
    assert meta.version == 2
    om.datasets.drop("x")
    with pytest.raises(ObjectNotFoundError):
        meta.reload()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_concerns_only_its_own_object(om: Omega, name: str) -> None:
    for other in NAMES:
        om.datasets.put(f"data of {other}", other)
    assert om.datasets.get(name) == f"data of {name}"
    assert name in om.datasets
    assert om.datasets.list(hidden=True) == sorted(NAMES)
    assert om.datasets.drop(name)
    assert om.datasets.list(hidden=True) == sorted(set(NAMES) - {name})
    om.datasets.gc(grace=0)
    for other in set(NAMES) - {name}:
        assert om.datasets.get(other) == f"data of {other}"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "is empty"), ("x" * 513, "513 bytes"), ("a\0b", "NUL"), ("\ud800", "surrogate"),
     (None, "must be a string, not NoneType"), (3, "not int")],
)  # fmt: skip
def test_an_impossible_name_is_refused(om: Omega, name: Any, reason: str) -> None:
    for operation in (
        lambda: om.datasets.put(1, name),
        lambda: om.datasets.get(name),
        lambda: om.datasets.metadata(name),
        lambda: om.datasets.drop(name),
    ):
        with pytest.raises(InvalidNameError, match=reason):
            operation()
    assert stored_documents(om) == {}


def test_keys_differ_wherever_names_do(om: Omega) -> None:
    stores = [om.datasets, om.models, om["a"].datasets, om["a_"].datasets]
    keys = [s.object_store_key(n, ext) for s in stores for n in NAMES for ext in ("x", "x.y", "")]
    assert len(set(keys)) == len(keys)
    assert all(len(key.encode()) <= 120 for key in keys)
    assert om.datasets.object_store_key("a", "x") == om.datasets.object_store_key("a", "x")


# --- what is missing -------------------------------------------------------------------------


def test_a_missing_object_is_an_error_that_names_it_and_its_neighbours(om: Omega) -> None:
    om.datasets.put(1, "sales")
    for operation in (om.datasets.get, om.datasets.drop, om.datasets.versions):
        with pytest.raises(ObjectNotFoundError) as caught:
            operation("sale")
        assert str(caught.value) == (
            "No object 'sale' in the datasets of bucket 'default'. Did you mean 'sales'? "
            "list() shows what is."
        )
    assert issubclass(ObjectNotFoundError, KeyError)


def test_metadata_of_a_missing_object_is_none(om: Omega) -> None:
    assert om.datasets.metadata("nothing") is None
    assert not om.datasets.exists("nothing")
    assert "nothing" not in om.datasets


def test_a_missing_version_names_those_that_are_there(om: Omega) -> None:
    om.datasets.put(1, "x")
    om.datasets.put(2, "x")
    with pytest.raises(ObjectNotFoundError, match=r"No version 7 of 'x' .* Versions: 1, 2\."):
        om.datasets.get("x", version=7)
    assert om.datasets.metadata("x", version=7) is None


# --- listing ---------------------------------------------------------------------------------


def test_list_globs_sorts_and_hides(om: Omega) -> None:
    for name in ("a.b", "axb", "b1", "b2", "b[1]", ".hidden", "_t"):
        om.datasets.put(1, name)
    om.datasets.put(b"", "c.bin")
    names = om.datasets.list
    assert names() == ["_t", "a.b", "axb", "b1", "b2", "b[1]", "c.bin"]
    assert names("a.b") == ["a.b"]
    assert names("a?b") == ["a.b", "axb"]
    assert names("b*") == ["b1", "b2", "b[1]"]
    assert names("b[12]") == ["b1", "b2"]
    assert names("b[[]1]") == ["b[1]"]
    assert names("*") == names()
    assert names(hidden=True) == [".hidden", *names()]
    assert names(".*") == [".hidden"]
    assert names(regexp="^a.b$") == ["a.b", "axb"]
    assert names(regexp=r"\d") == ["b1", "b2", "b[1]"]
    assert names(kind="python.file") == ["c.bin"]
    assert names(kind=["python.file", "python.data"]) == names()
    assert names("b*", regexp="2") == ["b2"]
    assert [m.kind for m in names("c*", raw=True)] == ["python.file"]
    assert list(om.datasets) == names()
    assert len(om.datasets) == 7


# --- versions --------------------------------------------------------------------------------


def test_versions_stay_as_many_as_the_configuration_says(make_omega: Callable[..., Omega]) -> None:
    om = make_omega(stores={"keep": {"datasets": 3}})
    for i in range(1, 6):
        om.datasets.put(i, "x", attributes={"i": i})
    assert [m.version for m in om.datasets.versions("x")] == [3, 4, 5]
    assert [m.is_current for m in om.datasets.versions("x")] == [False, False, True]
    assert [om.datasets.get("x", version=v) for v in (3, 4, 5)] == [3, 4, 5]
    assert om.datasets.metadata("x", version=3).attributes == {"i": 3}
    om.datasets.gc(grace=0)
    assert [om.datasets.get("x", version=v) for v in (3, 4, 5)] == [3, 4, 5]
    assert stored_documents(om) == {"omega.metadata": 1}


def test_files_of_versions_stay_as_many_as_well(make_omega: Callable[..., Omega]) -> None:
    om = make_omega(stores={"keep": {"datasets": 3}, "inline": 0})
    for i in range(1, 6):
        om.datasets.put(i, "x")
    om.datasets.gc(grace=0)
    assert [om.datasets.get("x", version=v) for v in (3, 4, 5)] == [3, 4, 5]
    assert stored_documents(om) == {
        "omega.metadata": 1, "omega.default.fs.files": 3, "omega.default.fs.chunks": 3,
    }  # fmt: skip


def test_one_version_can_be_enough(make_omega: Callable[..., Omega]) -> None:
    om = make_omega(stores={"keep": {"datasets": 1}})
    om.datasets.put(1, "x")
    om.datasets.put(2, "x")
    assert [m.version for m in om.datasets.versions("x")] == [2]
    assert om.datasets.gc(grace=0).freed == 1


def test_restore_makes_an_old_version_current_with_its_attributes(om: Omega) -> None:
    om.datasets.put("old", "x", attributes={"is": "old"})
    om.datasets.put(b"new", "x", attributes={"is": "new"})
    meta = om.datasets.restore("x", 1)
    assert (meta.version, meta.attributes, meta.rev) == (1, {"is": "old"}, 3)
    assert om.datasets.get("x") == "old"
    assert om.datasets.get("x", version=2).read() == b"new"
    assert om.datasets.put("newest", "x").version == 3
    with pytest.raises(ObjectNotFoundError, match="No version 9"):
        om.datasets.restore("x", 9)


def test_restoring_the_current_version_changes_nothing(om: Omega) -> None:
    om.datasets.put(1, "x")
    assert om.datasets.restore("x", 1).rev == 1


def test_if_rev_guards_a_replace(om: Omega) -> None:
    first = om.datasets.put(1, "x", if_rev=0)
    with pytest.raises(ConflictError, match="this write expected revision 0"):
        om.datasets.put(2, "x", if_rev=0)
    om.datasets.put(3, "x", if_rev=first.rev)
    with pytest.raises(ConflictError, match="there is revision 2, this write expected revision 1"):
        om.datasets.put(4, "x", if_rev=first.rev)
    assert om.datasets.get("x") == 3


# --- drop and gc -----------------------------------------------------------------------------


def test_drop_frees_all_that_the_object_and_its_versions_held_and_nothing_else(om: Omega) -> None:
    for name in ("mine", "yours"):
        om.datasets.put({"a": 1}, name)
        om.datasets.put(b"file", name)
    om.datasets.put([{"a": 1}], "rows", kind="python.rows")
    om.models.put(b"m", "mine")
    yours = (om.datasets.get("yours", version=1), om.datasets.get("yours").read())
    assert om.datasets.drop("mine")
    assert om.datasets.drop("rows")
    assert not om.datasets.exists("mine")
    om.gc(grace=0)
    assert (om.datasets.get("yours", version=1), om.datasets.get("yours").read()) == yours
    assert om.models.get("mine").read() == b"m"
    om.datasets.drop("yours")
    om.models.drop("mine")
    om.gc(grace=0)
    # Of each name its numbers, which never come again.
    assert stored_documents(om) == {"omega.dropped": 4}


def test_drop_of_a_missing_object_can_be_fine(om: Omega) -> None:
    assert om.datasets.drop("x", missing_ok=True) is False


def test_a_dropped_name_begins_anew(om: Omega) -> None:
    om.datasets.put(1, "x", attributes={"old": True})
    om.datasets.drop("x")
    meta = om.datasets.put(2, "x")
    assert meta.attributes == {}
    assert [m.version for m in om.datasets.versions("x")] == [meta.version]


def test_the_numbers_of_a_name_never_come_again(om: Omega) -> None:
    seen: list[tuple[int | None, int | None]] = []
    for i in range(3):
        for _ in range(2):
            meta = om.datasets.put(i, "x")
            seen.append((meta.version, meta.rev))
        om.datasets.drop("x")
        om.gc(grace=0)
        assert om.database.metadata.count_documents({}) == 0
    versions, revs = zip(*seen, strict=True)
    assert sorted(set(versions)) == list(versions)
    assert sorted(set(revs)) == list(revs)
    om.datasets.put("another object", "x")
    for rev in revs:
        with pytest.raises(ConflictError):
            om.datasets.put("for the old one", "x", if_rev=rev)
    for version in versions:
        with pytest.raises(ObjectNotFoundError, match="No version"):
            om.datasets.get("x", version=version)
    # Of another name, store or bucket nothing is remembered, nor of a put that failed.
    assert om.models.put(1, "x").version == om["other"].datasets.put(1, "x").version == 1
    with pytest.raises(UnsupportedValueError):
        om.datasets.put(object, "y", kind="python.data")
    om.gc(grace=0)
    assert om.datasets.put(1, "y").version == 1


def test_gc_waits_for_the_grace_and_can_be_asked_first(om: Omega) -> None:
    om.datasets.put(1, "x")
    om.datasets.drop("x")
    assert om.datasets.gc().waiting == 1
    before = stored_documents(om)
    assert om.datasets.gc(grace=0, dry_run=True).freed == 1
    assert stored_documents(om) == before
    assert om.datasets.gc(grace=0).freed == 1
    assert om.datasets.gc(grace=0).freed == 0


def test_a_slow_reader_keeps_its_file_until_the_grace_is_over(om: Omega) -> None:
    content = bytes(range(256)) * 40_000
    om.datasets.put(content, "f")
    reader = om.datasets.get("f")
    assert reader.read(10) == content[:10]
    om.datasets.put(b"new", "f")
    om.datasets.put(b"newer", "f")
    om.datasets.gc()
    assert reader.read() == content[10:]


# --- the caller's objects ----------------------------------------------------------------------


def test_nothing_that_the_caller_passes_is_changed(om: Omega) -> None:
    obj = {"a": [1, {"b": (2, {3})}]}
    attributes = {"tags": ["x"]}
    before = copy.deepcopy((obj, attributes))
    om.datasets.put(obj, "x", attributes=attributes)
    om.datasets.put(obj, "x", attributes=attributes)
    om.datasets.get("x")["a"].append(5)
    assert (obj, attributes) == before
    assert om.datasets.get("x") == obj


# --- options -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (lambda om: om.datasets.put(1, "x", colums=["a"]), "put of 'x': the kind 'python.data' has no option 'colums'"),  # noqa: E501
        (lambda om: om.datasets.put(1, "x", append=True), "has no option 'append'"),
        (lambda om: om.datasets.put(1, "x", uri="file:///x/{key}"), "has no option 'uri'"),
        (lambda om: om.datasets.put(b"1", "x", url="s3://b/"), "Did you mean 'uri'?"),
    ],
)  # fmt: skip
def test_an_option_that_nobody_understands_is_an_error(
    om: Omega, operation: Callable[[Omega], Any], text: str
) -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        operation(om)
    assert text in str(caught.value)
    assert stored_documents(om) == {}


# --- buckets, threads ------------------------------------------------------------------------


def test_buckets_isolate_data_files_and_listings(om: Omega) -> None:
    team = om["team-a"]
    om.datasets.put("mine", "x")
    team.datasets.put("theirs", "x")
    om.datasets.put(b"mine", "f")
    team.datasets.put(b"theirs", "f")
    assert (om.datasets.get("x"), team.datasets.get("x")) == ("mine", "theirs")
    assert om.buckets == ["default", "team-a"]
    assert om["team-a"] is team
    assert om["default"] is om
    team.datasets.drop("f")
    team.datasets.gc(grace=0)
    assert om.datasets.get("f").read() == b"mine"
    assert team.datasets.list() == ["x"]
    assert team.database.client is om.database.client


def test_the_three_stores_are_told_apart(om: Omega) -> None:
    for store in (om.datasets, om.models, om.jobs):
        store.put(store.prefix, "x")
    for store in (om.datasets, om.models, om.jobs):
        assert store.get("x") == store.prefix
        assert store.list() == ["x"]


def test_two_omegas_on_two_databases_serve_eight_threads_at_once(
    mongo_url: str, mongo_database: str
) -> None:
    names = [f"{mongo_database}_{i}" for i in range(2)]
    omegas = [Omega(url=f"{mongo_url}/{name}") for name in names]
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def work(thread: int) -> None:
        om = omegas[thread % 2]
        try:
            start.wait()
            for i in range(15):
                om.datasets.put([thread, i], f"t{thread}")
                om.datasets.put([thread, i], "shared")
                assert om.datasets.get(f"t{thread}") == [thread, i]
                assert om.datasets.get("shared")[0] % 2 == thread % 2
                om.datasets.put(bytes([thread]) * 10, f"f{thread}")
                assert om.datasets.get(f"f{thread}").read() == bytes([thread]) * 10
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert failures == []
        for i, om in enumerate(omegas):
            mine = sorted(f"{k}{t}" for t in range(i, 8, 2) for k in "ft")
            assert om.datasets.list() == sorted([*mine, "shared"])
            assert om.datasets.metadata("shared").rev == 60
    finally:
        for om, name in zip(omegas, names, strict=True):
            om.database.client.drop_database(name)
            om.close()


def test_explain_says_who_stores_what(om: Omega) -> None:
    om.datasets.put({"a": 1}, "x")
    assert "written by omega_core" in om.datasets.explain("x")
    assert "-> python.data" in om.datasets.explain({"a": 1})
    assert "No enabled backend" in om.datasets.explain(object())


def test_opening_an_omega_connects_to_nothing() -> None:
    Omega(url="mongodb://127.0.0.1:1/nowhere").close()
