"""Directories: what was put comes back, and what was forged lands nowhere."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import Omega
from omega_core.errors import IntegrityError, UnsupportedOptionError, UnsupportedValueError

Entry = tuple[str, str, str | bytes]
"""Kind, name, and target or content of a member of an archive."""

_TYPES = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "pipe": tarfile.FIFOTYPE,
    "device": tarfile.CHRTYPE,
    "sparse": tarfile.GNUTYPE_SPARSE,
    "contiguous": tarfile.CONTTYPE,
    "volume": b"V",
    "global": tarfile.XGLTYPE,
}


def archive(*entries: Entry, format: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar archive, which `tarfile` would also write for honest entries."""
    out = io.BytesIO()
    for kind, name, data in entries:
        info = tarfile.TarInfo(name)
        info.type, info.mode = _TYPES[kind], 0o6777
        content = data if isinstance(data, bytes) else b""
        info.linkname = data if isinstance(data, str) else ""
        info.size = len(content)
        out.write(info.tobuf(format, "utf-8", "surrogateescape"))
        out.write(content + bytes(-len(content) % 512))
    return out.getvalue() + bytes(1024)


def forge(om: Omega, content: bytes) -> None:
    """Make a stored directory of these bytes, with the right checksum, as an intruder could."""
    meta = om.datasets.put(content, "d")
    # Without a seal, as everything was before there were seals.
    edit = {"$set": {"kind_meta.form": "directory"}, "$unset": {"seal": ""}}
    om.database.metadata.update_one({"_id": meta.id}, edit)


# --- honest ones -------------------------------------------------------------------------


def tree(root: Path) -> dict[bytes, tuple[Any, ...]]:
    """Return what is below a directory, by name."""
    found: dict[bytes, tuple[Any, ...]] = {}
    for directory, folders, files in os.walk(os.fsencode(root)):
        for name in [*folders, *files]:
            path = os.path.join(directory, name)
            inside = os.path.relpath(path, os.fsencode(root))
            facts = os.lstat(path)
            if stat.S_ISLNK(facts.st_mode):
                found[inside] = ("link", os.readlink(path))
            elif stat.S_ISDIR(facts.st_mode):
                found[inside] = ("directory", facts.st_mtime_ns)
            else:
                content = Path(os.fsdecode(path)).read_bytes()
                found[inside] = ("file", content, stat.S_IMODE(facts.st_mode), facts.st_mtime_ns)
    return found


def test_any_honest_directory_comes_back_equal(om: Omega, tmp_path: Path) -> None:
    source = tmp_path / "source"
    deep = source / ("d" * 200) / ("ü" * 100)
    deep.mkdir(parents=True)
    (source / "empty").mkdir()
    (deep / "line\nbreak").write_bytes(b"x" * 1_000_000)
    (source / os.fsdecode(b"latin-\xe9")).write_bytes(b"")
    (source / "exactly").write_bytes(b"y" * 512)
    (source / "run.sh").write_text("#!/bin/sh")
    (source / "run.sh").chmod(0o750)
    os.link(source / "run.sh", source / "twin")
    (source / "to file").symlink_to("exactly")
    (source / "to directory").symlink_to("empty")
    (source / "through a link").symlink_to("to directory/../run.sh")
    (source / "empty" / "up and down").symlink_to("../empty/.././exactly")
    (source / "dangling").symlink_to("nothing/there")
    (source / "long").symlink_to("./" * 300 + "exactly")
    for number, path in enumerate(sorted(source.rglob("*"), reverse=True)):
        if not path.is_symlink():  # times that a float holds exactly, and one before 1970
            os.utime(path, (number - 1.5, number - 1.5))
    om.datasets.put(source, "d")
    target = om.datasets.get("d", path=tmp_path / "new" / "target")
    assert tree(target) == tree(source)
    assert (target / "run.sh").stat().st_ino == (target / "twin").stat().st_ino


_NAME = st.sampled_from(["a", "b", "c"])
_NODE = st.one_of(
    st.tuples(st.just("file"), st.binary(max_size=3)),
    st.tuples(st.just("directory"), st.none()),
    st.tuples(
        st.just("link"),
        st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4).map("/".join),
    ),
)


