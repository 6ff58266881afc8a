"""Many processes at once, some killed or paused: objects stay whole, no write is lost."""

from __future__ import annotations

import io
import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import (
    ConflictError,
    LeaseLostError,
    ObjectNotFoundError,
    OmegaError,
    OvertakenError,
    StaleReadError,
)
from omega_core.testing.child_processes import Child, Tell
from omega_core.testing.faults import let_time_pass
from omega_core.testing.fixtures import PrivateMongod
from omega_core.testing.orphans import find_orphans

Make = Callable[..., Omega]

DAY = 24 * 3600.0


@pytest.fixture
def together() -> Iterator[Callable[..., list[Any]]]:
    """Run functions in processes that start at the same moment; return their results."""
    with ExitStack() as stack:

        def run(*functions: Callable[[Tell], Any]) -> list[Any]:
            gate, opener = os.pipe()

            def waiting(function: Callable[[Tell], Any]) -> Callable[[Tell], Any]:
                def start(tell: Tell) -> Any:
                    os.close(opener)
                    os.read(gate, 1)  # ends when the last copy of the opener is closed
                    return function(tell)

                return start

            children = [stack.enter_context(Child(waiting(f))) for f in functions]
            os.close(opener)
            os.close(gate)
            return [child.result() for child in children]

        yield run


def settle(om: Omega) -> list[str]:
    """Return what is left over when every lease is over and all is collected."""
    let_time_pass(om.database.mongodb, 3600)
    assert om.gc(grace=0).blocked == []
    return find_orphans(om.database.mongodb)


def repeatedly(seconds: float, action: Callable[[int], Any]) -> Callable[[Tell], int]:
    """Return a function for a process: call ``action`` over and over; return how often."""

    def run(tell: Tell) -> int:
        end = time.monotonic() + seconds
        for i in itertools.count():
            if time.monotonic() > end:
                return i
            action(i)
        raise AssertionError("unreachable")

    return run


# --- writers ---------------------------------------------------------------------------------


def test_puts_of_one_name_by_eight_processes_all_land_in_one_document(
    om: Omega, together: Callable[..., list[Any]]
) -> None:
    def put_five(tell: Tell) -> list[int]:
        return [om.datasets.put(i, "x").rev or 0 for i in range(5)]

    revs = together(*[put_five] * 8)
    assert sorted(itertools.chain(*revs)) == list(range(1, 41))
    documents = list(om.database.metadata.find())
    assert [(d["rev"], d["version"]) for d in documents] == [(40, 40)]
    assert settle(om) == []


def test_of_first_puts_of_one_name_one_makes_the_document_and_none_fails(
    om: Omega, together: Callable[..., list[Any]]
) -> None:
    names = [f"name {i}" for i in range(10)]

    def put_each(tell: Tell) -> None:
        for name in names:
            om.datasets.put(name, name)

    together(*[put_each] * 8)
    assert [d["rev"] for d in om.database.metadata.find()] == [8] * 10
    assert om.datasets.list() == sorted(names)


def test_of_puts_that_expect_one_revision_one_wins(
    om: Omega, together: Callable[..., list[Any]]
) -> None:
    def count(tell: Tell) -> int:
        won = 0
        while won < 5:
            meta = om.datasets.metadata("counter")
            assert meta is not None
            try:
                om.datasets.put(om.datasets.get("counter") + 1, "counter", if_rev=meta.rev)
                won += 1
            except ConflictError:
                continue
        return won

    om.datasets.put(0, "counter")
    together(*[count] * 4)
    assert om.datasets.get("counter") == 20


