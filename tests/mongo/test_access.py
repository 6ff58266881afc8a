"""Who may do what: users, passwords and roles, and directories that cannot be used."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymongo
import pytest
from pymongo.errors import OperationFailure
from typer.testing import CliRunner

from omega_core import BackendSpec, Omega
from omega_core.cli.main import app
from omega_core.errors import AccessError, ConfigError, ServerError, TaskNotFoundError
from omega_core.mongo.binary import find_mongod
from omega_core.testing.engine_model import KitBackend, KitModel

SECRET = "hunter2"

KIT = "omega_core.testing.engine_model:KitModel"

ROLES: dict[str, list[Any]] = {
    "writer": ["readWrite"],
    "reader": ["read"],
    "nobody": [],
    # Of a database administrator who thinks of documents only.
    "documents": [{"role": "documents", "db": "omega"}],
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a mongod that asks who one is. The users are those of the database omega."""
    directory: Path = tmp_path_factory.mktemp("guarded")
    socket_path = directory / "mongodb-27017.sock"
    command = [str(find_mongod()), "--auth", "--dbpath", str(directory), "--quiet"]
    command += ["--setParameter", "enableTestCommands=1"]
    command += ["--bind_ip", str(socket_path), "--unixSocketPrefix", str(directory)]
    with open(directory / "log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    address = quote(str(socket_path), safe="")
    with pymongo.MongoClient[dict[str, Any]](f"mongodb://{address}") as client:
        client.admin.command("createUser", "root", pwd=SECRET, roles=["root"])
    root = f"mongodb://root:{SECRET}@{address}"
    with pymongo.MongoClient[dict[str, Any]](root) as client:
        documents = {
            "resource": {"db": "omega", "collection": ""},
            "actions": ["find", "insert", "update", "remove"],
        }
        client.omega.command("createRole", "documents", privileges=[documents], roles=[])
        for name, roles in ROLES.items():
            client.omega.command("createUser", name, pwd=SECRET, roles=roles)
    with Omega(url=f"{root}/omega?authSource=admin") as om:
        om.datasets.put({"a": 1}, "x")
        om.datasets.put([{"a": 1}], "rows", kind="python.rows")
    yield address
    server.terminate()
    server.wait(30)


Access = Callable[..., Omega]


@pytest.fixture
def access(guarded: str) -> Iterator[Access]:
    """Connect as a user: ``access("reader")``."""
    made = []

    def connect(user: str | None = None, password: str | None = SECRET, path: str = "") -> Omega:
        mongo: dict[str, Any] = {"timeout": 1.0, "url": f"mongodb://{guarded}/{path or 'omega'}"}
        if user is not None:
            mongo["username"] = user
        if password is not None and user is not None:
            mongo["password"] = password
        made.append(Omega({"mongo": mongo, "plugins": {"enabled": []}}))
        return made[-1]

    yield connect
    for om in made:
        om.close()


def test_a_user_with_the_role_read_write_does_everything(access: Access) -> None:
    om = access("writer")
    om.datasets.put({"a": 2}, "y")
    om.datasets.put(bytes(1_000_000), "y")
    om.datasets.put([{"a": 2}], "mine", kind="python.rows")
    om.datasets.drop("y")
    om.datasets.drop("mine")
    om.gc(grace=0)
    assert om.datasets.get("x") == {"a": 1}


@pytest.mark.parametrize(
    ("user", "password", "path", "text"),
    [
        ("writer", "wrong", "", r"does not accept user 'writer'.*in the database 'omega'"),
        ("stranger", SECRET, "", r"does not accept user 'stranger'.*username and password"),
        ("root", SECRET, "", r"in the database 'omega'.*mostly \?authSource=admin"),
        ("writer", SECRET, "omega?authSource=admin", r"in the database 'admin'"),
        (None, None, "", r"wants to know who asks\. Set \[mongo\] username and password"),
        ("nobody", SECRET, "", r"does not permit user 'nobody' to \w+ omega\.omega\.metadata"),
        ("writer", SECRET, "omega?authMechanism=PLAIN", r"does not (know|accept)"),
    ],
)
def test_who_is_not_known_is_told_which_setting_to_look_at(
    access: Access, user: str | None, password: str | None, path: str, text: str
) -> None:
    om = access(user, password, path)
    for action in (om.datasets.list, lambda: om.datasets.get("x"), lambda: om.datasets.put(1, "z")):
        with pytest.raises(AccessError, match=text) as caught:
            action()
        assert "[mongo]" in str(caught.value)
        assert SECRET not in str(caught.value)
        assert isinstance(caught.value, PermissionError)


@pytest.mark.parametrize(
    ("mongo", "text"),
    [
        ({"password": SECRET}, r"\[mongo\] password is set, and there is no user for it"),
        ({"username": "writer"}, r"password is required"),
        ({"username": "writer", "password": {"env": "GONE"}}, r"GONE, which is not set"),
    ],
)
def test_half_of_a_user_and_a_password_is_an_error_of_the_configuration(
    guarded: str, mongo: dict[str, Any], text: str
) -> None:
    with Omega({"mongo": {"url": f"mongodb://{guarded}/omega", **mongo}}) as om:
        with pytest.raises(ConfigError, match=text) as caught:
            om.datasets.list()
        assert SECRET not in str(caught.value)


WRITES: dict[str, Callable[[Omega], Any]] = {
    "put": lambda om: om.datasets.put({"hunter2": 2}, "new"),
    "replace": lambda om: om.datasets.put({"hunter2": 2}, "x"),
    "put a file": lambda om: om.datasets.put(bytes(100), "new"),
    "put rows": lambda om: om.datasets.put([{"hunter2": 2}], "new", kind="python.rows"),
    "append": lambda om: om.datasets.put([{"hunter2": 2}], "rows", append=True),
    "drop": lambda om: om.datasets.drop("x"),
    "save": lambda om: om.datasets.metadata("x").save(),  # type: ignore[union-attr]
}


@pytest.mark.parametrize("write", WRITES)
def test_who_may_only_read_changes_nothing_and_is_told_what_to_grant(
    access: Access, write: str
) -> None:
    om = access("reader")
    before = om.datasets.list(), om.datasets.get("x"), om.datasets.get("rows")
    with pytest.raises(
        AccessError, match=r"does not permit user 'reader' to \w+ omega\."
    ) as caught:
        WRITES[write](om)
    assert 'role: "readWrite", db: "omega"' in str(caught.value)
    assert SECRET not in str(caught.value)  # of the data either
    assert (om.datasets.list(), om.datasets.get("x"), om.datasets.get("rows")) == before


def test_who_may_not_make_indexes_is_told_before_anything_is_written(access: Access) -> None:
    om = access("documents")
    assert om.datasets.get("x") == {"a": 1}
    with pytest.raises(AccessError, match=r"user 'documents' to createIndexes omega\.omega\.met"):
        om.datasets.put(1, "new")
    assert "new" not in om.datasets.list()


def test_a_role_that_is_taken_away_while_a_client_is_connected_is_told(
    access: Access, guarded: str
) -> None:
    om = access("writer")
    om.datasets.put(1, "mine")
    with pymongo.MongoClient[dict[str, Any]](f"mongodb://root:{SECRET}@{guarded}") as client:
        client.omega.command("updateUser", "writer", roles=["read"])
        try:
            with pytest.raises(AccessError, match="does not permit user 'writer' to findAndModify"):
                om.datasets.put(2, "mine")
        finally:
            client.omega.command("updateUser", "writer", roles=ROLES["writer"])
    assert om.datasets.get("mine") == 1
    om.datasets.drop("mine")


@pytest.mark.parametrize(
    ("user", "level", "text", "code"),
    [
        ("writer", "ok", "'writer' of 'omega' may read and write in 'omega'", 0),
        ("reader", "warning", "may read in 'omega', and not store: insert, update, remove", 0),
        ("documents", "warning", "not store: listIndexes, createCollection, createIndex", 1),
        ("nobody", "problem", "'nobody' of 'omega' may not read in 'omega'", 1),
        ("stranger", "problem", "does not accept user 'stranger'", 1),
        (None, "problem", "wants to know who asks", 1),
    ],
)
def test_doctor_says_what_the_user_may_do(
    guarded: str, tmp_path: Path, user: str | None, level: str, text: str, code: int
) -> None:
    who = "" if user is None else f'username = "{user}"\npassword = "{SECRET}"\n'
    config = tmp_path / "omega.toml"
    config.write_text(f'[mongo]\nurl = "mongodb://{guarded}/omega"\n{who}[plugins]\nenabled = []\n')
    done = CliRunner().invoke(app, ["--config", str(config), "doctor", "--json"])
    findings = json.loads(done.stdout)["findings"]
    assert any(f["level"] == level and text in f["message"] for f in findings), findings
    assert done.exit_code == code
    assert SECRET not in done.output


@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        (13, AccessError, "does not permit user 'writer'"),
        (11, AccessError, "does not accept user 'writer'"),
        (18, AccessError, "does not accept user 'writer'"),
        (8000, AccessError, "does not accept user 'writer'"),
        (334, AccessError, "authMechanism"),
        (391, AccessError, "have expired"),
        (14031, ServerError, "disk of the MongoDB server .* is full"),
        (64, ServerError, "could not confirm a write as durable"),
        (79, ServerError, "could not confirm a write as durable"),
        (100, ServerError, "could not confirm a write as durable"),
        (59, ServerError, r"lacks a command.*MongoDB 6\.0 or later"),
        (115, ServerError, r"lacks a command.*MongoDB 6\.0 or later"),
        (323, ServerError, r"lacks a command.*MongoDB 6\.0 or later"),
        (73, ConfigError, r"\[mongo\] url: .*name of the database"),
        (13297, ConfigError, r"\[mongo\] url: .*name of the database"),
        (10107, ServerError, "not its primary"),
        (91, ServerError, "is shutting down"),
        (2, OperationFailure, "failpoint"),  # what the operation itself did wrong
    ],
)
def test_whatever_a_server_refuses_to_anybody_is_an_error_of_ours_at_every_operation(
    access: Access, guarded: str, code: int, error: type[Exception], text: str
) -> None:
    om = access("writer")
    om.datasets.put(1, "mine")
    with pymongo.MongoClient[dict[str, Any]](f"mongodb://root:{SECRET}@{guarded}") as client:
        for commands, action in (
            (["find"], lambda: om.datasets.get("mine")),
            (["find"], lambda: om.datasets.list()),
            (["findAndModify"], lambda: om.datasets.put(2, "mine")),
            (["insert"], lambda: om.datasets.put(bytes(1_000_000), "mine")),
            (["aggregate", "find"], lambda: om.gc()),
        ):
            data = {"failCommands": commands, "errorCode": code}
            client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=data)
            try:
                with pytest.raises(error, match=text):
                    action()
            finally:
                client.admin.command("configureFailPoint", "failCommand", mode="off")
    assert om.datasets.get("mine") == 1