@settings(max_examples=80)
@given(nodes=st.lists(st.tuples(st.lists(_NAME, min_size=1, max_size=3), _NODE), max_size=8))
def test_what_can_be_put_can_be_got(om: Omega, tmp_path: Path, nodes: list[Any]) -> None:
    base = tmp_path / uuid.uuid4().hex
    source = base / "source"
    source.mkdir(parents=True)
    for path, (kind, data) in nodes:
        place = source.joinpath(*path)
        if os.path.lexists(place) or not place.parent.is_dir():
            continue
        if kind == "file":
            place.write_bytes(data)
        elif kind == "directory":
            place.mkdir()
        else:
            place.symlink_to(data)
    try:
        om.datasets.put(source, "d")
    except UnsupportedValueError:
        return
    got = om.datasets.get("d", path=base / "target")
    assert {path: facts[:2] for path, facts in tree(got).items() if facts[0] != "directory"} == {
        path: facts[:2] for path, facts in tree(source).items() if facts[0] != "directory"
    }


@pytest.mark.parametrize(
    ("links", "text"),
    [
        ({"link": "/etc/hostname"}, "'link' is a symbolic link out of the directory"),
        ({"link": "{source}/a"}, "it is absolute"),
        ({"link": "../source/a"}, "'link' is a symbolic link out of the directory"),
        ({"in": "a/..", "a/link": "../in/../x"}, "'a/link' is a symbolic link out of"),
        ({"one": "two", "two": "one"}, "leads in a circle"),
        ({"self": "self/x"}, "leads in a circle"),
    ],
)
def test_a_link_that_means_another_place_elsewhere_is_refused(
    om: Omega, tmp_path: Path, links: dict[str, str], text: str
) -> None:
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    for name, target in links.items():
        (source / name).symlink_to(target.replace("{source}", str(source)))
    with pytest.raises(UnsupportedValueError, match=f"put of 'd': .*{text}.*make it relative"):
        om.datasets.put(source, "d")
    assert om.database.metadata.count_documents({}) == 0


def test_a_pipe_in_a_directory_is_refused(om: Omega, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    os.mkfifo(tmp_path / "source" / "pipe")
    with pytest.raises(UnsupportedValueError, match="'pipe' is a device, socket or pipe"):
        om.datasets.put(tmp_path / "source", "d")


def test_nothing_is_overwritten_also_not_through_a_dangling_link(om: Omega, tmp_path: Path) -> None:
    forge(om, archive(("file", "x", b"content")))
    (tmp_path / "target").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsupportedOptionError, match=r"exists\. Nothing is overwritten"):
        om.datasets.get("d", path=tmp_path / "target")
    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_directory_leaves_nothing_half_unpacked(om: Omega, tmp_path: Path) -> None:
    forge(om, archive(("directory", "a", ""), ("file", "a/x", bytes(1_000_000))))
    om.database.data("omega.default.fs.chunks").update_one({}, {"$set": {"data": bytes(512)}})
    with pytest.raises(IntegrityError, match=r"wrong length|another length"):
        om.datasets.get("d", path=tmp_path / "target")
    assert not (tmp_path / "target").exists()


# --- forged ones -------------------------------------------------------------------------

_LONG = "/".join(["l" * 250] * 16)  # realpath gives up beyond PATH_MAX: CVE-2025-4517
_CHAIN: list[Entry] = []
for _depth in range(16):
    _CHAIN.append(("directory", "/".join(["l" * 250] * (_depth + 1)), ""))

