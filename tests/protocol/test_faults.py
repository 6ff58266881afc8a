"""Whatever breaks, at whatever step: the old object or the new one, and nothing left over.

A proxy between the client and a real mongod loses the n-th command, or its answer, or cuts the
client off for good; children are killed there with SIGKILL. For every n until the operation ends.
"""

from __future__ import annotations

import importlib
import itertools
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from omega_core import BaseDataBackend, Metadata, Omega, hookimpl
from omega_core.errors import ConflictError, OmegaError, ServerError, UnsupportedValueError
from omega_core.mongo.database import Database
from omega_core.protocol.commit import Intent
from omega_core.store import OmegaStore
from omega_core.testing.crashes import CrashingTwin, kill_at
from omega_core.testing.faults import FAULTS, FaultKind, FaultProxy, let_time_pass
from omega_core.testing.orphans import find_orphans

Make = Callable[..., Omega]

LEASE = 60.0
IMPATIENT = 0.04  # seconds for which a client that is cut off waits, at every step, in vain


# --- the objects -----------------------------------------------------------------------------


def _itself(obj: Any) -> Any:
    return obj


@dataclass
class Case:
    """Objects of one kind; ``read`` makes something to compare of them, and of what `get` gives."""

    kind: str
    old: Any
    new: Any
    store: str = "datasets"
    options: dict[str, Any] = field(default_factory=dict)
    read: Callable[[Any], Any] = _itself
    extra: Any = None
    appended: Any = None

    def put(self, om: Omega, obj: Any, name: str, **options: Any) -> None:
        self.of(om).put(obj, name, kind=self.kind, **self.options, **options)

    def get(self, om: Omega, name: str) -> Any:
        """Return the object in a comparable form, or None if there is none."""
        store = self.of(om)
        return self.read(store.get(name)) if name in store else None

    def of(self, om: Omega) -> OmegaStore:
        store: OmegaStore = getattr(om, self.store)
        return store


def _bytes_of(file: Any) -> bytes:
    if isinstance(file, bytes):
        return file
    with file:
        return bytes(file.read())


def _data(directory: Path) -> Case:
    return Case("python.data", {"a": [1, 2]}, {"b": (3, {4})})


def _large_data(directory: Path) -> Case:
    # Above the limit that the fixture `small_limits` sets: BSON in GridFS.
    return Case("python.data", ["old"] * 1000, ["new"] * 1100)


def _rows(directory: Path) -> Case:
    rows = [{"i": i} for i in range(6)]
    return Case("python.rows", rows[:3], rows[2:5], extra=rows[3:], appended=rows)


def _file(directory: Path) -> Case:
    # Two chunks each, under `small_limits`.
    return Case("python.file", b"old" * 2500, b"new" * 3000, read=_bytes_of)


def _file_at_uri(directory: Path) -> Case:
    options = {"uri": f"{directory.as_uri()}/{{key}}"}
    return Case("python.file", b"old" * 9, b"new" * 10, read=_bytes_of, options=options)


def _frame(directory: Path) -> Case:
    pd = pytest.importorskip("pandas")

    def read(frame: Any) -> Any:
        return frame.to_dict("list")

    old, new = pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [3.5], "y": ["a"]})
    return Case("pandas.dataframe", old, new, read=read, extra=old, appended=pd.concat([old, old]))


def _model(directory: Path) -> Case:
    pytest.importorskip("skops")
    from sklearn.linear_model import Ridge

    def read(model: Any) -> Any:
        return model.alpha

    return Case("sklearn.skops", Ridge(alpha=1), Ridge(alpha=2), store="models", read=read)


def _foo(kind: str, class_name: str, old: Any, new: Any) -> Callable[[Path], Case]:
    def make(directory: Path) -> Case:
        cls = getattr(importlib.import_module("omega_foo.types"), class_name)
        return Case(kind, cls(old), cls(new))

    return make


