"""A dtype is stored as a description that is matched, and never as code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from omega_core.errors import IntegrityError
from omega_pandas.values.numpy_dtypes import decode_dtype, encode_dtype


def test_long_doubles_of_another_machine_are_refused() -> None:
    spec = encode_dtype(np.dtype(np.longdouble))
    spec["format"][1] += 1
    with pytest.raises(IntegrityError, match="Read it on the kind of machine that wrote it"):
        decode_dtype(spec)


@pytest.mark.parametrize(
    "spec", ["O", "|O", "f8,O", "object", "U3,__import__('os')", {"module": "os"}, 5, None, "<q8"]
)
def test_a_stored_dtype_is_matched_and_never_evaluated(spec: Any) -> None:
    with pytest.raises(IntegrityError):
        decode_dtype(spec)
