"""Files at URIs are touched only where `[uris] allow` permits, and are whole or absent."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from omega_core.errors import (
    ConfigError,
    PluginNotFoundError,
    UnsupportedOptionError,
    UriNotAllowedError,
)
from omega_core.locations import Locations


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    return root


@pytest.fixture
def locations(root: Path) -> Locations:
    return Locations([root.as_uri() + "/"])


@pytest.fixture
def memory() -> Locations:
    MemoryFileSystem.store.clear()
    return Locations(["memory://bucket/"], {"memory": lambda: fsspec.filesystem("memory")})


def s3(*allow: str) -> Locations:
    return Locations(allow, {"s3": lambda: pytest.fail("checking a URI opens no file system")})


def read(locations: Locations, uri: str) -> bytes:
    with locations.open(uri) as file:
        return file.read()


# --- what is allowed ---------------------------------------------------------------------


def test_nothing_is_allowed_by_default_and_the_error_shows_the_line_to_add():
    with pytest.raises(UriNotAllowedError) as caught:
        Locations().check("file:///data/models/m.bin")
    assert "[uris] allow permits nothing" in str(caught.value)
    assert 'allow = ["file:///data/models/"]' in str(caught.value)


@pytest.mark.parametrize("scheme", ["file://", "s3://bucket"])
@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("/data/models/m.bin", "/data/models/"),
        ("/data/models/", "/data/models/"),
        ("/data/my%20models/m.bin", "/data/my%20models/"),
        ("/m.bin", "/m.bin"),  # not the whole disk or bucket
        ("/data/{key}", "/data/"),
        ("/data/v{key}.bin", "/data/"),
        ("/data/{key}/frame.parquet", "/data/"),
        ("/{key}", "/"),
    ],
)
def test_the_advice_is_the_narrowest_prefix_that_helps(scheme, path, entry):
    def check(locations):
        if "{key}" in path:
            return locations.resolve(scheme + path, key="k-1")
        return locations.check(scheme + path)

    kept = "s3://other/"
    with pytest.raises(UriNotAllowedError) as caught:
        check(s3(kept))
    _, _, section = str(caught.value).partition("omega.toml:\n")
    allow = tomllib.loads(section)["uris"]["allow"]
    assert allow == [kept, f"{scheme}{entry}"]
    assert check(s3(*allow))


@pytest.mark.parametrize("allow", ["s3://ml-objects/", "s3://ml-objects", "S3://ml-objects/"])
def test_a_prefix_allows_itself_and_what_lies_under_it(allow):
    locations = s3(allow)
    assert locations.check("s3://ml-objects/a/b.bin") == "s3://ml-objects/a/b.bin"
    assert locations.check("s3://ml-objects/") == "s3://ml-objects/"


@pytest.mark.parametrize(
    ("allow", "uri"),
    [
        ("s3://ml-objects/", "s3://ml-objects-evil/x"),
        ("s3://ml-objects", "s3://ml-objects.evil.example/x"),
        ("s3://ml-objects/team", "s3://ml-objects/team-2/x"),
        ("s3://ml-objects/team", "s3://ml-objects/"),
        ("s3://ml-objects/team", "s3://ML-objects/team/x"),
        ("file:///data/", "s3://data/x"),
    ],
)
def test_a_prefix_ends_at_the_boundary_of_a_segment(allow, uri):
    with pytest.raises(UriNotAllowedError, match="is not allowed"):
        s3(allow).check(uri)


def test_a_file_prefix_ends_at_the_boundary_of_a_segment(tmp_path):
    locations = Locations([(tmp_path / "data").as_uri()])
    with pytest.raises(UriNotAllowedError, match="is not allowed"):
        locations.check((tmp_path / "data-2" / "x").as_uri())


@pytest.mark.parametrize(
    "uri",
    [
        "s3://b/p/../x",
        "s3://b/p/./x",
        "s3://b/p/..",
        "s3://b/p/%2e%2e/x",
        "s3://b/p/%2E./x",
        "s3://b/p/.%2e/x",
        "s3://b/p/a%2Fb",
        "s3://b/p/..%2fx",
        "s3://b/p/a\\b",
        "s3://b/p/a%5Cb",
        "s3://b/p/a\x00b",
        "s3://b/p/a%00b",
        "s3://b/p/a\nb",
        "s3://b//p/x",
        "s3://b/p//x",
        "s3://b/p/x?versionId=1",
        "s3://b/p/x#frag",
        "s3://b/p/x%",
        "s3://b/p/x%zz",
        "s3://b/p/%ff",
        "s3:///b/p/x",
        "s3://",
        "s3://b:p/x",
        "s3://.b/x",
        "s3://b%2fp/x",
        "s3://b\\p/x",
        "s3:/b/p/x",
        "s3:b/p/x",
        "/b/p/x",
        "b/p/x",
        "",
        "simplecache::s3://b/p/x",
        " s3://b/p/x",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(uri):
    with pytest.raises(UriNotAllowedError):
        s3("s3://b/").check(uri)


def test_a_double_encoded_dot_is_a_name_and_nothing_else():
    assert s3("s3://b/").check("s3://b/%252e%252e/x") == "s3://b/%252e%252e/x"


@pytest.mark.parametrize(
    "uri",
    [
        "file://data/x",
        "file://./data",
        "file:data/x",
        "file:/data/x",
        "file://",
        "file://evil/data",
    ],
)
def test_a_file_uri_is_an_absolute_path_on_this_machine(uri):
    with pytest.raises(UriNotAllowedError):
        Locations(["file:///data/"]).check(uri)


def test_localhost_is_this_machine(root, locations):
    uri = root.as_uri().replace("file:///", "file://localhost/") + "/x"
    assert locations.check(uri) == root.as_uri() + "/x"


@pytest.mark.parametrize(
    ("uri", "secrets"),
    [
        ("s3://alice:pass-word@b/x", ["alice", "pass-word"]),
        ("s3://key@b/x", ["key@"]),
        ("s3://alice:pass/word@b/x", ["alice", "pass"]),
        ("s3://b/x?X-Amz-Signature=abcdef", ["abcdef"]),
    ],
)
def test_credentials_in_a_uri_are_refused_and_not_repeated(uri, secrets):
    with pytest.raises(UriNotAllowedError) as caught:
        s3("s3://b/").check(uri)
    assert not [secret for secret in secrets if secret in str(caught.value)]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("s3://b/a b", "s3://b/a%20b"),
        ("s3://b/a%20b", "s3://b/a%20b"),
        ("s3://b/ünï", "s3://b/%C3%BCn%C3%AF"),
        ("s3://b/%c3%bcn%c3%af", "s3://b/%C3%BCn%C3%AF"),
        ("s3://b/100%25", "s3://b/100%25"),
        ("s3://b/a%23b%3Fc", "s3://b/a%23b%3Fc"),
        ("s3://b/%61%2eb", "s3://b/a.b"),
        ("s3://b/a+b@c=(d)", "s3://b/a+b@c=(d)"),
        ("s3://b/a[1]{2}", "s3://b/a%5B1%5D%7B2%7D"),
        ("s3://b", "s3://b/"),
        ("s3://b/dir/", "s3://b/dir/"),
    ],
)
def test_two_spellings_of_a_place_have_one_canonical_form(written, canonical):
    locations = s3("s3://b/")
    assert locations.check(written) == canonical
    assert locations.check(canonical) == canonical


@pytest.mark.parametrize(
    "entry", ["file://./data", "data/", "s3://", "s3://u:pw@b/", "s3://b/../c"]
)
def test_an_allow_entry_that_is_no_uri_is_an_error_of_the_configuration(entry):
    with pytest.raises(ConfigError, match=r"\[uris\] allow, entry 2") as caught:
        Locations(["s3://fine/", entry])
    assert "pw" not in str(caught.value)


def test_allow_takes_a_list():
    with pytest.raises(ConfigError, match="expected a list"):
        Locations("s3://b/")


def test_an_unknown_scheme_says_what_to_install():
    with pytest.raises(PluginNotFoundError, match="pip install omega-s3"):
        Locations(["s3://b/"]).check("s3://b/x")
    with pytest.raises(PluginNotFoundError, match="Did you mean 's3'"):
        s3("s3://b/").check("s3a://b/x")
    assert s3().schemes == ["file", "s3"]


def test_file_systems_are_asked_for_when_a_scheme_needs_them(root):
    asked = []
    locations = Locations([root.as_uri()], lambda: asked.append(1) or {})
    locations.check(root.as_uri() + "/x")
    assert not asked
    assert locations.schemes == ["file"]
    assert asked == [1]


# --- links -------------------------------------------------------------------------------


def test_a_link_out_of_the_root_is_refused_for_everything(tmp_path, root, locations):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"mine")
    (root / "dir").symlink_to(outside)
    (root / "x").symlink_to(outside / "x")
    for name in ("dir/x", "x", "dir/new"):
        uri = f"{root.as_uri()}/{name}"
        for action in (
            locations.check,
            locations.open,
            locations.size,
            locations.exists,
            locations.create,
            locations.delete,
        ):
            with pytest.raises(UriNotAllowedError, match="symbolic link"):
                action(uri)
    assert (outside / "x").read_bytes() == b"mine"
    assert sorted(os.listdir(outside)) == ["x"]


def test_the_advice_for_a_link_names_the_place_that_it_points_at(tmp_path, root, locations):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_bytes(b"mine")
    (root / "x").symlink_to(tmp_path / "outside" / "x")
    with pytest.raises(UriNotAllowedError, match=r"leads out of \[uris\] allow") as caught:
        locations.open(f"{root.as_uri()}/x")
    allow = tomllib.loads(str(caught.value).partition("omega.toml:\n")[2])["uris"]["allow"]
    assert allow == [f"{root.as_uri()}/", f"{(tmp_path / 'outside').as_uri()}/"]
    assert read(Locations(allow), f"{root.as_uri()}/x") == b"mine"


def test_a_link_inside_the_root_and_a_root_that_is_a_link_are_fine(tmp_path, root):
    (tmp_path / "alias").symlink_to(root)
    (root / "real").mkdir()
    (root / "real" / "x").write_bytes(b"1")
    (root / "link").symlink_to(root / "real")
    locations = Locations([(tmp_path / "alias").as_uri()])
    uri = (tmp_path / "alias").as_uri() + "/link/x"
    with locations.open(uri) as file:
        assert file.read() == b"1"
    with locations.create(uri + "2") as file:
        file.write(b"2")
    assert (root / "real" / "x2").read_bytes() == b"2"


def test_deleting_a_link_removes_the_link(root, locations):
    (root / "x").write_bytes(b"1")
    (root / "link").symlink_to(root / "x")
    locations.delete(root.as_uri() + "/link")
    assert (root / "x").exists()
    assert not (root / "link").is_symlink()


def test_a_link_put_in_place_between_check_and_use_leads_nowhere(tmp_path, root, locations):
    outside, real = tmp_path / "outside", root / "dir"
    for directory, content in ((outside, b"secret"), (real, b"public")):
        directory.mkdir()
        (directory / "x").write_bytes(content)
    (root / "link").symlink_to(outside)
    done = threading.Event()

    def swap():
        while not done.is_set():
            for source, target in (
                ("dir", "away"),
                ("link", "dir"),
                ("dir", "link"),
                ("away", "dir"),
            ):
                os.rename(root / source, root / target)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(1000):
            # It may fail in any way, as long as it does not follow the link.
            with contextlib.suppress(OSError, UriNotAllowedError):
                seen.add(read(locations, root.as_uri() + "/dir/x"))
    finally:
        done.set()
        swapper.join()
    assert seen <= {b"public"}


def test_creating_over_a_dangling_link_is_refused(tmp_path, root, locations):
    (root / "x").symlink_to(root / "not-yet")
    with pytest.raises(FileExistsError):
        locations.create(root.as_uri() + "/x")
    assert not (root / "not-yet").exists()


def test_a_list_names_the_files_below_a_directory_and_follows_no_link(tmp_path, root, locations):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"mine")
    (root / "dir" / "deep").mkdir(parents=True)
    for name in ("dir/b c#", "dir/a", "dir/deep/ü", "beside", "dir/back\\slash"):
        (root / name).write_bytes(b"1")
    (root / "dir" / "link").symlink_to(outside)
    (root / "dir" / "x").symlink_to(outside / "x")
    uri = root.as_uri() + "/dir/"
    assert locations.list(uri) == [f"{uri}a", f"{uri}b%20c%23", f"{uri}deep/%C3%BC"]
    assert [read(locations, found) for found in locations.list(uri)] == [b"1"] * 3
    with pytest.raises(UriNotAllowedError, match="symbolic link"):
        locations.list(f"{uri}link/")
    with pytest.raises(UriNotAllowedError, match="is not allowed"):
        locations.list(outside.as_uri())
    with pytest.raises(FileNotFoundError, match="missing"):
        locations.list(f"{root.as_uri()}/missing/")


def test_a_list_of_another_scheme_names_the_files_below_a_prefix(memory):
    for name in ("p/b c", "p/deep/a", "p2/x"):
        with memory.create(f"memory://bucket/{name}") as file:
            file.write(b"1")
    found = ["memory://bucket/p/b%20c", "memory://bucket/p/deep/a"]
    assert memory.list("memory://bucket/p/") == memory.list("memory://bucket/p") == found


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("what", ["a named pipe", "a socket", "a device"])
def test_what_is_no_file_is_neither_read_nor_referenced(
    make_omega, root, tmp_path, monkeypatch, what, linked
):
    monkeypatch.chdir(root)  # the name of a socket is short
    name = "target" if linked else "x"
    if what == "a named pipe":
        os.mkfifo(name)
    elif what == "a socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
    else:
        os.symlink("/dev/zero", name)
    if linked:
        os.symlink("target", "x")
    uri = f"{root.as_uri()}/x"
    om = make_omega(uris={"allow": [root.as_uri(), "file:///dev/zero"]})
    for action in (om.locations.open, om.locations.size, om.locations.exists):
        with pytest.raises(UriNotAllowedError, match=f"x is {what}; only files can be read"):
            action(uri)
    with pytest.raises(UriNotAllowedError, match=what):
        om.datasets.put(uri, "r", reference=True)
    with pytest.raises(FileNotFoundError, match="is neither a file nor a directory"):
        om.datasets.put(root / "x", "r")
    assert om.datasets.list() == []
    # And what became one after it was referenced.
    (root / "theirs").write_bytes(b"1")
    om.datasets.put(f"{root.as_uri()}/theirs", "r", reference=True)
    os.replace(name, "theirs")
    with pytest.raises(UriNotAllowedError, match=what):
        om.datasets.get("r")


def test_directories_are_not_read(root, locations):
    (root / "dir").mkdir()
    with pytest.raises(UriNotAllowedError, match="is a directory"):
        locations.open(root.as_uri() + "/dir")
    with pytest.raises(UriNotAllowedError, match="names a directory"):
        locations.create(root.as_uri() + "/dir/")


def test_a_single_file_can_be_allowed(root):
    (root / "x").write_bytes(b"1")
    (root / "x2").write_bytes(b"2")
    locations = Locations([(root / "x").as_uri()])
    assert read(locations, (root / "x").as_uri()) == b"1"
    with pytest.raises(UriNotAllowedError):
        locations.open((root / "x2").as_uri())


# --- resolve -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "uri"),
    [
        ("s3://b/p/{key}", "s3://b/p/k-1"),
        ("s3://b/p/", "s3://b/p/k-1"),
        ("s3://b/{key}/frame.parquet", "s3://b/k-1/frame.parquet"),
        ("s3://b/$HOME/{0}/{key!r}{key}", "s3://b/$HOME/%7B0%7D/%7Bkey!r%7Dk-1"),
    ],
)
def test_a_template_gets_the_key_and_nothing_else(template, uri):
    assert s3("s3://b/").resolve(template, key="k-1") == uri


def test_a_template_without_a_place_for_the_key_would_overwrite():
    with pytest.raises(UnsupportedOptionError, match=r"overwrite.*uri='s3://b/p/x.bin/\{key\}'"):
        s3("s3://b/").resolve("s3://b/p/x.bin", key="k")
    with pytest.raises(UnsupportedOptionError, match="several places"):
        s3("s3://b/").resolve("s3://b/{key}/{key}", key="k")
    with pytest.raises(UnsupportedOptionError, match="takes a str, not int"):
        s3("s3://b/").resolve(3, key="k")  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", ".", "..", "a/b", "a b", "ü", "%2e"])
def test_a_key_is_one_safe_segment(key):
    with pytest.raises(ValueError, match="a key is made of"):
        s3("s3://b/").resolve("s3://b/{key}", key=key)


def test_a_resolved_uri_is_checked():
    with pytest.raises(UriNotAllowedError):
        s3("s3://b/").resolve("s3://{key}/x", key="evil")


# --- files, on the local disk and on a file system of a plugin -----------------------------


@pytest.fixture(params=["file", "memory"])
def place(request, root):
    """Locations, and a URI in them."""
    if request.param == "file":
        return request.getfixturevalue("locations"), root.as_uri()
    return request.getfixturevalue("memory"), "memory://bucket/data"


def test_a_file_comes_back_and_can_be_deleted_twice(place):
    locations, base = place
    uri = base + "/new/dirs/x"
    with locations.create(uri) as file:
        assert file.write(b"hello ") == 6
        file.write(memoryview(b"world"))
        assert file.tell() == 11
    with locations.open(uri) as file:
        assert file.read(5) == b"hello"
        file.seek(-5, os.SEEK_END)
        assert file.read() == b"world"
    assert locations.size(uri) == 11
    assert locations.exists(uri)
    locations.delete(uri)
    locations.delete(uri)
    assert not locations.exists(uri)


@pytest.mark.parametrize("name", ["a b", "ünï", "100%", "a#b?c", "a+b", "[x]*", "{y}", "~t", "a'b"])
def test_any_name_reaches_the_file_of_that_name(root, locations, name):
    uri = (root / name).as_uri()
    with locations.create(uri) as file:
        file.write(name.encode())
    assert (root / name).read_bytes() == name.encode()
    assert read(locations, locations.check(uri)) == name.encode()
    locations.delete(uri)
    assert not os.listdir(root)


def test_nothing_is_overwritten(place):
    locations, base = place
    with locations.create(base + "/x") as file:
        file.write(b"first")
    with pytest.raises(FileExistsError) as caught:
        locations.create(base + "/x")
    assert base + "/x" in "".join(caught.value.__notes__)
    assert read(locations, base + "/x") == b"first"


def test_an_exception_leaves_no_file(place):
    locations, base = place

    def write_half():
        with locations.create(base + "/x") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert not locations.exists(base + "/x")


def test_abort_and_forgetting_leave_no_file(place):
    locations, base = place
    file = locations.create(base + "/x")
    file.write(b"half")
    file.abort()
    file.abort()
    file.close()
    assert not locations.exists(base + "/x")
    locations.create(base + "/y").write(b"half")
    assert not locations.exists(base + "/y")
    with pytest.raises(ValueError, match="closed"):
        file.write(b"more")


def test_a_missing_file_is_named_by_its_uri(place):
    locations, base = place
    for action in (locations.open, locations.size):
        with pytest.raises(FileNotFoundError) as caught:
            action(base + "/not/here")
        assert base + "/not/here" in str(caught.value)


def test_a_file_in_the_way_of_a_directory_is_missing_to_readers_and_an_error_to_writers(
    root, locations
):
    (root / "x").write_bytes(b"")
    uri = root.as_uri() + "/x/y"
    assert not locations.exists(uri)
    locations.delete(uri)
    with pytest.raises(NotADirectoryError) as caught:
        locations.create(uri)
    assert uri in caught.value.__notes__[0]


def test_a_directory_exists_and_has_no_size(place):
    locations, base = place
    locations.create(base + "/dir/x").close()
    assert locations.exists(base + "/dir")
    with pytest.raises(IsADirectoryError):
        locations.size(base + "/dir/")


def test_directories_stay_when_their_last_file_is_deleted(root, locations):
    uri = root.as_uri() + "/dir/x"
    locations.create(uri).close()
    locations.delete(uri)
    assert (root / "dir").is_dir()


def test_a_full_disk_is_an_error_that_names_the_uri_and_leaves_nothing(root):
    # A limit on the size of files stands in for a full disk.
    code = f"""