CHEAP = {
    "python.data": _data,
    "python.data, large": _large_data,
    "python.rows": _rows,
    "python.file": _file,
    "python.file at a URI": _file_at_uri,
    "foo.rows": _foo("foo.rows", "FooRows", [{"x": 1}], [{"x": 2}, {"x": 3}]),
    "foo.file": _foo("foo.file", "FooFile", b"old", b"new"),
    "foo.uri": _foo("foo.uri", "FooBlob", b"old", b"new"),
}
HEAVY = {"pandas.dataframe": _frame, "sklearn.skops": _model}

SLOW = [
    # A client that is cut off waits for its server in vain at every step. The way of a drop and of
    # a restore is the same for all kinds.
    (kind, fault, operation)
    for kind in CHEAP
    for fault in ("cut off before", "cut off after")
    for operation in ("drop", "restore")
    if kind != "python.data"
]


# --- the stage -------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def foo_is_installed(install_examples: Callable[..., None]) -> None:
    install_examples("foo")


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small objects take the way of large ones, and a lost server be found again soon."""
    # Inline are the smallest alone: 128 kB for all versions, of which three stay.
    monkeypatch.setattr("omega_core.protocol.commit.INLINE_OF_ALL_VERSIONS", 2_000)
    monkeypatch.setattr("omega_core.protocol.files.CHUNK_SIZE", 6000)
    monkeypatch.setattr("omega_core.payloads.CHUNK_SIZE", 6000)
    monkeypatch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.01)


@dataclass
class Stage:
    """A proxy, clients that pass through it, and an observer who does not."""

    proxy: FaultProxy
    observer: Omega
    make_victim: Callable[[float], Omega]
    directory: Path

    def settled(self) -> list[str]:
        """Return what is left over when all leases are over and all is collected."""
        database = self.observer.database.mongodb
        let_time_pass(database, LEASE + 1)
        assert self.observer.gc(grace=0).blocked == []
        return find_orphans(database, [self.directory])


@pytest.fixture
def stage(make_omega: Make, mongo_url: str, mongo_database: str, tmp_path: Path) -> Iterator[Stage]:
    # Stores of objects at URIs, and the blobs of foofs, in one directory that can be searched.
    directory = tmp_path / "files"
    (directory / "foofs").mkdir(parents=True)
    sections: dict[str, Any] = {
        "uris": {"allow": [directory.as_uri() + "/"]},
        "stores": {"lease": LEASE},
        "plugins": {"foo": {"root": str(directory / "foofs")}},
    }
    with FaultProxy(mongo_url) as proxy:

        def make_victim(timeout: float) -> Omega:
            mongo = {"url": proxy.url(mongo_database), "timeout": timeout}
            return make_omega(**sections, mongo=mongo)

        yield Stage(proxy, make_omega(**sections), make_victim, directory)


Operation = Callable[[Case, Omega, str], Any]

OPERATIONS: dict[str, tuple[tuple[str, ...], Operation, str | None]] = {
    # what is there before; the operation; what is there after it
    "new": ((), lambda case, om, name: case.put(om, case.new, name), "new"),
    "replace": (("old",), lambda case, om, name: case.put(om, case.new, name), "new"),
    "drop": (("old",), lambda case, om, name: case.of(om).drop(name), None),
    # Three puts, two versions: the first one is there to be freed.
    "gc": (("new", "old", "new"), lambda case, om, name: om.gc(grace=0), "new"),
    "drop and free": (("old",), lambda case, om, name: drop_and_free(case, om, name), None),
    "restore": (("old", "new"), lambda case, om, name: case.of(om).restore(name, 1), "old"),
    "append": (
        ("old",),
        lambda case, om, name: case.put(om, case.extra, name, append=True),
        "appended",
    ),
}
ON_ALL_KINDS = [
    operation for operation in OPERATIONS if operation not in ("append", "drop and free")
]


def drop_and_free(case: Case, om: Omega, name: str) -> None:
    case.of(om).drop(name, missing_ok=True)
    om.gc(grace=0)


def check(case: Case, stage: Stage, operation: str, run: Callable[[str], bool | None]) -> None:
    """Run one operation under a fault at every step, and check what is there after each.

    ``run(name)`` returns whether the operation reported success; None when nothing struck it.
    """
    before, _, after = OPERATIONS[operation]
    for step in itertools.count(1):
        name = f"step {step}"
        for which in before:
            case.put(stage.observer, getattr(case, which), name)
        old = case.get(stage.observer, name)
        succeeded = run(name)
        now = case.get(stage.observer, name)
        new = None if after is None else case.read(getattr(case, after))
        assert now == new or (now == old and succeeded is False), f"step {step}"
        assert stage.settled() == [], f"step {step}"
        assert case.get(stage.observer, name) == now, f"step {step}"
        for meta in case.of(stage.observer).versions(name) if now is not None else []:
            case.read(case.of(stage.observer).get(name, version=meta.version))
        if succeeded is None:
            break
    assert step > 1, "no command was ever struck"


def combinations() -> Iterator[Any]:
    """Every kind, fault and operation; those that are not for every day are marked."""
    for name, fault, operation in itertools.product(CHEAP | HEAVY, FAULTS, ON_ALL_KINDS):
        slow = name in HEAVY or (name, fault, operation) in SLOW
        marks = [pytest.mark.slow] if slow else []
        yield pytest.param(name, fault, operation, id=f"{name}: {fault}, {operation}", marks=marks)


@pytest.mark.parametrize(("name", "kind", "operation"), [*combinations()])
def test_a_fault_at_any_step_leaves_the_old_object_or_the_new_one(
    stage: Stage, name: str, kind: FaultKind, operation: str
) -> None:
    case = (CHEAP | HEAVY)[name](stage.directory)
    break_at_every_step(case, stage, kind, operation)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize(
    "name", ["python.rows", pytest.param("pandas.dataframe", marks=pytest.mark.slow)]
)
def test_a_fault_at_any_step_of_an_append_leaves_all_of_its_rows_or_none(
    stage: Stage, name: str, kind: FaultKind
) -> None:
    case = (CHEAP | HEAVY)[name](stage.directory)
    break_at_every_step(case, stage, kind, "append")


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", ["python.data", "python.file"])
def test_a_fault_at_any_step_of_the_end_of_a_name_leaves_no_trace_of_it(
    stage: Stage, name: str, kind: FaultKind
) -> None:
    break_at_every_step(CHEAP[name](stage.directory), stage, kind, "drop and free")


def break_at_every_step(case: Case, stage: Stage, kind: FaultKind, operation: str) -> None:
    cut_off = kind.startswith("cut off")
    lasting = None if cut_off else stage.make_victim(5.0)
    steps = itertools.count(1)

    def run(name: str) -> bool | None:
        # One that is cut off waits for its server in vain: not long.
        victim = lasting or stage.make_victim(IMPATIENT)
        connect(victim)
        with stage.proxy.fault(next(steps), kind) as fault:
            try:
                OPERATIONS[operation][1](case, victim, name)
                succeeded = True
            except (OmegaError, OSError, PyMongoError):
                succeeded = False
        if cut_off:
            victim.close()
        return succeeded if fault.struck is not None else None

    check(case, stage, operation, run)


def connect(victim: Omega) -> None:
    """Connect, and prepare, so that the first command that counts is the operation's."""
    while True:
        try:
            victim.database.prepare("default")
            return
        except (ServerError, PyMongoError):
            continue  # the machine is busy, and this client impatient