# --- the directory of the embedded server ------------------------------------------------


def as_file(path: Path) -> Path:
    path.write_text("mine")
    return path


def below_a_file(path: Path) -> Path:
    path.write_text("mine")
    return path / "data"


def with_a_file_inside(name: str) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.mkdir(mode=0o700)
        (path / name).mkdir()
        return path

    return make


def as_circle(path: Path) -> Path:
    path.symlink_to(path.name)
    return path


@pytest.mark.parametrize(
    "make",
    [
        as_file,
        below_a_file,
        as_circle,
        with_a_file_inside("users.lock"),
        with_a_file_inside("start.lock"),
        with_a_file_inside("socket"),
        with_a_file_inside("mongod.out"),
        lambda path: path / ("x" * 300),
        lambda path: Path("/proc/omega"),
        lambda path: Path("/dev/null"),
    ],
)
def test_a_data_dir_that_cannot_be_used_names_the_setting(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    data_dir = make(tmp_path / "data")
    with (
        Omega({"mongo": {"data_dir": str(data_dir)}}) as om,
        pytest.raises(ServerError, match=r"\[mongo\] data_dir"),
    ):
        om.datasets.list()
    config = tmp_path / "omega.toml"
    config.write_text(f'[mongo]\ndata_dir = "{data_dir}"\n[plugins]\nenabled = []\n')
    done = CliRunner().invoke(app, ["--config", str(config), "doctor", "--json"])
    findings = json.loads(done.stdout)["findings"]
    [problem] = [f for f in findings if f["level"] == "problem"]
    assert problem["check"] == "server"
    assert "[mongo] data_dir" in problem["message"]


def test_an_empty_data_dir_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"data_dir is empty"):
        Omega({"mongo": {"data_dir": ""}})


