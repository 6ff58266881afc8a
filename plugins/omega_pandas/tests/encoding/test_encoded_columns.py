"""Encodings make arrays smaller, and change no bit of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import omega_pandas.encoding.encoded_columns
from omega_core import Omega
from omega_core.errors import IntegrityError
from omega_pandas.encoding.encoded_columns import encode_table, stored_columns

ROWS = 20_000
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
INTEGERS += [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
TIMES = [
    *(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC")),
    *(pa.duration("s"), pa.duration("ns"), pa.date32(), pa.date64()),
    *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]
TEXTS = [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()]


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """An array of many rows, of values that follow one of several patterns."""
    type_ = draw(st.sampled_from([*INTEGERS, *TIMES, *FLOATS]))
    width = type_.bit_width
    signed = not pa.types.is_unsigned_integer(type_)
    low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)
    whole = st.integers(low, high)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    match draw(st.sampled_from(["few", "range", "steps", "line", "wild"])):
        case "few":
            pool = draw(st.lists(whole, min_size=1, max_size=20))
            numbers = [pool[k] for k in random.integers(0, len(pool), ROWS)]
        case "range":
            ends = sorted(draw(st.tuples(whole, whole)))
            span = min(ends[1] - ends[0], draw(st.sampled_from([1, 200, 300, 70_000, 2**33])))
            numbers = [ends[0] + int(k) for k in random.integers(0, span + 1, ROWS)]
        case "steps":
            step = draw(st.integers(1, 10**9))
            most = max(0, min(high // step, 2**40))
            numbers = [step * int(k) for k in random.integers(0, most + 1, ROWS)]
        case "line":
            slope = draw(st.integers(-3, 10**6))
            start = draw(whole)
            jitter = random.integers(0, draw(st.sampled_from([1, 7, 300])), ROWS)
            numbers = [start + slope * k + int(j) for k, j in enumerate(jitter)]
        case _:
            numbers = [int.from_bytes(random.bytes(width // 8), "little") for _ in range(ROWS)]
    raw = np.array([number % 2**width for number in numbers], dtype=f"u{width // 8}")
    missing = random.random(ROWS) < draw(st.sampled_from([0, 0, 0.1, 1]))
    integer = INTEGERS[[8, 16, 32, 64].index(width) + (0 if signed else 4)]
    signs = raw.view(np.dtype(integer.to_pandas_dtype()))
    array = pa.array(signs, mask=missing).view(type_)
    start = draw(st.integers(0, 9))
    return array.slice(start)


def bits(array: Any) -> Any:
    """The same array, of which NaN equals NaN, and -0.0 does not equal 0.0."""
    if pa.types.is_floating(array.type):
        return array.view(INTEGERS[[8, 16, 32, 64].index(array.type.bit_width)])
    return array


def there_and_back(array: Any) -> tuple[Any, Any]:
    table = pa.table({"c0": pa.chunked_array([array]), "other": pa.chunked_array([array])})
    coded, _ = encode_table(table)
    column = stored_columns(coded)["c0"]
    back = column.decoded()
    assert back.type == array.type
    if not pa.types.is_date64(array.type) and not pa.types.is_time(array.type):
        back.validate(full=True)  # of those, not all bits are times
    some = np.arange(3, len(array), 7)
    assert bits(column.take(some).decoded()).equals(bits(array.take(pa.array(some))))
    assert bits(column.part(11, 5000).decoded()).equals(bits(array.slice(11, 4989)))
    return coded.column("c0"), back


@settings(max_examples=150, deadline=None)
@given(arrays())
def test_numbers_and_times_come_back_bit_by_bit(array: Any) -> None:
    _, back = there_and_back(array)
    assert bits(back).equals(bits(array))


@settings(max_examples=40, deadline=None)
@given(
    type_=st.sampled_from(TEXTS),
    pool=st.lists(st.text(max_size=20), min_size=1, max_size=30),
    end=st.sampled_from(["", "{}", "{:06d}"]),
    nulls=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_text_comes_back_letter_by_letter(
    type_: Any, pool: list[str], end: str, nulls: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    chosen = [
        pool[k] + end.format(row) for row, k in enumerate(random.integers(0, len(pool), ROWS))
    ]
    values = [
        t if pa.types.is_large_string(type_) or pa.types.is_string(type_) else t.encode()
        for t in chosen
    ]
    missing = random.random(ROWS) < 0.2 if nulls else None
    array = pa.array(np.array(values, dtype=object), type=type_, mask=missing)
    _, back = there_and_back(array)
    assert back.equals(array)


@pytest.mark.parametrize(
    ("array", "most"),
    [
        (pa.array(np.arange(ROWS) % 200), 1),
        (pa.array(np.arange(ROWS) % 50_000 - 3), 2),
        (pa.array(10**18 + np.arange(ROWS) ** 2 % 99_991 * 10**9).cast(pa.timestamp("ns")), 4),
        (pa.array(10**18 + np.arange(ROWS) * 10**9).cast(pa.timestamp("ns")), 1),
        (pa.array(np.arange(ROWS) % 100 / 100), 1.1),
        (pa.array([f"text {k % 100}" for k in range(ROWS)]), 1.2),
        (pa.array([f"{k:08d}" for k in range(ROWS)]), 8),
    ],
)
def test_what_is_regular_needs_few_bytes_a_row(array: Any, most: float) -> None:
    coded, back = there_and_back(array)
    assert coded.nbytes <= most * ROWS
    assert back.equals(array)


def test_what_does_not_shrink_is_left_as_it_is() -> None:
    random = np.random.default_rng(0)
    table = pa.table({"x": random.random(ROWS), "n": random.integers(-(2**63), 2**63 - 1, ROWS)})
    assert encode_table(table)[0] is table


def test_a_frame_of_regular_columns_takes_a_fraction_of_its_bytes_and_equals(om: Omega) -> None:
    n = np.arange(200_000)
    frame = pd.DataFrame(
        {
            "n": n % 1000,
            "missing": pd.array(np.where(n % 7 == 0, None, n % 1000), dtype="Int64"),
            "price": (n * 7919 % 10_000) / 100,
            "t": pd.date_range("2024-10-26", periods=len(n), freq="s", tz="Europe/Berlin"),
            "s": pd.array([f"text {k % 100}" for k in n], dtype="str"),
            "zeros": np.where(n % 2, 0.0, -0.0),
        },
        index=pd.Index(n * 3, name="id"),
    )
    meta = om.datasets.put(frame, "f")
    assert meta.kind_meta["batches"][0]["bytes"] < 0.2 * frame.memory_usage(index=True).sum()
    back = om.datasets.get("f")
    assert_frame_equal(back, frame)
    assert np.array_equal(np.signbit(back["zeros"]), np.signbit(frame["zeros"]))
    chosen = om.datasets.get("f", filter={"s": "text 7", "price__lt": 1}, rows=slice(50, 190_000))
    part = frame.iloc[50:190_000]
    assert_frame_equal(chosen, part[(part["s"] == "text 7") & (part["price"] < 1)])


@pytest.mark.parametrize(
    "how",
    [
        {"as": "rot13"},
        {"as": "numbers", "base": "much", "step": 1, "slope": None},
        {"as": "numbers", "base": 2**70, "step": 1, "slope": None},
        {"as": "dictionary"},
        {},
    ],
)
def test_an_encoding_that_makes_no_sense_is_an_error_that_says_so(
    om: Omega, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = omega_pandas.encoding.encoded_columns._encoded
    monkeypatch.setattr(
        "omega_pandas.encoding.encoded_columns._encoded",
        lambda array: encoded(array)._replace(how=how),
    )
    om.datasets.put(pd.DataFrame({"n": np.arange(ROWS) % 100}), "f")
    with pytest.raises(IntegrityError, match=r"malformed|encoding"):
        om.datasets.get("f")
