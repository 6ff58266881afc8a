"""`python.file`: bytes, files and directories, streamed."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import Omega
from omega_core.errors import (
    IntegrityError,
    StaleReadError,
    UnsupportedOptionError,
    UnsupportedValueError,
    UriNotAllowedError,
)
from omega_core.protocol.files import CHUNK_SIZE


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE])
def test_bytes_of_any_length_come_back(om: Omega, size: int) -> None:
    content = random.Random(size).randbytes(size)
    om.datasets.put(content, "f")
    with om.datasets.get("f") as file:
        assert file.read() == content
        assert file.read() == b""


@pytest.mark.parametrize("wrap", [bytearray, memoryview, io.BytesIO])
def test_whatever_holds_bytes_is_stored(om: Omega, wrap: Callable[[bytes], Any]) -> None:
    om.datasets.put(wrap(b"content"), "f")
    assert om.datasets.get("f").read() == b"content"


@settings(max_examples=60)
@given(data=st.data())
def test_the_file_reads_and_seeks_like_any_other(om: Omega, data: st.DataObject) -> None:
    if not om.datasets.exists("f"):
        om.datasets.put(random.Random(1).randbytes(2 * CHUNK_SIZE + 77), "f")
    expected = io.BytesIO(random.Random(1).randbytes(2 * CHUNK_SIZE + 77))
    with om.datasets.get("f") as file:
        assert file.readable()
        assert file.seekable()
        for _ in range(data.draw(st.integers(1, 6))):
            if data.draw(st.booleans()):
                size = data.draw(st.integers(-1, CHUNK_SIZE + 5))
                assert file.read(size) == expected.read(size)
            else:
                target = data.draw(st.integers(0, 2 * CHUNK_SIZE + 100))
                assert file.seek(target) == expected.seek(target)
            assert file.tell() == expected.tell()


def test_behind_the_end_there_is_nothing_to_read(om: Omega) -> None:
    om.datasets.put(b"0123456789", "f")
    with om.datasets.get("f") as file:
        assert file.seek(11) == 11
        assert file.read(1) == file.read() == b""


def test_a_file_is_read_from_where_it_stands_and_left_there(om: Omega, tmp_path: Path) -> None:
    path = tmp_path / "f.bin"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        file.seek(4)
        om.datasets.put(file, "f")
        assert file.tell() == 4
        assert not file.closed
    assert om.datasets.get("f").read() == b"456789"


def test_a_temporary_file_is_a_file(om: Omega) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"abc")
        file.seek(0)
        om.datasets.put(file, "f")
    assert om.datasets.get("f").read() == b"abc"


def test_a_path_is_a_file_and_a_string_is_data(om: Omega, tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    path.write_text("content")
    om.datasets.put(path, "file")
    om.datasets.put(str(path), "string")
    assert om.datasets.get("file").read() == b"content"
    assert om.datasets.get("string") == str(path)
    assert om.datasets.metadata("file").kind_meta == {"form": "file", "filename": "f.txt"}


def test_a_file_can_be_written_to_a_path_where_nothing_is(om: Omega, tmp_path: Path) -> None:
    om.datasets.put(b"content", "f")
    target = tmp_path / "out.bin"
    assert om.datasets.get("f", path=target) == target
    assert target.read_bytes() == b"content"
    with pytest.raises(UnsupportedOptionError, match=r"exists\. Nothing is overwritten"):
        om.datasets.get("f", path=target)


def test_a_directory_comes_back_whole(om: Omega, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "a" / "empty").mkdir(parents=True)
    (source / "a" / "ünï.txt").write_text("text")
    (source / "run.sh").write_text("#!/bin/sh")
    (source / "run.sh").chmod(0o755)
    (source / "link").symlink_to("a/ünï.txt")
    om.datasets.put(source, "d")
    target = om.datasets.get("d", path=tmp_path / "target")
    found = sorted(str(path.relative_to(target)) for path in target.rglob("*"))
    assert found == ["a", "a/empty", "a/ünï.txt", "link", "run.sh"]
    assert (target / "link").read_text() == "text"
    assert os.access(target / "run.sh", os.X_OK)
    assert sorted(p.name for p in source.iterdir()) == ["a", "link", "run.sh"]
    with om.datasets.get("d") as file, tarfile.open(fileobj=file) as archive:
        assert "a/ünï.txt" in archive.getnames()


@pytest.mark.parametrize(
    ("obj", "error", "text"),
    [
        (io.StringIO("x"), UnsupportedValueError, "text mode"),
        (Path("/no/such/file"), FileNotFoundError, "'/no/such/file' does not exist"),
        (Path("/dev/null"), FileNotFoundError, "neither a file nor a directory"),
    ],
)
def test_what_is_no_binary_file_is_refused(
    om: Omega, obj: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        om.datasets.put(obj, "f")
    assert om.database.metadata.count_documents({}) == 0


def test_a_source_that_fails_half_way_leaves_nothing(om: Omega) -> None:
    class Failing(io.RawIOBase):
        blocks = 3

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.blocks -= 1
            if not self.blocks:
                raise OSError("the disk is gone")
            return b"x" * CHUNK_SIZE

    om.datasets.put(b"old" * 10_000, "f")
    with pytest.raises(OSError, match="the disk is gone") as caught:
        om.datasets.put(Failing(), "f")
    assert any("In put of data/'f'" in note for note in caught.value.__notes__)
    assert om.datasets.get("f").read() == b"old" * 10_000
    assert om.database.data("omega.default.fs.chunks").count_documents({}) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda chunks: chunks.delete_one({"n": 1}),
        lambda chunks: chunks.update_one({"n": 1}, {"$set": {"data": b"short"}}),
        lambda chunks: chunks.update_one({"n": 1}, {"$set": {"data": b"\1" * CHUNK_SIZE}}),
    ],
    ids=["missing chunk", "short chunk", "flipped bytes"],
)
def test_a_damaged_file_is_an_error_that_names_object_and_version(
    om: Omega, damage: Callable[[Any], Any]
) -> None:
    om.datasets.put(b"\0" * (3 * CHUNK_SIZE), "f")
    damage(om.database.data("omega.default.fs.chunks"))
    with pytest.raises(IntegrityError, match=r"data/'f' in bucket 'default', version 1"):
        om.datasets.get("f").read()


def test_a_reader_that_outlives_the_grace_is_told(om: Omega) -> None:
    om.datasets.put(b"\0" * (3 * CHUNK_SIZE), "f")
    reader = om.datasets.get("f")
    for content in (b"new", b"newer"):
        om.datasets.put(content, "f")
    om.datasets.gc(grace=0)
    with pytest.raises(StaleReadError, match="replaced and collected while it was read"):
        reader.read()


# --- at a URI --------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def om_uri(make_omega: Callable[..., Omega], root: Path) -> Omega:
    return make_omega(uris={"allow": [f"file://{root}/"]})


def read(om: Omega, name: str, **options: Any) -> bytes:
    with om.datasets.get(name, **options) as file:
        content: bytes = file.read()
    return content


def files_in(root: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in root.rglob("*") if path.is_file())


def test_a_file_can_live_at_a_uri(om_uri: Omega, root: Path) -> None:
    meta = om_uri.datasets.put(b"content", "f", uri=f"file://{root}/sub/{{key}}")
    assert meta.uri.startswith(f"file://{root}/sub/")
    assert meta.gridfile is None
    with om_uri.datasets.get("f") as file:
        assert file.read() == b"content"
        assert file.seek(3) == 3
        assert file.read() == b"tent"
    assert om_uri.database.data("omega.default.fs.chunks").count_documents({}) == 0


def test_each_version_has_a_uri_of_its_own_and_drop_frees_them_all(
    om_uri: Omega, root: Path
) -> None:
    stranger = root / "stranger"
    root.mkdir()
    stranger.write_bytes(b"not ours")
    for content in (b"1", b"2", b"3"):
        om_uri.datasets.put(content, "f", uri=f"file://{root}/")
    assert read(om_uri, "f", version=2) == b"2"
    om_uri.datasets.gc(grace=0)
    assert files_in(root) == [b"2", b"3", b"not ours"]
    om_uri.datasets.drop("f")
    om_uri.datasets.gc(grace=0)
    assert files_in(root) == [b"not ours"]


@pytest.mark.parametrize(
    ("uri", "error", "text"),
    [
        ("file:///elsewhere/{key}", UriNotAllowedError, r"\[uris\] allow"),
        ("file://ROOT/../up/{key}", UriNotAllowedError, r"'\.\.'"),
        ("file://ROOT/fixed.bin", UnsupportedOptionError, r"Write uri='file://.*/\{key\}'"),
    ],
)
def test_a_uri_that_is_not_allowed_or_would_be_overwritten_is_refused(
    om_uri: Omega, root: Path, uri: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        om_uri.datasets.put(b"content", "f", uri=uri.replace("ROOT", str(root)))
    assert om_uri.database.metadata.count_documents({}) == 0
    assert files_in(root) == []


@pytest.mark.parametrize(
    "damage",
    [lambda p: p.unlink(), lambda p: p.write_bytes(b"con"), lambda p: p.write_bytes(b"CONTENT")],
)
def test_damage_at_a_uri_is_an_error(
    om_uri: Omega, root: Path, damage: Callable[[Path], Any]
) -> None:
    om_uri.datasets.put(b"content", "f", uri=f"file://{root}/")
    (path,) = root.iterdir()
    damage(path)
    with pytest.raises(IntegrityError, match=r"data/'f' in bucket 'default', version 1"):
        read(om_uri, "f")


def test_a_put_that_fails_leaves_no_file_at_the_uri(om_uri: Omega, root: Path) -> None:
    class Failing(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        om_uri.datasets.put(Failing(), "f", uri=f"file://{root}/")
    assert files_in(root) == []
    assert om_uri.database.metadata.count_documents({}) == 0


# --- references ------------------------------------------------------------------------------


def test_a_reference_is_read_in_place_and_never_deleted(om_uri: Omega, root: Path) -> None:
    root.mkdir()
    path = root / "theirs.txt"
    path.write_bytes(b"a,b\n1,2\n")
    by_option = om_uri.datasets.put(f"file://{path}", "by_option", reference=True)
    by_kind = om_uri.datasets.put(f"file://{path}", "by_kind", kind="uri.reference")
    assert by_option.kind == by_kind.kind == "uri.reference"
    assert read(om_uri, "by_option") == b"a,b\n1,2\n"
    om_uri.datasets.put(f"file://{path}", "text")
    assert om_uri.datasets.get("text") == f"file://{path}"
    path.write_bytes(b"changed by its owner")
    assert read(om_uri, "by_kind") == b"changed by its owner"
    for name in om_uri.datasets:
        om_uri.datasets.drop(name)
    om_uri.gc(grace=0)
    assert path.exists()


def test_a_reference_needs_an_allowed_uri_of_something_that_is_there(
    om_uri: Omega, root: Path
) -> None:
    with pytest.raises(UriNotAllowedError):
        om_uri.datasets.put("file:///etc/hostname", "r", reference=True)
    with pytest.raises(FileNotFoundError, match="nothing"):
        om_uri.datasets.put(f"file://{root}/nothing", "r", reference=True)
    assert om_uri.database.metadata.count_documents({}) == 0


# --- memory ----------------------------------------------------------------------------------

_STREAM = """
import resource, sys
from omega_core import Omega
class Source:
    left = 512
    def read(self, size=-1):
        self.left -= 1
        return bytes(1 << 20) if self.left >= 0 else b""
om = Omega(url=sys.argv[1])
om.datasets.put(b"warm", "warm"); om.datasets.get("warm").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
om.datasets.put(Source(), "f", kind="python.file")
with om.datasets.get("f") as file:
    total = 0
    while block := file.read(1 << 20):
        total += len(block)
assert total == 512 << 20, total
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_half_a_gigabyte_streams_in_constant_memory(mongo_url: str, mongo_database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STREAM, f"{mongo_url}/{mongo_database}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100, f"streaming 512 MB took {done.stdout} MB of memory"
