"""The language of --where: what it says as a filter, and how it refuses all else."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core import Q
from omega_core.cli.where import parse_where
from omega_core.errors import UnsupportedOptionError

MEANINGS: dict[str, Q] = {
    "qty > 3 and city == 'Rome'": Q(qty__gt=3, city="Rome"),
    "qty > 3 or not city == 'Rome'": Q(qty__gt=3) | ~Q(city="Rome"),
    "a == 1 and (b == 2 or c == 3)": Q(a=1) & (Q(b=2) | Q(c=3)),
    "1 < qty <= 3.5": Q(qty__gt=1) & Q(qty__lte=3.5),
    "-1 >= qty": Q(qty__lte=-1),
    "city in ['Rome', 'Bari']": Q(city__in=["Rome", "Bari"]),
    "city not in ('Rome',)": Q(city__nin=["Rome"]),
    "note is null": Q(note__isnull=True),
    "note is not None": Q(note__isnull=False),
    "'x' in tags": Q(tags__contains="x"),
    "'x' not in tags": ~Q(tags__contains="x"),
    "name.startswith('a')": Q(name__startswith="a"),
    "name.contains('a') and name.endswith('z')": Q(name__contains="a", name__endswith="z"),
    "flag and not other": Q(flag=True) & ~Q(other=True),
    "flag == false": Q(flag=False),
    "col('unit price') != 3": Q.where("unit price", "ne", 3),
    "col('qty__gt') == 3": Q.where("qty__gt", "eq", 3),
    "team.name == 'a'": Q.where("team.name", "eq", "a"),
    "ünï == 'ü'": Q.where("ünï", "eq", "ü"),
    "day >= date('2024-01-31')": Q(day__gte=dt.datetime(2024, 1, 31)),
    "at < datetime('2024-01-31T12:00:00+01:00')": Q(
        at__lt=dt.datetime(2024, 1, 31, 12, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    ),
    "  qty\n == 3 ": Q(qty=3),
}


@pytest.mark.parametrize("text", MEANINGS, ids=range(len(MEANINGS)))
def test_an_expression_means_a_filter(text: str) -> None:
    assert parse_where(text) == MEANINGS[text]


REFUSED = {
    "": "is empty",
    "qty = 3": r"▸= 3: equal is ==",
    "qty <> 3": r"unequal is !=",
    "a == 1 AND b == 2": r"AND is written and",
    "a == 1 && b == 2": r"joined by and, or, not",
    "(a == 1) & (b == 2)": r"joined by and, not by a sign",
    "name like 'a'": r"name\.contains\('a'\)",
    "city == 'Rome' and qty > x": r"qty > ▸x: a column is compared with a value; text needs quotes",
    "qty == null": r"== ▸null: nothing equals null: write is null",
    "qty is 3": r"is ▸3: after is comes null",
    "1 == 2": r"▸2: a comparison begins with a column",
    "qty + 1 > 2": r"▸qty \+ 1",
    "qty > b'x'": r"> ▸b'x': a value is a number",
    "qty in 3": r"▸qty in 3: 'qty' in takes a list of values",
    "day > date('tomorrow')": r"▸date\('tomorrow'\): 'tomorrow' is no date",
    "__import__('os').system('true')": r"there is no system\(\)",
    "open('x')": r"this is no condition",
    "name.startswith('a', 'b')": r"takes one text",
    "ünï == 'ü' and x ==": r"x ==▸",
    "x if y else z": r"this is no condition",
    "f'{x}' == 3": r"▸f'",
    "x == lambda: 3": r"x == ▸lambda",
    "(" * 3000 + "x" + ")" * 3000: r"--where",
    "not " * 2400 + "x": r"nested too deeply",
    "x == 1 and " * 2000 + "x": r"more than 10000 characters",
    "a\0b": r"--where",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_is_none_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=REFUSED[text]):
        parse_where(text)


labels = st.sampled_from(["qty", "city", "ünï", "a.b"])
values: st.SearchStrategy[Any] = (
    st.integers(-(10**20), 10**20)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
)
SIGNS = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
comparisons = st.builds(
    lambda label, sign, value: (f"{label} {SIGNS[sign]} {value!r}", Q.where(label, sign, value)),
    labels,
    st.sampled_from(sorted(SIGNS)),
    values,
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(lambda a, b: (f"({a[0]}) and ({b[0]})", a[1] & b[1]), inner, inner),
        st.builds(lambda a, b: (f"({a[0]}) or ({b[0]})", a[1] | b[1]), inner, inner),
        st.builds(lambda a: (f"not ({a[0]})", ~a[1]), inner),
    ),
    max_leaves=6,
)


@given(conditions)
def test_any_combination_means_what_q_means(condition: tuple[str, Q]) -> None:
    text, meant = condition
    assert parse_where(text) == meant


@given(st.text(max_size=30))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    with suppress(UnsupportedOptionError):
        assert isinstance(parse_where(text), Q)
