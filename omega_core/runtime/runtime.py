"""The runtime: lets models act on datasets, both given by name, on the configured engine."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import PluginNotFoundError, UnsupportedOptionError, suggestion
from ..plugins.factories import imported
from ..visible import Visible
from .local import LocalEngine
from .result import Result
from .task import Task
from .values import called_by_argument

if TYPE_CHECKING:
    from ..omega import Omega

TEMPORARY_SECONDS = 24 * 3600.0
"""When the collector drops a dataset that was passed by value, should nobody else have."""


_NONE = (None, None)
"""The Y of an action that takes none."""


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
                f"Engines: {', '.join(known)}. Correct it, or install a plugin that offers "
                f"it.{omega.plugins.not_working()}"
            )
        owner, target = offered[name]
        engine: Engine = imported(target, str(owner))(omega)
        return engine

    def close(self) -> None:
        if self._pid == os.getpid():
            for engine in self._engines.values():
                engine.close()
        self._engines = {}


class Runtime(Visible):
    """``om.runtime``: ``om.runtime.model("churn").fit("X", "y").get()``."""

    def __init__(self, omega: Omega) -> None:
        self._omega = omega

    def model(self, name: str) -> ModelRuntime:
        """Return what lets the model ``name`` act."""
        return ModelRuntime(self._omega, name)


class ModelRuntime(Visible):
    """The actions of one model. Each returns a `Result` at once.

    ``X`` and ``Y`` are names of datasets. A value is taken too: it is stored under a hidden name,
    and removed when the task ends. ``Xname`` and ``Yname`` are the same, as backends call them.
    ``rName`` names the dataset that takes the result; without it, `Result.get` returns lists and
    scalars, or frames, series and arrays with ``pure_python=False``. Other keyword arguments are
    passed on to the method of the estimator.
    """

    def __init__(self, omega: Omega, name: str) -> None:
        self._omega = omega
        self.name = name

    def fit(
        self,
        X: Any = None,
        Y: Any = None,
        pure_python: bool = True,
        *,
        Xname: Any = None,
        Yname: Any = None,
        **kwargs: Any,
    ) -> Result:
        """Fit the model and store it as a new version; the result is its metadata."""
        return self._submit("fit", (X, Xname), (Y, Yname), None, pure_python, kwargs)

    def partial_fit(
        self,
        X: Any = None,
        Y: Any = None,
        pure_python: bool = True,
        *,
        Xname: Any = None,
        Yname: Any = None,
        **kwargs: Any,
    ) -> Result:
        """Fit the model further on one more batch; the result is its metadata."""
        return self._submit("partial_fit", (X, Xname), (Y, Yname), None, pure_python, kwargs)

    def fit_transform(
        self,
        X: Any = None,
        Y: Any = None,
        rName: str | None = None,
        pure_python: bool = True,
        *,
        Xname: Any = None,
        Yname: Any = None,
        **kwargs: Any,
    ) -> Result:
        """Fit the model, store it as a new version, and transform X."""
        return self._submit("fit_transform", (X, Xname), (Y, Yname), rName, pure_python, kwargs)

    def transform(
        self,
        X: Any = None,
        rName: str | None = None,
        pure_python: bool = True,
        *,
        Xname: Any = None,
        **kwargs: Any,
    ) -> Result:
        """Transform X."""
        return self._submit("transform", (X, Xname), _NONE, rName, pure_python, kwargs)

    def predict(
        self,
        X: Any = None,
        rName: str | None = None,
        pure_python: bool = True,
        *,
        Xname: Any = None,
        **kwargs: Any,
    ) -> Result:
        """Predict for X."""
        return self._submit("predict", (X, Xname), _NONE, rName, pure_python, kwargs)

    def predict_proba(
        self,
        X: Any = None,
        rName: str | None = None,
        pure_python: bool = True,
        *,
        Xname: Any = None,
        **kwargs: Any,
    ) -> Result:
        """Predict class probabilities for X."""
        return self._submit("predict_proba", (X, Xname), _NONE, rName, pure_python, kwargs)

    def decision_function(
        self,
        X: Any = None,
        rName: str | None = None,
        pure_python: bool = True,
        *,
        Xname: Any = None,
        **kwargs: Any,
    ) -> Result:
        """Evaluate the decision function on X."""
        return self._submit("decision_function", (X, Xname), _NONE, rName, pure_python, kwargs)

    def score(
        self,
        X: Any = None,
        Y: Any = None,
        rName: str | None = None,
        pure_python: bool = True,
        *,
        Xname: Any = None,
        Yname: Any = None,
        **kwargs: Any,
    ) -> Result:
        """Score the model on X and Y."""
        return self._submit("score", (X, Xname), (Y, Yname), rName, pure_python, kwargs)

    def _submit(
        self,
        action: str,
        X: tuple[Any, Any],
        Y: tuple[Any, Any],
        rName: Any,
        pure_python: Any,
        options: dict[str, Any],
    ) -> Result:
        omega = self._omega
        given = {key: self._one(action, key, pair) for key, pair in (("X", X), ("Y", Y))}
        if given["X"] is None:
            raise UnsupportedOptionError(
                f"{action} of {self.name!r}: X is None. Pass the name of a dataset, or a value."
            )
        for key, value, kind in (("rName", rName, str), ("pure_python", pure_python, bool)):
            if value is not None and not isinstance(value, kind):
                raise UnsupportedOptionError(
                    f"{action} of {self.name!r}: {key} is a {kind.__name__}, not a "
                    f"{type(value).__name__}."
                )
        engine = omega.engines.get(omega.config.runtime.engine, omega)
        temporary: list[str] = []
        try:
            arguments = {
                key: self._named(key, value, temporary)
                for key, value in given.items()
                if value is not None
            }
            if rName is not None:
                arguments["rName"] = rName
            task = Task(
                id=omega.new_id(),
                bucket=omega.bucket,
                store="models",
                name=self.name,
                action=action,
                arguments={**arguments, "pure_python": pure_python},
                options=options,
                temporary=tuple(temporary),
            )
            return engine.submit(task)
        except BaseException:
            for name in temporary:
                omega.datasets.discard(name)
            raise

    def _one(self, action: str, key: str, pair: tuple[Any, Any]) -> Any:
        """Return an argument that goes by two names."""
        if pair[0] is not None and pair[1] is not None:
            raise UnsupportedOptionError(
                f"{action} of {self.name!r}: {key} and {key}name are the same. Pass one of them."
            )
        return pair[1] if pair[0] is None else pair[0]

    def _named(self, key: str, value: Any, temporary: list[str]) -> str:
        if isinstance(value, str):
            return value
        with called_by_argument({}, key):
            name = self._omega.datasets.put_temporary(value, seconds=TEMPORARY_SECONDS).name
        temporary.append(name)
        return name

    def __repr__(self) -> str:
        return f"<ModelRuntime {self.name!r} in bucket {self._omega.bucket!r}>"
