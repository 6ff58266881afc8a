"""Lists by attributes, by age, in an order: the same as a look at each object would tell."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import Omega, Q
from omega_core.errors import UnsupportedOptionError, UnsupportedValueError

UTC = dt.UTC


def put(om: Omega, **objects: dict[str, Any]) -> None:
    for name, attributes in objects.items():
        om.datasets.put({"of": name}, name, attributes=attributes)


def test_conditions_on_attributes(om: Omega) -> None:
    put(
        om,
        a={"owner": "ann", "score": 0.95, "tags": ["x", "y"], "team": {"name": "red"}},
        b={"owner": "ann", "score": 0.5, "tags": ["xy"], "team": {"name": "blue"}},
        c={"owner": "bob", "score": 0.99, "tags": "text with x in it"},
        d={},
    )
    names = om.datasets.list
    assert names(where={"owner": "ann"}) == ["a", "b"]
    assert names(where={"owner": "ann", "score__gt": 0.9}) == ["a"]
    assert names(where={"tags__contains": "x"}) == ["a", "c"]
    assert names(where={"team.name": "blue"}) == ["b"]
    assert names(where=Q(owner="bob") | Q({"team.name": "red"})) == ["a", "c"]
    assert names(where=~Q(owner="ann")) == ["c", "d"]
    assert names(where={"score__isnull": True}) == ["d"]
    assert names("[ab]", where={"score__lt": 0.9}) == ["b"]
    assert [m.attributes["owner"] for m in names(where={"owner__in": ["bob"]}, raw=True)] == ["bob"]
    assert names(where={}) == names(where=Q()) == ["a", "b", "c", "d"]


KEYS = ["k", "in.ner", "a.b", "a"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, 1.5, float("nan"), 2**60, "x", "xy", "", b"x", Decimal("1.5")])
    | st.sampled_from([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=UTC)])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(st.sampled_from(["b", "ner"]), inner, max_size=2)
    ),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["k", "in", "in.ner", "a", "a.b"]), VALUES, max_size=3)
ORDERED = st.integers(-2, 2) | st.sampled_from(["x", 1.5, dt.datetime(2024, 1, 1)])
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from(["eq", "ne", "gt", "lte"]), ORDERED),
    st.tuples(st.sampled_from(["in", "nin"]), st.lists(ORDERED, max_size=2)),
    st.tuples(st.sampled_from(["contains", "startswith"]), st.sampled_from(["x", "y", ""])),
    st.tuples(st.just("isnull"), st.booleans()),
)
LEAVES = st.builds(lambda key, c: Q.where(key, *c), st.sampled_from(KEYS), COMPARISONS)
FILTERS = st.recursive(
    LEAVES,
    lambda q: st.one_of(
        st.builds(lambda one: ~one, q),
        st.builds(lambda one, other: one & other, q, q),
        st.builds(lambda one, other: one | other, q, q),
    ),
    max_leaves=3,
)


@settings(max_examples=12)
@given(objects=st.lists(ATTRIBUTES, min_size=1, max_size=6), filters=st.lists(FILTERS, min_size=8))
def test_the_server_leaves_out_nothing_that_matches(
    om: Omega, objects: list[dict[str, Any]], filters: list[Q]
) -> None:
    from omega_core.listing import _meets
    from omega_core.query import parse

    bucket = om["property"]
    for name in bucket.datasets.list():
        bucket.datasets.drop(name)
    for number, attributes in enumerate(objects):
        bucket.datasets.put(number, str(number), attributes=attributes)
    for condition in filters:
        every = [str(n) for n, own in enumerate(objects) if _meets(parse(condition, ""), own)]
        assert bucket.datasets.list(where=condition) == every, condition


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ({"owner": {"$ne": "ann"}}, UnsupportedValueError),
        ({"$where": "1"}, UnsupportedOptionError),
        ({"a.$where": "1"}, UnsupportedOptionError),
        ({"": 1}, UnsupportedOptionError),
        ({"a\0": 1}, UnsupportedOptionError),
        ({3: 1}, UnsupportedOptionError),
        ({"score__gtt": 1}, UnsupportedOptionError),
        ("owner", UnsupportedOptionError),
        ([], UnsupportedOptionError),
    ],
    ids=str,
)
def test_what_is_no_condition_is_refused(om: Omega, where: Any, error: type[Exception]) -> None:
    put(om, a={"owner": "ann"})
    with pytest.raises(error):
        om.datasets.list(where=where)


def test_what_came_since(om: Omega) -> None:
    put(om, a={}, b={})
    between = om.datasets.metadata("b").modified  # type: ignore[union-attr]
    om.database.metadata.update_one(
        {"name": "a"}, {"$set": {"modified": between - dt.timedelta(hours=2)}}
    )
    assert om.datasets.list(since=dt.timedelta(hours=1)) == ["b"]
    assert om.datasets.list(since=dt.timedelta(hours=3)) == ["a", "b"]
    assert om.datasets.list(since=between) == ["b"]
    for wrong in (dt.datetime(2024, 1, 1), "yesterday", 3600):
        with pytest.raises(UnsupportedOptionError, match="since= takes"):
            om.datasets.list(since=wrong)  # type: ignore[arg-type]


def test_orders_and_a_limit(om: Omega) -> None:
    put(om, b={}, a={}, c={})
    om.datasets.put({"again": 1}, "a")
    om.datasets.put([{"x": 1}], "c", kind="python.rows")
    names = om.datasets.list
    assert names(sort="-name") == ["c", "b", "a"]
    assert names(sort="created") == ["b", "a", "c"]
    assert names(sort="-modified") == ["c", "a", "b"]
    assert names(sort="version") == ["b", "a", "c"]
    assert names(sort="-kind") == ["c", "a", "b"]
    assert names(sort="-modified", limit=1) == ["c"]
    assert names(limit=0) == []
    assert [meta.name for meta in names(sort="-created", limit=2, raw=True)] == ["c", "a"]
    with pytest.raises(UnsupportedOptionError, match="mean 'modified'"):
        names(sort="-modifed")
    for wrong in (-1, True, "3"):
        with pytest.raises(UnsupportedOptionError, match="limit="):
            names(limit=wrong)  # type: ignore[arg-type]


@pytest.mark.needs_plugins("sklearn", "pandas")
def test_what_was_fitted_on_a_dataset(om: Omega) -> None:
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    for name in ("sales", "other"):
        om.datasets.put(pd.DataFrame({"a": [1.0, 2.0]}), name)
    om.datasets.put(pd.DataFrame({"y": [1.0, 2.0]}), "y")
    for model, X in (("m1", "sales"), ("m2", "other"), ("m3", "sales")):
        om.models.put(LinearRegression(), model)
        om.runtime.model(model).fit(X, "y").get()
    om.models.put(LinearRegression(), "unfitted")
    assert om.models.list(fitted_on="sales") == ["m1", "m3"]
    assert om.models.list(fitted_on="y", where={"lineage.action": "fit"}) == ["m1", "m2", "m3"]
    om.runtime.model("m1").predict("sales", rName="r").get()
    assert om.datasets.list(fitted_on="sales") == ["r"]
