"""Objects of a store whose payloads lie in S3."""

from __future__ import annotations

import pickle

import pytest

from omega_core.errors import (
    IntegrityError,
    NoBackendError,
    ObjectNotFoundError,
    OmegaError,
    UnsupportedOptionError,
    UriNotAllowedError,
)

MB = 1 << 20


@pytest.fixture
def om(make_omega, server, bucket):
    """An `Omega` that may use one bucket of the server."""
    return make_omega(plugins={"s3": server.section()}, uris={"allow": [f"s3://{bucket}/"]})


@pytest.fixture
def uri(bucket):
    return f"s3://{bucket}/prefix/{{key}}"


def content(om, name, **options):
    with om.datasets.get(name, **options) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 5, 20 * MB])
def test_bytes_lie_at_the_uri_and_come_back(om, server, bucket, uri, size):
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    meta = om.datasets.put(data, "raw", uri=uri)
    [key] = server.keys(bucket)
    assert meta.uri == f"s3://{bucket}/{key}"
    assert key.startswith("prefix/")
    assert meta.gridfile is None
    assert content(om, "raw") == data


def test_a_path_and_a_directory_come_back(om, uri, tmp_path):
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "ünï.txt").write_bytes(b"in it")
    om.datasets.put(tmp_path / "dir" / "ünï.txt", "file", uri=uri)
    om.datasets.put(tmp_path / "dir", "dir", uri=uri)
    assert content(om, "file") == b"in it"
    back = om.datasets.get("dir", path=tmp_path / "back")
    assert (back / "ünï.txt").read_bytes() == b"in it"


def test_names_that_look_alike_never_share_an_object(om, server, bucket, uri):
    names = ["a/b", "a_b", "a.b", "a b", "a%2Fb", "ünï", "../x", "$x", ".h", "n" * 500]
    for name in names:
        om.datasets.put(name.encode(), name, uri=uri)
    assert len(server.keys(bucket)) == len(names)
    for name in names:
        assert content(om, name) == name.encode()


def test_a_replace_keeps_the_version_before_at_its_own_uri(om, server, bucket, uri):
    om.datasets.put(b"one", "x", uri=uri)
    om.datasets.put(b"two", "x", uri=uri)
    assert content(om, "x") == b"two"
    assert content(om, "x", version=1) == b"one"
    assert len(server.keys(bucket)) == 2
    om.datasets.restore("x", 1)
    assert content(om, "x") == b"one"


def test_drop_and_gc_delete_what_is_ours_and_nothing_else(om, server, bucket, uri):
    server.client.put_object(Bucket=bucket, Key="prefix/of somebody else", Body=b"1")
    om.datasets.put(b"stays", "other", uri=uri)
    [kept] = [key for key in server.keys(bucket) if "somebody" not in key]
    om.datasets.put(b"one", "x", uri=uri)
    om.datasets.put(b"two", "x", uri=uri)
    om.datasets.drop("x")
    om.datasets.gc(grace=0)
    assert sorted(server.keys(bucket)) == sorted([kept, "prefix/of somebody else"])
    assert content(om, "other") == b"stays"
    with pytest.raises(ObjectNotFoundError):
        om.datasets.get("x")


def test_a_reference_is_read_and_never_deleted(om, server, bucket):
    server.client.put_object(Bucket=bucket, Key="theirs/a b.csv", Body=b"a,b\n1,2\n")
    om.datasets.put(f"s3://{bucket}/theirs/a b.csv", "ref", kind="uri.reference")
    with om.datasets.get("ref") as file:
        assert file.readline() == b"a,b\n"
        file.seek(0)
        assert file.read() == b"a,b\n1,2\n"
    om.datasets.drop("ref")
    om.datasets.gc(grace=0)
    assert server.keys(bucket) == ["theirs/a b.csv"]


def test_a_reference_to_nothing_is_refused(om, bucket):
    with pytest.raises(FileNotFoundError, match=f"s3://{bucket}/nothing"):
        om.datasets.put(f"s3://{bucket}/nothing", "ref", kind="uri.reference")
    assert not om.datasets.exists("ref")


def test_outside_of_what_is_allowed_nothing_is_stored(om, server):
    other = server.new_bucket()
    with pytest.raises(UriNotAllowedError, match=f"s3://{other}/"):
        om.datasets.put(b"1", "x", uri=f"s3://{other}/{{key}}")
    with pytest.raises(UriNotAllowedError):
        om.datasets.put(f"s3://{other}/x", "ref", kind="uri.reference")
    assert om.datasets.list(hidden=True) == []
    assert server.keys(other) == []


def test_a_uri_without_a_place_for_the_key_is_refused(om, server, bucket):
    with pytest.raises(UnsupportedOptionError, match="overwrite"):
        om.datasets.put(b"1", "x", uri=f"s3://{bucket}/x.bin")
    assert not om.datasets.exists("x")
    assert server.keys(bucket) == []


