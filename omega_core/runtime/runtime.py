"""The runtime: lets models act on datasets, both given by name, on the configured engine."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import PluginNotFoundError, UnsupportedOptionError, suggestion
from ..plugins.registry import imported
from .local import LocalEngine
from .result import Result
from .task import Task

if TYPE_CHECKING:
    from ..omega import Omega

TEMPORARY_SECONDS = 24 * 3600.0
"""When the collector drops a dataset that was passed by value, should nobody else have."""


class Engine(Protocol):
    """Who executes tasks."""

    def submit(self, task: Task) -> Result: ...
    def close(self) -> None: ...


class Engines:
    """The engines in use, made at their first task."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._engines: dict[str, Engine] = {}

    def get(self, name: str, omega: Omega) -> Engine:
        """Return the engine of this name.

        Raises
        ------
        PluginNotFoundError
            No enabled plugin offers it.
        """
        if self._pid != os.getpid():
            self._reset()  # threads and connections do not survive a fork
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._make(name, omega)
            return self._engines[name]

    @staticmethod
    def _make(name: str, omega: Omega) -> Engine:
        if name == "local":
            return LocalEngine(omega)
        offered = omega.plugins.engines
        if name not in offered:
            known = ["local", *offered]
            raise PluginNotFoundError(
                f"[runtime] engine: no enabled plugin offers {name!r}.{suggestion(name, known)} "
                f"Engines: {', '.join(known)}. Correct it, or install a plugin that offers it."
            )
        owner, target = offered[name]
        engine: Engine = imported(target, str(owner))(omega)
        return engine

    def close(self) -> None:
        if self._pid == os.getpid():
            for engine in self._engines.values():
                engine.close()
        self._engines = {}


class Runtime:
    """``om.runtime``: ``om.runtime.model("churn").fit("X", "y").get()``."""

    def __init__(self, omega: Omega) -> None:
        self._omega = omega

    def model(self, name: str) -> ModelRuntime:
        """Return what lets the model ``name`` act."""
        return ModelRuntime(self._omega, name)


class ModelRuntime:
    """The actions of one model. Each returns a `Result` at once.

    ``X`` and ``Y`` are names of datasets. A value is taken too: it is stored under a hidden name,
    and removed when the task ends. ``rName`` names the dataset that takes the result; without it,
    `Result.get` returns lists and scalars, or frames and arrays with ``pure_python=False``.
    Other keyword arguments are passed on to the method of the estimator.
    """

    def __init__(self, omega: Omega, name: str) -> None:
        self._omega = omega
        self.name = name

    def fit(self, X: Any, Y: Any = None, **kwargs: Any) -> Result:
        """Fit the model and store it as a new version; the result is its metadata."""
        return self._submit("fit", X, Y, kwargs)

    def partial_fit(self, X: Any, Y: Any = None, **kwargs: Any) -> Result:
        """Fit the model further on one more batch; the result is its metadata."""
        return self._submit("partial_fit", X, Y, kwargs)

    def fit_transform(self, X: Any, Y: Any = None, **kwargs: Any) -> Result:
        """Fit the model, store it as a new version, and transform X."""
        return self._submit("fit_transform", X, Y, kwargs)

    def transform(self, X: Any, **kwargs: Any) -> Result:
        """Transform X."""
        return self._submit("transform", X, None, kwargs)

    def predict(self, X: Any, **kwargs: Any) -> Result:
        """Predict for X."""
        return self._submit("predict", X, None, kwargs)

    def predict_proba(self, X: Any, **kwargs: Any) -> Result:
        """Predict class probabilities for X."""
        return self._submit("predict_proba", X, None, kwargs)

    def decision_function(self, X: Any, **kwargs: Any) -> Result:
        """Evaluate the decision function on X."""
        return self._submit("decision_function", X, None, kwargs)

    def score(self, X: Any, Y: Any = None, **kwargs: Any) -> Result:
        """Score the model on X and Y."""
        return self._submit("score", X, Y, kwargs)

    def _submit(self, action: str, X: Any, Y: Any, kwargs: dict[str, Any]) -> Result:
        omega = self._omega
        if X is None:
            raise UnsupportedOptionError(
                f"{action} of {self.name!r}: X is None. Pass the name of a dataset, or a value."
            )
        engine = omega.engines.get(omega.config.runtime.engine, omega)
        temporary: list[str] = []
        try:
            arguments: dict[str, Any] = {"X": self._named(X, temporary)}
            if Y is not None:
                arguments["Y"] = self._named(Y, temporary)
            for key in ("rName", "pure_python"):
                if key in kwargs:
                    arguments[key] = kwargs.pop(key)
            task = Task(
                id=omega.new_id(),
                bucket=omega.bucket,
                store="models",
                name=self.name,
                action=action,
                arguments=arguments,
                options=kwargs,
                temporary=tuple(temporary),
            )
            return engine.submit(task)
        except BaseException:
            for name in temporary:
                omega.datasets.discard(name)
            raise

    def _named(self, value: Any, temporary: list[str]) -> str:
        if isinstance(value, str):
            return value
        name = self._omega.datasets.put_temporary(value, seconds=TEMPORARY_SECONDS).name
        temporary.append(name)
        return name

    def __repr__(self) -> str:
        return f"<ModelRuntime {self.name!r} in bucket {self._omega.bucket!r}>"
