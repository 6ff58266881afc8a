"""What models do: each action is declared once, by a method of `BaseModelBackend`.

The hook of an action, the method of ``om.runtime.model(name)``, and what `perform` takes follow
from the signature and the docstring of that method. So an action is added by adding a method.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_DECLARATION = "__omega_core_action__"


@dataclass(frozen=True)
class Action:
    """One action, as its method declares it.

    Attributes
    ----------
    signature
        Of the method, ``self`` included: ``modelname``, ``Xname``, ``Yname`` where it takes one,
        ``rName`` where it has a result to store, ``pure_python``, and ``**kwargs``.
    summary
        What it does, in a line.
    """

    name: str
    signature: inspect.Signature
    summary: str

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """What the contract names: neither ``self`` nor the options of one backend."""
        named = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = list(self.signature.parameters.items())[1:]
        return {name: parameter for name, parameter in parameters if parameter.kind is named}

    def contracted(self, *args: Any, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments of a call by their names, and the options beyond the contract."""
        given = dict(self.signature.bind(None, *args, **kwargs).arguments)
        del given["self"]
        return given, given.pop("kwargs", {})


def action(method: F) -> F:
    """Declare an action by the signature and the docstring of a method, which does nothing.

    A backend that does not override it raises `NotImplementedError`, naming kind and action.
    """
    name, summary = method.__name__, inspect.cleandoc(method.__doc__ or "")

    @wraps(method)
    def lacking(self: Any, modelname: str, *args: Any, **kwargs: Any) -> Any:
        self._lacks(name, modelname)

    setattr(lacking, _DECLARATION, Action(name, inspect.signature(method), summary))
    return cast(F, lacking)


def declared(cls: type) -> dict[str, Action]:
    """Return the actions that a class declares, by name, in their order."""
    found = {name: getattr(value, _DECLARATION, None) for name, value in vars(cls).items()}
    return {name: action for name, action in found.items() if isinstance(action, Action)}
