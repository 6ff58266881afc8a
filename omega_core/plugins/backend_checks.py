"""What is wrong with the class of a backend: methods, options, what its repr shows."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..backends.base import BaseDataBackend, BaseJobBackend, BaseModelBackend
from ..errors import PluginContractError, suggestion
from .backend_contract import check_backend, signature_of
from .discovery import Plugin
from .factories import named
from .factory_checks import resolved
from .findings import Finding
from .kind_checks import check_width
from .settings_checks import check_shown
from .sources import returns_something
from .spec import BackendSpec

Doing = Callable[[str], None]
# How the core calls the methods of a backend, where it has them.
_CALLS: dict[str, tuple[int, tuple[str, ...]]] = {
    "put": (2, ("attributes",)),
    "get": (1, ()),
    "supports": (2, ()),
    "drop": (1, ()),
    "describe": (1, ()),
    "misshapen": (1, ()),
    "changed_rows": (2, ()),
    "preview": (2, ()),
    "export_payload": (2, ()),
    "import_payload": (3, ("attributes",)),
    "shared_size": (1, ()),
}
# What the store takes for itself, so that no option of this name arrives.
_TAKEN = {
    "put": {"kind", "if_rev", "if_changed", "progress"},
    "get": {"version", "progress"},
}


def check_class(
    spec: BackendSpec, plugin: Plugin, settings: Any, doing: Doing
) -> Iterator[Finding]:
    subject = f"kind {spec.kind!r}"
    found, cls = yield from resolved(subject, plugin, spec.factory, doing)
    if not found:
        return
    if not (isinstance(cls, type) and issubclass(cls, BaseDataBackend)):
        yield Finding(
            "error",
            "no-backend",
            subject,
            f"{named(spec.factory)!r} is no subclass of BaseDataBackend or BaseModelBackend.",
            "Derive the class from one of them.",
        )
        return
    try:
        check_backend(cls, f"The backend of {subject} ({plugin.id} {plugin.version})")
    except PluginContractError as exc:
        yield Finding("error", "contract", subject, str(exc))
    yield from check_width(spec, cls)
    yield from _methods(subject, cls)
    yield from _options(spec, subject, cls)
    kind = getattr(cls, "KIND", None)
    if isinstance(kind, str) and kind != spec.kind and kind not in {s.kind for s in plugin.specs}:
        yield Finding(
            "error",
            "other-kind",
            subject,
            f"{cls.__name__}.KIND is {kind!r}, which no BackendSpec of the plugin declares.",
            f"Say {spec.kind!r} in both places.",
        )
    yield from check_shown(subject, cls, settings)


def _methods(subject: str, cls: type[BaseDataBackend]) -> Iterator[Finding]:
    needed = ["put", "get", *(["run"] if issubclass(cls, BaseJobBackend) else [])]
    for name in needed:
        base = BaseJobBackend if name == "run" else BaseDataBackend
        if getattr(cls, name) is getattr(base, name):
            near = [n for n in vars(cls) if callable(getattr(cls, n)) and not n.startswith("_")]
            yield Finding(
                "error",
                "missing-method",
                subject,
                f"{cls.__name__} has no {name}().{suggestion(name, near)}",
                f"Write it; its signature is that of {base.__name__}.{name}.",
            )
    for name in ("put", "run", "supports"):
        method = getattr(cls, name, None)
        if not inspect.isfunction(method) or method.__module__.startswith("omega_core."):
            continue
        if not returns_something(method) and not inspect.iscoroutinefunction(method):
            ends = {"supports": "return True or False"}.get(name, "return meta.save()")
            yield Finding(
                "error",
                "returns-nothing",
                subject,
                f"{cls.__name__}.{name} returns nothing.",
                f"End it with: {ends}",
            )
    for name, (count, keywords) in _CALLS.items():
        method = getattr(cls, name, None)
        if method is None or method is getattr(BaseModelBackend, name, None):
            continue
        signature = signature_of(cls, name)
        if inspect.iscoroutinefunction(method):
            fault = "is a coroutine"
        elif signature is None:
            continue
        else:
            try:
                signature.bind(*range(count), **dict.fromkeys(keywords))
                continue
            except TypeError as exc:
                fault = f"cannot be called as the core does: {exc}"
        contract = getattr(BaseModelBackend, name, None)
        wanted = "def drop(self, meta)"
        if contract is not None:
            wanted = f"def {name}{inspect.signature(contract)}"
        yield Finding(
            "error", "signature", subject, f"{cls.__name__}.{name}{signature} {fault}.", wanted
        )


def _options(spec: BackendSpec, subject: str, cls: type[BaseDataBackend]) -> Iterator[Finding]:
    parameters = {
        method: dict(inspect.signature(getattr(cls, method)).parameters)
        for method in ("put", "get")
    }
    open_ = [
        method
        for method, known in parameters.items()
        if any(p.kind is p.VAR_KEYWORD for p in known.values())
    ]
    for option in spec.options or ():
        if not open_ and not any(option in known for known in parameters.values()):
            yield Finding(
                "error",
                "option-not-taken",
                subject,
                f"BackendSpec names the option {option!r}, and neither put() nor get() of "
                f"{cls.__name__} has a parameter for it: who passes it gets a TypeError.",
                f"Make it a keyword parameter of the method that reads it: *, {option}=None",
            )
        elif not any(_reads(getattr(cls, m), option, known) for m, known in parameters.items()):
            yield Finding(
                "error",
                "option-not-read",
                subject,
                f"BackendSpec names the option {option!r}, and {cls.__name__} takes it in its "
                "**kwargs and never looks at those: who passes it is not told that nothing "
                "happens.",
                f"Make it a keyword parameter of the method that reads it: *, {option}=None",
            )
        elif (taken := [m for m in ("put", "get") if option in _TAKEN[m]]) and len(taken) == 2:
            yield _never_arrives(subject, option, "put() and get()")
    for method, known in parameters.items():
        for option in _TAKEN[method] & known.keys():
            yield _never_arrives(subject, option, f"{cls.__name__}.{method}")


def _reads(method: Any, option: str, known: Mapping[str, inspect.Parameter]) -> bool:
    """Return whether a method looks at an option, or at whatever it is given besides."""
    if option in known or not inspect.isfunction(method):
        return True
    rest = {name for name, p in known.items() if p.kind is p.VAR_KEYWORD}
    loaded = [i.argval for i in dis.get_instructions(method) if i.opname.startswith("LOAD_")]
    # Of two that are loaded at once, the names are a tuple.
    return any(rest & {*one} if isinstance(one, tuple) else one in rest for one in loaded)


def _never_arrives(subject: str, option: str, where: str) -> Finding:
    return Finding(
        "error",
        "option-never-arrives",
        subject,
        f"The option {option!r} of {where} is one that the store takes for itself: nobody can pass "
        "it on.",
        "Give it another name.",
    )
