"""The rules for the actions of a backend, checked when its class is imported.

Python finds a method by its name and calls it whatever its parameters are called. So a misspelt
action, or one with other parameters, would be found by whoever asks for it, and not by its author.
"""

from __future__ import annotations

import inspect

from ..backends.actions import Action, declared
from ..backends.base import (
    ACTION_TABLE,
    ACTIONS,
    BaseDataBackend,
    BaseJobBackend,
    BaseModelBackend,
    actions_of,
)
from ..errors import PluginContractError, suggestion


def check_backend(cls: type[BaseDataBackend], owner: str) -> None:
    """Refuse a class whose actions would not do what its author meant.

    Parameters
    ----------
    owner
        Names the kind, the plugin and its version, for the message.

    Raises
    ------
    PluginContractError
        Names the action, and what its author has to do.
    """
    _check_making(cls, owner)
    for name in ("put", "get"):
        if inspect.iscoroutinefunction(getattr(cls, name)):
            raise PluginContractError(
                f"{owner}: {cls.__name__}.{name} is a coroutine, and nobody awaits it. Write def "
                f"{name}, without async."
            )
    actions = actions_of(cls)
    if not issubclass(cls, BaseModelBackend):
        offered = [*actions, *(n for n in ACTIONS if _takes(cls, n, ACTION_TABLE[n]) is True)]
        if offered:
            raise PluginContractError(
                f"{owner}: {cls.__name__} is a BaseDataBackend, and has the action "
                f"{offered[0]!r}, which nobody could ask it for. What acts is a model: derive the "
                "class from BaseModelBackend."
            )
        if issubclass(cls, BaseJobBackend):
            _check_job(cls, owner)
        return
    for name, action in actions.items():
        if _takes(cls, name, action) is False:
            wanted = ", ".join(["self", *_shown(action)])
            raise PluginContractError(
                f"{owner}, action {name!r}: {cls.__name__}.{name}{signature_of(cls, name)} cannot "
                f"be called as its contract has it: def {name}({wanted})."
            )
        again = next((declared(c)[name] for c in cls.__mro__ if name in declared(c)), action)
        if again.fits != action.fits:
            raise PluginContractError(
                f"{owner}, action {name!r}: {cls.__name__} declares it with fits={again.fits!r}, "
                f"and its contract has {action.fits!r}. Declare an action of another name."
            )
    for name in sorted(set(dir(cls)) - set(dir(BaseModelBackend)) - set(actions)):
        if not name.startswith("_") and _looks_like_one(cls, name):
            raise PluginContractError(
                f"{owner}: {cls.__name__}.{name} has the parameters of an action, and is none."
                f"{suggestion(name, ACTIONS)} Mark an action of its own with @omega_core.action; "
                f"what is for the class alone begins with an underscore: _{name}."
            )


def _check_making(cls: type[BaseDataBackend], owner: str) -> None:
    try:
        signature = inspect.signature(cls).replace(return_annotation=inspect.Signature.empty)
        signature.bind(data_store=None, model_store=None)
    except ValueError:
        return  # of some classes, Python knows no signature
    except TypeError as exc:
        raise PluginContractError(
            f"{owner}: {cls.__name__}{signature} cannot be made as the core does ({exc}): def "
            "__init__(self, *, data_store, model_store). What it needs beyond these, it finds in "
            "self.settings, which are there when a method is called."
        ) from None


def _check_job(cls: type[BaseJobBackend], owner: str) -> None:
    signature = signature_of(cls, "run")
    try:
        if inspect.iscoroutinefunction(cls.run):
            raise TypeError
        if signature is not None:
            signature.bind("job", {}, rName="result")
    except TypeError:
        raise PluginContractError(
            f"{owner}: {cls.__name__}.run{signature} cannot be called as its contract has it: "
            "def run(self, jobname, params=None, *, rName, **kwargs)."
        ) from None


def _shown(action: Action) -> list[str]:
    contract = [str(p.replace(annotation=p.empty)) for p in action.parameters.values()]
    return [*contract, "**kwargs"] if action.open else contract


def _takes(cls: type, name: str, action: Action) -> bool | None:
    """Return whether a method can be called as an action is; None where there is no saying."""
    member = getattr(cls, name, None)
    if member is None:
        return None if not hasattr(cls, name) else False
    if not callable(member) or inspect.iscoroutinefunction(member):
        return False
    signature = signature_of(cls, name)
    if signature is None:
        return None
    positional = [p for p in ("modelname", "Xname", "Yname") if p in action.parameters]
    others = {p: None for p in ("rName", "pure_python") if p in action.parameters}
    try:
        signature.bind(*positional, **others)
    except TypeError:
        return False
    return True


def signature_of(cls: type, name: str) -> inspect.Signature | None:
    """Return the signature of a method as its callers see it: without ``self``."""
    member = inspect.getattr_static(cls, name)
    try:
        signature = inspect.signature(getattr(cls, name))
    except (TypeError, ValueError):
        return None
    if isinstance(member, staticmethod | classmethod):
        return signature
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        return signature.replace(parameters=parameters[1:])
    return signature


def _looks_like_one(cls: type, name: str) -> bool:
    if not callable(getattr(cls, name)):
        return False
    signature = signature_of(cls, name)
    return signature is not None and {"modelname", "Xname"} <= signature.parameters.keys()
