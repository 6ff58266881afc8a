"""Copies and moves: every kind, to every place, whole or not at all."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core import Omega
from omega_core.errors import (
    ConflictError,
    IntegrityError,
    InvalidNameError,
    ObjectNotFoundError,
    StaleReadError,
    UnsupportedOptionError,
    UriNotAllowedError,
)
from omega_core.testing.crashes import CrashingTwin
from omega_core.testing.faults import let_time_pass
from omega_core.testing.fixtures import PrivateMongod
from omega_core.testing.orphans import find_orphans

from .kinds import CORE, Put, value


def left_over(om: Omega, *directories: Path) -> list[str]:
    let_time_pass(om.database.mongodb, 3600.0)
    om.gc(grace=0)
    return find_orphans(om.database.mongodb, directories)


@pytest.mark.parametrize("put", CORE.values(), ids=CORE)
def test_a_copy_is_the_same_and_stands_alone(om: Omega, files: Path, put: Put) -> None:
    put(om, files)
    before, kind = value(om, "x"), om.datasets.metadata("x")
    copied = om.datasets.copy("x", "y")
    assert (copied.name, copied.version, copied.rev) == ("y", 1, 1)
    assert kind is not None
    assert (copied.kind, copied.attributes) == (kind.kind, kind.attributes)
    assert copied == om.datasets.metadata("y")
    om.datasets.drop("x")
    om.gc(grace=0)
    assert value(om, "y") == before
    om.datasets.drop("y")
    assert left_over(om) == []
    assert list(files.glob("files/*")) == []


@pytest.mark.parametrize("put", CORE.values(), ids=CORE)
def test_another_database_gets_the_same(om: Omega, other: Omega, files: Path, put: Put) -> None:
    put(om, files)
    om.datasets.copy("x", omega=other, bucket="team")
    om.datasets.copy("x", "models of data", omega=other, store="models")
    assert value(other["team"], "x") == value(om, "x")
    assert other.models.list() == ["models of data"]
    other["team"].datasets.drop("x")
    other.models.drop("models of data")
    assert left_over(other) == []
    assert value(om, "x") is not None


def test_another_server_gets_every_kind(
    om: Omega, files: Path, private_mongod: PrivateMongod
) -> None:
    config = {
        "mongo": {"url": private_mongod.url()},
        "uris": {"allow": [files.as_uri() + "/"]},
    }
    with Omega(config) as far:
        for number, put in enumerate(CORE.values()):
            own = files / str(number)
            own.mkdir()
            put(om, own)
            om.datasets.copy("x", f"x{number}", omega=far)
            assert value(far, f"x{number}") == value(om, "x")
        assert left_over(far) == []


def test_what_is_appended_to_a_copy_stays_there(om: Omega, files: Path) -> None:
    CORE["rows"](om, files)
    om.datasets.copy("x", "y")
    om.datasets.put([{"n": 99}], "y", append=True)
    om.datasets.put([{"n": 77}], "x", append=True)
    assert [row["n"] for row in value(om, "x")] == [*range(51), 77]
    assert [row["n"] for row in value(om, "y")] == [*range(51), 99]
    indexes = om.datasets.collection("y").index_information()
    assert "n_1" in indexes


def test_an_existing_object_is_replaced_as_by_a_put(om: Omega) -> None:
    om.datasets.put("old", "y", attributes={"old": True})
    om.datasets.put("new", "x", attributes={"new": True})
    copied = om.datasets.copy("x", "y")
    assert (copied.version, copied.attributes) == (2, {"new": True})
    assert om.datasets.get("y") == "new"
    assert om.datasets.get("y", version=1) == "old"
    with pytest.raises(ConflictError):
        om.datasets.copy("x", "y", if_rev=1)
    assert om.datasets.copy("x", "y", if_rev=2).version == 3
    with pytest.raises(ConflictError):
        om.datasets.copy("x", "y", if_rev=0)


def test_versions_come_along_where_they_are_asked_for(om: Omega, other: Omega) -> None:
    for number in range(1, 5):
        om.models.put(number, "x", attributes={"n": number})
    om.models.copy("x", "current")
    assert [meta.version for meta in om.models.versions("current")] == [1]
    om.models.copy("x", versions="all", omega=other, store="datasets")
    every = other.datasets.versions("x")
    assert [(meta.version, meta.attributes["n"]) for meta in every] == [(n, n) for n in range(1, 5)]
    assert [other.datasets.get("x", version=n) for n in range(1, 5)] == [1, 2, 3, 4]
    last = om.models.copy("x", "some", versions=[3, 1], if_rev=0)
    assert (last.version, om.models.get("some"), om.models.get("some", version=1)) == (3, 3, 1)
    om.models.restore("x", 2)
    om.models.copy("x", "restored", versions="all")
    assert om.models.get("restored") == 2


def test_what_cannot_be_copied_is_refused(om: Omega, other: Omega) -> None:
    om.datasets.put(1, "x")
    with pytest.raises(UnsupportedOptionError, match="onto itself"):
        om.datasets.copy("x")
    with pytest.raises(UnsupportedOptionError, match="store= takes one of datasets, models, jobs"):
        om.datasets.copy("x", store="data")
    with pytest.raises(UnsupportedOptionError, match="versions= takes None"):
        om.datasets.copy("x", "y", versions="every")
    with pytest.raises(ObjectNotFoundError, match="No version 7 of 'x'"):
        om.datasets.copy("x", "y", versions=[1, 7])
    with pytest.raises(ObjectNotFoundError, match="'X'"):
        om.datasets.copy("X", "y")
    with pytest.raises(InvalidNameError):
        om.datasets.copy("x", "")
    assert om.datasets.list() == ["x"]
    assert other.datasets.list() == []


def test_a_file_at_a_uri_that_the_other_may_not_write_is_refused(
    om: Omega, make_omega: Callable[..., Omega], files: Path
) -> None:
    CORE["at a uri"](om, files)
    strict = make_omega()
    with pytest.raises(UriNotAllowedError):
        om.datasets.copy("x", "y", omega=strict)
    assert om.datasets.list() == ["x"]
    assert left_over(om, files) == []


def test_a_copy_at_a_uri_lies_beside_the_one_it_was_made_of(om: Omega, files: Path) -> None:
    CORE["at a uri"](om, files)
    om.datasets.copy("x", "y")
    meta, copied = om.datasets.metadata("x"), om.datasets.metadata("y")
    assert meta is not None
    assert copied is not None
    assert meta.uri != copied.uri
    assert str(meta.uri).rpartition("/")[0] == str(copied.uri).rpartition("/")[0]
    assert len(list(files.glob("files/*"))) == 2


def test_a_damaged_object_is_not_copied(om: Omega, files: Path) -> None:
    CORE["bytes"](om, files)
    om.database.data("omega.default.fs.chunks").delete_one({"n": 1})
    with pytest.raises(IntegrityError, match="chunk 1 of its file is missing"):
        om.datasets.copy("x", "y")
    assert om.datasets.list() == ["x"]
    om.datasets.drop("x")
    assert left_over(om) == []


def test_a_move_leaves_nothing_behind(om: Omega) -> None:
    for number in (1, 2):
        om.datasets.put(number, "x")
    moved = om.datasets.move("x", "y")
    assert (moved.name, moved.version) == ("y", 2)
    assert om.datasets.list() == ["y"]
    assert om.datasets.get("y", version=1) == 1
    om.datasets.move("y", bucket="team")
    assert om["team"].datasets.get("y") == 2
    assert om.datasets.list() == []
    assert left_over(om) == []


CHANGES = """
from omega_core import hookimpl

