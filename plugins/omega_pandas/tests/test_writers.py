"""Many processes append to frames, and some die: all rows of an append are there, or none."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pandas as pd
import pytest

import omega_pandas.rows
from omega_core import Omega
from omega_core.testing.child_processes import Child, Tell
from omega_core.testing.crashes import CrashingTwin, kill_at
from omega_core.testing.faults import FAULTS, FaultKind, FaultProxy, let_time_pass
from omega_core.testing.orphans import find_orphans

Same = Callable[[Any, Any], None]

LEASE = 60.0
LAYOUTS = ["rows", "columns"]


def sales(start: int, rows: int) -> pd.DataFrame:
    numbers = np.arange(start, start + rows)
    columns = {"n": numbers, "s": [f"text {n}" for n in numbers]}
    return pd.DataFrame(columns, index=pd.RangeIndex(start, start + rows))


@pytest.fixture(autouse=True)
def several_inserts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a few rows take the way of many."""
    monkeypatch.setattr(omega_pandas.rows, "_BATCH", 2)
    monkeypatch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.01)


def settle(om: Omega) -> list[str]:
    """Return what is left over when every lease is over and all is collected."""
    let_time_pass(om.database.mongodb, LEASE + 3600)
    assert om.gc(grace=0).blocked == []
    return find_orphans(om.database.mongodb)


def check_readers(om: Omega, same: Same, name: str, expected: pd.DataFrame) -> None:
    """Read an object in all ways."""
    same(expected, om.datasets.get(name))
    same(expected, pd.concat(om.datasets.get(name, chunksize=2)))
    same(expected[expected.n > 2], om.datasets.get(name, filter={"n__gt": 2}))
    assert len(om.datasets.get(name, lazy=True)) == len(expected)


def check_append(om: Omega, same: Same, name: str, layout: str, succeeded: bool, step: int) -> None:
    """Check what an append of rows 3 to 7 to rows 0 to 2 has left, and that others can go on."""
    found = om.datasets.get(name)
    assert len(found) == 8 or (len(found) == 3 and not succeeded), f"step {step}"
    check_readers(om, same, name, sales(0, len(found)))
    assert settle(om) == [], f"step {step}"
    check_readers(om, same, name, sales(0, len(found)))
    om.datasets.put(sales(len(found), 2), name, layout=layout, append=True)
    same(sales(0, len(found) + 2), om.datasets.get(name))


# --- killed -------------------------------------------------------------------------------------


@pytest.fixture
def proxy(mongo_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(mongo_url) as proxy:
        yield proxy


@pytest.mark.parametrize("moment", ["lost command", "lost answer"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_process_killed_at_any_step_of_an_append_leaves_all_of_its_rows_or_none(
    om: Omega,
    make_omega: Callable[..., Omega],
    mongo_database: str,
    assert_same: Same,
    proxy: FaultProxy,
    layout: str,
    moment: FaultKind,
) -> None:
    victim = make_omega(mongo={"url": proxy.url(mongo_database)}, stores={"lease": LEASE})
    options = {"index": ["n", "-s"]} if layout == "rows" else {}
    for step in itertools.count(1):
        name = f"step {step}"
        om.datasets.put(sales(0, 3), name, layout=layout)

        def act(victim: Omega, name: str = name) -> None:
            victim.datasets.put(sales(3, 5), name, layout=layout, append=True, **options)

        succeeded, struck = kill_at(proxy, step, victim, act, moment)
        check_append(om, assert_same, name, layout, succeeded, step)
        if not struck:
            break
    # Begin, rows in three commands, two indexes and commit; or begin, segment and commit.
    assert step > (7 if layout == "rows" else 3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_appenders_killed_at_any_moment_leave_what_was_acknowledged_and_at_most_one_append_more(
    om: Omega, assert_same: Same, layout: str
) -> None:
    def append(start: int) -> Callable[[Tell], None]:
        def run(tell: Tell) -> None:
            for number in itertools.count(start):
                om.datasets.put(sales(5 * number, 5), "log", layout=layout, append=True)
                tell(number)

        return run

    chance = random.Random(7)
    om.datasets.put(sales(0, 5), "log", layout=layout)
    done = 1
    for _ in range(8):
        with Child(append(done)) as child:
            child.hear()
            time.sleep(chance.uniform(0, 0.05))
            child.kill()
            done += 1 + len(child.heard())
        rows = len(om.datasets.get("log"))
        assert rows in (5 * done, 5 * done + 5)
        done = rows // 5
        assert_same(sales(0, rows), om.datasets.get("log"))
    assert settle(om) == []
    assert_same(sales(0, 5 * done), om.datasets.get("log"))


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_any_step_of_an_append_of_rows_leaves_all_of_them_or_none(
    om: Omega, assert_same: Same, kind: FaultKind
) -> None:
    def append(omega: Omega, name: str) -> None:
        omega.datasets.put(sales(3, 5), name, layout="rows", append=True, index="n")

    with CrashingTwin(om) as twin:
        for step in itertools.count(1):
            name = f"step {step}"
            om.datasets.put(sales(0, 3), name, layout="rows")
            struck = twin.crash(step, lambda omega, name=name: append(omega, name), kind)
            check_append(om, assert_same, name, "rows", not struck, step)
            if not struck:
                break
    assert step > 6


# --- at once ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_appends_of_eight_processes_all_survive_in_the_order_of_each(
    om: Omega, layout: str
) -> None:
    om.datasets.put(pd.DataFrame({"by": [0], "n": [0]}).iloc[:0], "log", layout=layout)

    def appender(number: int) -> Callable[[Tell], None]:
        def append(tell: Tell) -> None:
            for start in range(0, 100, 5):
                frame = pd.DataFrame({"by": [number] * 5, "n": range(start, start + 5)})
                om.datasets.put(frame, "log", layout=layout, append=True)

        return append

    with ExitStack() as stack:
        children = [stack.enter_context(Child(appender(number))) for number in range(8)]
        for child in children:
            # Whoever reads meanwhile sees whole appends.
            assert len(om.datasets.get("log")) % 5 == 0
            child.result()
    rows = om.datasets.get("log")
    assert len(rows) == 800
    for _, mine in rows.groupby("by"):
        assert mine.n.tolist() == list(range(100))
    chunks = list(om.datasets.get("log", chunksize=300))
    pd.testing.assert_frame_equal(pd.concat(chunks), rows)
    assert settle(om) == []
    pd.testing.assert_frame_equal(om.datasets.get("log"), rows)
