"""Models of LightGBM in an omega_core store. This module only declares: it imports no lightgbm."""

from __future__ import annotations

from omega_core import BackendSpec, hookimpl

BACKEND = "omega_lightgbm.model:LightGBMBackend"
TYPES = ["lightgbm:Booster", "lightgbm:LGBMModel"]
SUMMARY = "a Booster or an LGBM estimator, fitted or not, in LightGBM's own text format"


@hookimpl
def backends() -> list[BackendSpec]:
    return [BackendSpec("lightgbm.model", BACKEND, types=TYPES, summary=SUMMARY)]
