"""What one version of pandas wrote, every other version reads.

The files beside this one were written with
``python -m plugins.omega_pandas.tests.objects.test_versions <path>``. They belong to format 1, and
must be readable for as long as it is.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ..payloads import to_bytes

HERE = Path(__file__).parent / "written_by"


def text_dtype() -> Any:
    """The string dtype with NaN, which pandas 3 calls ``str``."""
    if int(pd.__version__.split(".")[0]) >= 3:
        return pd.StringDtype("pyarrow", na_value=np.nan)
    return pd.StringDtype("pyarrow_numpy")


def frame() -> pd.DataFrame:
    """A frame that is the same in every version of pandas."""
    made = pd.DataFrame(
        {
            "int8": np.array([1, 2], dtype="int8"),
            "float": np.array([-0.0, np.nan]),
            "object": pd.Series(["a", None], dtype=object),
            "mixed": pd.Series(
                [Decimal("1.10"), (dt.date(2024, 1, 1), {"k": pd.NA})], dtype=object
            ),
            "str": pd.Series(["a", None], dtype=text_dtype()),
            "string": pd.Series(["a", None], dtype=pd.StringDtype("python")),
            "Int64": pd.Series([2**62, None], dtype="Int64"),
            "category": pd.Categorical(
                ["b", None], categories=pd.Index(["b", "a"], dtype=object), ordered=True
            ),
            "zoned": pd.DatetimeIndex(np.array([0, 3600], "M8[s]"))
            .tz_localize("UTC")
            .tz_convert(ZoneInfo("Europe/Berlin")),
            "naive": np.array(["2024-01-01", "NaT"], dtype="M8[ms]"),
            "period": pd.PeriodIndex.from_ordinals([600, 601], freq="M"),
            "interval": pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed="left"),
            "sparse": pd.arrays.SparseArray([0, 5], fill_value=0),
            "arrow": pd.array([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        },
        index=pd.DatetimeIndex(np.array([0, 86400], "M8[s]"), freq=pd.offsets.Day()),
    )
    made.columns = pd.MultiIndex.from_arrays(
        [pd.Index(made.columns, dtype=object), np.arange(made.shape[1])], names=["x", 5]
    )
    made.attrs = {"unit": ("kg", 1)}
    return made


@pytest.mark.parametrize("path", sorted(HERE.glob("*.arrow")), ids=lambda path: path.stem)
def test_a_frame_of_another_version_comes_back_equal(
    decode: Callable[..., Any], assert_same: Callable[[Any, Any], None], path: Path
) -> None:
    assert_same(frame(), decode(path.read_bytes()))


@pytest.mark.parametrize("path", sorted(HERE.glob("*.zoned")), ids=lambda path: path.stem)
def test_the_zone_of_another_version_is_the_same_zone(
    decode: Callable[..., Any], path: Path
) -> None:
    # By default a zone is pytz's in pandas 2.2 and zoneinfo's in pandas 3.
    series = decode(path.read_bytes())
    assert str(series.dt.tz) == "Europe/Berlin"
    assert series.dt.hour.tolist() == [2, 2, 3]
    assert series.dt.tz_convert("UTC").dt.hour.tolist() == [0, 1, 2]


def test_there_is_a_file_of_each_major_version() -> None:
    assert {path.stem[0] for path in HERE.iterdir()} == {"2", "3"}


if __name__ == "__main__":
    zoned = pd.Series(pd.date_range("2024-10-27 00:00", periods=3, freq="h", tz="UTC", unit="s"))
    stem = Path(sys.argv[1]) / pd.__version__
    stem.with_name(f"{stem.name}.arrow").write_bytes(to_bytes(frame()))
    stem.with_name(f"{stem.name}.zoned").write_bytes(to_bytes(zoned.dt.tz_convert("Europe/Berlin")))
