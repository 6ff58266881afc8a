"""The query language: what `Q` says, what it refuses, and that rows match as in Python."""

from __future__ import annotations

import datetime as dt
import math
import operator
import pickle
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import Omega, Q
from omega_core.errors import UnsupportedOptionError, UnsupportedValueError
from omega_core.query import MAX_DEPTH, OPERATORS, parse

A, B, C = Q(a=1), Q(b__gt=2), Q(c__in=["x", "y"])


# --- what a Q says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("q", "text"),
    [
        (Q(), "Q()"),
        (Q(qty__gt=3, state="NY"), "Q(qty__gt=3) & Q(state='NY')"),
        (A & (B | C), "Q(a=1) & (Q(b__gt=2) | Q(c__in=('x', 'y')))"),
        ((A & B) | C, "(Q(a=1) & Q(b__gt=2)) | Q(c__in=('x', 'y'))"),
        (~(A | B) & ~C, "~(Q(a=1) | Q(b__gt=2)) & ~Q(c__in=('x', 'y'))"),
        (~~A, "Q(a=1)"),
        (~(~(A & B)), "Q(a=1) & Q(b__gt=2)"),
        (~Q(), "~Q()"),
        (Q({"odd label": 3}), "Q.where('odd label', 'eq', 3)"),
        (Q({("tuple", "label"): 1}), "Q.where(('tuple', 'label'), 'eq', 1)"),
        (Q({7: 1, "x__lte": 2}), "Q.where(7, 'eq', 1) & Q(x__lte=2)"),
        (Q.where("a__gt", "eq", 1), "Q.where('a__gt', 'eq', 1)"),
        (Q.where("a", "gt", 1), "Q(a__gt=1)"),
    ],
)
def test_what_a_q_says_can_be_read_and_evaluated(q: Q, text: str) -> None:
    assert repr(q) == text
    assert eval(repr(q), {"Q": Q}) == q


def test_a_mapping_is_the_same_as_keywords() -> None:
    assert Q({"a__gt": 1}, b=2) == Q(a__gt=1, b=2) == Q(a__gt=1) & Q(b=2)
    assert parse({"a__gt": 1, "b": 2}) == parse(Q(a__gt=1, b=2))
    assert parse(None) == parse({}) == parse(Q())
    assert parse({"first__name": "x"}) == parse(Q.where("first__name", "eq", "x"))


def test_a_q_is_immutable_hashable_and_survives_a_pickle() -> None:
    q = ~(A & B) | C
    values = ["x"]
    taken = Q(c__in=values)
    values.append("y")
    assert taken == Q(c__in=["x"])
    for name in ("_condition", "condition", "other"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(q, name, 1)
    with pytest.raises(AttributeError, match="immutable"):
        del q._condition
    assert len({q, ~(A & B) | C, A}) == 2
    assert pickle.loads(pickle.dumps(q)) == q
    assert Q(a=1, b__gt=2) == A & B
    assert A != B
    assert A != "Q(a=1)"


def test_python_s_and_or_not_would_drop_a_condition_and_are_refused() -> None:
    with pytest.raises(TypeError, match=r"Combine with & \| ~"):
        _ = A and B
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = A & {"b": 1}  # type: ignore[operator]
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = A | True  # type: ignore[operator]


def test_chains_are_flat_and_nesting_has_a_limit() -> None:
    many = [Q(a=i) for i in range(500)]
    assert repr(reduce(operator.or_, many)).count("|") == 499
    assert repr(reduce(operator.and_, many)).count("&") == 499
    deep = A
    for i in range(MAX_DEPTH // 2):
        deep = ~(deep & Q(a=i))
    with pytest.raises(UnsupportedOptionError, match=f"at most {MAX_DEPTH} levels"):
        _ = deep & A


# --- what a Q refuses ------------------------------------------------------------------------


class Iterable:
    def __iter__(self) -> Any:
        return iter([1])

    def __repr__(self) -> str:
        return "Iterable()"


@pytest.mark.parametrize(
    "value",
    [
        *({"$gt": 0}, [{"$gt": 0}], ({"$gt": 0},), {1}, [1], Q(a=1)),
        *(re.compile("a"), print, int, Iterable(), bytearray(b"x")),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", sorted(set(OPERATORS) - {"isnull"}))
def test_no_operator_pattern_or_code_is_ever_a_value(name: str, value: Any) -> None:
    for attempt in (value, [value], (value, value), [[value]]):
        if name in ("in", "nin") and attempt in ([1], {1}):
            continue
        for build in (
            lambda attempt=attempt: Q(**{f"x__{name}": attempt}),
            lambda attempt=attempt: Q.where("x", name, attempt),
            lambda attempt=attempt: parse({f"x__{name}": attempt}),
        ):
            with pytest.raises((UnsupportedOptionError, UnsupportedValueError), match="takes"):
                build()


@pytest.mark.parametrize("null", [None, math.nan, Decimal("nan")], ids=repr)
@pytest.mark.parametrize("name", ["eq", "ne", "gt", "gte", "lt", "lte"])
def test_a_null_is_compared_with_isnull(name: str, null: Any) -> None:
    with pytest.raises(UnsupportedValueError, match="Use isnull=True"):
        Q.where("x", name, null)
    with pytest.raises(UnsupportedValueError, match="Use isnull=True"):
        Q(x__between=(1, null))


def test_an_unknown_operator_names_the_closest() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"'gtt'\. Did you mean 'gt'\? Operators: eq"):
        Q.where("x", "gtt", 1)
    with pytest.raises(UnsupportedOptionError, match="unknown operator 5"):
        Q.where("x", 5, 1)  # type: ignore[arg-type]


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="of 'x': filter takes a mapping"):
        parse("a > 1", "get of 'x'")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedOptionError, match="Q takes a mapping"):
        Q("a > 1")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedOptionError, match="a label is hashable"):
        Q.where([], "eq", 1)  # type: ignore[arg-type]


