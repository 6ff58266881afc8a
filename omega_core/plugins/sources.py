"""What the source of a plugin says, without running any of it."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .findings import Finding
from .hookspecs import DECLARED, ROUTED

PUBLIC_MODULES = frozenset({"errors", "query", "shapes", "testing", "writing"})
"""The modules of the core that a plugin may import, beside `omega_core` itself."""


def read_sources(target: str) -> Iterator[Finding]:
    """Yield what is wrong with the files of a plugin.

    Parameters
    ----------
    target
        What its entry point names.
    """
    entry = target.partition(":")[0].strip()
    trees = dict(_trees(entry))
    for file, tree in trees.items():
        yield from _private_imports(file, tree)
    if ":" not in target:
        yield from _hooks_elsewhere(entry, trees)


def returns_something(function: Callable[..., Any]) -> bool:
    """Return whether a function can end with a value, by its source; True where there is none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError):
        return True
    [definition, *_] = tree.body
    if not isinstance(definition, ast.FunctionDef):
        return True
    nodes = list(_own(definition))
    returned = [n.value for n in nodes if isinstance(n, ast.Return) and n.value is not None]
    if any(not (isinstance(v, ast.Constant) and v.value is None) for v in returned):
        return True
    # A method that refuses everything ends with no value, and on purpose.
    return isinstance(definition.body[-1], ast.Raise)


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function, but not those of functions inside of it."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(node)


def _trees(entry: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules of the package that an entry point is in, by their dotted names."""
    top = entry.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    files = [(place.parent, file) for place in places for file in sorted(place.rglob("*.py"))]
    if not places and spec.origin:
        files = [(Path(spec.origin).parent, Path(spec.origin))]
    for root, file in files:
        parts = file.relative_to(root).with_suffix("").parts
        if "tests" in parts:
            continue
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue  # whoever imports it says so
        yield ".".join(parts).removesuffix(".__init__"), tree


def _private_imports(module: str, tree: ast.Module) -> Iterator[Finding]:
    # Of the package that this one is in, which stands above it, the list of names alone.
    public = set(sys.modules["omega_core"].__all__)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            # A name of a public module is that module's to keep, unless it is an inner one.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first != "omega_core" or not rest or rest == "*":
                continue
            second, *deeper = rest.split(".")
            if second in public | PUBLIC_MODULES and not any(d.startswith("_") for d in deeper):
                continue
            last = rest.rpartition(".")[2]
            known = f"from omega_core import {last}" if last in public else "omega_core"
            yield Finding(
                "error",
                "private-import",
                f"{module}, line {node.lineno}",
                f"It imports {name!r}, which is private to the core: it moves without notice.",
                f"Import {'it' if last in public else 'public names only'}: {known}"
                if last in public
                else "Import public names only: those of omega_core, and of its modules "
                f"{', '.join(sorted(PUBLIC_MODULES))}.",
            )


def _hooks_elsewhere(entry: str, trees: dict[str, ast.Module]) -> Iterator[Finding]:
    """Yield hooks that are marked where nobody looks for them."""
    here = trees.get(entry)
    if here is None:
        return
    imported = {
        alias.name
        for node in ast.walk(here)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for module, tree in trees.items():
        for node in tree.body:
            if module == entry or not isinstance(node, ast.FunctionDef):
                continue
            if node.name in DECLARED + ROUTED and node.name not in imported and _is_marked(node):
                yield Finding(
                    "error",
                    "misplaced-hook",
                    f"{module}, line {node.lineno}",
                    f"The hook {node.name!r} is marked here, and the entry point names {entry}, "
                    "where hooks are looked for: nobody calls this one.",
                    f"Move it to {entry}, or import it there.",
                )


def _is_marked(function: ast.FunctionDef) -> bool:
    for decorator in function.decorator_list:
        mark = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = mark.attr if isinstance(mark, ast.Attribute) else getattr(mark, "id", None)
        if name == "hookimpl":
            return True
    return False
