"""A broken plugin, what is wrong with it, and who catches it: the rows of a table."""

from __future__ import annotations

import itertools
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from omega_core import BackendSpec, Omega
from omega_core.errors import OmegaError
from omega_core.plugins.examination import examine

Catcher = Literal["load", "use", "check", "kit"]

_numbers = itertools.count()


@dataclass
class Bench:
    """What it takes to run into a mistake: plugins to install, and an `Omega` for them."""

    install: Callable[..., str]
    make_omega: Callable[..., Omega]
    site: Path
    tmp_path: Path
    monkeypatch: pytest.MonkeyPatch

    def installed(self, source: str | None, id: str = "acme", **details: Any) -> str:
        """Install a plugin in a module that no other test has imported."""
        details.setdefault("module", f"acme_{next(_numbers)}")
        return self.install(id, None if source is None else textwrap.dedent(source), **details)

    def omega(self, *ids: str, **sections: Any) -> Omega:
        plugins = {"enabled": list(ids or ["acme"]), **sections.pop("plugins", {})}
        return self.make_omega(plugins=plugins, **sections)

    def store(self, backend: type, kind: str, types: Any = None, **sections: Any) -> Any:
        """Register a backend, and return the store of its objects."""
        uris = {"allow": [self.tmp_path.as_uri() + "/"]}
        om = self.make_omega(plugins={"enabled": []}, uris=uris, **sections)
        spec = BackendSpec(kind, backend, types=types)
        om.datasets.register_backend(spec)
        return om.datasets.stores[om.router.adapter(om.plugins.spec(kind)).home]


@dataclass(frozen=True)
class Broken:
    """One broken plugin.

    Attributes
    ----------
    id
        What the test is called.
    mistake
        What its author did, for the page.
    caught
        Who is the first to catch it.
    by
        What catches it: the class of an error or of a finding, or a test of the kit.
    says
        A piece of its words.
    catch
        Runs into the mistake, and returns all that is said.
    """

    id: str
    mistake: str
    caught: Catcher
    by: str
    says: str
    catch: Callable[[Bench], str] = field(repr=False)


def told(error: BaseException) -> str:
    return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])


# --- at load -------------------------------------------------------------------------------------


def at_load(
    id: str, mistake: str, source: str | None, by: str, says: str, **details: Any
) -> Broken:
    """Of a plugin that the core warns of when it loads it."""
    files = details.pop("files", {})
    others = details.pop("others", {})
    again = details.pop("again", None)

    def catch(bench: Bench) -> str:
        for path, text in files.items():
            (bench.site / path).parent.mkdir(exist_ok=True)
            (bench.site / path).write_text(textwrap.dedent(text), encoding="utf-8")
        bench.installed(source, **details)
        for other, text in others.items():
            bench.installed(text, other)
        if again is not None:
            bench.installed(source, distribution=again)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                plugins = bench.omega("acme", *others).plugins
                plugin = plugins["acme"]
            except OmegaError as exc:
                return told(exc)
            if plugins[[*others, "acme"][0]].error is not None:
                plugin = plugins[[*others, "acme"][0]]
        # It is told, and not merely noted.
        text = "\n".join(f"{each.category.__name__}: {each.message}" for each in heard)
        return text if plugin.error is None else f"{type(plugin.error).__name__}: {text}"

    return Broken(id, mistake, "load", by, says, catch)


# --- at use --------------------------------------------------------------------------------------


def at_use(
    id: str,
    mistake: str,
    backend: type,
    by: str,
    says: str,
    *,
    act: Callable[[Any], Any],
    kind: str | None = None,
    types: Any = None,
) -> Broken:
    """Of a backend that the core refuses when it is used."""

    def catch(bench: Bench) -> str:
        try:
            act(bench.store(backend, kind or getattr(backend, "KIND", ""), types))
        except Exception as exc:
            return told(exc)
        return "nothing"

    return Broken(id, mistake, "use", by, says, catch)


def in_use(
    id: str,
    mistake: str,
    source: str,
    by: str,
    says: str,
    *,
    act: Callable[[Omega, str], Any],
    **details: Any,
) -> Broken:
    """Of an installed plugin that loads, and that the core refuses when it is used."""

    def catch(bench: Bench) -> str:
        module = bench.installed(source, **details)
        om = bench.omega()
        assert om.plugins["acme"].error is None
        try:
            act(om, module)
        except Exception as exc:
            return told(exc)
        return "nothing"

    return Broken(id, mistake, "use", by, says, catch)


# --- by omega plugins check ----------------------------------------------------------------------


def at_check(
    id: str, mistake: str, source: str, by: str, says: str, *, seconds: float = 60.0, **details: Any
) -> Broken:
    """Of a plugin that `omega plugins check` finds something in."""

    def catch(bench: Bench) -> str:
        bench.installed(source, **details)
        found = examine("acme", seconds=seconds)
        return "\n".join(f"{f.code}: {f.subject}: {f.message} {f.remedy}" for f in found)

    return Broken(id, mistake, "check", by, says, catch)


# --- by the kit ----------------------------------------------------------------------------------


def in_kit(id: str, mistake: str, by: str, says: str, run: Callable[[Bench], Any]) -> Broken:
    """Of a plugin that a test of the kit fails for."""

    def catch(bench: Bench) -> str:
        try:
            run(bench)
        except (Exception, pytest.fail.Exception) as exc:
            return told(exc)
        return "nothing"

    return Broken(id, mistake, "kit", by, says, catch)