# --- rows ------------------------------------------------------------------------------------


def missing(value: Any) -> bool:
    return value is None or (isinstance(value, Decimal) and value.is_nan()) or value != value


def ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, other: Any) -> bool:
        try:
            return not missing(value) and bool(compare(value, other))
        except TypeError:
            return False

    return holds


def textual(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, other: isinstance(value, str) and compare(value, other)


def member(value: Any, others: Any) -> bool:
    if missing(value):
        return any(map(missing, others))
    return any(value == other for other in others if not missing(other))


REFERENCE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, other: not missing(value) and value == other,
    "ne": lambda value, other: missing(value) or value != other,
    "gt": ordered(operator.gt),
    "gte": ordered(operator.ge),
    "lt": ordered(operator.lt),
    "lte": ordered(operator.le),
    "between": lambda value, ends: (
        ordered(operator.ge)(value, ends[0]) and ordered(operator.le)(value, ends[1])
    ),
    "in": member,
    "nin": lambda value, others: not member(value, others),
    "contains": textual(operator.contains),
    "startswith": textual(str.startswith),
    "endswith": textual(str.endswith),
    "isnull": lambda value, yes: missing(value) is yes,
}
TEXTS = st.sampled_from(["", "a", "ab", "ba", ".*", "a\n", "\n", "^a$", "é", "\0", "\ud800", "a\\"])
TIMES = st.sampled_from(
    [
        dt.datetime(2020, 1, 1),
        dt.datetime(2020, 1, 1, microsecond=1),
        dt.datetime(2020, 1, 1, microsecond=1000),
        dt.datetime(2020, 1, 1, microsecond=1001),
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        dt.datetime(2020, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        dt.datetime(1, 1, 1),
        dt.datetime(2020, 1, 1, fold=1),
    ]
)
NUMBERS = st.one_of(
    st.integers(-2, 3),
    st.booleans(),
    st.sampled_from([0.5, 1.0, -0.0, math.inf, 2**53 + 1, float(2**53), 2**63, -(2**70)]),
    st.sampled_from([Decimal("1.0"), Decimal("0.5"), Decimal("1e30"), 1 + 0j, 2j]),
)
OTHERS = st.sampled_from(
    [
        *(b"", b"b", b"aa", dt.date(2020, 1, 1), dt.date(2020, 1, 2), dt.time(1), dt.time(2)),
        *(dt.timedelta(1), dt.timedelta(2), uuid.UUID(int=1), uuid.UUID(int=2)),
    ]
)
SCALARS = st.one_of(NUMBERS, TEXTS, TIMES, OTHERS)
STORED = st.one_of(
    SCALARS,
    st.sampled_from([None, math.nan, Decimal("nan"), bytearray(b"b")]),
    st.lists(NUMBERS | TEXTS | st.none(), max_size=2),
    st.sampled_from([{"a": 1}, {"$gt": 0}, (1,), {1}]),
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "c__gt"]), STORED, max_size=3), max_size=12
)
VALUES = {
    "between": st.tuples(SCALARS, SCALARS),
    **dict.fromkeys(["in", "nin"], st.lists(SCALARS | st.sampled_from([None, math.nan]))),
    **dict.fromkeys(["contains", "startswith", "endswith"], TEXTS),
    "isnull": st.booleans(),
}
Expected = tuple[Q, Callable[[dict[str, Any]], bool]]


@st.composite
def leaves(draw: Any) -> Expected:
    label = draw(st.sampled_from(["a", "b", "c__gt"]))
    name = draw(st.sampled_from(OPERATORS))
    value = draw(VALUES.get(name, SCALARS))
    return Q.where(label, name, value), lambda row: REFERENCE[name](row.get(label), value)


