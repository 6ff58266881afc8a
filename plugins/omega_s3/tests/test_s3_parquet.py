"""Frames as Parquet files in S3, and tables of others that are read in place there."""

from __future__ import annotations

import io

import pytest

from omega_core.errors import IntegrityError, UnsupportedOptionError, UriNotAllowedError

pytestmark = pytest.mark.needs_plugins("pandas")

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def om(make_omega, server, bucket):
    """An `Omega` that may use one bucket of the server."""
    return make_omega(plugins={"s3": server.section()}, uris={"allow": [f"s3://{bucket}/"]})


def sales(rows=6, start=0):
    numbers = range(start, start + rows)
    return pd.DataFrame(
        {
            "n": numbers,
            "state": pd.Categorical(["NY" if n % 2 else "CA" for n in numbers], ["CA", "NY"]),
            "at": pd.date_range("2024-10-27", periods=rows, freq="h", tz="Europe/Berlin"),
            "i": pd.array([None if n % 3 else n for n in numbers], "Int16"),
        },
        index=pd.Index([f"row {n}" for n in numbers], name="key"),
    )


def same(left, right):
    pd.testing.assert_frame_equal(left, right, check_exact=True, check_freq=True)


def parquet(frame):
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


def upload(server, bucket, key, data):
    server.client.put_object(Bucket=bucket, Key=key, Body=data)


def body(server, bucket, key):
    return server.client.get_object(Bucket=bucket, Key=key)["Body"].read()


# --- our own files ------------------------------------------------------------------------------


def test_a_frame_is_a_parquet_file_that_comes_back_in_whole_and_in_parts(om, server, bucket):
    frame = sales()
    meta = om.datasets.put(frame, "sales", format="parquet", uri=f"s3://{bucket}/lake/{{key}}")
    [key] = server.keys(bucket)
    assert meta.uri == f"s3://{bucket}/{key}"
    assert pq.read_table(io.BytesIO(body(server, bucket, key)))["n"].to_pylist() == [*range(6)]
    same(frame, om.datasets.get("sales"))
    same(frame[["i", "n"]], om.datasets.get("sales", columns=["i", "n"]))
    same(frame[frame.n > 3], om.datasets.get("sales", filter={"n__gt": 3}))
    found = om.datasets.get("sales", columns=["at"], filter={"state": "NY", "n__lt": 4})
    same(frame[(frame.state == "NY") & (frame.n < 4)][["at"]], found)
    assert om.datasets.get("sales", as_="arrow").column("n").to_pylist() == [*range(6)]


def test_a_frame_without_a_format_is_an_arrow_file_of_which_columns_are_read(om, bucket):
    frame = sales()
    om.datasets.put(frame, "sales", uri=f"s3://{bucket}/lake/{{key}}")
    same(frame, om.datasets.get("sales"))
    same(frame[["at", "n"]], om.datasets.get("sales", columns=["at", "n"]))
    with pytest.raises(UnsupportedOptionError, match="is read whole; it has no option 'filter'"):
        om.datasets.get("sales", filter={"n": 3})


def test_a_replaced_frame_is_a_version_and_a_dropped_one_leaves_no_file(om, server, bucket):
    uri = f"s3://{bucket}/lake/{{key}}"
    om.datasets.put(sales(3), "sales", format="parquet", uri=uri)
    om.datasets.put(sales(4), "sales", format="parquet", uri=uri)
    same(sales(3), om.datasets.get("sales", version=1))
    same(sales(4), om.datasets.get("sales"))
    om.datasets.drop("sales")
    om.gc(grace=0)
    assert server.keys(bucket) == []


@pytest.mark.parametrize("options", [{"format": "parquet"}, {}], ids=["parquet", "arrow"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data[:50] + b"x" + data[51:],
        lambda data: None,
    ],
    ids=["half of it", "a byte less", "empty", "another byte", "vanished"],
)
def test_a_file_that_is_damaged_or_gone_is_an_error_that_names_it(
    om, server, bucket, options, damage
):
    meta = om.datasets.put(sales(), "sales", uri=f"s3://{bucket}/lake/{{key}}", **options)
    [key] = server.keys(bucket)
    data = damage(body(server, bucket, key))
    if data is None:
        server.client.delete_object(Bucket=bucket, Key=key)
    else:
        upload(server, bucket, key, data)
    for asked in ({}, {"columns": ["n"]}):
        with pytest.raises(IntegrityError) as caught:
            om.datasets.get("sales", **asked)
        told = str(caught.value)
        assert "'sales'" in told
        assert meta.uri in told or "version 1" in told


# --- references ---------------------------------------------------------------------------------


