"""Files at ``s3:`` URIs: whole or absent, read in pieces, unchanged while they are read."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from omega_core.errors import IntegrityError, UriNotAllowedError

MB = 1 << 20


def pattern(size: int) -> bytes:
    """Bytes that differ from block to block, so that a wrong offset is seen."""
    return b"".join(number.to_bytes(8, "big") for number in range(size // 8 + 1))[:size]


def write(locations, uri, data):
    with locations.create(uri) as file:
        file.write(data)


def read(locations, uri):
    with locations.open(uri) as file:
        return file.read()


# --- on both servers ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 300_000, 20 * MB + 7])
def test_an_object_comes_back(locations, bucket, size):
    uri, data = f"s3://{bucket}/a/b.bin", pattern(size)
    write(locations, uri, data)
    assert locations.size(uri) == size
    assert read(locations, uri) == data


def test_exists_and_delete(locations, server, bucket):
    uri = f"s3://{bucket}/p/x"
    assert not locations.exists(uri)
    write(locations, uri, b"1")
    write(locations, uri + "2", b"2")
    assert locations.exists(uri)
    locations.delete(uri)
    locations.delete(uri)
    assert not locations.exists(uri)
    assert server.keys(bucket) == ["p/x2"]


@pytest.mark.parametrize("key", ["a b", "ünï", "a+b", "100%", "a%20b", "a#b?c", "x/[1]*", "~t&=;"])
def test_any_key_reaches_the_object_of_that_name(locations, server, bucket, key):
    from urllib.parse import quote

    uri = f"s3://{bucket}/{quote(key)}"
    write(locations, uri, key.encode())
    assert server.keys(bucket) == [key]
    assert read(locations, uri) == key.encode()
    locations.delete(uri)
    assert server.keys(bucket) == []


def test_seeking_anywhere_reads_what_is_there(locations, bucket):
    uri, data = f"s3://{bucket}/x", pattern(9 * MB)
    write(locations, uri, data)
    with locations.open(uri) as file:
        assert file.seekable()
        for position, count in [
            (9 * MB - 8, 100),
            (0, 10),
            (5 * MB, 3 * MB),
            (8 * MB + 3, 70_000),
            (262_140, 8),
            (9 * MB, 1),
            (10 * MB, 5),
            (1, 0),
        ]:
            file.seek(position)
            assert file.read(count) == data[position : position + count]
        file.seek(-3, os.SEEK_END)
        assert file.read() == data[-3:]
        file.seek(MB)
        file.seek(7, os.SEEK_CUR)
        assert file.tell() == MB + 7
        assert file.read() == data[MB + 7 :]


def test_an_exception_leaves_neither_object_nor_parts(locations, server, bucket):
    for size in (10, 30 * MB):

        def write_half(size=size):
            with locations.create(f"s3://{bucket}/x") as file:
                file.write(bytes(size))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_half()
    assert server.keys(bucket) == []
    assert server.unfinished(bucket) == []


def test_nothing_is_visible_before_close(locations, server, bucket):
    with locations.create(f"s3://{bucket}/x") as file:
        file.write(bytes(30 * MB))
        assert server.keys(bucket) == []
    assert server.keys(bucket) == ["x"]


def test_a_missing_object_is_named_by_its_uri(locations, bucket):
    for action in (locations.open, locations.size):
        with pytest.raises(FileNotFoundError, match=f"s3://{bucket}/not/here"):
            action(f"s3://{bucket}/not/here")


def test_a_missing_bucket_is_not_a_missing_object(server):
    locations = server.locations("s3://no-such-bucket/")
    uri = "s3://no-such-bucket/x"
    for action in (
        locations.open,
        locations.size,
        locations.exists,
        lambda uri: write(locations, uri, b"1"),
        lambda uri: write(locations, uri, bytes(20 * MB)),
    ):
        with pytest.raises(OSError, match=f"no bucket 'no-such-bucket' at {server.endpoint}") as e:
            action(uri)
        assert not isinstance(e.value, FileNotFoundError)
        assert uri in "".join(e.value.__notes__)


def test_a_prefix_with_objects_is_a_directory(locations, bucket):
    write(locations, f"s3://{bucket}/dir/x", b"1")
    assert locations.exists(f"s3://{bucket}/dir")
    with pytest.raises(IsADirectoryError):
        locations.size(f"s3://{bucket}/dir/")
    assert not locations.exists(f"s3://{bucket}/di")


def test_another_bucket_is_not_allowed(locations, server, bucket):
    other = server.new_bucket()
    for action in (locations.open, locations.create, locations.size, locations.delete):
        with pytest.raises(UriNotAllowedError, match="is not allowed"):
            action(f"s3://{other}/x")


# --- the finer points, where the server has them ---------------------------------------------


@pytest.mark.parametrize("size", [1, 20 * MB])
def test_nothing_is_overwritten(moto_locations, moto_bucket, size):
    uri = f"s3://{moto_bucket}/x"
    write(moto_locations, uri, b"first")
    with pytest.raises(FileExistsError, match="already"):
        write(moto_locations, uri, bytes(size))
    assert read(moto_locations, uri) == b"first"


def test_a_small_object_costs_one_request_each_way(moto, moto_locations, moto_bucket):
    write(moto_locations, f"s3://{moto_bucket}/x", b"1")
    assert read(moto_locations, f"s3://{moto_bucket}/x") == b"1"
    assert moto.faults.requests[-2:] == ["PUT", "GET"]


def test_a_scan_reads_ahead_in_few_requests(moto, moto_locations, moto_bucket):
    uri, data = f"s3://{moto_bucket}/x", pattern(20 * MB)
    write(moto_locations, uri, data)
    moto.faults.requests.clear()
    with moto_locations.open(uri) as file:
        assert b"".join(iter(lambda: file.read(10_000), b"")) == data
    assert len(moto.faults.requests) <= 8


def test_forgetting_to_close_leaves_neither_object_nor_parts(moto, moto_locations, moto_bucket):
    moto_locations.create(f"s3://{moto_bucket}/x").write(bytes(20 * MB))
    assert moto.keys(moto_bucket) == []
    assert moto.unfinished(moto_bucket) == []


@pytest.mark.parametrize(
    "broken",
    [("PUT", "partNumber=2"), ("POST", "uploadId="), ("POST", "uploads")],
    ids=["a part", "the completion", "the start"],
)
def test_a_failing_upload_leaves_neither_object_nor_parts(
    moto, moto_locations, moto_bucket, broken
):
    moto.faults.refuse = lambda method, query, environ: (
        "403 Forbidden/AccessDenied" if method == broken[0] and broken[1] in query else None
    )
    with pytest.raises(PermissionError, match="AccessDenied"):
        write(moto_locations, f"s3://{moto_bucket}/x", bytes(60 * MB))
    assert moto.keys(moto_bucket) == []
    assert moto.unfinished(moto_bucket) == []


@pytest.mark.parametrize(
    "body", [b"other" * 400_000, b"short", b""], ids=["same size", "shorter", "empty"]
)
def test_an_object_that_changes_while_it_is_read_is_an_error(
    moto, moto_locations, moto_bucket, body
):
    uri = f"s3://{moto_bucket}/x"
    write(moto_locations, uri, bytes(2_000_000))
    with moto_locations.open(uri) as file:
        file.read(10)
        moto.client.put_object(Bucket=moto_bucket, Key="x", Body=body)
        with pytest.raises(IntegrityError, match=r"'x' in bucket .* while it was being read"):
            file.read()


def test_an_object_that_vanishes_while_it_is_read_is_an_error(moto, moto_locations, moto_bucket):
    uri = f"s3://{moto_bucket}/x"
    write(moto_locations, uri, bytes(2_000_000))
    with moto_locations.open(uri) as file:
        moto.client.delete_object(Bucket=moto_bucket, Key="x")
        with pytest.raises(IntegrityError, match="deleted while it was being read"):
            file.read()


@pytest.mark.slow
@pytest.mark.parametrize("server_name", ["moto", "rclone"])
def test_memory_stays_constant(request, server_name):
    server = request.getfixturevalue(server_name)
    bucket = server.new_bucket()
    code = textwrap.dedent(f"""
        import hashlib, resource
        from omega_core import Secret
        from omega_core.locations import Locations
        from omega_s3 import S3Settings
        from omega_s3.filesystem import open_filesystem
        section = {server.section()!r}
        section |= {{k: Secret(section[k]) for k in ("access_key_id", "secret_access_key")}}
        locations = Locations(["s3://{bucket}/"],
                              {{"s3": lambda: open_filesystem(S3Settings(**section))}})

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

        block, written, read = bytes(range(256)) * 4096, hashlib.sha256(), hashlib.sha256()
        with locations.create("s3://{bucket}/warm") as file:
            file.write(b"1")
        start = peak()
        with locations.create("s3://{bucket}/x") as file:
            for _ in range(200):
                file.write(block)
                written.update(block)
        with locations.open("s3://{bucket}/x") as file:
            while piece := file.read(1 << 20):
                read.update(piece)
        assert read.digest() == written.digest()
        print(peak() - start)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 120