def test_appends_of_eight_processes_all_survive(
    om: Omega, together: Callable[..., list[Any]]
) -> None:
    om.datasets.put([], "log", kind="python.rows")

    def appender(number: int) -> Callable[[Tell], None]:
        def append(tell: Tell) -> None:
            for i in range(20):
                rows = [{"by": number, "i": 5 * i + j} for j in range(5)]
                om.datasets.put(rows, "log", append=True)

        return append

    together(*[appender(number) for number in range(8)])
    rows = om.datasets.get("log")
    assert len(rows) == 800
    for number in range(8):
        assert [row["i"] for row in rows if row["by"] == number] == list(range(100))
    assert settle(om) == []


def test_a_put_and_a_drop_leave_one_or_the_other_and_nothing_between(
    om: Omega, together: Callable[..., list[Any]]
) -> None:
    def drop(i: int) -> None:
        om.datasets.drop("x", missing_ok=True)
        om.gc(grace=0)

    def read(i: int) -> None:
        with suppress(ObjectNotFoundError, StaleReadError):
            assert len(set(om.datasets.get("x"))) == 1

    put = repeatedly(1.5, lambda i: om.datasets.put([i] * 100, "x"))
    together(put, put, repeatedly(1.5, drop), repeatedly(1.5, read))
    if "x" in om.datasets:
        assert len(set(om.datasets.get("x"))) == 1
    assert settle(om) == []
    om.datasets.drop("x", missing_ok=True)
    om.gc(grace=0)
    assert om.database.metadata.count_documents({}) == 0


# --- readers ---------------------------------------------------------------------------------


def rows_of(number: int) -> list[dict[str, int]]:
    return [{"n": number}] * (number % 50 + 1)


