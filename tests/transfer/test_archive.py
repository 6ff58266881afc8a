"""Archives: every kind goes out and comes back the same, and what is not as written is refused."""

from __future__ import annotations

import hashlib
import itertools
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import pytest

from omega_core import Omega
from omega_core.errors import (
    ArchiveError,
    ConflictError,
    ObjectNotFoundError,
    UnsupportedOptionError,
    UriNotAllowedError,
)
from omega_core.testing.crashes import CrashingTwin
from omega_core.testing.faults import let_time_pass
from omega_core.testing.orphans import find_orphans

from .kinds import CORE, Put, value


@pytest.mark.parametrize("put", CORE.values(), ids=CORE)
def test_what_goes_out_comes_back_the_same(
    om: Omega, other: Omega, files: Path, tmp_path: Path, put: Put
) -> None:
    put(om, files)
    path = om.datasets.export("x", tmp_path / "x.zip")
    before = om.datasets.metadata("x")
    assert before is not None
    for there in (om["team"], other):
        imported = there.datasets.import_(path)
        assert (imported.kind, imported.attributes) == (before.kind, before.attributes)
        assert imported.version == before.version
        assert imported == there.datasets.metadata("x")
        assert value(there, "x") == value(om, "x")
    other.datasets.drop("x")
    other.gc(grace=0)
    assert find_orphans(other.database.mongodb) == []
    assert value(om["team"], "x") == value(om, "x")


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}


def test_payloads_are_plain_files(om: Omega, files: Path, tmp_path: Path) -> None:
    CORE["file"](om, files)
    assert members(om.datasets.export("x", tmp_path / "1.zip"))["payload.txt"] == b"a report\n"
    CORE["data"](om, files)
    payload = members(om.datasets.export("x", tmp_path / "2.zip"))["payload.bson"]
    assert bson.decode(payload)["value"]["b"] == b"x"
    CORE["rows"](om, files)
    rows = bson.decode_all(members(om.datasets.export("x", tmp_path / "3.zip"))["documents.bson"])
    assert [row["n"] for row in rows] == [*range(50), 50]
    manifest = json.loads(members(tmp_path / "3.zip")["manifest.json"])
    assert manifest["objects"][0]["name"] == "x"


def test_versions_keep_their_order_and_their_numbers(
    om: Omega, other: Omega, tmp_path: Path
) -> None:
    for number in range(12):
        om.models.put(number, "m", attributes={"n": number})
    om.models.restore("m", 8)
    path = om.export(tmp_path / "all.zip", versions="all")
    (imported,) = other.import_(path)
    assert (imported.version, other.models.get("m")) == (8, 7)
    before, after = om.models.versions("m"), other.models.versions("m")
    assert [(v.version, v.attributes) for v in before] == [(v.version, v.attributes) for v in after]
    assert [other.models.get("m", version=v.version) for v in after] == [
        om.models.get("m", version=v.version) for v in before
    ]
    assert other.models.put("next", "m").version == 13


def test_a_bucket_goes_out_as_a_whole_or_in_parts(om: Omega, other: Omega, tmp_path: Path) -> None:
    for name in ("a/1", "a/2", "b", ".hidden", "[odd]"):
        om.datasets.put(name, name)
    om.models.put(1, "m")
    om.jobs.put("print()", "j")

    def exported(**selection: Any) -> list[str]:
        path = om.export(tmp_path / f"{len(list(tmp_path.iterdir()))}.zip", **selection)
        manifest = json.loads(members(path)["manifest.json"])
        return [f"{entry['store']}/{entry['name']}" for entry in manifest["objects"]]

    assert exported() == [
        *("datasets/[odd]", "datasets/a/1", "datasets/a/2", "datasets/b", "models/m", "jobs/j")
    ]
    assert exported(datasets="a/*", models=False, jobs=False) == ["datasets/a/1", "datasets/a/2"]
    assert exported(datasets=[".hidden", "[odd]"], models=False, jobs=False) == [
        *("datasets/.hidden", "datasets/[odd]")
    ]
    with pytest.raises(ObjectNotFoundError, match="'c'"):
        exported(datasets=["b", "c"])
    om.export(tmp_path / "all.zip")
    found = other.import_(tmp_path / "all.zip")
    assert [meta.name for meta in found] == ["[odd]", "a/1", "a/2", "b", "m", "j"]
    assert other.jobs.get("j") == "print()"


