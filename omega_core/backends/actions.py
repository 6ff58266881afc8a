"""What models do: each action is declared once, by a method of the class that offers it.

`BaseModelBackend` declares those that many libraries have; a backend declares more of its own, by
`action`. The method of ``om.runtime.model(name)``, what `perform` takes, and what wrappers are told
follow from the signature and the docstring of that method.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, TypeVar, cast, overload

from ..errors import PluginContractError

F = TypeVar("F", bound=Callable[..., Any])
Fits = Literal["anew", "further"]

CONTRACT = ("modelname", "Xname", "Yname", "rName", "pure_python")
"""The parameters that have a meaning to the core, by their names; all others are options."""

_DECLARATION = "__omega_core_action__"


@dataclass(frozen=True)
class Action:
    """One action, as its method declares it.

    Attributes
    ----------
    signature
        Of the method, ``self`` included: ``modelname``, ``Xname``, ``Yname`` where it takes one,
        ``rName`` where it has a result to store, ``pure_python``, and its options.
    summary
        What it does, in a line.
    fits
        ``"anew"`` where it fits the model and stores it as a new version, ``"further"`` where it
        adds to what the model has learned, None where it asks a model and leaves it as it is.
    checks_columns
        Whether X has the columns of the fit, unless the action fits anew.
    """

    name: str
    signature: inspect.Signature
    summary: str
    fits: Fits | None = None
    checks_columns: bool = True

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """What the contract names: neither ``self`` nor the options of one backend."""
        return {n: p for n, p in self.signature.parameters.items() if n in CONTRACT}

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """The options that the method names; it may take others in its ``**kwargs``."""
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        parameters = list(self.signature.parameters.items())[1:]
        return {n: p for n, p in parameters if n not in CONTRACT and p.kind in named}

    @property
    def open(self) -> bool:
        """Whether it takes options that it does not name."""
        kinds = [parameter.kind for parameter in self.signature.parameters.values()]
        return inspect.Parameter.VAR_KEYWORD in kinds

    def contracted(self, *args: Any, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments of a call by their names, and the options beyond the contract."""
        bound = self.signature.bind(None, *args, **kwargs)
        given = {n: value for n, value in bound.arguments.items() if n in CONTRACT}
        named = {n: value for n, value in bound.arguments.items() if n in self.options}
        return given, {**named, **bound.kwargs} if self.open else named


@overload
def action(method: F) -> F: ...
@overload
def action(*, fits: Fits | None = None, checks_columns: bool = True) -> Callable[[F], F]: ...
def action(
    method: F | None = None, *, fits: Fits | None = None, checks_columns: bool = True
) -> F | Callable[[F], F]:
    """Declare a method of a model backend as an action: ``om.runtime.model(name)`` offers it.

    Parameters
    ----------
    fits
        ``"anew"`` where it stores the model as a new version, ``"further"`` where it adds to what
        the model has learned; without it, the action asks a model and leaves it as it is.
    checks_columns
        False where X is not what the model was fitted on, as in `inverse_transform`.

    Raises
    ------
    PluginContractError
        For a method that could not be called as an action.

    Examples
    --------
    ::

        class NearBackend(BaseModelBackend):
            @action
            def kneighbors(self, modelname, Xname, rName=None, pure_python=True, n_neighbors=5):
                \"""Return the nearest rows of what the model was fitted on.\"""
                ...
    """

    def declare(method: F) -> F:
        setattr(method, _DECLARATION, _declared(method, fits, checks_columns))
        return method

    return declare if method is None else declare(method)


@overload
def declaration(method: F) -> F: ...
@overload
def declaration(*, fits: Fits | None = None) -> Callable[[F], F]: ...
def declaration(method: F | None = None, *, fits: Fits | None = None) -> F | Callable[[F], F]:
    """Declare an action by the signature and the docstring of a method, which does nothing.

    A backend that does not override it raises `NotImplementedError`, naming kind and action.
    """

    def declare(method: F) -> F:
        @wraps(method)
        def lacking(self: Any, modelname: str, *args: Any, **kwargs: Any) -> Any:
            self._lacks(method.__name__, modelname)

        setattr(lacking, _DECLARATION, _declared(method, fits))
        return cast(F, lacking)

    return declare if method is None else declare(method)


def declared(cls: type) -> dict[str, Action]:
    """Return the actions that a class itself declares, by name, in their order."""
    found = {name: getattr(value, _DECLARATION, None) for name, value in vars(cls).items()}
    return {name: action for name, action in found.items() if isinstance(action, Action)}


def _declared(method: Callable[..., Any], fits: Fits | None, checks_columns: bool = True) -> Action:
    signature, name = inspect.signature(method), method.__name__
    parameters = list(signature.parameters)[1:]
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    fault = None
    if parameters[:2] != ["modelname", "Xname"]:
        fault = f"its parameters begin with {', '.join(parameters[:2]) or 'nothing'}"
    elif kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY}:
        fault = "it has parameters without a name"
    elif fits not in (None, "anew", "further"):
        fault = f"fits={fits!r} is neither 'anew' nor 'further'"
    if fault is not None:
        raise PluginContractError(
            f"@action on {method.__qualname__}: {fault}. An action is declared as "
            f"def {name}(self, modelname, Xname, Yname=None, rName=None, pure_python=True, "
            "**kwargs), with those of them that it takes, and its options by name."
        )
    return Action(name, signature, inspect.cleandoc(method.__doc__ or ""), fits, checks_columns)