@pytest.mark.parametrize("kind", ["python.data", "python.rows", "python.file"])
def test_readers_never_see_half_an_object_while_it_is_replaced_and_collected(
    om: Omega, together: Callable[..., list[Any]], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omega_core.protocol.files.CHUNK_SIZE", 300)
    monkeypatch.setattr("omega_core.payloads.CHUNK_SIZE", 300)

    def put(i: int) -> None:
        obj = bytes([i % 256]) * (1000 + i) if kind == "python.file" else rows_of(i)
        om.datasets.put(obj, "x", kind=kind)

    def read(i: int) -> None:
        try:
            found = om.datasets.get("x")
            if kind == "python.file":
                with found:
                    data = found.read()
                assert len(data) >= 1000
                assert set(data) == {(len(data) - 1000) % 256}
            else:
                assert found == rows_of(found[0]["n"])
        except StaleReadError:
            pass  # the collector waits for nobody here; it is told, and no half is returned

    put(0)
    counts = together(
        repeatedly(1.5, put),
        repeatedly(1.5, lambda i: om.gc(grace=0)),
        *[repeatedly(1.5, read)] * 2,
    )
    assert all(counts)
    assert settle(om) == []


@pytest.mark.parametrize("kind", ["python.rows", "pandas.dataframe"])
def test_readers_see_all_rows_of_every_append_or_none_and_are_held_up_by_no_append(
    om: Omega, together: Callable[..., list[Any]], kind: str
) -> None:
    three: Any = [{"i": 1}] * 3
    if kind == "pandas.dataframe":
        three = pytest.importorskip("pandas").DataFrame(three)

    def append(i: int) -> None:
        om.datasets.put(three, "log", kind=kind, append=True)

    def read(i: int) -> None:
        assert len(om.datasets.get("log")) % 3 == 0

    append(0)
    appended, again, *reads = together(*[repeatedly(1.5, append)] * 2, *[repeatedly(1.5, read)] * 2)
    assert len(om.datasets.get("log")) == 3 * (1 + appended + again)
    assert all(reads)
    assert settle(om) == []


@pytest.mark.slow
def test_a_model_predicts_as_one_of_its_versions_while_it_is_replaced(
    om: Omega, together: Callable[..., list[Any]]
) -> None:
    pytest.importorskip("omega_sklearn")
    from sklearn.linear_model import LinearRegression

    om.datasets.put([[0.0], [1.0], [2.0]], "X")
    for slope in (1, 2):
        om.datasets.put([0.0, 1.0 * slope, 2.0 * slope], f"Y{slope}")
    om.models.put(LinearRegression(), "m")
    om.models.perform("fit", "m", "X", "Y1")

    def fit(i: int) -> None:
        om.models.perform("fit", "m", "X", f"Y{i % 2 + 1}")
        om.gc(grace=0)

    def predict(i: int) -> None:
        slope = om.models.perform("predict", "m", "X")[1]
        assert round(slope, 6) in (1, 2)

    counts = together(repeatedly(2, fit), repeatedly(2, predict), repeatedly(2, predict))
    assert all(counts)
    assert settle(om) == []


# --- killed ----------------------------------------------------------------------------------


def test_writers_killed_at_any_moment_leave_the_last_acknowledged_object_or_a_newer_one(
    om: Omega,
) -> None:
    def write(start: int) -> Callable[[Tell], None]:
        def run(tell: Tell) -> None:
            for i in itertools.count(start):
                om.datasets.put([i] * 500, "data")
                tell(i)
                om.datasets.put(bytes([i % 256]) * 5000, "file")
                om.datasets.put([{"i": i}], "rows", kind="python.rows", append=i % 5 > 0)

        return run

    chance = random.Random(7)
    last = -1
    for _ in range(12):
        with Child(write(last + 1)) as child:
            child.hear()
            time.sleep(chance.uniform(0, 0.05))
            child.kill()
            last += 1 + len(child.heard())
        found = set(om.datasets.get("data"))
        assert found in ({last}, {last + 1})
        last = max(found)
        if "file" in om.datasets:
            with om.datasets.get("file") as file:
                assert len(set(file.read())) == 1
        if "rows" in om.datasets:
            assert om.datasets.get("rows")
    assert settle(om) == []


def test_a_collector_killed_at_any_moment_leaves_the_rest_to_the_next(om: Omega) -> None:
    chance = random.Random(7)

    def collect(tell: Tell) -> None:
        tell("begins")
        om.gc(grace=0)

    for _ in range(8):
        for i in range(4):
            om.datasets.put(bytes(2000), f"file {i}")
            om.datasets.put([{"i": i}], f"rows {i}", kind="python.rows")
            om.datasets.drop(f"file {i}")
            om.datasets.drop(f"rows {i}")
        om.datasets.put("stays", "x")
        with Child(collect) as child:
            child.hear()
            time.sleep(chance.uniform(0, 0.03))
            child.kill()
    assert settle(om) == []
    assert om.datasets.list() == ["x"]
    assert om.datasets.get("x") == "stays"
    assert om.database.metadata.count_documents({}) == 1


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill_of_the_server(private_mongod: PrivateMongod) -> None:
    config = {"mongo": {"url": private_mongod.url(), "timeout": 0.5}}

    def write(number: int) -> Callable[[Tell], None]:
        def run(tell: Tell) -> None:
            with Omega(config) as om:
                for i in itertools.count():
                    try:
                        om.datasets.put([number, i] * 200, f"w{number}-{i % 3}")
                        om.datasets.put(bytes([i % 256]) * 3000, f"f{number}")
                    except OmegaError:
                        return
                    tell(i)

        return run

    for _ in range(2):
        with ExitStack() as stack:
            children = [stack.enter_context(Child(write(number))) for number in range(3)]
            for child in children:
                assert child.hear() == 0
            time.sleep(0.2)
            private_mongod.kill()
            acknowledged = [child.heard() for child in children]
        private_mongod.restart()
        with Omega({"mongo": {"url": private_mongod.url()}}) as om:
            for number, told in enumerate(acknowledged):
                last = told[-1] if told else 0
                newest = max(
                    om.datasets.get(f"w{number}-{i}")[1]
                    for i in range(3)
                    if f"w{number}-{i}" in om.datasets
                )
                assert newest >= last
                for i in range(max(0, last - 2), last + 1):
                    assert om.datasets.get(f"w{number}-{i % 3}")[1] >= i
                with om.datasets.get(f"f{number}") as file:
                    assert len(set(file.read())) == 1
            assert settle(om) == []
            for name in om.datasets:
                om.datasets.drop(name)
            om.gc(grace=0)


def test_no_number_comes_again_whoever_puts_drops_and_collects(
    om: Omega, together: Callable[..., list[Any]]
) -> None:
    def put(tell: Tell) -> list[tuple[int, int]]:
        metas = [om.datasets.put(i, "x") for i in range(40)]
        return [(meta.version or 0, meta.rev or 0) for meta in metas]

    def drop_and_collect(tell: Tell) -> list[tuple[int, int]]:
        for _ in range(60):
            om.datasets.drop("x", missing_ok=True)
            om.gc(grace=0)
        return []

    numbers = list(itertools.chain(*together(put, put, drop_and_collect, drop_and_collect)))
    assert len({version for version, _ in numbers}) == len(numbers) == 80
    assert len({rev for _, rev in numbers}) == 80
    assert settle(om) == []


# --- appends to nothing ----------------------------------------------------------------------


def row_batches(number: int, i: int) -> list[dict[str, int]]:
    return [{"writer": number, "i": i, "row": row} for row in range(3)]


def frame_of(number: int, i: int) -> Any:
    import pandas as pd

    return pd.DataFrame(row_batches(number, i))


LOGS: dict[str, tuple[Callable[[int, int], Any], dict[str, Any]]] = {
    "python.rows": (row_batches, {"kind": "python.rows"}),
    "pandas.dataframe": (frame_of, {}),
    "pandas.dfrows": (frame_of, {"layout": "rows"}),
}


def written(om: Omega, name: str) -> list[tuple[int, int]]:
    """Return the batches that are there, each a writer and a number, after a look at all rows."""
    if name not in om.datasets:
        return []
    found = om.datasets.get(name)
    rows = found if isinstance(found, list) else found.to_dict("records")
    batches = [(row["writer"], row["i"]) for row in rows]
    assert [row["row"] for row in rows] == [0, 1, 2] * (len(rows) // 3)
    assert batches[::3] == batches[1::3] == batches[2::3]
    return batches[::3]


@pytest.mark.parametrize("log", LOGS)
def test_of_appends_to_a_name_that_does_not_exist_all_survive(
    om: Omega, together: Callable[..., list[Any]], log: str
) -> None:
    if log != "python.rows":
        pytest.importorskip("omega_pandas")
    make, options = LOGS[log]
    names = [f"{log} {i}" for i in range(8)]

    def append(number: int) -> Callable[[Tell], None]:
        def run(tell: Tell) -> None:
            for i, name in enumerate(names):
                om.datasets.put(make(number, i), name, append=True, **options)

        return run

    together(*map(append, range(4)))
    for i, name in enumerate(names):
        assert sorted(written(om, name)) == [(number, i) for number in range(4)]
    assert settle(om) == []


@pytest.mark.parametrize("log", LOGS)
def test_of_appends_and_drops_no_append_is_lost_that_no_drop_took(
    om: Omega, together: Callable[..., list[Any]], log: str
) -> None:
    if log != "python.rows":
        pytest.importorskip("omega_pandas")
    make, options = LOGS[log]

    def append(number: int) -> Callable[[Tell], list[tuple[int, int, float]]]:
        def run(tell: Tell) -> list[tuple[int, int, float]]:
            acknowledged = []
            for i in range(40):
                begun = time.monotonic()
                with suppress(ConflictError):  # where five drops in a row came between
                    om.datasets.put(make(number, i), "log", append=True, **options)
                    acknowledged.append((number, i, begun))
            return acknowledged

        return run

    def drop(tell: Tell) -> float:
        for _ in range(12):
            time.sleep(0.01)
            om.datasets.drop("log", missing_ok=True)
        return time.monotonic()

    *appended, dropped = together(append(0), append(1), drop)
    acknowledged = list(itertools.chain(*appended))
    found = written(om, "log")
    assert len(set(found)) == len(found)
    assert {(number, i) for number, i, begun in acknowledged if begun > dropped} <= set(found)
    assert set(found) <= {(number, i) for number, i, _ in acknowledged}
    assert settle(om) == []


def test_an_append_that_was_overtaken_begins_again_by_itself(om: Omega) -> None:
    class Overtaken(list[Any]):
        """Rows of which somebody else appends, or drops all, before they are read."""

        before: list[Callable[[], Any]]

        def __iter__(self) -> Iterator[Any]:
            if self.before:
                self.before.pop(0)()
            return super().__iter__()

    def put_first() -> None:
        om.datasets.put([{"i": 1}], "log", kind="python.rows")

    rows = Overtaken([{"i": 2}])
    rows.before = [put_first]
    om.datasets.put(rows, "log", kind="python.rows", append=True)
    assert om.datasets.get("log") == [{"i": 1}, {"i": 2}]

    rows.before = [lambda: om.datasets.drop("log"), put_first]
    om.datasets.put(rows, "log", kind="python.rows", append=True)
    assert om.datasets.get("log") == [{"i": 1}, {"i": 2}]

    rows.before = [lambda: om.datasets.put([{"i": 7}], "log", kind="python.rows")]
    om.datasets.put(rows, "log", kind="python.rows", append=True)
    assert om.datasets.get("log") == [{"i": 7}, {"i": 2}]
    assert settle(om) == []


def test_an_iterator_is_asked_once_and_nothing_is_lost_where_it_was_overtaken(om: Omega) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"i": 1}
        om.datasets.put([{"i": 0}], "log", kind="python.rows", append=True)

    with pytest.raises(OvertakenError, match=r"expected no object.*nothing appended.*an iterator"):
        om.datasets.put(rows(), "log", kind="python.rows", append=True)
    assert om.datasets.get("log") == [{"i": 0}]
    om.datasets.put(iter([{"i": 1}]), "log", append=True)
    assert om.datasets.get("log") == [{"i": 0}, {"i": 1}]
    assert settle(om) == []


def test_an_append_on_a_condition_is_not_repeated(om: Omega) -> None:
    class Overtaken(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            om.datasets.put([{"i": 0}], "log", kind="python.rows", append=True)
            return super().__iter__()

    rows = Overtaken([{"i": 1}])
    with pytest.raises(ConflictError, match="revision"):
        om.datasets.put(rows, "log", kind="python.rows", append=True, if_rev=0)
    assert om.datasets.get("log") == [{"i": 0}]


# --- paused ----------------------------------------------------------------------------------


class Slow(io.RawIOBase):
    """A file that says when it is read, and waits to be told to go on."""

    def __init__(self, tell: Tell, go: int) -> None:
        self._tell = tell
        self._go = go
        self._parts = [b"a" * 4000, b"b" * 4000]

    def read(self, size: int = -1) -> bytes:
        self._tell(len(self._parts))
        os.read(self._go, 1)
        return self._parts.pop(0) if self._parts else b""


@pytest.fixture
def slow_put(
    om: Omega, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Child, Callable[[], None]]]:
    """A process that puts "x" part by part, and what lets it go on to the next part."""
    monkeypatch.setattr("omega_core.protocol.files.CHUNK_SIZE", 1000)
    go, start = os.pipe()

    def put(tell: Tell) -> None:
        om.datasets.put(Slow(tell, go), "x", kind="python.file")

    om.datasets.put("old", "x")
    with Child(put) as child:
        yield child, lambda: os.write(start, b".") and None
    os.close(go)
    os.close(start)


def test_a_writer_paused_beyond_its_lease_changes_nothing_when_it_wakes_up(
    om: Omega, slow_put: tuple[Child, Callable[[], None]]
) -> None:
    child, go = slow_put
    assert child.hear() == 2
    go()
    assert child.hear() == 1
    child.pause()
    let_time_pass(om.database.mongodb, 3600)
    collected = om.gc(grace=0)
    assert (collected.condemned, collected.freed) == (1, 1)
    assert find_orphans(om.database.mongodb) == []
    child.resume()
    go()
    go()
    with pytest.raises(LeaseLostError, match="took longer than its lease"):
        child.result()
    assert om.datasets.get("x") == "old"
    assert len(om.datasets.versions("x")) == 1
    assert find_orphans(om.database.mongodb) == []


def test_what_a_condemned_writer_writes_late_is_found_by_the_second_sweep(
    om: Omega, slow_put: tuple[Child, Callable[[], None]]
) -> None:
    child, go = slow_put
    assert child.hear() == 2
    child.pause()
    let_time_pass(om.database.mongodb, 3600)
    assert om.gc(grace=0).condemned == 1
    child.resume()
    go()
    assert child.hear() == 1  # it has written the first part
    child.kill()
    assert len(find_orphans(om.database.mongodb)) == 1
    om.gc(grace=0)
    assert len(find_orphans(om.database.mongodb)) == 1
    let_time_pass(om.database.mongodb, DAY)
    assert om.gc(grace=0).freed == 1
    assert find_orphans(om.database.mongodb) == []
    assert om.datasets.get("x") == "old"


# --- one process -----------------------------------------------------------------------------


def test_two_omegas_with_two_databases_do_not_mix_in_threads(mongo_url: str, om: Omega) -> None:
    other_name = om.database.mongodb.name + "_other"
    with Omega(url=f"{mongo_url}/{other_name}") as other:
        failures: list[BaseException] = []

        def work(number: int) -> None:
            here = (om, other)[number % 2]
            try:
                for i in range(10):
                    here.datasets.put((number % 2, number, i), f"x{number}")
                    here.datasets.put(bytes([number % 2]) * 100, "shared")
                    assert here.datasets.get(f"x{number}") == (number % 2, number, i)
                    with here.datasets.get("shared") as file:
                        assert set(file.read()) == {number % 2}
            except BaseException as exc:
                failures.append(exc)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        try:
            assert failures == []
            assert om.datasets.list() == ["shared", "x0", "x2", "x4", "x6"]
            assert other.datasets.list() == ["shared", "x1", "x3", "x5", "x7"]
        finally:
            other.database.client.drop_database(other_name)


def test_a_forked_child_and_its_parent_both_go_on_with_an_open_omega(om: Omega) -> None:
    om.datasets.put("before", "x")
    owner = om.database.owner

    def use(tell: Tell) -> tuple[Any, str]:
        found = []

        def put(number: int) -> None:
            om.datasets.put(number, f"child {number}")
            found.append(om.datasets.get("x"))

        # From several threads at once, each of which may be the first to connect.
        threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        owner = om.database.owner
        om.close()
        return found, owner

    with Child(use) as child:
        om.datasets.put("parent", "y")
        found, owner_of_child = child.result()
    assert found == ["before"] * 4
    assert owner_of_child != owner
    assert om.datasets.list() == ["child 0", "child 1", "child 2", "child 3", "x", "y"]
    assert om.datasets.get("y") == "parent"


def test_a_task_runs_in_a_forked_child_of_an_omega_that_ran_tasks(om: Omega) -> None:
    pytest.importorskip("omega_sklearn")
    from sklearn.linear_model import LinearRegression

    om.datasets.put([[0.0], [1.0]], "X")
    om.datasets.put([0.0, 1.0], "Y")
    om.models.put(LinearRegression(), "m")
    om.runtime.model("m").fit("X", "Y").get(timeout=60)
    with Child(lambda tell: om.runtime.model("m").predict("X").get(timeout=60)) as child:
        predicted = child.result()
    assert [round(y, 6) for y in predicted] == [0.0, 1.0]