def test_what_is_there_is_not_replaced_unless_asked(om: Omega, tmp_path: Path) -> None:
    om.datasets.put("one", "x")
    om.datasets.put("y", "y")
    path = om.export(tmp_path / "x.zip")
    om.datasets.drop("y")
    om.datasets.put("two", "x", attributes={"two": True})
    with pytest.raises(ConflictError, match="replace=True"):
        om.import_(path)
    assert om.datasets.list() == ["x"]
    om.import_(path, replace=True)
    meta = om.datasets.metadata("x")
    assert meta is not None
    assert (om.datasets.get("x"), meta.version, meta.attributes) == ("one", 3, {})
    assert om.datasets.get("x", version=2) == "two"
    with pytest.raises(UnsupportedOptionError, match="2 objects"):
        om.datasets.import_(path)


def test_an_archive_is_whole_or_not_there(om: Omega, files: Path, tmp_path: Path) -> None:
    CORE["bytes"](om, files)
    om.database.data("omega.default.fs.chunks").delete_one({"n": 2})
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Exception, match="has 4194304 bytes of the 5120000"):
        om.datasets.export("x", tmp_path / "x.zip")
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / "there").write_bytes(b"precious")
    with pytest.raises(UnsupportedOptionError, match="Nothing is overwritten"):
        om.datasets.export("x", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"precious"


def test_files_at_uris_go_where_they_may(
    om: Omega, make_omega: Callable[..., Omega], files: Path, tmp_path: Path
) -> None:
    CORE["at a uri"](om, files)
    path = om.datasets.export("x", tmp_path / "x.zip")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    far = make_omega(uris={"allow": [elsewhere.as_uri() + "/"]})["far"]
    with pytest.raises(UriNotAllowedError):
        far.datasets.import_(path)
    assert far.datasets.list() == []
    imported = far.datasets.import_(path, uri=f"{elsewhere.as_uri()}/new/{{key}}")
    assert imported.uri.startswith(f"{elsewhere.as_uri()}/new/")
    assert value(far, "x") == value(om, "x")


def test_third_parties_kinds_go_out_and_come_back(
    install_examples: Callable[..., None], make_omega: Callable[..., Omega], tmp_path: Path
) -> None:
    install_examples("foo", "audit")
    from omega_foo.types import FooBlob, FooFile, FooMean, FooRows

    om = make_omega(plugins={"foo": {"root": str(tmp_path / "foofs")}})
    objects = [FooBlob(b"blob"), FooFile(b"file" * 100), FooRows([{"a": 1}, {"a": 2}])]
    for number, obj in enumerate(objects):
        om.datasets.put(obj, f"x{number}", attributes={"n": number})
    om.models.put(FooMean(1.5), "m")
    path = om.export(tmp_path / "foo.zip")
    assert members(path)["blob.foo"] == b"blob"
    there = om["there"]
    there.import_(path)
    for name in om.datasets.list():
        om.datasets.drop(name)
    om.gc(grace=0)
    for number, obj in enumerate(objects):
        assert there.datasets.get(f"x{number}") == obj
        meta = there.datasets.metadata(f"x{number}")
        assert meta is not None
        assert meta.attributes == {"n": number}
    assert there.models.get("m") == FooMean(1.5)


@pytest.mark.parametrize("kind", ["rows", "bytes"])
def test_a_crash_during_an_import_leaves_all_or_nothing(
    om: Omega, files: Path, tmp_path: Path, kind: str
) -> None:
    CORE[kind](om, files)
    path = om.datasets.export("x", tmp_path / "x.zip")
    with CrashingTwin(om) as twin:
        for step in itertools.count(1):
            name = f"y{step}"
            struck = twin.crash(step, lambda omega, n=name: omega.datasets.import_(path, n))
            assert name in om.datasets or struck
            if name in om.datasets:
                assert value(om, name) == value(om, "x")
            let_time_pass(om.database.mongodb, 3600.0)
            om.gc(grace=0)
            assert find_orphans(om.database.mongodb) == [], f"after a crash at step {step}"
            if not struck:
                break


# --- archives that are none ----------------------------------------------------------------------


def rezipped(path: Path, change: Callable[[dict[str, bytes]], None], **options: Any) -> Path:
    """Write an archive anew, with what somebody changed in it, and wrong for it alone."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    change(found)
    forged = path.with_name(f"forged-{path.name}")
    with zipfile.ZipFile(forged, "w", **options) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return forged


def resealed(found: dict[str, bytes], change: Callable[[Any], None]) -> None:
    """Change what a version says of itself, and make the manifest agree."""
    (name,) = (name for name in found if name.endswith("version.json"))
    said = json.loads(found[name])
    change(said)
    found[name] = json.dumps(said).encode()
    manifest = json.loads(found["manifest.json"])
    one = manifest["objects"][0]["versions"][0]
    one["sha256"] = hashlib.sha256(found[name]).hexdigest()
    one["size"] = {"$numberInt": str(len(found[name]))}
    found["manifest.json"] = json.dumps(manifest).encode()


def _flipped(found: dict[str, bytes]) -> None:
    (name,) = (name for name in found if name.endswith("documents.bson"))
    found[name] = found[name][:-2] + bytes([found[name][-2] ^ 1]) + found[name][-1:]


def _foreign(found: dict[str, bytes]) -> None:
    found["datasets/readme.txt"] = b"hello"


def _escaping(found: dict[str, bytes]) -> None:
    found["../escaped.txt"] = b"hello"


def _lacking(found: dict[str, bytes]) -> None:
    del found[next(name for name in found if name.endswith("documents.bson"))]


def _other_manifest(found: dict[str, bytes]) -> None:
    found["manifest.json"] = b'{"format": "another", "version": 1, "objects": []}'


def _no_manifest(found: dict[str, bytes]) -> None:
    del found["manifest.json"]


def _newer(found: dict[str, bytes]) -> None:
    found["manifest.json"] = found["manifest.json"].replace(
        b'"version": {\n  "$numberInt": "1"\n }', b'"version": 99', 1
    )


def _no_json(found: dict[str, bytes]) -> None:
    found["manifest.json"] = b"{"


def _bomb(found: dict[str, bytes]) -> None:
    found["datasets/bomb"] = bytes(65 * 1024 * 1024)


def _another_collection(found: dict[str, bytes]) -> None:
    def change(said: Any) -> None:
        said["document"]["res"]["collections"] = ["omega.metadata"]
        said["members"][0]["name"] = "omega.metadata"

    resealed(found, change)


def _another_kind(found: dict[str, bytes]) -> None:
    resealed(found, lambda said: said["document"].update(kind="python.file"))


def _another_name(found: dict[str, bytes]) -> None:
    manifest = json.loads(found["manifest.json"])
    manifest["objects"][0]["name"] = "z"
    found["manifest.json"] = json.dumps(manifest).encode()


def _remade(change: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    """Return what changes the manifest."""

    def changed(found: dict[str, bytes]) -> None:
        manifest = json.loads(found["manifest.json"])
        change(manifest["objects"])
        found["manifest.json"] = json.dumps(manifest).encode()

    return changed


def _member(**changed: Any) -> Callable[[dict[str, bytes]], None]:
    """Return what changes what a version says of its one member; None takes a field away."""

    def change(said: Any) -> None:
        (member,) = said["members"]
        member.update(changed)
        said["members"] = [{key: v for key, v in member.items() if v is not None}]

    return lambda found: resealed(found, change)


def _no_documents(found: dict[str, bytes]) -> None:
    (name,) = (name for name in found if name.endswith("documents.bson"))
    found[name] = len(found[name]).to_bytes(4, "little") + b"\xff" * (len(found[name]) - 4)
    _member(sha256=hashlib.sha256(found[name]).hexdigest())(found)


def _wrong_size(objects: Any) -> None:
    objects[0]["versions"][0]["size"] = 1


FORGED = {
    "an object twice": (_remade(lambda objects: objects.append(objects[0])), "twice"),
    "an alias that is a number": (
        _remade(lambda objects: objects[0].update(aliases={"1": {"$numberInt": "1"}})),
        "alias",
    ),
    "another size": (_remade(_wrong_size), "bytes, not 1"),
    "a name with a backslash": (lambda found: found.update({"a\\b": b""}), "with the name"),
    "a collection without a name": (_member(name=None), "does not say what it was"),
    "a file without chunks": (_member(role="file"), "cut into chunks of None"),
    "segments of something else": (_member(role="segments"), "a document of something else"),
    "documents cut short": (_no_documents, "in the middle of a document"),
    "a member twice": (
        lambda found: resealed(found, lambda said: said["members"].append(said["members"][0])),
        "twice",
    ),
    "another form": (
        lambda found: resealed(found, lambda said: said.update(form="readable")),
        "of the form",
    ),
    "a flipped bit": (_flipped, "SHA-256 of"),
    "a foreign member": (_foreign, "of which its manifests do not tell"),
    "a way out": (_escaping, "with the name '../escaped.txt'"),
    "a missing member": (_lacking, "it lacks"),
    "another manifest": (_other_manifest, "of something else"),
    "no manifest": (_no_manifest, "it has no manifest.json"),
    "a newer one": (_newer, "newer omega-core"),
    "no json": (_no_json, "not what an export writes"),
    "a bomb": (_bomb, "would expand"),
    "another collection": (_another_collection, "not those of its metadata"),
    "another kind": (_another_kind, "is not what was written"),
    "another name": (_another_name, "of another object"),
}


@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_what_is_not_as_it_was_written_is_refused(om: Omega, tmp_path: Path, forged: str) -> None:
    om.datasets.put([{"n": n} for n in range(5)], "x", kind="python.rows")
    path = om.datasets.export("x", tmp_path / "x.zip")
    change, reason = FORGED[forged]
    there = om["there"]
    bad = rezipped(path, change, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveError, match=reason) as caught:
        there.import_(bad)
    assert "Nothing was imported" in str(caught.value)
    assert there.database.metadata.count_documents({"bucket": "there"}) == 0
    good = rezipped(path, lambda found: None, compression=zipfile.ZIP_DEFLATED)
    assert there.import_(good)[0].name == "x"


def test_a_member_twice_and_a_part_of_a_file_are_refused(om: Omega, tmp_path: Path) -> None:
    om.datasets.put("x", "x")
    path = om.datasets.export("x", tmp_path / "x.zip")
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ArchiveError, match="no zip file"):
            om["there"].import_(path)
    path.write_bytes(whole)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("manifest.json", b"{}")
    with pytest.raises(ArchiveError, match=r"'manifest.json' twice"):
        om["there"].import_(path)
    with pytest.raises(FileNotFoundError):
        om.import_(tmp_path / "nothing.zip")
    assert om["there"].datasets.list() == []


def test_aliases_come_along_with_the_versions_that_they_name(
    om: Omega, other: Omega, tmp_path: Path
) -> None:
    for number in range(1, 5):
        om.models.put(number, "m")
    om.models.alias("m", "champion", 2)
    om.models.alias("m", "latest")
    om.models.alias("m", "oldest", 1)
    path = om.models.export("m", tmp_path / "m.zip", versions=["champion", 4])
    imported = other.models.import_(path)
    assert imported.aliases == ("latest",)
    assert {alias: a.version for alias, a in other.models.aliases("m").items()} == {
        "champion": 2,
        "latest": 4,
    }
    assert other.models.get("m", version="champion") == 2
    om.models.copy("m", "n", versions="all")
    assert om.models.get("n", version="oldest") == 1
    om.models.copy("m", "current")
    assert om.models.aliases("current") == {}
    om.models.move("n", "o")
    assert om.models.get("o", version="champion") == 2