HOSTILE: dict[str, list[Entry]] = {
    "a name above": [("file", "../escaped", b"x")],
    "a name above, from below": [("directory", "a", ""), ("file", "a/../../escaped", b"x")],
    "an absolute name": [("file", "/OUTSIDE/escaped", b"x")],
    "an absolute name, twice": [("file", "//OUTSIDE/escaped", b"x")],
    "a dot": [("directory", ".", "")],
    "the directory itself": [("directory", "/", "")],
    "no name": [("file", "", b"x")],
    "an empty part": [("directory", "a", ""), ("file", "a//x", b"x")],
    "a name with NUL": [("file", "é\0../escaped", b"x")],
    "a link to outside": [("link", "out", "/OUTSIDE")],
    "a link above": [("link", "out", "../outside")],
    "a link to the directory above": [("link", "out", "..")],
    "a file through a link": [("link", "out", "../outside"), ("file", "out/escaped", b"x")],
    "a file through a link inside": [
        ("directory", "a", ""), ("link", "b", "a"), ("file", "b/x", b"x"),
    ],
    "a file in the place of a link": [("link", "out", "../outside/kept"), ("file", "out", b"x")],
    "a link in the place of a directory": [
        ("directory", "a", ""), ("link", "a", "../outside"), ("file", "a/escaped", b"x"),
    ],
    "a link through a link": [
        ("directory", "a", ""), ("link", "a/up", ".."), ("link", "out", "a/up/../outside"),
    ],
    "a link through a long name": [
        *_CHAIN,
        ("link", "a", _LONG),
        ("link", "b", "a/" + "../" * 17 + "outside"),
        ("file", "b/escaped", b"x"),
    ],
    "a hard link to outside": [("hard link", "stolen", "/OUTSIDE/kept")],
    "a hard link above": [("hard link", "stolen", "../outside/kept")],
    "a hard link through a link": [
        ("link", "out", "../outside"), ("hard link", "stolen", "out/kept"),
    ],
    "a hard link to a link": [("link", "l", "../outside/kept"), ("hard link", "stolen", "l")],
    "a hard link to a directory": [("directory", "a", ""), ("hard link", "b", "a")],
    "a hard link to what comes later": [("hard link", "b", "a"), ("file", "a", b"x")],
    "a pipe": [("pipe", "p", "")],
    "a device": [("device", "p", "")],
    "a sparse file": [("sparse", "p", b"x")],
    "a contiguous file": [("contiguous", "p", b"x")],
    "an unknown type": [("volume", "p", b"")],
    "a global header": [("global", "p", b"20 path=../escaped\n")],
    "one name twice": [("file", "x", b"1"), ("file", "x", b"2")],
    "a file as a directory": [("file", "x", b"1"), ("file", "x/y", b"2")],
    "a name without its directory": [("file", "a/b", b"1")],
    "a link to nothing": [("link", "x", "")],
    "a link to NUL": [("link", "x", "é\0")],
    "a circle": [("link", "x", "y"), ("link", "y", "x")],
    "a name that is too long": [("file", "x" * 5000, b"")],
}  # fmt: skip


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "kept").write_bytes(b"secret")
    return directory


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE)
def test_a_forged_archive_is_refused_and_lands_nowhere(
    om: Omega, tmp_path: Path, outside: Path, entries: list[Entry]
) -> None:
    placed = [
        (kind, *(t.replace("OUTSIDE", str(outside)[1:]) if isinstance(t, str) else t for t in rest))
        for kind, *rest in entries
    ]
    forge(om, archive(*placed))  # type: ignore[arg-type]
    before = tree(tmp_path)
    with pytest.raises(IntegrityError, match=r"data/'d' in bucket 'default', version 1: its arch"):
        om.datasets.get("d", path=tmp_path / "target")
    assert tree(tmp_path) == before
    assert (outside / "kept").stat().st_nlink == 1


def header(**fields: bytes) -> bytes:
    """Return one header with fields that `tarfile` would not write, and its right checksum."""
    block = bytearray(tarfile.TarInfo("x").tobuf())
    places = {"name": 0, "mode": 100, "size": 124, "mtime": 136, "type": 156, "prefix": 345}
    for field, value in fields.items():
        block[places[field] : places[field] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


_PAX = {"type": b"x", "size": b"00000000024\0"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive at all",
        bytes(512)[:511],
        header(),  # without an end
        header() + bytes(1024) + b"more",
        header(size=b"00000000001\0"),  # without its content
        header(size=b"-0000000001\0") + bytes(1024),  # CVE-2025-8194
        header(size=b"\x80" + b"\xff" * 11) + bytes(1024),
        header(size=b"00000000009\0") + bytes(1024),
        header(prefix=b"..") + bytes(1024),
        header(type=b"x", size=b"77777777777\0") + bytes(1024),
        header(**_PAX) + b"99 path=../escaped\n".ljust(512, b"\0") + header() + bytes(1024),
        header(**_PAX) + b"20 path=../escaped!\n".ljust(512, b"\0") + header() + bytes(1024),
        header(**_PAX) + b"0 path=../escaped!!\n".ljust(512, b"\0") + header() + bytes(1024),
        header(**_PAX) + b"-1 path=../escaped!\n".ljust(512, b"\0") + header() + bytes(1024),
        header(**_PAX) + b"20 size=-0000000512\n".ljust(512, b"\0") + header() + bytes(1024),
        header(**_PAX) * 2 + bytes(1024),
        header()[:-1] + b"!" + bytes(1024),  # the checksum
        archive(("file", "é" * 90, b"x"), format=tarfile.GNU_FORMAT),
    ],
)
def test_what_is_no_archive_of_ours_is_refused(om: Omega, tmp_path: Path, content: bytes) -> None:
    forge(om, content)
    before = tree(tmp_path)
    with pytest.raises(IntegrityError, match=r"version 1: its archive is none"):
        om.datasets.get("d", path=tmp_path / "target")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("mtime", [b"nan", b"inf", b"-inf", b"1e300", b"-9e18"])
