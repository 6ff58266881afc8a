"""What `omega demo` does: real data and models, stored, fitted and asked by name, and compared."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from ..errors import PluginDisabledError, PluginNotFoundError
from .inspection.objects import records_of

if TYPE_CHECKING:
    from ..omega import Omega

_NEEDED = {"pandas": "omega-pandas", "sklearn": "omega-sklearn"}

_RTOL = 1e-9
_BACK = "datasets came back equal, to the last bit"
_PREDICTED = "stored predictions equal those of the same pipelines fitted without omega_core"
_MODEL = "models, read back, predict the same as well"
_SCORED = "scores on the rows held out are the same"

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """One data set of scikit-learn, and a model for it.

    Attributes
    ----------
    name
        Also the beginning of the names of its objects.
    loader
        The function of `sklearn.datasets`.
    steps
        The classes of the pipeline, as ``module:Class``, with their arguments.
    metric
        What `score` of the model is.
    """

    name: str
    loader: str
    steps: tuple[tuple[str, dict[str, Any]], ...]
    metric: str

    def data(self) -> tuple[Any, Any, Any, Any]:
        """Return X and y to fit on, and X and y held out: ``X, X_new, y, y_new``."""
        bunch = resolve_name(f"sklearn.datasets:{self.loader}")(as_frame=True)
        split = resolve_name("sklearn.model_selection:train_test_split")
        X, X_new, y, y_new = split(bunch.data, bunch.target, test_size=0.25, random_state=0)
        return X, X_new, y, y_new

    def model(self) -> Any:
        """Return the pipeline, not fitted."""
        steps = (resolve_name(place)(**arguments) for place, arguments in self.steps)
        return resolve_name("sklearn.pipeline:make_pipeline")(*steps)


_SCALER: tuple[str, dict[str, Any]] = ("sklearn.preprocessing:StandardScaler", {})
STUDIES = (
    Study(
        "breast_cancer",
        "load_breast_cancer",
        (_SCALER, ("sklearn.linear_model:LogisticRegression", {})),
        "accuracy",
    ),
    Study(
        "diabetes",
        "load_diabetes",
        (_SCALER, ("sklearn.linear_model:Ridge", {"alpha": 10.0})),
        "R²",
    ),
)
STEPS = 5 * len(STUDIES)
"""How many steps `perform` announces."""


@dataclass(frozen=True)
class Comparison:
    """Something that has to hold; ``difference`` says in what it does not."""

    claim: str
    subject: str
    difference: str = ""


@dataclass
class Report:
    """What the demonstration showed.

    Attributes
    ----------
    models
        For each model: what it was fitted on, and its score on the rows held out, by the runtime
        and by the same pipeline fitted here, without omega_core.
    objects
        What was stored, by whom, where, how big; every version of it. A model has two: as it was
        put, and as it was fitted.
    """

    bucket: str
    server: str
    models: list[dict[str, Any]] = field(default_factory=list)
    objects: list[dict[str, Any]] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    seconds: float = 0.0
    kept: bool = False

    @property
    def equal(self) -> bool:
        return not any(comparison.difference for comparison in self.comparisons)

    def compare(
        self, claim: str, subject: str, check: Callable[..., None], *values: Any, **options: Any
    ) -> None:
        """Note whether ``check`` finds the values equal; it raises `AssertionError` if not."""
        difference = ""
        try:
            check(*values, **options)
        except AssertionError as exc:
            difference = " ".join(str(exc).split()) or "they differ"
        self.comparisons.append(Comparison(claim, subject, difference))


def require_plugins(om: Omega) -> None:
    """Raise, with what to do about it, unless the plugins that the demonstration needs work."""
    missing = [package for id_, package in _NEEDED.items() if id_ not in om.plugins]
    if missing:
        raise PluginNotFoundError(
            f"The demo needs {' and '.join(missing)}. Install: pip install {' '.join(missing)}"
        )
    for id_ in _NEEDED:
        plugin = om.plugins[id_]
        if plugin.error is not None:
            raise plugin.error
        if plugin.state == "disabled":
            raise PluginDisabledError(
                f"The demo needs the {plugin}, which the configuration disables. Enable it: "
                f"omega plugins enable {id_}"
            )


@contextmanager
def own_bucket(om: Omega, *, keep: bool) -> Iterator[Omega]:
    """Enter a bucket that nobody uses; at the end remove it with everything in it."""
    taken = om.buckets
    while (name := f"demo-{uuid.uuid4().hex[:8]}") in taken:
        pass
    bucket = om[name]
    try:
        yield bucket
    finally:
        if not keep:
            _remove(bucket)


def _remove(bucket: Omega) -> None:
    from ..protocol.collect import Collector
    from ..protocol.naming import bucket_key

    for store in (bucket.datasets, bucket.models, bucket.jobs):
        for name in store.list(hidden=True):
            store.drop(name, missing_ok=True)
    # Nobody else knows of this bucket, so nobody reads from it, and nothing needs to wait.
    Collector(bucket.freer).run({"bucket": bucket.bucket}, 0.0, begin_anew=True)
    namespace = bucket_key(bucket.bucket)
    files = bucket.database.files(namespace)
    bucket.database.segments(namespace).drop()
    for collection in (f"{files}.files", f"{files}.chunks"):
        bucket.database.data(collection).drop()
    bucket.database.tasks(durable=False).delete_many({"bucket": bucket.bucket})


def perform(om: Omega, announce: Announce) -> Report:
    """Do all of it in the bucket of ``om``, announcing each step, and report."""
    report = Report(om.bucket, om.database.described)
    began = time.perf_counter()
    for study in STUDIES:
        _perform(om, study, report, announce)
    for store in (om.datasets, om.models):
        for name in store:
            report.objects += records_of(store, store.versions(name))
    report.seconds = time.perf_counter() - began
    return report


def _perform(om: Omega, study: Study, report: Report, announce: Announce) -> None:
    testing = resolve_name("pandas.testing")
    name = study.name

    announce(f"loading {name} and storing its four datasets")
    X, X_new, y, y_new = study.data()
    data = {"X": X, "X_new": X_new, "y": y, "y_new": y_new}
    for part, value in data.items():
        om.datasets.put(
            value, f"{name}/{part}", attributes={"from": f"sklearn.datasets.{study.loader}"}
        )

    announce(f"storing a pipeline as {name}")
    om.models.put(study.model(), name)

    announce(f"fitting {name} by the names of its datasets")
    model = om.runtime.model(name)
    fitted = model.fit(f"{name}/X", f"{name}/y").get()

    announce(f"predicting into {name}/predicted")
    model.predict(f"{name}/X_new", rName=f"{name}/predicted").get()
    score = model.score(f"{name}/X_new", f"{name}/y_new").get()

    announce(f"reading {name} back and comparing")
    for part, value in data.items():
        check = testing.assert_frame_equal if value.ndim == 2 else testing.assert_series_equal
        stored = om.datasets.get(f"{name}/{part}")
        report.compare(_BACK, f"{name}/{part}", check, stored, value, check_exact=True)
    here = study.model().fit(X, y)
    local_score = float(here.score(X_new, y_new))
    expected = resolve_name("pandas:Series")(here.predict(X_new), index=X_new.index, name=y.name)
    predicted = om.datasets.get(f"{name}/predicted")
    reread = om.models.get(name).predict(X_new)
    alike, close = testing.assert_series_equal, resolve_name("numpy.testing:assert_allclose")
    # Not to the last bit: how a sum is rounded depends on how the rows lie in memory.
    report.compare(_PREDICTED, f"{name}/predicted", alike, predicted, expected, rtol=_RTOL)
    report.compare(_MODEL, name, close, reread, expected, rtol=_RTOL)
    report.compare(_SCORED, name, close, score, local_score, rtol=_RTOL)
    report.models.append(
        {
            "model": name,
            "pipeline": " → ".join(type(step).__name__ for _, step in here.steps),
            "fitted_on": [f"{name}/X", f"{name}/y"],
            "rows": len(X),
            "columns": X.shape[1],
            "version": fitted.version,
            "held_out": len(X_new),
            "metric": study.metric,
            "score": score,
            "local_score": local_score,
        }
    )
