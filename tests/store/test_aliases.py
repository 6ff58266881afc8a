"""Words of one's own for versions: they stay, move in one step, and are taken wherever one is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from omega_core import Alias, Omega
from omega_core.errors import InvalidNameError, ObjectNotFoundError
from omega_core.testing.orphans import find_orphans

Make = Callable[..., Omega]


def put_many(om: Omega, count: int, name: str = "x") -> None:
    for number in range(count):
        om.datasets.put({"n": number}, name)


def test_a_version_that_an_alias_names_stays_whatever_is_put(om: Omega) -> None:
    om.datasets.put({"n": "first"}, "x")
    om.datasets.alias("x", "champion")
    put_many(om, 6)
    om.gc(grace=0)
    assert om.datasets.get("x", version="champion") == {"n": "first"}
    assert [meta.version for meta in om.datasets.versions("x")] == [1, 6, 7]
    assert [meta.aliases for meta in om.datasets.versions("x")] == [("champion",), (), ()]


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_keep_counts_what_no_alias_names(make_omega: Make, keep: int) -> None:
    om = make_omega(stores={"keep": {"datasets": keep}})
    for number in range(8):
        om.datasets.put({"n": number}, "x")
        if number in (1, 3):
            om.datasets.alias("x", f"a{number}")
    kept = [meta.version for meta in om.datasets.versions("x")]
    assert kept == sorted({2, 4, *range(9 - keep, 9)})


def test_a_version_is_retired_by_a_put_once_no_alias_names_it(om: Omega) -> None:
    put_many(om, 1)
    om.datasets.alias("x", "champion")
    put_many(om, 3)
    assert om.datasets.unalias("x", "champion")
    assert 1 in [meta.version for meta in om.datasets.versions("x")]
    put_many(om, 1)
    assert [meta.version for meta in om.datasets.versions("x")] == [4, 5]
    om.gc(grace=0)
    assert find_orphans(om.database.mongodb) == []


def test_an_alias_moves_and_tells_where_it_was(om: Omega) -> None:
    put_many(om, 3)
    for version in (2, 3, 3, None, 2):
        om.datasets.alias("x", "champion", version)
    found = om.datasets.aliases("x")["champion"]
    assert isinstance(found, Alias)
    assert found.version == 2
    # To the version that it names already, it does not move.
    assert [move.version for move in found.before] == [2, 3]
    assert all("@" in move.by and move.at.tzinfo for move in (found, *found.before))
    assert [move.at for move in (*found.before, found)] == sorted(
        move.at for move in (*found.before, found)
    )


def test_the_moves_that_are_remembered_are_bounded(om: Omega) -> None:
    put_many(om, 2)
    for number in range(40):
        om.datasets.alias("x", "champion", 1 + number % 2)
    assert len(om.datasets.aliases("x")["champion"].before) == 16


def test_a_version_may_be_another_alias(om: Omega) -> None:
    put_many(om, 2)
    om.datasets.alias("x", "challenger", 1)
    meta = om.datasets.alias("x", "champion", "challenger")
    assert meta.version == 1
    assert meta.aliases == ("challenger", "champion")


def test_an_alias_is_taken_wherever_a_version_is(om: Omega) -> None:
    put_many(om, 2)
    om.datasets.alias("x", "champion", 1)
    meta = om.datasets.metadata("x", version="champion")
    assert meta is not None
    assert (meta.version, meta.is_current) == (1, False)
    assert om.datasets.lineage("x", version="champion").origin.version == 1
    assert om.datasets.restore("x", "champion").version == 1
    assert om.datasets.get("x") == {"n": 0}
    assert om.datasets.aliases("x")["champion"].version == 1


def test_an_alias_is_no_change_of_the_object(om: Omega) -> None:
    meta = om.datasets.put({"n": 0}, "x")
    om.datasets.alias("x", "champion")
    meta.attributes["note"] = "nobody changed it"
    meta.save()
    om.datasets.put({"n": 1}, "x", if_rev=meta.rev)


def test_a_drop_takes_the_aliases_with_it(om: Omega) -> None:
    put_many(om, 2)
    om.datasets.alias("x", "champion", 1)
    om.datasets.drop("x")
    put_many(om, 1)
    assert om.datasets.aliases("x") == {}
    om.gc(grace=0)
    assert find_orphans(om.database.mongodb) == []


@pytest.mark.parametrize(
    "word", ["", "7", 7, "7a", "a.b", "a b", "$x", "ü", "a\0", "-a", "x" * 65, None], ids=repr
)
def test_what_is_no_word_is_refused(om: Omega, word: Any) -> None:
    put_many(om, 1)
    with pytest.raises(InvalidNameError, match="is no alias"):
        om.datasets.alias("x", word)
    assert om.datasets.aliases("x") == {}


def test_what_does_not_exist_is_told_with_what_is_near(om: Omega) -> None:
    put_many(om, 1)
    om.datasets.alias("x", "champion")
    with pytest.raises(ObjectNotFoundError, match=r"No alias 'champoin' .* mean 'champion'\?"):
        om.datasets.get("x", version="champoin")
    with pytest.raises(ObjectNotFoundError, match="by its number: version=1"):
        om.datasets.get("x", version="1")
    with pytest.raises(ObjectNotFoundError, match="No version 9 of 'x'"):
        om.datasets.alias("x", "other", 9)
    with pytest.raises(ObjectNotFoundError, match="No object 'y'"):
        om.datasets.alias("y", "champion")
    with pytest.raises(ObjectNotFoundError, match="No alias 'other'"):
        om.datasets.unalias("x", "other")
    assert om.datasets.unalias("x", "other", missing_ok=True) is False
    assert om.datasets.metadata("x", version="other") is None


def test_whoever_names_a_version_while_others_put_names_one_that_stays(make_omega: Make) -> None:
    om, other = make_omega(), make_omega()
    put_many(om, 1)
    done = threading.Event()

    def put() -> None:
        for number in range(60):
            other.datasets.put({"n": number}, "x")
        done.set()

    thread = threading.Thread(target=put)
    thread.start()
    while not done.is_set():
        version = om.datasets.alias("x", "champion").version
        assert version is not None
        om.datasets.get("x", version="champion")
        assert om.datasets.metadata("x", version=version) is not None
    thread.join()
    om.gc(grace=0)
    assert om.datasets.get("x", version="champion") is not None


@pytest.mark.needs_plugins("sklearn", "pandas")
def test_a_model_acts_in_the_version_that_an_alias_names_when_it_acts(om: Omega) -> None:
    import pandas as pd
    from sklearn.dummy import DummyRegressor

    om.datasets.put(pd.DataFrame({"a": [1.0, 2.0]}), "X")
    om.datasets.put(pd.DataFrame({"y": [1.0, 1.0]}), "y")
    for constant in (10.0, 20.0):
        om.models.put(DummyRegressor(strategy="constant", constant=constant), "m")
        om.runtime.model("m").fit("X", "y").get()
    om.models.alias("m", "champion", 2)
    result = om.runtime.model("m", version="champion").predict("X", rName="r").get()
    assert om.datasets.get("r").to_numpy().ravel().tolist() == [10.0, 10.0]
    assert result.lineage["model"]["version"] == 2
    om.models.alias("m", "champion", 4)
    assert om.runtime.model("m", version="champion").predict("X").get() == [20.0, 20.0]
