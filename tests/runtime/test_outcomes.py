"""What came of a task travels as JSON; what others wrote in its place harms nobody."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from omega_core import Metadata, Omega, decode_result, encode_result
from omega_core.errors import IntegrityError, TaskError
from omega_core.runtime.outcomes import failure, read_outcome, success, value_of

_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_PYTHON = st.recursive(
    _PLAIN | st.binary(max_size=8) | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["value", "metadata", "stored", "absent", "$tuple", "$float", "name"])
        | st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip

_SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, to the type, NaN included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def travelled(value: Any, om: Omega) -> Any:
    text = success(encode_result(value, om))
    return value_of(read_outcome(text), om)


@_SLOW
@given(value=_PYTHON)
def test_python_comes_back_to_the_type(om: Omega, value: Any) -> None:
    try:
        back = travelled(value, om)
    except TaskError:
        event("not stored")  # an integer of more than 64 bits, for example
        return
    assert same(value, back)
    assert om.datasets.list(hidden=True) == []


def test_what_is_small_travels_by_itself_and_what_is_large_is_removed_once_it_is_read(
    om: Omega,
) -> None:
    assert encode_result([1.0, float("nan")], om) == {"value": [1.0, {"$float": "nan"}]}
    large = list(range(100_000))
    document = encode_result(large, om)
    assert set(document) == {"stored"}
    [name] = om.datasets.list(hidden=True)
    assert decode_result(document, om) == large
    assert om.datasets.list(hidden=True) == []
    with pytest.raises(TaskError, match="was read already"):
        decode_result(document, om)
    assert encode_result(large, om, stores=False) == {"absent": "builtins.list"}
    with pytest.raises(TaskError, match=r"builtins\.list.* too large to be recorded"):
        decode_result({"absent": "builtins.list"}, om)
    assert name not in om.datasets


def test_what_nobody_stores_is_an_error_that_says_so(om: Omega) -> None:
    with pytest.raises(TaskError, match=r"returned builtins\.object, which cannot be brought back"):
        encode_result(object(), om)


def test_metadata_is_bound_again_where_it_is_read(om: Omega) -> None:
    first = om.datasets.put([1], "a.b/c")
    document = json.loads(json.dumps(encode_result(first, om)))
    back = decode_result(document, om)
    assert isinstance(back, Metadata)
    assert back == first
    assert back.reload().version == 1
    om.datasets.drop("a.b/c")
    gone = decode_result(document, om)
    assert (gone.name, gone.version, gone.gen) == (first.name, 1, first.gen)


# --- what others may have written ----------------------------------------------------------------


def test_a_record_makes_no_reader_drop_or_read_what_is_not_a_result(om: Omega) -> None:
    om.datasets.put([1], "mine")
    om["other"].datasets.put([1], "theirs")
    for name in ("mine", ".temporary/x", ".temporary/../mine", ""):
        with pytest.raises(IntegrityError, match="no result"):
            decode_result({"stored": {"name": name}}, om)
    told = encode_result(om["other"].datasets.metadata("theirs"), om["other"])
    with pytest.raises(IntegrityError, match="of bucket 'other'"):
        decode_result(told, om)
    assert om.datasets.get("mine") == [1]


@_SLOW
@given(document=_JSON)
def test_a_forged_result_is_an_error_of_ours_or_plain_data(om: Omega, document: Any) -> None:
    try:
        value = decode_result(document, om)
    except (IntegrityError, TaskError):
        return
    assert set(document) == {"value"}
    assert not isinstance(value, Metadata)


@pytest.mark.parametrize(
    "text",
    ["", "[", "null", "[]", "{}", '{"status": "success"}', '{"status": "failure"}',
     '{"status": "running", "result": {"value": 1}}', '{"status": ["success"]}',
     '{"status": "success", "result": {"value": {"$tuple": 1}}}',
     '{"status": "success", "result": {"value": {"$exec": "1"}}}',
     '{"status": "success", "result": {}}', "[" * 100_000,
     '{"status": "success", "recorded": true}'],
)  # fmt: skip
def test_what_is_no_outcome_is_refused(om: Omega, text: str) -> None:
    with pytest.raises(IntegrityError, match="recorded of a task is no"):
        value_of(read_outcome(text), om)


def test_a_failure_is_raised_as_itself(om: Omega) -> None:
    with pytest.raises(ZeroDivisionError, match="by zero"):
        value_of(read_outcome(failure(ZeroDivisionError("by zero"))), om)