@hookimpl(wrapper=True)
def copy(store, meta, name):
    result = yield
    if name == "refused":
        raise PermissionError("not here")
    store.omega.datasets.put("changed meanwhile", meta.name)
    return result
"""


def test_a_move_loses_nothing_of_what_was_changed_meanwhile(
    install: Callable[..., str], om: Omega
) -> None:
    install("changes", CHANGES)
    om.datasets.put("first", "x")
    with pytest.raises(ConflictError, match="Nothing is lost"):
        om.datasets.move("x", "y")
    assert (om.datasets.get("x"), om.datasets.get("y")) == ("changed meanwhile", "first")


def test_a_wrapper_sees_what_arrives(install: Callable[..., str], om: Omega) -> None:
    install("changes", CHANGES)
    om.datasets.put("first", "x")
    with pytest.raises(PermissionError):
        om.datasets.copy("x", "refused")


@pytest.mark.parametrize("kind", ["rows", "bytes", "at a uri", "data"])
def test_a_crash_at_any_step_leaves_all_or_nothing(om: Omega, files: Path, kind: str) -> None:
    CORE[kind](om, files)
    before = value(om, "x")
    om.datasets.put("old", "y")
    with CrashingTwin(om) as twin:
        for step in itertools.count(1):
            struck = twin.crash(step, lambda omega: omega.datasets.copy("x", "y"))
            got = value(om, "y")
            assert got == before or (struck and got == "old"), f"after a crash at step {step}"
            assert left_over(om, files) == [], f"after a crash at step {step}"
            if not struck:
                break
            om.datasets.put("old", "y")


@pytest.mark.parametrize("again", [1, 99])
def test_what_is_replaced_and_collected_in_the_middle_is_copied_anew(om: Omega, again: int) -> None:
    om.datasets.put([{"n": 0, "text": "x" * 1_000_000}] * 20, "x", kind="python.rows")
    replaced = 0

    def replace(done: float, total: float | None) -> None:
        nonlocal replaced
        if replaced < again:
            replaced += 1
            for _ in range(2):  # the version that is copied does not stay as one
                om.datasets.put([{"n": replaced}] * 2000, "x", kind="python.rows")
            om.gc(grace=0)

    if again == 1:
        om.datasets.copy("x", "y", progress=replace)
        assert value(om, "y") == [{"n": 1}] * 2000
        return
    with pytest.raises(StaleReadError, match="for slow readers"):
        om.datasets.copy("x", "y", progress=replace)
    assert om.datasets.list() == ["x"]
    om.datasets.drop("x")
    assert left_over(om) == []


def test_copies_of_what_others_replace_and_collect_are_whole(om: Omega) -> None:
    """Each object is of one number all over: a mixture of two would be seen."""
    over = threading.Event()
    failures: list[BaseException] = []

    def replaced() -> None:
        number = 0
        try:
            while not over.is_set():
                number += 1
                rows = [{"n": number}] * 40
                om.datasets.put(rows, "rows", kind="python.rows")
                om.datasets.put(number.to_bytes(4, "big") * 20_000, "bytes")
                om.gc(grace=0)
        except BaseException as exc:
            failures.append(exc)

    om.datasets.put([{"n": 0}] * 40, "rows", kind="python.rows")
    om.datasets.put(bytes(80_000), "bytes")
    writer = threading.Thread(target=replaced)
    writer.start()
    copied = 0
    try:
        for _ in range(15):
            for name in ("rows", "bytes"):
                try:
                    om.datasets.copy(name, bucket="there")
                    copied += 1
                except StaleReadError:  # five times in a row
                    continue
                got = value(om["there"], name)
                parts = [row["n"] for row in got] if name == "rows" else got[:4] * 20_000
                assert len(set(parts)) == 1 if name == "rows" else got == parts
    finally:
        over.set()
        writer.join()
    assert failures == []
    assert copied


def test_a_kind_that_its_backend_keeps_is_got_and_put(
    install_examples: Callable[..., None], make_omega: Callable[..., Omega], tmp_path: Path
) -> None:
    install_examples("foo", "audit")
    from omega_foo.types import FooBlob, FooFile, FooMean, FooRows

    om = make_omega(plugins={"foo": {"root": str(tmp_path)}})
    objects = [FooBlob(b"blob"), FooFile(b"file" * 100), FooRows([{"a": 1}, {"a": 2}])]
    for number, obj in enumerate(objects):
        om.datasets.put(obj, f"x{number}", attributes={"n": number})
        copied = om.datasets.copy(f"x{number}", f"y{number}")
        assert copied.attributes == {"n": number}
        om.datasets.drop(f"x{number}")
        om.gc(grace=0)
        assert om.datasets.get(f"y{number}") == obj
    om.models.put(FooMean(1.5), "m")
    om.models.copy("m", "n")
    assert om.models.get("n") == FooMean(1.5)