# --- members of replica sets -------------------------------------------------------------


@pytest.fixture
def lonely_member(tmp_path: Path) -> Iterator[str]:
    """The URL of a member of a replica set that has no primary, as in an election."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--dbpath", str(tmp_path), "--port", str(port), "--bind_ip", "127.0.0.1"]
    options += ["--nounixsocket", "--replSet", "rs", "--oplogSize", "16", "--quiet"]
    with open(tmp_path / "log", "wb") as log:
        server = subprocess.Popen([str(find_mongod()), *options], stdout=log, stderr=log)
    url = f"127.0.0.1:{port}"
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(url, directConnection=True) as client:
        member = {"_id": 0, "host": url}
        client.admin.command("replSetInitiate", {"_id": "rs", "members": [member]})
        deadline = time.monotonic() + 30
        while not client.admin.command("hello")["isWritablePrimary"]:
            assert time.monotonic() < deadline, "the replica set elects no primary"
            time.sleep(0.05)
        with Omega(url=f"mongodb://{url}/omega?replicaSet=rs") as om:
            om.datasets.put(1, "x")
        client.admin.command("replSetStepDown", 60, force=True)
    yield f"mongodb://{url}/omega"
    server.kill()  # asked to end, it would wait for a primary that never comes
    server.wait(30)


def test_a_member_that_is_no_primary_takes_no_writes_and_says_so(lonely_member: str) -> None:
    url = f"{lonely_member}?directConnection=true"
    with (
        Omega({"mongo": {"url": url, "timeout": 0.5}}) as om,
        pytest.raises(ServerError, match=r"not its primary.*Remove directConnection=true"),
    ):
        om.datasets.put(2, "x")


def test_a_user_who_may_only_read_lets_models_act_without_a_record(access: Access) -> None:
    writer, reader = access("writer"), access("reader")
    for om in (writer, reader):
        om.models.register_backend(BackendSpec("kit.model", KitBackend, types=[KIT]))
    writer.models.put(KitModel(6.0, 3), "m")
    writer.datasets.put([1.0], "n")
    result = reader.runtime.model("m").predict("n")
    assert (result.get(), result.status) == ([2.0], "success")
    assert reader.models.perform("predict", "m", "n") == [2.0]
    with pytest.raises(TaskNotFoundError):
        writer.runtime.result(result.id)
    with pytest.raises(AccessError, match="user 'reader'"):
        reader.runtime.model("m").fit("n").get()
    with pytest.raises(AccessError, match="user 'reader'"):
        reader.runtime.model("m").predict([1.0])
    recorded = writer.runtime.model("m").predict("n")
    assert recorded.get() == [2.0]
    assert writer.runtime.result(recorded.id).get() == reader.runtime.result(recorded.id).get()
    writer.models.drop("m")
    writer.datasets.drop("n")