import resource, signal
from omega_core.locations import Locations
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 21, 1 << 21))
try:
    with Locations([{root.as_uri()!r}]).create({root.as_uri() + "/x"!r}) as file:
        file.write(bytes(1 << 22))
except OSError as exc:
    print(exc.__notes__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert root.as_uri() + "/x" in done.stdout
    assert not os.listdir(root)


def test_the_local_disk_needs_neither_fsspec_nor_a_driver(root):
    code = f"""
import sys
from omega_core.locations import Locations
with Locations([{root.as_uri()!r}]).create({root.as_uri() + "/x"!r}) as file:
    file.write(b"1")
print({{"fsspec", "pymongo", "bson"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_broken_factory_is_an_error_with_its_cause():
    def factory():
        raise ConfigError("[plugins.s3] endpoint: nonsense")

    with pytest.raises(ConfigError, match="nonsense"):
        Locations(["s3://b/"], {"s3": factory}).open("s3://b/x")


# --- through a store ---------------------------------------------------------------------


def test_a_store_keeps_versions_in_files_and_gc_deletes_only_its_own(make_omega, root):
    om = make_omega(uris={"allow": [root.as_uri() + "/"]})
    (root / "theirs").write_bytes(b"theirs")
    uri = root.as_uri() + "/a b/{key}"
    om.datasets.put(b"one", "x", uri=uri)
    om.datasets.put(b"two", "x", uri=uri)
    om.datasets.put((root / "theirs").as_uri(), "ref", kind="uri.reference")
    for name, version, expected in (
        ("x", None, b"two"),
        ("x", 1, b"one"),
        ("ref", None, b"theirs"),
    ):
        with om.datasets.get(name, version=version) as file:
            assert file.read() == expected
    assert len(os.listdir(root / "a b")) == 2
    om.datasets.drop("x")
    om.datasets.drop("ref")
    om.datasets.gc(grace=0)
    assert os.listdir(root / "a b") == []
    assert (root / "theirs").read_bytes() == b"theirs"


def test_a_store_refuses_a_file_outside_and_stores_nothing(make_omega, root, tmp_path):
    om = make_omega(uris={"allow": [root.as_uri() + "/"]})
    for uri in (tmp_path.as_uri() + "/out/{key}", root.as_uri() + "/../out/{key}"):
        with pytest.raises(UriNotAllowedError):
            om.datasets.put(b"1", "x", uri=uri)
    assert om.datasets.list(hidden=True) == []
    assert not (tmp_path / "out").exists()
