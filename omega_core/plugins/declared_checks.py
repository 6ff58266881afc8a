"""What is wrong with what a plugin declares: kinds, claims, classes, schemes, engines, settings."""

from __future__ import annotations

import dataclasses
import difflib
import dis
import importlib
import importlib.util
import inspect
import re
import sys
import typing
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..backends.base import BaseDataBackend, BaseJobBackend, BaseModelBackend
from ..config.schema import holds_secret, unsupported
from ..errors import PluginContractError, PluginLoadError, suggestion
from ..secret import Secret
from .backend_contract import check_backend, signature_of
from .binding import Hooks
from .builtin import builtin_specs
from .discovery import Plugin
from .factories import imported, named
from .findings import Finding
from .registry import Plugins, implementations
from .remedies import LIBRARIES, PACKAGES
from .sources import returns_something
from .spec import BackendSpec

Doing = Callable[[str], None]

_KIND = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\Z")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_OWN = frozenset({"python", "uri"})
_SECRETS = re.compile(
    r"(?:\A|_)(?:password|passwd|passphrase|secret|token|credentials?|"
    r"(?:api|access|private|secret|account)_?key)\Z"
)
_MARK = "a value that nobody may see"

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


def check_declared(
    plugins: Plugins, plugin: Plugin, hooks: Hooks, doing: Doing, *, claims: bool
) -> Iterator[Finding]:
    """Yield what is wrong with the declarations of one plugin; imports all that they name.

    Parameters
    ----------
    plugins
        In which this plugin is loaded.
    doing
        Told what is about to be imported, as that may end the process.
    claims
        Whether the modules of the claimed classes are imported as well.
    """
    declared = implementations(plugins.manager, hooks)
    yield from _settings(declared.get("settings"), plugin)
    if plugin.error is not None:
        return
    settings = _marked_settings(plugins.settings(plugin.id))
    others = {other.id for other in plugins} - {plugin.id}
    for spec in plugin.specs:
        yield from _kind(spec, plugin, others)
        if claims:
            yield from _claims(spec, doing)
    for spec in plugin.specs:
        yield from _backend(spec, plugin, settings, doing)
    for what, offered, check in (
        ("scheme", plugins.filesystems, _filesystem),
        ("engine", plugins.engines, _engine),
        ("file format", plugins.file_formats, _file_format),
    ):
        for key, (owner, factory) in offered.items():
            if owner is plugin:
                subject = f"{what} {key!r}"
                found, made = yield from _resolved(subject, plugin, factory, doing)
                if found:
                    yield from check(key, subject, made)


# --- kinds and claims ----------------------------------------------------------------------------


def _kind(spec: BackendSpec, plugin: Plugin, others: Iterable[str]) -> Iterator[Finding]:
    subject, first = f"kind {spec.kind!r}", spec.kind.partition(".")[0]
    own = plugin.id.replace("-", "_")
    better = f"{plugin.id}.{spec.kind.rpartition('.')[2]}"
    owners = (_OWN | PACKAGES.keys() | set(others)) - {plugin.id}
    if first.replace("-", "_") != own and first in owners:
        owner = "the core" if first in _OWN else f"the plugin {first!r}"
        yield Finding(
            "error",
            "foreign-kind",
            subject,
            f"Kinds that begin with {first!r} belong to {owner}: who lacks this plugin is told to "
            "look for it there.",
            f"Rename it before anybody stores something: {better!r}.",
        )
    elif first.replace("-", "_") != own and LIBRARIES.get(first) != plugin.id:
        yield Finding(
            "warning",
            "kind-without-prefix",
            subject,
            f"It does not begin with the id of the plugin, {plugin.id!r}: another plugin may take "
            "it as well, and who lacks this one is not told which is missing.",
            f"Rename it before anybody stores something: {better!r}.",
        )
    elif not _KIND.match(spec.kind):
        yield Finding(
            "warning",
            "odd-kind",
            subject,
            "A kind is words of small letters, with dots between them; it is typed by people.",
            f"Rename it before anybody stores something: {better.lower().replace(' ', '_')!r}.",
        )


def _claims(spec: BackendSpec, doing: Doing) -> Iterator[Finding]:
    for claim in (*(spec.types or ()), *spec.job_types):
        module, _, path = str(claim).partition(":")
        doing(f"import {module!r}, of the claim {claim!r}")
        yield from _claim(spec, str(claim), module, path)