KILLED = ["python.data", "python.file", "python.file at a URI", "foo.uri"]


@pytest.mark.parametrize("moment", ["lost command", "lost answer"])
@pytest.mark.parametrize(
    ("name", "operation"),
    [
        *itertools.product(KILLED, ["new", "replace"]),
        ("python.data", "gc"),
        ("python.data", "drop"),
        ("python.rows", "append"),
    ],
)
def test_a_process_killed_at_any_step_leaves_the_old_object_or_the_new_one(
    stage: Stage, name: str, operation: str, moment: FaultKind
) -> None:
    case = CHEAP[name](stage.directory)
    victim = stage.make_victim(5.0)
    steps = itertools.count(1)

    def run(name: str) -> bool | None:
        def act(victim: Omega) -> None:
            OPERATIONS[operation][1](case, victim, name)

        succeeded, struck = kill_at(stage.proxy, next(steps), victim, act, moment)
        return succeeded if struck else None

    check(case, stage, operation, run)


# --- the commit ------------------------------------------------------------------------------


@pytest.fixture
def at_the_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Call a function once the next commit is applied, before its writer learns of it."""
    from omega_core.protocol import commit

    def arrange(happening: Callable[[], Any]) -> None:
        original = commit.Intent.commit
        applied = commit.persist

        def interrupted(database: Database, operation: Callable[[], Any]) -> Any:
            monkeypatch.setattr(commit, "persist", applied)
            operation()
            happening()
            return applied(database, operation)

        def commits(self: Intent, meta: Any) -> Any:
            monkeypatch.setattr(commit.Intent, "commit", original)
            monkeypatch.setattr(commit, "persist", interrupted)
            return original(self, meta)

        monkeypatch.setattr(commit.Intent, "commit", commits)

    return arrange


def test_what_was_committed_stays_when_the_server_comes_back_only_for_the_abort(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _data(stage.directory)
    victim = stage.make_victim(0.3)
    connect(victim)
    case.put(victim, case.old, "x")
    answers = Database.answers

    def healed(database: Database) -> bool:
        fault.heal()
        database.client.admin.command("ping")
        return answers(database)

    with stage.proxy.fault(0, "lost answer") as counted:
        case.put(victim, case.new, "x")
    with stage.proxy.fault(len(counted.commands), "cut off after") as fault:
        monkeypatch.setattr(Database, "answers", healed)
        with pytest.raises(ServerError) as told:
            case.put(victim, case.old, "x")
    assert case.get(stage.observer, "x") == case.old
    assert "Nevertheless data/'x' in bucket 'default' was stored." in told.value.__notes__
    assert stage.settled() == []


def test_an_interrupt_after_the_commit_does_not_undo_it(
    om: Omega, at_the_commit: Callable[..., None]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    om.datasets.put("old", "x")
    at_the_commit(interrupt)
    with pytest.raises(KeyboardInterrupt):
        om.datasets.put("new", "x")
    assert om.datasets.get("x") == "new"
    assert om.datasets.get("x", version=1) == "old"


def test_a_commit_whose_answer_is_lost_returns_its_own_metadata_although_others_came_after(
    om: Omega, make_omega: Make, at_the_commit: Callable[..., None]
) -> None:
    other = make_omega()

    def replaced() -> None:
        other.datasets.put("by another", "x", attributes={"by": "another"})

    at_the_commit(replaced)
    kept = om.datasets.put("mine", "x", attributes={"by": "me"})
    assert (kept.version, kept.rev, kept.attributes) == (1, 1, {"by": "me"})
    assert om.datasets.get("x", version=1) == "mine"

    at_the_commit(lambda: other.datasets.drop("x"))
    dropped = om.datasets.put("mine again", "x")
    assert (dropped.version, dropped.rev) == (3, 3)
    assert not om.datasets.exists("x")


def test_an_append_whose_answer_is_lost_stays_in_the_version_that_it_made(
    om: Omega, make_omega: Make, at_the_commit: Callable[..., None]
) -> None:
    om.datasets.put([{"i": 1}], "x", kind="python.rows")
    other = make_omega()
    at_the_commit(lambda: other.datasets.put([{"i": 9}], "x", kind="python.rows"))
    om.datasets.put([{"i": 2}], "x", append=True)
    assert om.datasets.get("x") == [{"i": 9}]
    assert om.datasets.get("x", version=1) == [{"i": 1}, {"i": 2}]


def test_attributes_whose_answer_is_lost_are_saved_and_are_no_conflict(stage: Stage) -> None:
    victim = stage.make_victim(5.0)
    victim.datasets.put("x", "x")
    meta = victim.datasets.metadata("x")
    assert meta is not None
    meta.attributes["checked"] = True
    with stage.proxy.fault(1, "lost answer") as fault:
        meta.save()
    assert fault.struck == "findAndModify omega.metadata"
    again = stage.observer.datasets.metadata("x")
    assert again is not None
    assert (again.attributes, again.rev) == ({"checked": True}, meta.rev)


# --- what comes too late ---------------------------------------------------------------------


def test_an_append_to_what_was_dropped_and_collected_leaves_nothing(
    om: Omega, make_omega: Make
) -> None:
    other = make_omega()
    om.datasets.put([{"i": 1}], "x", kind="python.rows")

    def rows() -> Iterator[dict[str, int]]:
        yield {"i": 2}
        other.datasets.drop("x")
        other.gc(grace=0)
        yield {"i": 3}

    with pytest.raises(ConflictError, match="there is no object, this write expected the object"):
        om.datasets.put(rows(), "x", append=True)
    assert om.datasets.list() == []
    assert find_orphans(om.database.mongodb) == []


def test_a_restore_of_a_version_that_goes_meanwhile_is_refused(
    om: Omega, make_omega: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omega_core import catalog

    persist = catalog.persist
    other = make_omega()
    for obj in "ab":
        om.datasets.put(obj, "x")

    def late(database: Database, operation: Callable[[], Any]) -> Any:
        monkeypatch.setattr(catalog, "persist", persist)
        for obj in "cd":
            other.datasets.put(obj, "x")
        return persist(database, operation)

    monkeypatch.setattr(catalog, "persist", late)
    with pytest.raises(ConflictError, match="was put anew while version 1 was restored"):
        om.datasets.restore("x", 1)
    assert om.datasets.get("x") == "d"


def test_a_slow_writer_keeps_its_lease_also_when_the_keeper_was_idle(make_omega: Make) -> None:
    om = make_omega(stores={"lease": 1.0})
    om.datasets.put("the keeper starts", "x")

    def rows() -> Iterator[dict[str, int]]:
        time.sleep(2.5)
        om.gc(grace=0)
        yield {"i": 1}

    om.datasets.put(rows(), "slow", kind="python.rows")
    assert om.datasets.get("slow") == [{"i": 1}]


# --- what cannot be freed --------------------------------------------------------------------


class Stubborn(BaseDataBackend):
    """Has a payload somewhere, and does not let go of it."""

    KIND = "test.stubborn"
    TYPES = ("builtins:range",)

    def put(
        self, obj: Any, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        if len(obj) == 0:
            raise ValueError("an empty range")
        return meta.save()

    def drop(self, meta: Metadata) -> None:
        raise KeyError("what it was called")


def test_a_backend_that_cannot_free_hides_no_error_and_holds_up_no_other(om: Omega) -> None:
    om.datasets.register_backend(Stubborn)
    with pytest.raises(ValueError, match="an empty range") as told:
        om.datasets.put(range(0), "x")
    assert any("could not be removed now" in note for note in told.value.__notes__)
    for name in ("stubborn", "after it"):
        om.datasets.put(range(1) if name == "stubborn" else 1, name)
        om.datasets.drop(name)
    collected = om.gc(grace=0)
    assert collected.freed == 1
    assert len(collected.blocked) == 2
    assert "KeyError" in collected.blocked[0]
    assert find_orphans(om.database.mongodb) == []


def test_an_object_put_again_and_again_is_thinned_out_within_the_grace(
    om: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omega_core.protocol.housekeeping.CROWDED", 32)
    monkeypatch.setattr("omega_core.protocol.collect.CROWDED", 32)
    monkeypatch.setattr("omega_core.protocol.collect.SPARED", 8)
    monkeypatch.setattr("omega_core.protocol.collect.CROWDED_GRACE", 0.0)
    crowds = []
    for i in range(100):
        om.datasets.put(bytes(20_000) + bytes([i]), "x")
        document = om.database.metadata.find_one()
        assert document is not None
        crowds.append(len(document.get("retired", {})))
    assert max(crowds) == 47
    assert min(crowds[50:]) == 8
    # What is left is whole: two versions, and what slow readers may still read.
    files = om.database.mongodb["omega.default.fs.files"]
    assert files.count_documents({}) == crowds[-1] + 2
    assert om.datasets.get("x", version=99).read()[-1] == 98


def test_what_cannot_be_freed_is_not_all_that_is_looked_at_after_a_put(
    om: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    om.datasets.register_backend(Stubborn)
    for i in range(20):
        om.datasets.put(range(1), f"stubborn {i}")
        om.datasets.drop(f"stubborn {i}")
    om.datasets.put("x", "x")
    om.datasets.drop("x")
    let_time_pass(om.database.mongodb, 3 * 3600)
    monkeypatch.setattr("omega_core.protocol.housekeeping._COLLECT_EVERY", -1.0)
    for i in range(40):
        om.datasets.put(i, "y")
        if om.database.metadata.count_documents({"name": "x"}) == 0:
            break
    else:
        pytest.fail("x was never looked at")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_any_step_of_a_compaction_changes_nothing_that_is_read(
    om: Omega, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    pd = pytest.importorskip("pandas")
    columnar = pytest.importorskip("omega_pandas.columnar")
    monkeypatch.setattr(columnar, "MAX_SMALL_BATCHES", 3)

    def append(omega: Omega, name: str, number: int) -> None:
        omega.datasets.put(pd.DataFrame({"i": [number] * 2}), name, append=True)

    with CrashingTwin(om) as twin:
        for step in itertools.count(1):
            name = f"step {step}"
            for number in range(3):
                append(om, name, number)
            struck = twin.crash(step, lambda omega, name=name: append(omega, name, 3), kind)
            rows = om.datasets.get(name)["i"].tolist()
            whole = [0, 0, 1, 1, 2, 2, 3, 3]
            assert rows == whole or (struck and rows == whole[:6]), f"step {step}: {rows}"
            let_time_pass(om.database.mongodb, LEASE + 1)
            assert om.gc(grace=0).blocked == []
            assert find_orphans(om.database.mongodb) == [], f"step {step}"
            assert om.datasets.get(name)["i"].tolist() == rows
            if not struck:
                break
    meta = om.datasets.metadata(name)
    assert meta is not None
    assert len(meta.kind_meta["batches"]) == 1


# --- a put within a put ----------------------------------------------------------------------


class Copying:
    """Stores another object, or the same name, before the put that it wraps commits."""

    def __init__(self, inner: str) -> None:
        self.inner = inner

    @hookimpl(wrapper=True)
    def put(self, store: OmegaStore, obj: Any, name: str) -> Generator[None, Any, Any]:
        if obj != "inner":
            store.put("inner", self.inner)
        return (yield)


def test_a_wrapper_that_puts_the_same_name_comes_first_and_loses_nothing(om: Omega) -> None:
    om.plugins.manager.register(Copying("x"))
    meta = om.datasets.put("outer", "x")
    assert (om.datasets.get("x"), meta.version) == ("outer", 2)
    assert om.datasets.get("x", version=1) == "inner"
    om.datasets.put([{"i": 1}], "rows", kind="python.rows")
    om.gc(grace=0)
    assert find_orphans(om.database.mongodb) == []


def test_an_append_whose_object_a_wrapper_replaced_is_a_conflict_that_leaves_nothing(
    om: Omega,
) -> None:
    om.datasets.put([{"i": 1}], "x", kind="python.rows")
    om.plugins.manager.register(Copying("x"))
    with pytest.raises(ConflictError, match="was changed by somebody else"):
        om.datasets.put([{"i": 2}], "x", append=True)
    assert om.datasets.get("x") == "inner"
    assert om.datasets.get("x", version=1) == [{"i": 1}]
    om.gc(grace=0)
    assert find_orphans(om.database.mongodb) == []


def test_what_a_wrapper_stored_stays_when_the_put_that_it_wraps_fails(om: Omega) -> None:
    om.plugins.manager.register(Copying("copy"))
    with pytest.raises(UnsupportedValueError):
        om.datasets.put({"x": object()}, "x")
    assert om.datasets.list() == ["copy"]
    assert find_orphans(om.database.mongodb) == []
