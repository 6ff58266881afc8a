"""What a task costs beside the same call, by engine; one, and a thousand."""

from __future__ import annotations

from measure import compare
from sklearn.dummy import DummyRegressor
from steps import classifier, frame

from omega_core import Omega


def show(om: Omega, engine: str, repeats: int, many: int) -> None:
    """Print the times of tasks that do nothing, and of many small predictions."""
    om.datasets.put([[0.0]], "nothing")
    om.models.put(DummyRegressor().fit([[0.0]], [0.0]), "idle")
    data = frame(200)
    model = classifier(data)
    om.datasets.put(data, "X")
    om.models.put(model, "m")
    idle = om.runtime.model("idle")
    assert idle.predict("nothing").get(300) == [0.0]  # the workers are there
    compare(
        f"engine {engine}: a task that does nothing",
        {
            "the same call, made directly": lambda: om.models.perform("predict", "idle", "nothing"),
            "task": lambda: idle.predict("nothing").get(),
        },
        repeats,
    )

    def tasks() -> None:
        act = om.runtime.model("m").predict
        for result in [act("X") for _ in range(many)]:
            result.get()

    def calls() -> None:
        for _ in range(many):
            om.models.perform("predict", "m", "X")

    def mapped() -> None:
        assert sum(1 for _ in om.runtime.map("predict", "m", ["X"] * many)) == many

    ways = {"the same calls, made directly": calls, "tasks, all at once": tasks, "map": mapped}
    compare(f"engine {engine}: {many} predictions of 200 rows", ways, 3, warm=False)