def _claim(spec: BackendSpec, claim: str, module: str, path: str) -> Iterator[Finding]:
    subject = f"kind {spec.kind!r}, claim {claim!r}"
    try:
        target: Any = importlib.import_module(module)
    except ModuleNotFoundError as exc:
        top = module.partition(".")[0]
        if exc.name == top:
            near = difflib.get_close_matches(top, _importable(), n=1, cutoff=0.75)
            yield Finding(
                "error" if near else "warning",
                "claim-unknown",
                subject,
                f"There is no module {top!r} here, so that it cannot be seen whether anything ever "
                f"has this type.{f' Did you mean {near[0]!r}?' if near else ''}",
                "Correct it, or check again where the library is installed.",
            )
            return
        yield _unresolved(subject, f"{type(exc).__name__}: {exc}")
        return
    except (Exception, SystemExit) as exc:
        yield _unresolved(subject, f"{type(exc).__name__}: {exc}")
        return
    for name in path.split("."):
        known = dir(target)
        try:
            target = getattr(target, name)
        except AttributeError:
            yield _unresolved(subject, f"it has no {name!r}.{suggestion(name, known)}")
            return
    if not isinstance(target, type):
        yield _unresolved(subject, f"that is no class, but a {type(target).__name__}")
    elif inspect.isabstract(target) and target.__module__.startswith(("collections", "typing")):
        yield Finding(
            "warning",
            "claim-abstract",
            subject,
            "It is an abstract class: a claim covers what derives from it, and not what merely has "
            "its methods.",
            "Claim the classes themselves, or types=() with a supports() of your own.",
        )


def _unresolved(subject: str, why: str) -> Finding:
    return Finding(
        "error",
        "claim-unresolved",
        subject,
        f"No object has this type: {why}",
        "A claim is 'module:Class', as the class can be imported.",
    )


def _importable() -> set[str]:
    import importlib_metadata

    return {*importlib_metadata.packages_distributions(), *sys.stdlib_module_names}


def _too_wide(spec: BackendSpec, cls: type[BaseDataBackend]) -> Iterator[Finding]:
    if spec.types is None or cls.supports is not BaseDataBackend.supports:
        return  # chosen by name, or it looks at the object
    core = {claim for own in builtin_specs() for claim in own.types or ()}
    if not spec.types:
        yield Finding(
            "error",
            "claims-everything",
            f"kind {spec.kind!r}",
            "It claims no type, and so is asked about every object; it has no supports(), and so "
            "takes them all.",
            "Give it types=['module:Class'], or a supports() of its own; types=None is chosen by "
            "kind= alone.",
        )
    for claim in spec.types:
        if claim == "builtins:object":
            yield Finding(
                "error",
                "claims-everything",
                f"kind {spec.kind!r}, claim {claim!r}",
                "Everything is an object: it takes whatever nobody else claims.",
                "Claim the classes that it stores.",
            )
        elif claim in core or claim in ("pathlib:PurePath", "io:IOBase"):
            yield Finding(
                "error",
                "claims-plain-types",
                f"kind {spec.kind!r}, claim {claim!r}",
                "The core stores these: with this plugin, all of them go to it.",
                "Claim a class of your own, or let supports() choose; types=None is chosen by "
                "kind= alone.",
            )


# --- backends ------------------------------------------------------------------------------------


def _resolved(
    subject: str, plugin: Plugin, factory: Any, doing: Doing
) -> Generator[Finding, None, tuple[bool, Any]]:
    """Yield what keeps a factory from being imported; return whether it was, and what it is."""
    doing(
        f"import {named(factory) if isinstance(factory, str | type) else factory!r}, of {subject}"
    )
    try:
        return True, imported(factory, str(plugin))
    except PluginLoadError as exc:
        yield Finding("error", "unresolved-factory", subject, str(exc))
    except SystemExit as exc:
        told = f"The import of {factory!r} exits, with {exc.code!r}."
        yield Finding("error", "unresolved-factory", subject, told)
    return False, None


def _backend(spec: BackendSpec, plugin: Plugin, settings: Any, doing: Doing) -> Iterator[Finding]:
    subject = f"kind {spec.kind!r}"
    found, cls = yield from _resolved(subject, plugin, spec.factory, doing)
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
    yield from _too_wide(spec, cls)
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
    yield from _shown(subject, cls, settings)


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


# --- schemes, engines, file formats --------------------------------------------------------------


def _filesystem(scheme: str, subject: str, made: Any) -> Iterator[Finding]:
    if not _SCHEME.match(scheme):
        yield Finding(
            "error",
            "odd-scheme",
            subject,
            "No URI has such a scheme: small letters and digits, and a letter first.",
            "Rename it; '://' is no part of it.",
        )
    yield from _takes_one(subject, made, "the settings of the plugin")
    if isinstance(made, type):
        yield from _lacks(subject, made, {"open": 1, "info": 1, "rm_file": 1})


def _engine(name: str, subject: str, made: Any) -> Iterator[Finding]:
    yield from _takes_one(subject, made, "the Omega")
    if isinstance(made, type):
        yield from _lacks(subject, made, {"submit": 1, "close": 0})


