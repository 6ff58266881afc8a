"""The protocol holds in every state that can be reached, and whatever is left out is found out."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _load() -> ModuleType:
    path = Path(__file__).with_name("protocol_model.py")
    spec = importlib.util.spec_from_file_location("protocol_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["protocol_model"] = module
    spec.loader.exec_module(module)
    return module


model = _load()


def test_no_state_of_the_protocol_breaks_a_promise() -> None:
    explored = model.Model(reader=False, other=False).explore()
    assert explored.violation is None, explored.steps
    assert explored.states > 150_000


@pytest.mark.slow
def test_no_state_breaks_a_promise_to_a_reader() -> None:
    explored = model.Model(other=False).explore()
    assert explored.violation is None, explored.steps
    assert explored.states > 300_000


TWICE = "the task has committed twice"
IN_VAIN = "a task that was cancelled has committed"

FOUND = {
    "NO_INTENT": IN_VAIN,
    "NOT_ONCE": TWICE,
    "REMEMBERS_LATER": IN_VAIN,
    "FORGETS_THE_DROPPED": IN_VAIN,
    "DOES_NOT_CONDEMN": IN_VAIN,
    "ASKS_BEFORE_IT_BEGINS": IN_VAIN,
    "LOOKS_BEFORE_IT_BARS": IN_VAIN,
}


@pytest.mark.parametrize("mutant", list(model.Mutant), ids=lambda mutant: str(mutant.name))
def test_what_is_left_out_is_found_out(mutant: Any) -> None:
    explored = model.Model(mutant, reader=False, other=False).explore()
    assert explored.violation == FOUND[mutant.name]
    assert len(explored.steps) > 5
