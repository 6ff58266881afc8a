"""A name that does not exist is answered with one that does, however many there are."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core import Omega
from omega_core.errors import ObjectNotFoundError


def told(om: Omega, name: str) -> str:
    with pytest.raises(ObjectNotFoundError) as caught:
        om.datasets.get(name)
    return str(caught.value)


LETTERS = "aeiorstdy"
DIGITS = string.digits

chosen = random.Random(7)
NAMES = sorted(
    {
        f"{''.join(chosen.choices(LETTERS, k=5))}/{''.join(chosen.choices(DIGITS, k=4))}"
        for _ in range(150)
    }
)


@pytest.fixture
def crowded(om: Omega) -> Omega:
    """More names than are looked at on both sides of a missing one."""
    for name in NAMES:
        om.datasets.put(1, name)
    return om


@st.composite
def typos(draw: st.DrawFn) -> tuple[str, str]:
    """A name, and the same with one typo, anywhere."""
    name = draw(st.sampled_from(NAMES))
    place = draw(st.integers(0, len(name) - 1))
    letter = draw(st.sampled_from(LETTERS))
    before, there, after = name[:place], name[place], name[place + 1 :]
    same = DIGITS if there.isdigit() else LETTERS
    typo = draw(
        st.sampled_from(
            [
                before + after,
                before + letter + there + after,
                before + draw(st.sampled_from(same)) + after,
                before + after[:1] + there + after[1:],
                before + there.swapcase() + after,
                name.upper(),
                name.capitalize(),
                name + letter,
                letter + name,
            ]
        )
    )
    return name, typo


@settings(max_examples=150)
@given(typos())
def test_one_typo_anywhere_is_understood(crowded: Omega, typo: tuple[str, str]) -> None:
    _, wrong = typo
    if wrong not in NAMES:
        suggested = told(crowded, wrong).partition("Did you mean '")[2].partition("'")[0]
        # Of two names that are as near, either.
        assert suggested in NAMES
        assert one_typo_apart(suggested, wrong), f"{wrong} -> {suggested}"


def one_typo_apart(one: str, other: str) -> bool:
    if one.casefold() == other.casefold():
        return True
    while one[:1] == other[:1] and one:
        one, other = one[1:], other[1:]
    while one[-1:] == other[-1:] and one:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) <= 1 or one == other[::-1]


def test_a_miss_reads_a_few_documents_and_not_all(crowded: Omega) -> None:
    profile = crowded.datasets.mongodb
    profile.command("profile", 2)
    for name in ("nothing like it", "aeior/0000x", "x" * 500, NAMES[75] + "x"):
        told(crowded, name)
    profile.command("profile", 0)
    looked = list(profile["system.profile"].find({"ns": {"$regex": "omega.metadata$"}}))
    assert len(looked) >= 8
    assert max(entry["docsExamined"] for entry in looked) <= 61 < len(NAMES)


def test_what_is_dropped_is_not_suggested(om: Omega) -> None:
    om.datasets.put(1, "sales")
    assert "Did you mean 'sales'?" in told(om, "sale")
    om.datasets.drop("sales")
    assert "Did you mean" not in told(om, "sale")


@pytest.mark.parametrize("asked", ["datasets", "models", "jobs"])
def test_an_object_in_another_store_is_told(om: Omega, asked: str) -> None:
    others = [store for store in ("datasets", "jobs", "models") if store != asked]
    for store in others:
        getattr(om, store).put(1, "X")
    om["team"].datasets.put(1, "Y")
    calls: list[Callable[[str], object]] = [
        getattr(om, asked).get,
        getattr(om, asked).drop,
        getattr(om, asked).versions,
        getattr(om, asked).get_backend,
    ]
    for call in calls:
        with pytest.raises(ObjectNotFoundError) as caught:
            call("X")
        hint = f"There is one in the {others[0]} and the {others[1]}: om.{others[0]}.get('X')."
        assert hint in str(caught.value)
        # What other buckets hold is not everybody's to know.
        with pytest.raises(ObjectNotFoundError, match=r"'Y' in the .* list\(\) shows"):
            call("Y")
