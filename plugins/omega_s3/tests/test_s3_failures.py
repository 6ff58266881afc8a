"""What goes wrong with a server is told with bucket and endpoint, soon, and without secrets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import traceback

import pytest
from typer.testing import CliRunner

from omega_core import Secret
from omega_core.cli.main import app
from omega_core.config import load_config
from omega_core.errors import ConfigError
from omega_core.locations import Locations
from omega_s3 import S3Settings
from omega_s3.connection import Connection
from omega_s3.filesystem import S3FileSystem, open_filesystem

WRONG_KEY, WRONG_SECRET = "AKIDWRONGBUTLONGENOUGH", "wr0ng-wr0ng-wr0ng-wr0ng"

ACTIONS = {
    "open": lambda locations, uri: locations.open(uri),
    "size": lambda locations, uri: locations.size(uri),
    "exists": lambda locations, uri: locations.exists(uri),
    "delete": lambda locations, uri: locations.delete(uri),
    "create": lambda locations, uri: locations.create(uri).close(),
}


def told(error: BaseException) -> str:
    """Everything that a traceback shows, notes and causes too."""
    return "".join(traceback.format_exception(error))


@pytest.fixture(autouse=True)
def no_credentials_around(monkeypatch):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"secret_access_key": WRONG_SECRET}, "secret access key is not the one"),
        ({"access_key_id": WRONG_KEY}, "access key is unknown"),
    ],
    ids=["secret", "key"],
)
def test_wrong_credentials_are_a_permission_error_without_them(rclone, action, changes, reason):
    bucket = rclone.new_bucket()
    locations = rclone.locations(f"s3://{bucket}/", **changes)
    with pytest.raises(PermissionError) as caught:
        ACTIONS[action](locations, f"s3://{bucket}/x")
    text = told(caught.value)
    assert f"bucket {bucket!r} at {rclone.endpoint}" in text
    assert f"s3://{bucket}/x" in text
    # The answer to HEAD has no text to take the reason from.
    assert reason in text or action in ("size", "exists")
    assert WRONG_KEY not in text
    assert WRONG_SECRET not in text


@pytest.mark.parametrize("action", ACTIONS)
def test_an_endpoint_that_refuses_is_named(moto, action):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        locations = moto.locations("s3://bucket/", endpoint=endpoint)
        with pytest.raises(ConnectionError) as caught:
            ACTIONS[action](locations, "s3://bucket/x")
    text = told(caught.value)
    assert f"bucket 'bucket' at {endpoint}" in text
    assert "[plugins.s3]" in text
    assert "s3cr3t" not in text


def test_an_endpoint_that_never_answers_is_given_up(moto):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        locations = moto.locations("s3://bucket/", endpoint=endpoint, timeout=0.5, retries=0)
        with pytest.raises(ConnectionError, match="no answer about 'x' in bucket 'bucket'"):
            locations.open("s3://bucket/x")


def test_an_answer_that_repeats_the_credentials_is_not_passed_on(moto):
    bucket = moto.new_bucket()
    moto.faults.refuse = lambda method, query, environ: (
        f"403 Forbidden/SignatureDoesNotMatch/{environ['HTTP_AUTHORIZATION']}"
    )
    locations = moto.locations(f"s3://{bucket}/")
    with pytest.raises(PermissionError) as caught:
        locations.open(f"s3://{bucket}/x")
    assert "SignatureDoesNotMatch" in told(caught.value)
    assert "AKID" not in told(caught.value)


def test_credentials_are_in_no_repr_and_in_no_attribute_of_the_file_system(moto):
    settings = S3Settings(
        endpoint=moto.endpoint, access_key_id=Secret("AKID"), secret_access_key=Secret("s3cr3t")
    )
    filesystem = open_filesystem(settings)
    filesystem.exists(f"s3://{moto.new_bucket()}/x")
    shown = repr(settings) + repr(filesystem) + str(filesystem.to_json) + repr(vars(filesystem))
    assert "AKID" not in shown
    assert "s3cr3t" not in shown


def test_credentials_come_from_the_environment_where_the_settings_have_none(rclone, monkeypatch):
    bucket = rclone.new_bucket()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDLONGENOUGHFORALL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t-s3cr3t-s3cr3t")
    monkeypatch.setenv("AWS_ENDPOINT_URL", rclone.endpoint)
    locations = Locations([f"s3://{bucket}/"], {"s3": open_filesystem})
    with locations.create(f"s3://{bucket}/x") as file:
        file.write(b"1")
    assert rclone.keys(bucket) == ["x"]


def test_the_settings_win_over_the_environment_as_a_whole(rclone, monkeypatch):
    # A session token of somebody else must not go along with our keys.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", WRONG_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", WRONG_SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:1")
    bucket = rclone.new_bucket()
    rclone.locations(f"s3://{bucket}/").create(f"s3://{bucket}/x").close()
    assert rclone.keys(bucket) == ["x"]


def test_anonymous_requests_are_not_signed(moto):
    bucket = moto.new_bucket()
    moto.client.put_object(Bucket=bucket, Key="x", Body=b"1", ACL="public-read")
    signed = []
    moto.faults.refuse = lambda method, query, environ: signed.append(
        "HTTP_AUTHORIZATION" in environ
    )
    locations = moto.locations(
        f"s3://{bucket}/", anonymous=True, access_key_id=None, secret_access_key=None
    )
    with locations.open(f"s3://{bucket}/x") as file:
        assert file.read() == b"1"
    assert signed == [False]


def test_virtual_addressing_puts_the_bucket_into_the_host():
    settings = S3Settings(endpoint="http://s3.example:9000", addressing="virtual")
    assert Connection("bucket", settings).store.config["endpoint"] == (
        "http://bucket.s3.example:9000"
    )


def test_a_secret_that_cannot_be_found_says_so(moto):
    settings = S3Settings(
        endpoint=moto.endpoint,
        access_key_id=Secret("AKID"),
        secret_access_key=Secret(env="NO_SUCH_VARIABLE", key="plugins.s3.secret_access_key"),
    )
    locations = Locations(["s3://bucket/"], {"s3": lambda: open_filesystem(settings)})
    with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE, which is not set"):
        locations.open("s3://bucket/x")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://AKID:s3cr3t@127.0.0.1:9000",
        "https://s3cr3t@127.0.0.1",
        "HTTP://AKID:s3cr3t@127.0.0.1",
        " http://AKID:s3cr3t@127.0.0.1",
        "http://AKID:s3cr3t",
        "http://AKID:s3/cr3t@127.0.0.1/s3cr3t",
        "AKID:s3cr3t@127.0.0.1:9000",
        "s3://AKID:s3cr3t@127.0.0.1",
        "http://127.0.0.1:9000?secret_access_key=s3cr3t",
        "http://127.0.0.1:9000#s3cr3t",
        "http://127.0.0.1:9000/;s3cr3t",
        "http://[::1/s3cr3t",
    ],
)
def test_no_part_of_an_endpoint_that_is_none_is_shown(endpoint, monkeypatch):
    section = {"plugins": {"s3": {"endpoint": endpoint, "region": "eu"}}}
    config = load_config(section, environ={})
    assert "s3cr3t" not in repr(config) + str(config.to_dict())
    with pytest.raises(ConfigError, match="expected 'http://host:port'") as caught:
        config.section("s3", S3Settings)
    assert "s3cr3t" not in told(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL") as caught:
        S3FileSystem(S3Settings()).info("s3://bucket/x")
    assert "s3cr3t" not in told(caught.value)


def test_no_command_shows_a_part_of_such_an_endpoint(tmp_path):
    path = tmp_path / "omega.toml"
    endpoint = "http://AKID:s3cr3t@127.0.0.1"
    path.write_text(f'[plugins]\nenabled = ["s3"]\n[plugins.s3]\nendpoint = "{endpoint}"\n')
    for command in (["config", "show"], ["plugins", "list"]):
        done = CliRunner().invoke(app, ["--config", str(path), *command])
        assert "s3cr3t" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"access_key_id": Secret("AKID")}, "secret_access_key is missing"),
        ({"secret_access_key": Secret("s3cr3t")}, "access_key_id is missing"),
        ({"session_token": Secret("t")}, "session_token needs"),
        ({"anonymous": True, "access_key_id": Secret("AKID")}, "give one of them"),
        ({"endpoint": "http://user:s3cr3t@127.0.0.1"}, "credentials go into"),
        ({"endpoint": "127.0.0.1:9000"}, "expected 'http://host:port'"),
        ({"part_mb": 1}, "5 to 5000 MB"),
    ],
)
def test_impossible_settings_are_errors_of_the_configuration(section, message):
    with pytest.raises(ConfigError, match=message) as caught:
        S3FileSystem(S3Settings(**section)).info("s3://bucket/x")
    assert "s3cr3t" not in told(caught.value)


def test_other_modes_are_refused(moto):
    with pytest.raises(ValueError, match="not 'ab'"):
        open_filesystem(S3Settings(endpoint=moto.endpoint)).open("s3://bucket/x", "ab")


def test_a_fork_is_refused_rather_than_waiting_for_ever(moto):
    bucket = moto.new_bucket()
    code = textwrap.dedent(f"""
        import os
        from omega_s3 import S3Settings
        from omega_s3.filesystem import open_filesystem
        filesystem = open_filesystem(S3Settings(endpoint={moto.endpoint!r}, anonymous=True))
        filesystem.exists("s3://{bucket}/x")
        if os.fork() == 0:
            try:
                filesystem.exists("s3://{bucket}/x")
            except RuntimeError as exc:
                print(exc, flush=True)
            os._exit(0)
        os.wait()
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert "'spawn' or 'forkserver'" in done.stdout, done.stderr


def test_the_plugin_module_is_light():
    code = (
        "import sys, omega_s3; omega_s3.settings(); omega_s3.filesystems();"
        "print({'obstore', 'fsspec', 'pymongo', 'bson', 'mongoengine'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