def _file_format(suffix: str, subject: str, made: Any) -> Iterator[Finding]:
    yield from _takes_one(subject, made, "the Omega")
    if isinstance(made, type):
        yield from _lacks(subject, made, {"read": 1, "write": 2})


def _takes_one(subject: str, made: Any, what: str) -> Iterator[Finding]:
    if not callable(made):
        told = f"What it names is no class and no function, but a {type(made).__name__}."
        yield Finding("error", "unresolved-factory", subject, told, f"Name what takes {what}.")
        return
    with suppress(ValueError):  # of some builtin classes, Python knows no signature
        try:
            inspect.signature(made).bind(object())
        except TypeError as exc:
            told = f"It cannot be called with {what}: {exc}."
            yield Finding("error", "signature", subject, told, f"Let it take {what}.")


def _lacks(subject: str, cls: type, needed: Mapping[str, int]) -> Iterator[Finding]:
    for name, count in needed.items():
        if not callable(getattr(cls, name, None)):
            near = suggestion(name, [n for n in dir(cls) if not n.startswith("_")])
            told = f"{cls.__name__} has no {name}().{near}"
            yield Finding("error", "missing-method", subject, told, f"Write {name}().")
            continue
        signature = signature_of(cls, name)
        try:
            if signature is not None:
                signature.bind(*range(count))
        except TypeError as exc:
            told = f"{cls.__name__}.{name}{signature} cannot be called as the core does: {exc}."
            yield Finding("error", "signature", subject, told, f"It is called with {count}.")


# --- settings ------------------------------------------------------------------------------------


def _settings(declared: Callable[[], Any] | None, plugin: Plugin) -> Iterator[Finding]:
    if declared is None:
        return
    try:
        schema = declared()
        unknown = unsupported(schema) if schema is not None else {}
    except Exception:
        return  # the core said so when it was loaded
    if schema is None:
        return
    name = schema.__name__
    if not schema.__dataclass_params__.frozen:
        yield Finding(
            "error",
            "settings-not-frozen",
            f"settings {name}",
            "All threads share one instance of it, and anybody could change it.",
            "@dataclass(frozen=True, kw_only=True)",
        )
    hints = typing.get_type_hints(schema, include_extras=True)
    for field in dataclasses.fields(schema):
        subject, hint = f"settings {name}.{field.name}", hints[field.name]
        if field.name in unknown:
            yield Finding(
                "error",
                "setting-type",
                subject,
                f"No setting has the type {_type(hint)}: whoever sets it gets an error.",
                "str, int, float, bool, Secret, Literal[...], tuple[X, ...], Mapping[str, X], or "
                "X | None",
            )
        if field.default is field.default_factory is dataclasses.MISSING:
            yield Finding(
                "error",
                "setting-required",
                subject,
                "It has no default: where nobody configures it, the plugin does not load at all.",
                "Give it a default, None at need, and say what is missing where it is used.",
            )
        if _SECRETS.search(field.name) and str in _alternatives(hint) and not holds_secret(hint):
            yield Finding(
                "error",
                "plain-secret",
                subject,
                "A secret as str is shown by repr(), in logs and in error messages.",
                f"{field.name}: omega_core.Secret | None = None",
            )
        if not field.kw_only:
            yield Finding(
                "warning",
                "settings-positional",
                f"settings {name}",
                "Its fields can be given by their place, so that their order can never change.",
                "@dataclass(frozen=True, kw_only=True)",
            )


def _type(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _alternatives(hint: Any) -> set[Any]:
    return {hint, *typing.get_args(hint)}


def _marked_settings(settings: Any) -> Any:
    """Return settings whose secrets are all one that can be recognised."""
    if settings is None:
        return None
    hints = typing.get_type_hints(type(settings))
    secret = {
        field.name: Secret(_MARK, key=field.name)
        for field in dataclasses.fields(settings)
        if field.init and Secret in _alternatives(hints[field.name])
    }
    with suppress(Exception):
        return dataclasses.replace(settings, **secret)
    return settings


def _shown(subject: str, cls: type[BaseDataBackend], settings: Any) -> Iterator[Finding]:
    """Look whether a secret is in what is printed of the settings, or of the backend."""
    if settings is None:
        return
    made: list[tuple[str, Any]] = [(f"settings {type(settings).__name__}", settings)]
    with suppress(Exception):
        backend = cls(data_store=None, model_store=None)  # type: ignore[arg-type]
        backend.settings = settings
        made.append((f"{subject}, {cls.__name__}", backend))
    for what, one in made:
        with suppress(Exception):
            if _MARK in repr(one) + str(one):
                yield Finding(
                    "error",
                    "secret-shown",
                    what,
                    "Its repr() shows a secret in plain text.",
                    "Show the Secret itself, which is printed as ***, and never its value.",
                )