def nested(inner: Any) -> Any:
    return st.one_of(
        st.tuples(inner, inner).map(
            lambda two: (two[0][0] & two[1][0], lambda row: two[0][1](row) and two[1][1](row))
        ),
        st.tuples(inner, inner).map(
            lambda two: (two[0][0] | two[1][0], lambda row: two[0][1](row) or two[1][1](row))
        ),
        inner.map(lambda one: (~one[0], lambda row: not one[1](row))),
    )


CONDITIONS = st.recursive(leaves(), nested, max_leaves=6)


@given(rows=ROWS, conditions=st.lists(CONDITIONS, min_size=1, max_size=8))
@settings(max_examples=80)
def test_any_nesting_selects_what_python_would(
    om: Omega, rows: list[dict[str, Any]], conditions: list[Expected]
) -> None:
    om.datasets.put(rows, "rows", kind="python.rows")
    for q, expected in conditions:
        found = om.datasets.get("rows", filter=q)
        assert repr(found) == repr([row for row in rows if expected(row)]), q


def test_negation_is_the_complement(om: Omega) -> None:
    rows = [{"i": 1, "x": 1}, {"i": 2, "x": None}, {"i": 3}, {"i": 4, "x": math.nan}]
    om.datasets.put(rows, "rows", kind="python.rows")

    def selected(filter: Any) -> list[int]:
        return [row["i"] for row in om.datasets.get("rows", filter=filter)]

    assert selected(Q(x=1)) == [1]
    assert selected(~Q(x=1)) == selected(Q(x__ne=1)) == selected(Q(x__nin=[1])) == [2, 3, 4]
    assert selected(~Q(x__gt=0)) == selected(Q(x__isnull=True)) == [2, 3, 4]
    assert selected(~~Q(x__gt=0)) == selected(Q(x__isnull=False)) == [1]
    assert selected(Q(x__in=[None])) == [2, 3, 4]
    assert selected(Q()) == [1, 2, 3, 4]
    assert selected(~Q()) == []


def test_text_that_is_not_valid_unicode_is_found(om: Omega) -> None:
    rows = [{"x": "a\ud800"}, {"x": "a"}]
    om.datasets.put(rows, "rows", kind="python.rows")
    for q in (Q(x="a\ud800"), Q(x__contains="\ud800"), Q(x__gt="a"), Q(x__in=["a\ud800"])):
        assert om.datasets.get("rows", filter=q) == rows[:1]
        assert om.datasets.get("rows", filter=~q) == rows[1:]


def test_a_deep_filter_is_answered_too(om: Omega) -> None:
    rows = [{"x": i} for i in range(60)]
    om.datasets.put(rows, "rows", kind="python.rows")
    q = Q(x=0)
    for i in range(1, 20):
        q = ~(q | Q(x=2 * i)) if i % 2 else (~q & Q(x__lt=50))
    expected = {0}
    for i in range(1, 20):
        whole = set(range(60))
        expected = whole - (expected | {2 * i}) if i % 2 else (whole - expected) & set(range(50))
    assert {row["x"] for row in om.datasets.get("rows", filter=q)} == expected


def test_the_server_selects_where_it_can(om: Omega) -> None:
    from omega_core.backends.filters import possible_matches, understand

    om.datasets.put([{"x": i} for i in range(50)], "rows", kind="python.rows", index=["x"])
    query = possible_matches(understand(Q(x__gt=40) & ~Q(x=45), "rows"))
    assert om.datasets.collection("rows").count_documents(query) == 8


@pytest.mark.parametrize("key", ["$where", "_id", "a.b", "a\0", "", 5, ("a",)])
def test_a_key_that_no_row_can_have_is_refused(om: Omega, key: Any) -> None:
    om.datasets.put([{"x": 1}], "rows", kind="python.rows")
    for filter in ({key: 1}, Q({key: 1}), ~(Q(x=1) | Q.where(key, "eq", 1))):
        with pytest.raises(UnsupportedOptionError, match="is not the key of an item"):
            om.datasets.get("rows", filter=filter)


def test_a_key_like_an_operator_is_asked_for_explicitly(om: Omega) -> None:
    om.datasets.put([{"x__gtt": 1}], "rows", kind="python.rows")
    with pytest.raises(UnsupportedOptionError, match=r"Did you mean 'gt'\?.*Q\.where\('x__gtt'"):
        om.datasets.get("rows", filter={"x__gtt": 1})
    assert om.datasets.get("rows", filter=Q.where("x__gtt", "eq", 1)) == [{"x__gtt": 1}]


def test_a_value_that_rows_cannot_hold_is_refused(om: Omega) -> None:
    om.datasets.put([{"x": 1}], "rows", kind="python.rows")
    with pytest.raises(UnsupportedValueError, match="the value of filter 'x' is a "):
        om.datasets.get("rows", filter=Q(x=object()))
