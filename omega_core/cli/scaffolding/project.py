"""The files of a new plugin, written all together or not at all."""

from __future__ import annotations

import datetime as dt
import inspect
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import OmegaError
from ...plugins.discovery import bounds
from ...plugins.hookspecs import ROUTED, Operations
from .imports import sorted_imports
from .library import Library, looked_up
from .plan import Plan, camel
from .templates import rendered


@dataclass(frozen=True)
class Project:
    """A plugin that was written.

    Attributes
    ----------
    files
        Their paths, below the directory.
    library
        That of the class that it stores, if it is not the plugin's own.
    """

    plan: Plan
    directory: Path
    files: tuple[str, ...]
    library: Library | None = None


def write(plan: Plan, parent: Path) -> Project:
    """Write the files of a plugin into a new directory below ``parent``, named for it.

    Raises
    ------
    ImpossiblePluginError
        The library of its class has no such class.
    OmegaError
        There is something of this name already, or no ``parent``; nothing was written.
    """
    directory = parent / plan.distribution
    if not parent.is_dir():
        raise OmegaError(f"There is no directory {str(parent)!r}. Make it, or name another one.")
    if os.path.lexists(directory):
        raise OmegaError(
            f"{str(directory)!r} is there already, and stays as it is. Give the plugin another "
            "name, or write it elsewhere: --directory"
        )
    library = None if plan.type is None else looked_up(plan.type)
    files = _files(plan, library)
    made = Path(tempfile.mkdtemp(prefix=f".{plan.distribution}-", dir=parent))
    try:
        for name, text in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        made.chmod(0o777 & ~_umask())
        made.rename(directory)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return Project(plan, directory, tuple(sorted(files)), library)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _files(plan: Plan, library: Library | None) -> dict[str, str]:
    flags, names = _flags(plan, library), _names(plan, library)
    parts = ["pyproject.toml", "README.md", "package/__init__.py", "package/configuration.py"]
    parts.append("tests/test_plugin.py")
    for flag, more in _PARTS.items():
        parts += more if flag in flags else ()
    places = {part: part.replace("package/", f"{plan.package}/") for part in parts}
    places |= {"gitignore": ".gitignore", "ci.yml": ".github/workflows/ci.yml"}
    files = {place: rendered(part, flags, names) for part, place in places.items()}
    for place, text in files.items():
        if place.endswith(".py"):
            files[place] = sorted_imports(text, plan.package)
    return {**files, f"{plan.package}/py.typed": ""}


_PARTS = {
    "mit": ("LICENSE",),
    "own": ("package/objects.py",),
    "backend": ("package/format.py", "package/backend.py", "tests/test_backend.py"),
    "engine": ("package/engine.py", "tests/test_engine.py"),
    "scheme": ("package/filesystem.py", "tests/test_filesystem.py"),
    "wrapper": ("package/wrappers.py", "tests/test_wrappers.py"),
}


def _flags(plan: Plan, library: Library | None) -> set[str]:
    backend = plan.kind is not None
    found = {
        "mit": plan.license == "MIT",
        "backend": backend,
        "model": backend and plan.model,
        "data": backend and not plan.model,
        "own": backend and library is None,
        "library": library is not None,
        "required": library is not None and library.requirement != "",
        "opaque": library is not None and not library.plain,
        "engine": plan.engine,
        "scheme": plan.scheme is not None,
        "wrapper": bool(plan.wrappers),
    }
    return {flag for flag, holds in found.items() if holds}


def _names(plan: Plan, library: Library | None) -> dict[str, str]:
    """Return what stands in the places of the templates."""
    cls, settings = plan.cls, f"{camel(plan.id)}Settings"
    claim = plan.type or f"{plan.package}.objects:{cls}"
    wrapped = [hook for hook in ROUTED if hook in plan.wrappers]
    logged = [hook for hook in ("drop", "get", "put") if hook in wrapped]
    untyped = [
        *([library.module] if library is not None else ()),
        *(["fsspec"] if plan.scheme is not None else ()),
    ]
    stores = "models" if plan.model else "datasets"
    article = "An" if cls[0] in "AEIOU" else "A"
    return {
        "article": article,
        "article_": article.lower(),
        "bounds": bounds(),
        "claim": claim,
        "cls": cls,
        "description": _description(plan, library),
        "distribution": plan.distribution,
        "engine": plan.id,
        "engines": _listed([plan.id] if plan.engine else []),
        "exported": _exported([settings, *wrapped], plan),
        "hooks": "".join(map(_wrapper, wrapped)),
        "id": plan.id,
        "kind": plan.kind or "",
        "kinds": _listed([plan.kind] if plan.kind else []),
        "library": library.module if library is not None else "",
        "license": plan.license,
        "logged": "{" + _listed(logged)[1:-1] + "}" if logged else "set()",
        "module": claim.partition(":")[0],
        "noun": cls,
        "package": plan.package,
        "requirement": library.requirement if library is not None else "",
        "scheme": plan.scheme or "",
        "scheme_cls": camel(plan.scheme or ""),
        "schemes": _listed([plan.scheme] if plan.scheme else []),
        "settings": settings,
        "store": "model_store" if plan.model else "data_store",
        "stores": stores,
        "summary": f"{article} {cls}, as a file of JSON{'; fits and predicts' * plan.model}.",
        "type": claim.replace(":", "."),
        "untyped": ", ".join(f'"{top}", "{top}.*"' for top in untyped),
        "wrappers": ", ".join(sorted(wrapped)),
        "wraps": "[\n" + "".join(f'        "{hook}",\n' for hook in wrapped) + "    ]"
        if wrapped
        else "[]",
        "year": str(dt.datetime.now(dt.UTC).year),
    }


def _description(plan: Plan, library: Library | None) -> str:
    parts = []
    if plan.kind is not None:
        of = f" of {library.module}" if library is not None else ""
        parts.append(f"{'models' if plan.model else 'objects'}{of} ({plan.kind})")
    if plan.engine:
        parts.append(f"the engine {plan.id}")
    if plan.scheme is not None:
        parts.append(f"{plan.scheme}: URIs")
    if plan.wrappers:
        parts.append(f"a log of {', '.join(plan.wrappers)}")
    said = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"A plugin for omega_core: {said}."


def _listed(texts: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def _one_a_line(texts: Sequence[str]) -> str:
    """Return a list in a test as formatters leave it, however long it is."""
    return "".join(["[\n", *(f'        "{text}",\n' for text in texts), "    ]"]) if texts else "[]"


def _exported(names: list[str], plan: Plan) -> str:
    hooks = ["settings"]
    hooks += ["backends"] if plan.kind is not None else []
    hooks += ["engines"] if plan.engine else []
    hooks += ["filesystems"] if plan.scheme is not None else []
    # As ruff sorts them: classes first.
    every = sorted({*names, *hooks}, key=lambda name: (name.islower(), name))
    return "".join(f'    "{name}",\n' for name in every)


def _wrapper(hook: str) -> str:
    """Return the function that stands around one operation."""
    known = inspect.signature(getattr(Operations, hook)).parameters
    named = next(name for name in ("name", "modelname", "jobname") if name in known)
    parameters, what = f"store: OmegaStore, {named}: str", f'"{hook}"'
    if hook == "act":
        # The actions that a backend declares itself, whichever they are.
        parameters, what = "store: OmegaStore, action: str, modelname: str", "action"
    return (
        f"\n\n@hookimpl(wrapper=True)\ndef {hook}({parameters}) -> Wrapper:\n"
        f"    return (yield from _timed({what}, store, {named}))\n"
    )
