"""Text that stands for a value makes that value, or an error."""

from __future__ import annotations

import pytest

from omega_core.errors import IntegrityError
from omega_pandas.values.tagged_json import load_value


def test_values_inside_a_column_are_checked_too() -> None:
    for text in ('{"pickle":"gASV"}', "{", "[" * 100_000, '{"scalar":["O","AAAAAAAAAAA="]}'):
        with pytest.raises(IntegrityError):
            load_value(text)
