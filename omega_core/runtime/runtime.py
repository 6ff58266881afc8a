"""The runtime: lets models act on datasets, and jobs run, by name, on the configured engine."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter
from types import MethodType
from typing import Any

from ..backends.actions import Action
from ..backends.base import ACTION_TABLE
from ..errors import OmegaError, UnsupportedOptionError, suggestion
from ..former_names import former_name, formerly
from ..protocol.naming import MODELS
from ..visible import Visible
from .blocks import Blocks
from .engines import Engine, Engines
from .hints import check_honoured, checked
from .jobs import JobRuntime
from .mapping import Mapped, pairs, submitted
from .remote_result import RemoteResult, not_found
from .result import Result
from .submission import hand_over
from .task import Task, Worker
from .values import called_by_argument

TEMPORARY_SECONDS = 24 * 3600.0
"""When the collector drops a dataset that was passed by value, should nobody else have."""

_TAKEN_BY_PERFORM = {"if_rev", "rows"}
"""Arguments of all actions that are no options of an estimator."""


@formerly("Runtime")
class Runtime(Visible):
    """``om.runtime``: ``om.runtime.model("churn").fit("X", "y").get()``."""

    def __init__(self, omega: Worker, engines: Engines) -> None:
        self._omega = omega
        self._engines = engines

    def model(
        self,
        name: str,
        *,
        version: int | str | None = None,
        engine: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        priority: int | None = None,
        resources: Mapping[str, float] | None = None,
        queue: str | None = None,
    ) -> ModelRuntime:
        """Return what lets the model ``name`` act.

        Parameters
        ----------
        version
            The version that acts, of those that are kept: a number, or an alias, of which the
            worker finds out what it names when it acts; by default the current one.
        engine
            Who executes its actions, instead of ``[runtime] engine``.
        timeout
            Seconds that an action may take, from when it begins; then it is given up, and stores
            nothing any more.
        retries
            How often an action is done again that failed for a reason that may pass: a conflict
            with other writers, a server or a connection that does not answer.
        priority
            What is higher is executed sooner, among what waits; 0 where none is given.
        resources
            What a worker must have free, as ``{"GPU": 1}``.
        queue
            Which workers may take it.

        Raises
        ------
        UnsupportedOptionError
            The engine does not honour one of these hints; names those that it does.
        PluginNotFoundError
            No enabled plugin offers the engine.
        """
        given = {
            "timeout": timeout, "retries": retries, "priority": priority,
            "resources": resources, "queue": queue,
        }  # fmt: skip
        hints = self._hints(f"model({name!r})", engine, given)
        return ModelRuntime(name, self._omega, self._engines, engine, hints, version)

    def job(
        self,
        name: str,
        *,
        version: int | str | None = None,
        engine: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        priority: int | None = None,
        resources: Mapping[str, float] | None = None,
        queue: str | None = None,
    ) -> JobRuntime:
        """Return what lets the job ``name`` run: ``om.runtime.job("daily").run()``.

        The arguments are those of `model`. A run that is given up, by its ``timeout`` or because
        somebody cancels it, ends what it has started; ``retries`` are for what goes wrong around
        it, and one that failed is not repeated.
        """
        given = {
            "timeout": timeout, "retries": retries, "priority": priority,
            "resources": resources, "queue": queue,
        }  # fmt: skip
        hints = self._hints(f"job({name!r})", engine, given)
        return JobRuntime(name, self._omega, self._engines, engine, hints, version)

    def _hints(self, called: str, engine: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the hints that are given, all of which the engine honours."""
        hints = checked(called, given)
        if hints or engine is not None:
            chosen = self._engines.get(self._omega, engine)
            honours: frozenset[str] = getattr(chosen, "honours", frozenset())
            check_honoured(called, hints, engine or self._engines.name, honours)
        return hints

    def map(
        self,
        action: str,
        models: str | Sequence[str],
        X: str | Sequence[str],
        Y: str | None = None,
        *,
        rName: str | None = None,
        ordered: bool = False,
        hints: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Iterator[Mapped]:
        """Let one model act on many datasets, or many models on one, or each on its own.

        All are submitted at once. What comes back are the model, the X and the `Result`, which is
        over, in the order in which they end. At a terminal, and in a notebook, a bar shows how
        many did. Whoever leaves the loop cancels the rest.

        Parameters
        ----------
        action
            The name of an action, such as ``"predict"``.
        models, X
            A name, or a list of names; of two lists, the first goes with the first.
        rName
            The name of each result, in which ``{model}`` and ``{X}`` stand for theirs.
        ordered
            Give them back in the order of the names.
        hints
            What `model` takes by keyword, as ``{"priority": 1}``.
        **options
            What the action takes besides.

        Examples
        --------
        >>> for model, X, result in om.runtime.map("predict", "churn", names):  # doctest: +SKIP
        ...     print(X, result.get())
        """
        todo = pairs(action, models, X)
        names = [None if rName is None else _filled(rName, model, X) for model, X in todo]
        if len(set(names) - {None}) < len([name for name in names if name is not None]):
            raise UnsupportedOptionError(
                f"map of {action}: {rName!r} names several results the same. Let {{model}} or "
                "{X} stand in it."
            )
        given = {"Y": Y, **options}
        named = dict(zip(todo, names, strict=True))

        def submit(model: str, X: str) -> Result:
            result = {"rName": named[model, X]} if rName is not None else {}
            more = {key: value for key, value in given.items() if value is not None}
            act: Callable[..., Result] = getattr(self.model(model, **(hints or {})), action)
            return act(X, **more, **result)

        bar = self._omega.config.ui.progress == "auto"
        return submitted(action, todo, submit, ordered, bar=bar)

    def result(self, id: str) -> Result:
        """Return the result of a task of this bucket, whichever process submitted it.

        Raises
        ------
        TaskNotFoundError
            No task has this id, or its record has expired: ``[runtime] results``.
        """
        if self._omega.records.read(id, bucket=self._omega.bucket) is None:
            raise not_found(id, self._omega.bucket)
        return RemoteResult(id, None, self._omega)

    def engine(self, name: str | None = None) -> Engine:
        """Return an engine, by default the one that the configuration names."""
        return self._engines.get(self._omega, name)

    _inner = frozenset({"engine"})

    def __repr__(self) -> str:
        return f"<Runtime of bucket {self._omega.bucket!r}, engine {self._engines.name!r}>"


class ModelRuntime(Visible):
    """The actions of one model. Each returns a `Result` at once.

    ``X`` and ``Y`` are names of datasets. A value is taken too: it is stored under a hidden name,
    and removed when the task ends. ``Xname`` and ``Yname`` are the same, as backends call them.
    ``rName`` names the dataset that takes the result; without it, `Result.get` returns lists and
    scalars, or frames, series and arrays with ``pure_python=False``. ``chunksize`` is for data
    larger than memory: workers take so many rows of X at a time, and ``rName`` takes what they
    answer as one object, once all have answered; `partial_fit` goes from chunk to chunk, and each
    makes a version. Other keyword arguments are passed on to the method of the estimator.
    """

    def __init__(
        self,
        name: str,
        omega: Worker,
        engines: Engines,
        engine: str | None = None,
        hints: Mapping[str, Any] | None = None,
        version: int | str | None = None,
    ) -> None:
        self.name = name
        self._omega = omega
        self._datasets = omega.datasets
        self._engines = engines
        self._engine = engine
        self._hints = hints or {}
        self._version = version

    # The methods of the contract are made below, one for each action that it declares.

    def __getattr__(self, action: str) -> Callable[..., Result]:
        """Return the method of an action that the backend of this very model declares."""
        offered = {} if action.startswith("_") else self._offered()
        if action not in offered:
            raise AttributeError(
                f"The model {self.name!r} has no action {action!r}."
                f"{suggestion(action, {*ACTION_TABLE, *offered})}"
                f"{former_name('ModelRuntime', action)}"
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
        chunksize = options.pop("chunksize", None)
        engine = self._engines.get(self._omega, self._engine)
        temporary: list[str] = []
        try:
            if chunksize is not None:
                return self._in_chunks(action, chunksize, datasets, rName, options, temporary)
            arguments: dict[str, Any] = {
                key: self._named(key, value, temporary)
                for key, value in datasets.items()
                if value is not None
            }
            arguments |= {
                key: value
                for key, value in (("rName", rName), ("version", self._version))
                if value is not None
            }
            for key in _TAKEN_BY_PERFORM & options.keys():
                arguments[key] = options.pop(key)
            task = Task(
                id=uuid.uuid4().hex,
                bucket=self._datasets.bucket,
                store="models",
                name=self.name,
                action=action.name,
                arguments={**arguments, "pure_python": pure_python},
                options=options,
                temporary=tuple(temporary),
                hints=self._hints,
            )
            return self._submitted(task, engine)
        except BaseException:
            for name in temporary:
                self._datasets.discard(name)
            raise

    def _in_chunks(
        self,
        action: Action,
        chunksize: int,
        datasets: Mapping[str, Any],
        rName: str | None,
        options: Mapping[str, Any],
        temporary: list[str],
    ) -> Result:
        """Let workers do it chunk by chunk."""
        X, Y = (
            None if value is None else self._named(key, value, temporary)
            for key, value in datasets.items()
        )

        def submit(*, version: int | None = None, **more: Any) -> Result:
            model = ModelRuntime(
                self.name, self._omega, self._engines, self._engine, self._hints, version
            )
            asked = {"X": X, "Y": Y, "pure_python": False, "kwargs": {**options, **more}}
            return model._submit(action, asked)

        blocks = Blocks(
            self._omega, action, self.name, str(X), Y, rName, chunksize, self._version, submit
        )
        passed = {name: "X" if name == X else "Y" for name in temporary}
        return blocks.start(self._engines, self._engine or self._engines.name, passed)

    def _submitted(self, task: Task, engine: Engine) -> Result:
        """Record a task, and give it to the engine."""
        try:
            written: str | None = task.to_json()
        except UnsupportedOptionError:
            if not getattr(engine, "in_process", False):
                raise
            written = None  # it goes nowhere
        named = self._engine or self._engines.name
        return hand_over(task, written, engine, named, self._omega.records)

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


def _filled(pattern: str, model: str, X: str) -> str:
    # No `str.format`, which would make something of other braces in a name.
    return pattern.replace("{model}", model).replace("{X}", X)


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
