"""The runtime: lets models act on datasets, both given by name, on the configured engine."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from inspect import Parameter
from types import MethodType
from typing import Any

from ..backends.actions import Action
from ..backends.base import ACTION_TABLE
from ..errors import OmegaError, UnsupportedOptionError, suggestion
from ..protocol.naming import MODELS
from ..store import OmegaStore
from ..visible import Visible
from .engines import Engine
from .result import Result
from .task import Task
from .values import called_by_argument

TEMPORARY_SECONDS = 24 * 3600.0
"""When the collector drops a dataset that was passed by value, should nobody else have."""


class Runtime(Visible):
    """``om.runtime``: ``om.runtime.model("churn").fit("X", "y").get()``."""

    def __init__(self, datasets: OmegaStore, engine: Callable[[], Engine]) -> None:
        self._datasets = datasets
        self._engine = engine

    def model(self, name: str) -> ModelRuntime:
        """Return what lets the model ``name`` act."""
        return ModelRuntime(name, self._datasets, self._engine)


class ModelRuntime(Visible):
    """The actions of one model. Each returns a `Result` at once.

    ``X`` and ``Y`` are names of datasets. A value is taken too: it is stored under a hidden name,
    and removed when the task ends. ``Xname`` and ``Yname`` are the same, as backends call them.
    ``rName`` names the dataset that takes the result; without it, `Result.get` returns lists and
    scalars, or frames, series and arrays with ``pure_python=False``. Other keyword arguments are
    passed on to the method of the estimator.
    """

    def __init__(self, name: str, datasets: OmegaStore, engine: Callable[[], Engine]) -> None:
        self.name = name
        self._datasets = datasets
        self._engine = engine

    # The methods of the contract are made below, one for each action that it declares.

    def __getattr__(self, action: str) -> Callable[..., Result]:
        """Return the method of an action that the backend of this very model declares."""
        offered = {} if action.startswith("_") else self._offered()
        if action not in offered:
            raise AttributeError(
                f"The model {self.name!r} has no action {action!r}."
                f"{suggestion(action, {*ACTION_TABLE, *offered})}"
            )
        return MethodType(_submitting(offered[action]), self)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._offered()})

    def _offered(self) -> dict[str, Action]:
        """Return the actions of the model; of one that is not there, none."""
        try:
            return self._datasets.stores[MODELS].actions(self.name)
        except OmegaError:
            return {}

    def _submit(self, action: Action, given: dict[str, Any]) -> Result:
        options = given.pop("kwargs", {})
        rName, pure_python = given.pop("rName", None), given.pop("pure_python", True)
        datasets = {key: self._one(action, key, given) for key in ("X", "Y")}
        if datasets["X"] is None:
            raise UnsupportedOptionError(
                f"{action.name} of {self.name!r}: X is None. Pass the name of a dataset, or a "
                "value."
            )
        for key, value, kind in (("rName", rName, str), ("pure_python", pure_python, bool)):
            if value is not None and not isinstance(value, kind):
                raise UnsupportedOptionError(
                    f"{action.name} of {self.name!r}: {key} is a {kind.__name__}, not a "
                    f"{type(value).__name__}."
                )
        engine = self._engine()
        temporary: list[str] = []
        try:
            arguments = {
                key: self._named(key, value, temporary)
                for key, value in datasets.items()
                if value is not None
            }
            if rName is not None:
                arguments["rName"] = rName
            task = Task(
                id=uuid.uuid4().hex,
                bucket=self._datasets.bucket,
                store="models",
                name=self.name,
                action=action.name,
                arguments={**arguments, "pure_python": pure_python},
                options=options,
                temporary=tuple(temporary),
            )
            return engine.submit(task)
        except BaseException:
            for name in temporary:
                self._datasets.discard(name)
            raise

    def _one(self, action: Action, key: str, given: dict[str, Any]) -> Any:
        """Return an argument that goes by two names."""
        short, long = given.get(key), given.get(f"{key}name")
        if short is not None and long is not None:
            raise UnsupportedOptionError(
                f"{action.name} of {self.name!r}: {key} and {key}name are the same. Pass one of "
                "them."
            )
        return long if short is None else short

    def _named(self, key: str, value: Any, temporary: list[str]) -> str:
        if isinstance(value, str):
            return value
        with called_by_argument({}, key):
            name = self._datasets.put_temporary(value, seconds=TEMPORARY_SECONDS).name
        temporary.append(name)
        return name

    def __repr__(self) -> str:
        return f"<ModelRuntime {self.name!r} in bucket {self._datasets.bucket!r}>"


def _submitting(action: Action) -> Callable[..., Result]:
    """Return the method that lets an engine perform an action, with a signature to be shown."""
    taken = [Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)]
    by_name = []
    for name, parameter in action.parameters.items():
        if name in ("Xname", "Yname"):
            by_name.append(Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation="Any"))
            taken.append(Parameter(name[0], parameter.kind, default=None, annotation="Any"))
        elif name != "modelname":
            taken.append(parameter)
    by_name += [p.replace(kind=Parameter.KEYWORD_ONLY) for p in action.options.values()]
    if action.open:
        by_name.append(Parameter("kwargs", Parameter.VAR_KEYWORD, annotation="Any"))
    signature = action.signature.replace(parameters=[*taken, *by_name], return_annotation="Result")

    def submit(self: ModelRuntime, *args: Any, **kwargs: Any) -> Result:
        given = signature.bind(self, *args, **kwargs).arguments
        named = {name: given.pop(name) for name in action.options if name in given}
        return self._submit(action, {**given, "kwargs": {**named, **given.get("kwargs", {})}})

    submit.__name__ = action.name
    submit.__doc__ = f"{action.summary}\n\nAt once: `Result.get` waits until it is done."
    submit.__qualname__ = f"{ModelRuntime.__name__}.{action.name}"
    submit.__signature__ = signature  # type: ignore[attr-defined]
    return submit


for _action in ACTION_TABLE.values():
    setattr(ModelRuntime, _action.name, _submitting(_action))
