"""Predictions for a frame that is read chunk by chunk, against scikit-learn on it in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from measure import seconds
from steps import classifier, frame

from omega_core import Omega

CHUNK = 4 * 131_072
"""Rows: a multiple of those of a segment, so that each is read once."""


def pieces(rows: int) -> Iterator[pd.DataFrame]:
    step = 500_000
    for start in range(0, rows, step):
        piece = frame(min(step, rows - start)).astype("f4")
        piece.index = pd.RangeIndex(start, start + len(piece))
        yield piece


def show(config: Mapping[str, Any], rows: int, chunk: int) -> None:
    """Print how long each way takes; all give the same predictions."""
    chunk = chunk or CHUNK
    model = classifier(frame(1000).astype("f4"))
    with Omega(config) as om:
        om.datasets.put(pieces(rows), "large")
        om.models.put(model, "m")
        data = om.datasets.get("large")
        expected: list[Any] = []
        base = seconds(lambda data=data: expected.append(model.predict(data)))
        whole = seconds(lambda: om.datasets.get("large"))
        put = seconds(lambda: om.datasets.put(pd.Series(expected[0]), "stored"))
        del data
    print(f"predict of {rows:,} rows x 10, in chunks of {chunk:,}")
    print(f"  {'scikit-learn, one process, frame in memory':44} {base:10.2f} s    x1.00")
    alone = base + whole + put
    print(
        f"  {'the same, with get before and put after':44} {alone:10.2f} s    x{alone / base:.2f}"
    )
    for workers in (1, 2):
        with Omega({**config, "runtime": {"workers": workers}}) as om:
            act = om.runtime.model("m").predict
            taken = seconds(lambda act=act: act("large", rName="r", chunksize=chunk).get())
            assert np.array_equal(om.datasets.get("r").to_numpy(), expected[0])
        name = f"chunk by chunk, {workers} worker{'s' * (workers > 1)}"
        print(f"  {name:44} {taken:10.2f} s    x{taken / base:.2f}")
