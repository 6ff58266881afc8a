"""A predict by name of 200 rows, taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from measure import compare, median
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from omega_core import Omega


def frame(rows: int) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(rows, 10))
    return pd.DataFrame(values).add_prefix("c")


def classifier(data: pd.DataFrame) -> Any:
    y = (data.c0 > 0).astype(int)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(data, y)


def show(config: Mapping[str, Any], repeats: int) -> None:
    """Print what each step takes by itself, and the whole with the models kept and not."""
    data = frame(200)
    model = classifier(data)
    with (
        Omega({**config, "runtime": {"cache": 0}}) as fresh,
        Omega(config) as keeping,
    ):
        fresh.datasets.put(data, "X")
        fresh.models.put(model, "m")
        assert fresh.models.perform("predict", "m", "X") == model.predict(data).tolist()
        parts = {
            "metadata of the model": lambda: fresh.models.metadata("m"),
            "get of the model (skops)": lambda: fresh.models.get("m"),
            "get of the frame": lambda: fresh.datasets.get("X"),
            "scikit-learn alone": lambda: model.predict(data),
        }
        print("predict by name of 200 rows: each step by itself")
        for name, part in parts.items():
            print(f"  {name:44} {median(part, repeats) * 1000:10.2f} ms")
        print()
        compare(
            "and the whole",
            {
                "scikit-learn alone": lambda: model.predict(data),
                "perform, models read each time": lambda: fresh.models.perform("predict", "m", "X"),
                "perform, models kept": lambda: keeping.models.perform("predict", "m", "X"),
                "task, models read each time": lambda: fresh.runtime.model("m").predict("X").get(),
                "task, models kept": lambda: keeping.runtime.model("m").predict("X").get(),
            },
            repeats,
        )
