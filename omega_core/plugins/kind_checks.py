"""What is wrong with kinds, and with the claims on the classes whose objects go to them."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..backends.base import BaseDataBackend
from ..errors import suggestion
from .builtin import builtin_specs
from .discovery import Plugin
from .findings import Finding
from .remedies import LIBRARIES, PACKAGES
from .spec import BackendSpec

Doing = Callable[[str], None]
_KIND = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\Z")
_OWN = frozenset({"python", "uri"})


def check_kind(spec: BackendSpec, plugin: Plugin, others: Iterable[str]) -> Iterator[Finding]:
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


def check_claims(spec: BackendSpec, doing: Doing) -> Iterator[Finding]:
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


def check_width(spec: BackendSpec, cls: type[BaseDataBackend]) -> Iterator[Finding]:
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
