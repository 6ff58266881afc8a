"""A metadata document that somebody edited is told with object, version and field; and then?"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from bson.datetime_ms import DatetimeMS

from omega_core import BaseDataBackend, Metadata, Omega
from omega_core.errors import (
    IntegrityError,
    ObjectNotFoundError,
    PluginContractError,
    UnsupportedValueError,
)
from omega_core.shapes import fields, integer
from omega_core.testing.document_edits import NO_UTF8, write

Update = dict[str, Any] | list[dict[str, Any]]

X = r"data/'x' in bucket 'default', version -?\d+: its metadata document is damaged: "


def rows(om: Omega) -> None:
    om.datasets.put([{"n": 1}], "x", kind="python.rows")
    for n in (2, 3):
        om.datasets.put([{"n": n}], "x", append=True)


def edited(om: Omega, update: Update, name: str = "x") -> None:
    changed = om.database.metadata.update_one({"name": name}, update)
    assert changed.modified_count == 1


# Edits after which the document looks right, and which a check of its shape does not find.
PLAUSIBLE: dict[str, tuple[Update, str]] = {
    "a batch less": ({"$pop": {"kind_meta.batches": 1}}, "has 2 entries, and 3 were written"),
    "the first less": ({"$pop": {"kind_meta.batches": -1}}, "has 2 entries"),
    "no batches": ({"$set": {"kind_meta.batches": []}}, "has 0 entries"),
    "batches reversed": (
        [{"$set": {"kind_meta.batches": {"$reverseArray": "$kind_meta.batches"}}}],
        r"\[1\]\['rev'\] is 2, which is not its turn",
    ),
    "a batch twice": (
        [{"$set": {"kind_meta.batches": {
            "$concatArrays": ["$kind_meta.batches", [{"$last": "$kind_meta.batches"}]]}}}],
        "has 4 entries",
    ),
    "rows of a batch": ({"$set": {"kind_meta.batches.1.rows": 0}}, r"batches'\]\[1\] is not what"),
    "another kind": ({"$set": {"kind": "python.data"}}, "is not what was written"),
    "another collection": ({"$set": {"collection": "payroll"}}, "is not what was written"),
    "another file": ({"$set": {"gridfile": "abc"}}, "is not what was written"),
    "a uri": ({"$set": {"uri": "file:///etc/passwd"}}, "is not what was written"),
    "another generation": ({"$set": {"gen": "0" * 32}}, "is not what was written"),
    "another version": ({"$set": {"version": 7}}, "version is 7, and was written as 1"),
    "another plugin": ({"$set": {"plugin.name": "acme"}}, "is not what was written"),
    "a note more": ({"$set": {"kind_meta.index": "a"}}, "is not what was written"),
    "its own key": ({"$set": {"seal.sha256": "0" * 64}}, "is not what was written"),
}  # fmt: skip

MALFORMED: dict[str, tuple[Update, str]] = {
    "kind gone": ({"$unset": {"kind": 1}}, "kind is missing"),
    "kind a number": ({"$set": {"kind": 7}}, "kind is 7, and should be a text"),
    "rev a text": ({"$set": {"rev": "new"}}, "rev is 'new', and should be a whole number from 1"),
    "rev too large": ({"$set": {"rev": 2**62}}, "rev is"),
    "version negative": ({"$set": {"version": -1}}, "version is -1"),
    "generation short": ({"$set": {"gen": "abc"}}, "gen is 'abc'"),
    "batches a document": ({"$set": {"kind_meta.batches": {}}}, r"kind_meta\['batches'\] is {}"),
    "batch null": ({"$set": {"kind_meta.batches.1": None}}, r"\['batches'\]\[1\] is None"),
    "kind_meta null": ({"$set": {"kind_meta": None}}, "kind_meta is None"),
    "resources unknown": ({"$set": {"res.acme": 1}}, r"res\['acme'\] is unknown"),
    "attributes a list": ({"$set": {"attributes": []}}, r"attributes is \[\]"),
    "an unknown tag": (
        {"$set": {"attributes": {"$literal": {"$tagged": [], "a": {"$new": [1]}}}}},
        r"attributes\['a'\]: .* unknown tag '\$new'",
    ),
    "a tag without sense": (
        {"$set": {"attributes": {"$literal": {"$tagged": [], "a": {"$decimal": ["x"]}}}}},
        r"attributes\['a'\]: .*'\$decimal'",
    ),
}


@pytest.mark.parametrize("edits", [PLAUSIBLE, MALFORMED], ids=["plausible", "malformed"])
def test_an_edit_is_told_with_its_field(om: Omega, edits: dict[str, tuple[Update, str]]) -> None:
    rows(om)
    document = om.database.metadata.find_one()
    assert document is not None
    for edit, (update, message) in edits.items():
        om.database.metadata.replace_one({"_id": document["_id"]}, document)
        # In a pipeline, names with a dollar may be written.
        edited(om, [update] if "tag" in edit else update)
        for act in (
            lambda: om.datasets.get("x"),
            lambda: om.datasets.metadata("x"),
            lambda: om.datasets.put([{"n": 4}], "x", append=True),
            lambda: om.datasets.put("new", "x"),
        ):
            with pytest.raises(IntegrityError, match=f"{X}.*{message}"):
                act()


def test_what_is_damaged_can_be_dropped_and_put_anew(om: Omega) -> None:
    rows(om)
    edited(om, {"$set": {"kind_meta": 1}})
    assert "x" in om.datasets
    assert om.datasets.drop("x")
    om.datasets.put("new", "x")
    assert om.datasets.get("x") == "new"
    om.datasets.gc(grace=0)
    assert om.datasets.get("x") == "new"


def test_another_version_can_be_read_and_restored(om: Omega) -> None:
    for obj in ("old", "new"):
        om.datasets.put(obj, "x")
    edited(om, {"$set": {"integrity.sha256": "0" * 64}})
    old, new = om.datasets.versions("x")
    assert old.damage is None
    assert "data/'x' in bucket 'default', version 2" in str(new.damage)
    with pytest.raises(IntegrityError, match=X):
        new.save()
    assert om.datasets.get("x", version=1) == "old"
    om.datasets.restore("x", 1)
    assert om.datasets.get("x") == "old"


def test_a_damaged_version_does_not_matter_to_the_others(om: Omega) -> None:
    old, new = [{"n": 1}], [{"n": 2}]
    for obj in (old, new):
        om.datasets.put(obj, "x", kind="python.rows")
    for damage in (
        {"versions.0.modified": DatetimeMS(2**60)},
        {"versions.0.version": 2},
        {"versions.0.gen": 7},
        {"versions.0": "nothing"},
    ):
        edited(om, {"$set": damage})
        assert om.datasets.get("x") == new
        assert [meta.damage is None for meta in om.datasets.versions("x")].count(False) == 1
        with pytest.raises((IntegrityError, ObjectNotFoundError), match="x"):
            om.datasets.get("x", version=1)
        with pytest.raises((IntegrityError, ObjectNotFoundError), match="x"):
            om.datasets.restore("x", 1)
    assert om.datasets.get("x") == new


def test_two_versions_whose_numbers_were_swapped_are_not_mistaken(make_omega: Any) -> None:
    om = make_omega(stores={"keep": {"datasets": 3}})
    for obj in ("first", "second", "third"):
        om.datasets.put(obj, "x")
    edited(om, {"$set": {"versions.0.version": 2, "versions.1.version": 1}})
    for version in (1, 2):
        with pytest.raises(IntegrityError, match="and was written as"):
            om.datasets.get("x", version=version)


def test_one_damaged_document_hides_no_other(om: Omega) -> None:
    for name in ("a", "b", "c"):
        om.datasets.put(name, name)
    edited(om, {"$set": {"kind": None, "attributes": 7}}, "b")
    assert om.datasets.list() == ["a", "b", "c"]
    assert [meta.damage is None for meta in om.datasets.list(raw=True)] == [True, False, True]


def test_what_the_driver_cannot_decode_hides_no_other(om: Omega) -> None:
    for name in ("a", "b", "c"):
        om.datasets.put(name, name)
    edited(om, [{"$set": {"modified": {"$add": ["$$NOW", 10**15]}}}], "b")
    with pytest.raises(IntegrityError, match=r"data/'b'.*modified is a time beyond the year 9999"):
        om.datasets.get("b")
    assert [meta.damage is None for meta in om.datasets.list(raw=True)] == [True, False, True]


def test_what_is_no_utf8_is_told_whatever_is_done(om: Omega) -> None:
    om.datasets.put(1, "x", attributes={"a": "b"})
    document = om.database.metadata.find_one()
    write(om.database.metadata, {**document, "attributes": {"a": NO_UTF8}})
    for act in (lambda: om.datasets.metadata("x"), lambda: om.datasets.put(2, "x")):
        with pytest.raises(IntegrityError, match=X + r"attributes\['a'\] is no valid UTF-8"):
            act()
    assert om.datasets.drop("x")


@pytest.mark.parametrize("field", ["retired", "versions", "rev", "last_version"])
def test_what_the_server_cannot_work_with_is_told(om: Omega, field: str) -> None:
    om.datasets.put(1, "x")
    edited(om, {"$set": {field: "nothing"}})
    with pytest.raises(IntegrityError, match=rf"data/'x'.*{field} is 'nothing'"):
        om.datasets.put(2, "x")


@pytest.mark.parametrize(
    "edit", [{"retired": 7}, {"pending": [1]}, {"pending.a": {"lease": 1}}, {"expires": "soon"}]
)
def test_the_collector_passes_by_what_is_damaged_and_says_so(
    om: Omega, edit: dict[str, Any]
) -> None:
    for name in ("x", "y"):
        for n in range(3):
            om.datasets.put(n, name)
    edited(om, {"$set": {**edit, "gc_at": om.database.metadata.find_one()["modified"]}})  # type: ignore[index]
    collected = om.datasets.gc(grace=0)
    assert collected.freed == 1
    assert len(collected.blocked) == 1
    assert "data/'x' in bucket 'default'" in collected.blocked[0]


def unseal(om: Omega) -> None:
    metadata = om.database.metadata
    metadata.update_many({}, {"$unset": {"seal": 1}})
    for batches in ("versions", "kind_meta.batches"):
        metadata.update_many({batches: {"$exists": True}}, {"$unset": {f"{batches}.$[].seal": 1}})


def test_what_was_stored_before_there_were_seals_is_read_and_appended_to(om: Omega) -> None:
    rows(om)
    om.datasets.put([{"n": 1}], "x", kind="python.rows")
    om.datasets.put([{"n": 2}], "x", append=True)
    unseal(om)
    assert om.datasets.get("x", version=1) == [{"n": 1}, {"n": 2}, {"n": 3}]
    om.datasets.put([{"n": 3}], "x", append=True)
    assert om.datasets.get("x") == [{"n": 1}, {"n": 2}, {"n": 3}]
    edited(om, {"$set": {"kind_meta.batches.2.rows": 7}})
    with pytest.raises(IntegrityError, match=r"\[2\] is not what was written"):
        om.datasets.get("x")


class Noted(BaseDataBackend):
    """Notes in ``kind_meta`` what a test wants."""

    KIND = "acme.noted"
    note: ClassVar[Any] = {"rows": 3}

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        meta.kind_meta = self.note
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        meta = self.data_store.metadata(name)
        assert meta is not None
        return meta.kind_meta["rows"]

    def misshapen(self, meta: Metadata) -> str | None:
        return fields({"rows": integer()})(meta.kind_meta, "kind_meta")


def test_a_backend_says_what_its_notes_look_like(om: Omega) -> None:
    om.datasets.register_backend(Noted)
    om.datasets.put(1, "x", kind="acme.noted")
    unseal(om)
    assert om.datasets.get("x") == 3
    edited(om, {"$set": {"kind_meta.rows": "three"}})
    with pytest.raises(IntegrityError, match=X + r"kind_meta\['rows'\] is 'three', and should be"):
        om.datasets.get("x")


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "note",
    [
        {"a": {1, 2}},
        {1: 2},
        {"a": 2**70},
        {"a": object()},
        {"a": "\ud800"},
        {"a": deep(150)},
        {"a": deep(2000)},
    ],
)
def test_a_note_that_bson_does_not_take_is_the_fault_of_its_backend(om: Omega, note: Any) -> None:
    om.datasets.register_backend(type("Bad", (Noted,), {"note": note}))
    with pytest.raises(PluginContractError, match=r"data/'x'.*kind 'acme\.noted' (set|nests)"):
        om.datasets.put(1, "x", kind="acme.noted")
    assert om.database.metadata.count_documents({}) == 0


def test_notes_that_are_too_large_are_refused(om: Omega) -> None:
    om.datasets.register_backend(type("Bad", (Noted,), {"note": {"a": "x" * 17_000_000}}))
    with pytest.raises(UnsupportedValueError, match=r"17,\d+,\d+ bytes in kind_meta"):
        om.datasets.put(1, "x", kind="acme.noted")
    assert om.database.metadata.count_documents({}) == 0


def test_batches_that_are_no_documents_are_refused(om: Omega) -> None:
    om.datasets.register_backend(type("Bad", (Noted,), {"note": {"batches": 3}}))
    with pytest.raises(PluginContractError, match=r"kind_meta\['batches'\] is 3"):
        om.datasets.put(1, "x", kind="acme.noted")


def test_notes_of_types_that_bson_converts_are_sealed_as_they_are_read(om: Omega) -> None:
    import datetime as dt

    from bson.int64 import Int64

    note = {"a": Int64(5), "at": dt.datetime(2024, 1, 1, 0, 0, 0, 123456), "t": (1, 2), "rows": 1}
    om.datasets.register_backend(type("Good", (Noted,), {"note": note}))
    om.datasets.put(1, "x", kind="acme.noted")
    assert om.datasets.get("x") == 1


def test_a_compacted_frame_is_sealed(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("omega_pandas")
    monkeypatch.setattr("omega_pandas.columnar.MAX_SMALL_BATCHES", 3)
    for n in range(8):
        om.datasets.put(pd.DataFrame({"n": [n]}), "x", append=n > 0)
    assert list(om.datasets.get("x")["n"]) == list(range(8))
    edited(om, {"$pop": {"kind_meta.batches": 1}})
    with pytest.raises(IntegrityError, match="were written"):
        om.datasets.get("x")


def test_pieces_of_one_put_that_were_swapped_are_told(om: Omega) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("omega_pandas")
    om.datasets.put((pd.DataFrame({"n": [n]}) for n in range(3)), "x")
    edited(om, [{"$set": {"kind_meta.batches": {"$reverseArray": "$kind_meta.batches"}}}])
    with pytest.raises(IntegrityError, match=X + r"kind_meta\['batches'\]\[0\]\['payload'\]"):
        om.datasets.get("x")
