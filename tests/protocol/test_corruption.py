"""What is damaged is told as damaged, with its name and version; wrong data is never returned."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from omega_core import Omega
from omega_core.errors import IntegrityError

Make = Callable[..., Omega]
Database = Any

DAMAGED = r"data/'x' in bucket 'default', version 1"


def flipped(data: bytes, position: int = 100) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def read(om: Omega) -> None:
    found = om.datasets.get("x")
    if isinstance(found, io.IOBase):
        with found:
            found.read()


def flip_a_chunk(database: Database) -> None:
    chunks = database["omega.default.fs.chunks"]
    chunk = chunks.find_one({"n": 1})
    chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": flipped(chunk["data"])}})


def cut_a_chunk(database: Database) -> None:
    chunks = database["omega.default.fs.chunks"]
    chunk = chunks.find_one({"n": 1})
    chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": chunk["data"][:-1]}})


def swap_chunks(database: Database) -> None:
    chunks = database["omega.default.fs.chunks"]
    first, second = chunks.find({"n": {"$lt": 2}}).sort("n")
    chunks.update_one({"_id": first["_id"]}, {"$set": {"data": second["data"]}})
    chunks.update_one({"_id": second["_id"]}, {"$set": {"data": first["data"]}})


def lose_a_chunk(database: Database) -> None:
    database["omega.default.fs.chunks"].delete_one({"n": 1})


def lose_the_first_chunk(database: Database) -> None:
    database["omega.default.fs.chunks"].delete_one({"n": 0})


def lose_all_chunks(database: Database) -> None:
    database["omega.default.fs.chunks"].drop()


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_chunk,
        cut_a_chunk,
        swap_chunks,
        lose_a_chunk,
        lose_the_first_chunk,
        lose_all_chunks,
    ],
    ids=lambda damage: damage.__name__,
)
@pytest.mark.parametrize("kind", ["python.file", "python.data"])
def test_a_damaged_file_in_gridfs(
    make_omega: Make, kind: str, damage: Callable[[Database], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omega_core.protocol.files.CHUNK_SIZE", 1000)
    monkeypatch.setattr("omega_core.payloads.CHUNK_SIZE", 1000)
    om = make_omega(stores={"inline": 0})
    obj: Any = bytes(range(256)) * 12 if kind == "python.file" else list(range(500))
    om.datasets.put(obj, "x", kind=kind)
    damage(om.database.mongodb)
    with pytest.raises(IntegrityError, match=DAMAGED):
        read(om)


@pytest.mark.parametrize("kind", ["python.file", "python.data"])
def test_a_damaged_payload_in_the_metadata(om: Omega, kind: str) -> None:
    obj: Any = b"the truth" if kind == "python.file" else {"a": "the truth"}
    meta = om.datasets.put(obj, "x", kind=kind)
    assert meta.inline is not None
    for damaged in (meta.inline.replace(b"truth", b"trutH"), meta.inline[:-1], b""):
        om.database.metadata.update_one({}, {"$set": {"inline": damaged}})
        with pytest.raises(IntegrityError, match=DAMAGED):
            read(om)


def test_a_damaged_document_of_before(om: Omega) -> None:
    segments = store_as_before(om, {"a": "the truth"}, "x")
    assert om.datasets.get("x") == {"a": "the truth"}
    segments.update_one({}, {"$set": {"data.value.a": "the trutH"}})
    with pytest.raises(IntegrityError, match=DAMAGED):
        om.datasets.get("x")
    segments.update_one({}, {"$set": {"data": "of another type"}})
    with pytest.raises(IntegrityError, match=DAMAGED):
        om.datasets.get("x")
    segments.delete_one({})
    with pytest.raises(IntegrityError, match=DAMAGED):
        om.datasets.get("x")


def store_as_before(om: Omega, obj: Any, name: str) -> Any:
    """Store a value as earlier versions did, and return the collection that holds it."""
    encoded = bson.encode({"value": obj})
    meta = om.datasets.put(obj, name)
    segments = om.database.mongodb["omega.default.segments"]
    document = {"_id": meta.gen, "payload": meta.gen, "data": RawBSONDocument(encoded)}
    segments.insert_one(document)
    integrity = {"length": len(encoded), "sha256": hashlib.sha256(encoded).hexdigest()}
    om.database.metadata.update_one(
        {"name": name},
        {"$unset": {"inline": ""}, "$set": {"integrity": integrity, "res": {"segments": True}}},
    )
    return segments


def flip_a_segment(segments: Any) -> None:
    segment = segments.find_one({"data": {"$type": "binData"}})
    segments.update_one({"_id": segment["_id"]}, {"$set": {"data": flipped(segment["data"])}})


def swap_segments(segments: Any) -> None:
    first, second = segments.find({"data": {"$type": "binData"}}).limit(2)
    segments.update_one({"_id": first["_id"]}, {"$set": {"data": second["data"]}})
    segments.update_one({"_id": second["_id"]}, {"$set": {"data": first["data"]}})


def lose_a_segment(segments: Any) -> None:
    segments.delete_one({})


def lose_all_segments(segments: Any) -> None:
    segments.drop()


@pytest.mark.parametrize(
    "damage",
    [flip_a_segment, swap_segments, lose_a_segment, lose_all_segments],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_frame(om: Omega, damage: Callable[[Any], None]) -> None:
    pd = pytest.importorskip("pandas")
    wide = {f"column {i}": [f"{i}, {j}" * 20 for j in range(2000)] for i in range(4)}
    om.datasets.put(pd.DataFrame(wide), "x")
    damage(om.database.mongodb["omega.default.segments"])
    with pytest.raises(IntegrityError, match=DAMAGED):
        om.datasets.get("x")


def test_rows_that_are_missing(om: Omega) -> None:
    meta = om.datasets.put([{"i": i} for i in range(3)], "x", kind="python.rows")
    assert meta.collection is not None
    om.database.mongodb[meta.collection].delete_one({"i": 1})
    with pytest.raises(IntegrityError, match=r"data/'x' in bucket 'default'.*2 of the 3 rows"):
        om.datasets.get("x")
    om.database.mongodb.drop_collection(meta.collection)
    with pytest.raises(IntegrityError, match=r"data/'x' in bucket 'default'.*0 of the 3 rows"):
        om.datasets.get("x")


def test_a_version_that_is_damaged_leaves_the_others_readable(make_omega: Make) -> None:
    om = make_omega(stores={"inline": 0})
    for obj in ("old", "new"):
        om.datasets.put(obj, "x")
    old = om.datasets.versions("x")[0]
    om.database.mongodb["omega.default.fs.chunks"].delete_one({"files_id": old.gridfile.grid_id})
    with pytest.raises(IntegrityError, match=DAMAGED):
        om.datasets.get("x", version=1)
    assert om.datasets.get("x") == "new"


@pytest.fixture
def at_uri(make_omega: Make, tmp_path: Path) -> tuple[Omega, Path]:
    om = make_omega(uris={"allow": [tmp_path.as_uri() + "/"]})
    om.datasets.put(bytes(range(256)) * 12, "x", uri=tmp_path.as_uri() + "/{key}")
    (path,) = tmp_path.glob("*.bin")
    return om, path


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    path.write_bytes(flipped(path.read_bytes()))


@pytest.mark.parametrize(
    "damage", [truncate, flip, Path.unlink], ids=lambda damage: damage.__name__
)
def test_a_damaged_file_at_a_uri(
    at_uri: tuple[Omega, Path], damage: Callable[[Path], None]
) -> None:
    om, path = at_uri
    damage(path)
    with pytest.raises(IntegrityError, match=DAMAGED), om.datasets.get("x") as file:
        file.read()


def test_a_reader_that_jumps_about_is_told_of_a_missing_end(at_uri: tuple[Omega, Path]) -> None:
    om, path = at_uri
    truncate(path)
    with om.datasets.get("x") as file:
        file.seek(-1, 2)
        with pytest.raises(IntegrityError, match=DAMAGED):
            file.read()
