"""Prints how long the way to a backend takes: its route, and the call through the hooks.

With the built-in backends alone and with 50 more, the two in turns, on a backend that does nothing.
The budget is 50 microseconds for both steps together::

    python benchmarks/dispatch.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from omega_core import BackendSpec, BaseDataBackend, Omega

RUNS = 15
CALLS = 2_000
BUDGET = 50.0
MORE = 50


class Thing:
    """What is stored."""


class Others:
    """Namespace of the classes that the other backends claim."""


class NothingBackend(BaseDataBackend):
    """Does nothing."""

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        return True

    def get(self, name: str, **kwargs: Any) -> Any:
        return name


def prepared(others: int) -> Omega:
    """Return an `Omega` that never asks its server, with so many more backends, all activated."""
    om = Omega({"mongo": {"url": "mongodb://localhost/benchmark"}, "plugins": {"enabled": []}})
    here = __name__
    om.datasets.register_backend(
        BackendSpec("benchmark.thing", f"{here}:NothingBackend", types=[f"{here}:Thing"])
    )
    for i in range(others):
        setattr(Others, f"Thing{i}", type(f"Thing{i}", (), {}))
        cls = type(f"Nothing{i}Backend", (NothingBackend,), {"__module__": here})
        globals()[cls.__name__] = cls
        spec = BackendSpec(
            f"benchmark.thing{i}", f"{here}:{cls.__name__}", types=[f"{here}:Others.Thing{i}"]
        )
        om.datasets.register_backend(spec)
        om.router.adapter(spec)
    return om


def steps(om: Omega) -> dict[str, Callable[[], Any]]:
    thing, store, router = Thing(), om.datasets, om.router

    def route() -> Any:
        return router.route(thing, "name", store, None, {}).chosen

    chosen = route()

    def call() -> Any:
        return router.call(
            "get", router.adapter(chosen), store=store, meta=None, name="name", options={}
        )

    assert chosen.kind == "benchmark.thing"
    assert call() == "name"
    return {"route": route, "call": call}


def microseconds(step: Callable[[], Any]) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        step()
    return (time.perf_counter() - began) / CALLS * 1e6


def main() -> None:
    omegas = {others: prepared(others) for others in (0, MORE)}
    times: dict[tuple[int, str], list[float]] = {}
    for _ in range(RUNS):
        for others, om in omegas.items():
            for name, step in steps(om).items():
                times.setdefault((others, name), []).append(microseconds(step))
    print(f"{'':18} {'route':>16} {'call':>16}   both  (budget {BUDGET:.0f} us)")
    for others, om in omegas.items():
        cells = [times[others, name] for name in ("route", "call")]
        shown = "".join(f"{min(c):7.1f} / {statistics.median(c):5.1f} " for c in cells)
        both = sum(statistics.median(c) for c in cells)
        print(f"{others:3} more backends  {shown} {both:7.1f}")
        om.close()
    print("microseconds: minimum / median")


if __name__ == "__main__":
    main()