def test_a_directory_of_parquet_files_is_read_in_place_and_stays(om, server, bucket):
    parts = [sales(3), sales(3, 3), sales(2, 6)]
    for number, part in enumerate(parts[:2]):
        upload(server, bucket, f"lake/sales/part-{number}.parquet", parquet(part))
    upload(server, bucket, "lake/sales/_SUCCESS", b"")
    upload(server, bucket, "lake/sales/read.me", b"not a table")
    upload(server, bucket, "lake/sales2/part-0.parquet", parquet(sales(9)))
    meta = om.datasets.put(f"s3://{bucket}/lake/sales/", "lake", reference=True)
    assert meta.kind == "pandas.parquet"
    whole = pd.concat(parts[:2])
    same(whole, om.datasets.get("lake"))
    same(whole[["state"]], om.datasets.get("lake", columns=["state"]))
    found = om.datasets.get("lake", columns=["at"], filter={"state": "NY", "n__gte": 2})
    same(whole[(whole.state == "NY") & (whole.n >= 2)][["at"]], found)
    upload(server, bucket, "lake/sales/part-2.parquet", parquet(parts[2]))
    same(pd.concat(parts), om.datasets.get("lake"))
    before = server.keys(bucket)
    om.datasets.drop("lake")
    om.gc(grace=0)
    assert server.keys(bucket) == before


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: data[:-1], lambda data: b""],
    ids=["half of it", "a byte less", "empty"],
)
def test_a_file_of_others_that_is_damaged_is_an_error_that_names_it(om, server, bucket, damage):
    for number in range(2):
        upload(server, bucket, f"lake/part-{number}.parquet", parquet(sales(3, 3 * number)))
    om.datasets.put(f"s3://{bucket}/lake/", "lake", reference=True)
    upload(server, bucket, "lake/part-1.parquet", damage(parquet(sales(3, 3))))
    for asked in ({}, {"columns": ["n"]}, {"filter": {"n__gt": 1}}):
        with pytest.raises(IntegrityError) as caught:
            om.datasets.get("lake", **asked)
        assert f"'lake' at s3://{bucket}/lake/part-1.parquet cannot be read" in str(caught.value)


def test_files_of_others_that_are_gone_are_an_error_that_names_them(om, server, bucket):
    upload(server, bucket, "lake/one.parquet", parquet(sales()))
    for uri, name in ((f"s3://{bucket}/lake/one.parquet", "one"), (f"s3://{bucket}/lake/", "all")):
        om.datasets.put(uri, name, reference=True)
        same(sales(), om.datasets.get(name))
    server.client.delete_object(Bucket=bucket, Key="lake/one.parquet")
    for uri, name in ((f"s3://{bucket}/lake/one.parquet", "one"), (f"s3://{bucket}/lake/", "all")):
        with pytest.raises(IntegrityError, match="there is nothing any more") as caught:
            om.datasets.get(name)
        assert f"data/{name!r} in bucket 'default' refers to {uri}" in str(caught.value)


def test_a_file_that_goes_while_its_directory_is_read_is_an_error_that_names_it(
    make_omega, moto, moto_bucket
):
    om = make_omega(plugins={"s3": moto.section()}, uris={"allow": [f"s3://{moto_bucket}/"]})
    for number in range(2):
        upload(moto, moto_bucket, f"lake/part-{number}.parquet", parquet(sales(3, 3 * number)))
    om.datasets.put(f"s3://{moto_bucket}/lake/", "lake", reference=True)
    gone = f"/{moto_bucket}/lake/part-1.parquet"
    moto.faults.refuse = lambda method, query, environ: (
        "404 Not Found/NoSuchKey/gone" if environ["PATH_INFO"] == gone else None
    )
    with pytest.raises(IntegrityError, match=r"part-1\.parquet, and there is nothing any more"):
        om.datasets.get("lake")


def test_what_is_not_there_or_not_allowed_is_not_referred_to(om, server, bucket):
    upload(server, bucket, "lake/damaged.parquet", parquet(sales())[:-1])
    for uri, error in (
        (f"s3://{bucket}/lake/none.parquet", FileNotFoundError),
        (f"s3://{bucket}/none/", FileNotFoundError),
        (f"s3://{bucket}/lake/damaged.parquet", IntegrityError),
        ("s3://another/lake/one.parquet", UriNotAllowedError),
    ):
        with pytest.raises(error):
            om.datasets.put(uri, "lake", reference=True)
    assert not om.datasets.exists("lake")


def test_of_a_large_file_the_columns_and_row_groups_that_are_asked_for_are_fetched(
    make_omega, moto, moto_bucket
):
    om = make_omega(plugins={"s3": moto.section()}, uris={"allow": [f"s3://{moto_bucket}/"]})
    numbers = np.random.default_rng(0).integers(0, 10**9, (8, 100_000))
    table = pa.table({f"c{at}": column for at, column in enumerate(numbers)})
    table = table.append_column("n", pa.array(range(100_000)))
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=10_000, compression="none", use_dictionary=False)
    upload(moto, moto_bucket, "lake/large.parquet", sink.getvalue())
    om.datasets.put(f"s3://{moto_bucket}/lake/large.parquet", "large", reference=True)
    fetched = []

    def note(method, query, environ):
        first, _, last = environ["HTTP_RANGE"].removeprefix("bytes=").partition("-")
        fetched.append(int(last) - int(first) + 1)

    moto.faults.refuse = note
    whole = table.to_pandas()
    same(whole[["n"]], om.datasets.get("large", columns=["n"]))
    assert sum(fetched) < len(sink.getvalue()) / 2
    fetched.clear()
    found = om.datasets.get("large", columns=["c1"], filter={"n__between": (25_000, 25_999)})
    same(whole.loc[25_000:25_999, ["c1"]].reset_index(drop=True), found)
    assert sum(fetched) < len(sink.getvalue()) / 5