def test_a_time_that_no_file_system_holds_is_left_out(
    om: Omega, tmp_path: Path, mtime: bytes
) -> None:
    record = b"%d mtime=%s\n" % (len(mtime) + 10, mtime)
    size = b"%011o\0" % len(record)
    forge(om, header(type=b"x", size=size) + record.ljust(512, b"\0") + header() + bytes(1024))
    target = om.datasets.get("d", path=tmp_path / "target")
    assert (target / "x").stat().st_mtime == 0


def test_nobody_gets_more_rights_by_unpacking(om: Omega, tmp_path: Path) -> None:
    forge(om, archive(("directory", "a", ""), ("file", "a/x", b"content")))
    target = om.datasets.get("d", path=tmp_path / "target")
    assert stat.S_IMODE((target / "a" / "x").stat().st_mode) == 0o755
    assert not stat.S_IMODE((target / "a").stat().st_mode) & 0o7022


_PART = st.sampled_from(["a", "b", "c", "A", "..", ".", "", "é", "outside", "l" * 200])
_PATH = st.lists(_PART, min_size=1, max_size=4).map("/".join)
_WHERE = st.one_of(_PATH, st.sampled_from(["/OUTSIDE/kept", "../outside/kept", "../outside", ".."]))
_HONEST = st.sampled_from([("directory", "a", ""), ("directory", "a/b", ""), ("link", "c", "a/b")])
_ENTRY = st.one_of(
    _HONEST,
    st.tuples(st.sampled_from(["file"]), _PATH, st.binary(max_size=600)),
    st.tuples(st.sampled_from(["directory", "pipe", "device"]), _PATH, st.just("")),
    st.tuples(st.sampled_from(["link", "link", "hard link"]), _PATH, _WHERE),
)


@settings(max_examples=150)
@given(entries=st.lists(_ENTRY, min_size=1, max_size=8), gnu=st.booleans())
def test_whatever_an_archive_holds_nothing_is_made_outside(
    om: Omega, tmp_path: Path, entries: list[Entry], gnu: bool
) -> None:
    base = tmp_path / uuid.uuid4().hex
    outside = base / "outside"
    outside.mkdir(parents=True)
    (outside / "kept").write_bytes(b"secret")
    placed = [
        tuple(t.replace("OUTSIDE", str(outside)[1:]) if isinstance(t, str) else t for t in entry)
        for entry in entries
    ]
    forge(om, archive(*placed, format=tarfile.GNU_FORMAT if gnu else tarfile.PAX_FORMAT))  # type: ignore[arg-type]
    before = tree(base)
    try:
        om.datasets.get("d", path=base / "target")
    except IntegrityError:
        assert tree(base) == before
        return
    real = os.path.realpath(base / "target") + os.sep
    made = [path for path in tree(base) if path.startswith(b"target")]
    assert {path: facts for path, facts in tree(base).items() if path not in made} == before
    for path in made:
        full = os.path.join(base, os.fsdecode(path))
        assert (os.path.realpath(full) + os.sep).startswith(real)
        assert not os.path.isfile(full) or os.stat(full).st_ino != (outside / "kept").stat().st_ino