def test_what_was_stored_is_checked_against_the_list_of_the_reader(
    om, make_omega, server, bucket, uri
):
    om.datasets.put(b"1", "x", uri=uri)
    stricter = make_omega(
        plugins={"s3": server.section()}, uris={"allow": [f"s3://{bucket}/elsewhere/"]}
    )
    with pytest.raises(UriNotAllowedError):
        stricter.datasets.get("x")


@pytest.mark.parametrize("size", [100, 3 * MB])
@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-1],
        lambda body: body[:-1] + b"!",
        lambda body: b"",
    ],
    ids=["truncated", "changed", "emptied"],
)
def test_a_damaged_object_is_an_integrity_error_that_names_it(
    om, server, bucket, uri, damage, size
):
    om.datasets.put(bytes(size), "x", uri=uri)
    [key] = server.keys(bucket)
    server.client.put_object(Bucket=bucket, Key=key, Body=damage(bytes(size)))
    with pytest.raises(IntegrityError, match=r"data/'x' in bucket 'default', version 1"):
        content(om, "x")


def test_a_vanished_object_is_an_integrity_error_that_names_it(om, server, bucket, uri):
    om.datasets.put(b"1", "x", uri=uri)
    [key] = server.keys(bucket)
    server.client.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(IntegrityError, match=r"data/'x' in bucket 'default', version 1"):
        content(om, "x")


def test_a_put_that_fails_leaves_the_object_as_it_was(om, server, bucket, uri):
    om.datasets.put(b"one", "x", uri=uri)

    class Breaking:
        def read(self, size):
            size, self.size = getattr(self, "size", 30 * MB), 0
            if not size:
                raise KeyboardInterrupt
            return bytes(size)

    with pytest.raises(KeyboardInterrupt):
        om.datasets.put(Breaking(), "x", kind="python.file", uri=uri)
    om.datasets.gc(grace=0)
    assert content(om, "x") == b"one"
    assert len(server.keys(bucket)) == 1
    assert server.unfinished(bucket) == []


def test_a_server_that_is_gone_is_an_error_and_stores_nothing(make_omega, moto):
    section = moto.section(endpoint="http://127.0.0.1:9")
    om = make_omega(plugins={"s3": section}, uris={"allow": ["s3://bucket/"]})
    with pytest.raises(ConnectionError, match=r"bucket 'bucket' at http://127\.0\.0\.1:9"):
        om.datasets.put(b"1", "x", uri="s3://bucket/{key}")
    assert not om.datasets.exists("x")


def test_without_the_plugin_the_error_says_what_is_missing(make_omega):
    om = make_omega(plugins={"enabled": []}, uris={"allow": ["s3://bucket/"]})
    with pytest.raises(OmegaError, match="s3"):
        om.datasets.put(b"1", "x", uri="s3://bucket/{key}")


def test_secrets_are_in_no_repr_document_or_pickle_of_a_reference(
    make_omega, moto, moto_bucket, monkeypatch
):
    monkeypatch.setenv("TEST_S3_SECRET", "s3cr3t-s3cr3t-s3cr3t")
    section = moto.section(secret_access_key={"env": "TEST_S3_SECRET"})
    om = make_omega(plugins={"s3": section}, uris={"allow": [f"s3://{moto_bucket}/"]})
    om.datasets.put(b"1", "x", uri=f"s3://{moto_bucket}/{{key}}")
    documents = [
        document
        for name in om.datasets.mongodb.list_collection_names()
        for document in om.datasets.mongodb[name].find()
    ]
    shown = repr(om) + repr(om.config) + repr(documents) + repr(pickle.dumps(om))
    assert "s3cr3t" not in shown


def test_an_estimator_lies_in_s3(om, server, bucket, uri):
    linear = pytest.importorskip("sklearn.linear_model")
    pytest.importorskip("omega_sklearn")
    model = linear.LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    meta = om.models.put(model, "churn", uri=uri)
    assert meta.uri.startswith(f"s3://{bucket}/prefix/")
    assert om.models.get("churn").predict([[0.0], [3.0]]).tolist() == [0, 1]
    om.models.drop("churn")
    om.models.gc(grace=0)
    assert server.keys(bucket) == []


def test_a_frame_lies_in_s3_as_parquet(om, server, bucket, uri):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("omega_pandas")
    frame = pandas.DataFrame({"x": range(1000), "city": ["Zürich", "Wien"] * 500})
    try:
        om.datasets.put(frame, "sales", uri=uri)
    except NoBackendError:
        pytest.skip("omega_pandas has no pandas.parquet")
    pandas.testing.assert_frame_equal(om.datasets.get("sales"), frame)
    om.datasets.drop("sales")
    om.datasets.gc(grace=0)
    assert server.keys(bucket) == []
