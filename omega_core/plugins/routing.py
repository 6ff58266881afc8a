"""From an object to its kind, from a kind to its backend, and the call in between."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from ..backends.base import BaseDataBackend
from ..backends.store import Store
from ..errors import (
    AmbiguousBackendError,
    NoBackendError,
    PluginConflictError,
    PluginContractError,
    UnsupportedOptionError,
    suggestion,
)
from ..former_names import former_option
from ..protocol.naming import JOBS
from .adapters import Adapter, Retirement
from .backend_contract import check_backend
from .factories import imported
from .model_cache import ModelCache
from .registry import Plugins
from .remedies import LIBRARIES
from .spec import BackendSpec
from .wrapping import CALL, Call

if TYPE_CHECKING:
    from ..protocol.metadata import Metadata


@dataclass(frozen=True)
class Candidate:
    """One backend that was considered for an object, and what became of it."""

    spec: BackendSpec
    claim: str | None
    distance: int
    verdict: str

    def __str__(self) -> str:
        claim = f"claims {self.claim}" if self.claim else "claims no type"
        return f"{self.spec.kind} ({self.spec.plugin} {self.spec.version}; {claim}): {self.verdict}"


@dataclass(frozen=True)
class Route:
    """Who stores an object, or why nobody does."""

    chosen: BackendSpec | None
    candidates: tuple[Candidate, ...]
    error: NoBackendError | AmbiguousBackendError | None = None

    def __str__(self) -> str:
        head = f"-> {self.chosen.kind}" if self.chosen else f"-> {self.error}"
        return "\n".join([head, *(f"   {candidate}" for candidate in self.candidates)])


class Router:
    """Chooses exactly one backend for each call, and calls it with every wrapper around it."""

    def __init__(self, plugins: Plugins, cache: int = 0) -> None:
        self.plugins = plugins
        self.models = ModelCache(cache)
        self._adapters: dict[str | type, Adapter] = {}
        self._callers: dict[tuple[Adapter, str], Callable[..., Any]] = {}
        self._retirement = Retirement()
        plugins.manager.register(self._retirement, name="omega_core:retirement")

    # --- kind -> backend ---------------------------------------------------------------------

    def register(self, spec: BackendSpec) -> None:
        """Add a backend at run time; see `Plugins.register`."""
        with self.plugins.lock:
            replaced = self.plugins.register(spec)
            adapter = self._adapters.pop(replaced.factory, None) if replaced is not None else None
            if adapter is not None:
                # With its instances, and whatever they had opened.
                self.plugins.manager.unregister(adapter)
                self._callers = {}

    def spec(self, kind: str, *, writer: Mapping[str, Any] | None = None) -> BackendSpec:
        """Return who stores a kind; see `Plugins.spec`."""
        return self.plugins.spec(kind, writer=writer)

    def adapter(self, spec: BackendSpec) -> Adapter:
        """Return the activated backend of a kind, importing its class at the first use."""
        adapter = self._adapters.get(spec.factory)
        if adapter is not None:
            return adapter
        with self.plugins.lock:
            if spec.factory not in self._adapters:
                owner = f"The backend of kind {spec.kind!r} ({spec.plugin} {spec.version})"
                cls = imported(spec.factory, owner)
                if not (isinstance(cls, type) and issubclass(cls, BaseDataBackend)):
                    raise PluginContractError(
                        f"{owner}: {spec.factory!r} is not a subclass of BaseDataBackend or "
                        "BaseModelBackend."
                    )
                check_backend(cls, owner)
                settings = self.plugins.settings(spec.plugin)
                adapter = Adapter(spec, cls, settings, self.models)
                self.plugins.manager.register(adapter, name=f"omega_core:{spec.factory}")
                # Callers leave out the adapters that they know; this one is new to them.
                self._callers = {}
                self._adapters[spec.factory] = adapter
            return self._adapters[spec.factory]

    def call(self, hook: str, adapter: Adapter | None, **arguments: Any) -> Any:
        """Call a routed hook on one backend (None: the core itself answers) and all wrappers.

        Raises
        ------
        PluginContractError
            Where a wrapper lost what the backend returned or raised.
        """
        call = Call(hook, self._retirement if adapter is None else adapter)
        caller = self._caller(hook, adapter)
        token = CALL.set(call)
        try:
            result = caller(**arguments)
        except RuntimeError as exc:
            # pluggy has no class for it.
            if str(exc).startswith("wrap_controller at "):
                raise self._out_of_step(hook, exc, arguments) from exc
            raise
        finally:
            CALL.reset(token)
        if not call.answered:
            raise PluginConflictError(
                f"{hook} of {_named(arguments)!r}: its backend was registered anew meanwhile, and "
                "the one before it is gone. Repeat it."
            )
        if result is None and (call.answer is not None or call.error is not None):
            raise self._lost(hook, call, arguments) from call.error
        return result

    def _caller(self, hook: str, adapter: Adapter | None) -> Callable[..., Any]:
        if adapter is None:
            return cast(Callable[..., Any], getattr(self.plugins.manager.hook, hook))
        caller = self._callers.get((adapter, hook))
        if caller is None:
            with self.plugins.lock:
                others = [other for other in self._adapters.values() if other is not adapter]
                caller = self.plugins.manager.subset_hook_caller(hook, others)
                self._callers[adapter, hook] = caller
        return caller

    def _lost(self, hook: str, call: Call, arguments: Mapping[str, Any]) -> PluginContractError:
        name = _named(arguments)
        wrappers = ", ".join(str(plugin) for plugin in self.plugins if hook in plugin.wraps)
        if call.error is not None:
            return PluginContractError(
                f"{hook} of {name!r} failed ({type(call.error).__name__}: {call.error}), and a "
                f"wrapper swallowed that and returned None. Wrappers of {hook!r}: {wrappers}. "
                "After an except around its yield, a wrapper must raise."
            )
        return PluginContractError(
            f"{hook} of {name!r} was done, and a wrapper lost its result: the backend returned "
            f"{_type_name(call.answer)}, and None came out. Wrappers of {hook!r}: {wrappers}. "
            "A wrapper must end with 'return result', where 'result = yield'."
        )

    def _out_of_step(
        self, hook: str, error: RuntimeError, arguments: Mapping[str, Any]
    ) -> PluginContractError:
        wrappers = ", ".join(str(plugin) for plugin in self.plugins if hook in plugin.wraps)
        done = str(error).rpartition(" ")[2] == "yield" and "second" in str(error)
        return PluginContractError(
            f"{hook} of {_named(arguments)!r}: a wrapper {'yields twice' if done else 'did not'} "
            f"{'' if done else 'yield '}({error}). Wrappers of {hook!r}: {wrappers}. A wrapper "
            "yields once, whatever it does before and after; to forbid the call, it raises."
        )

    # --- object -> kind ----------------------------------------------------------------------

    def route(
        self,
        obj: Any,
        name: str,
        store: Store,
        meta: Metadata | None,
        options: Mapping[str, Any],
    ) -> Route:
        """Find the kind for an object: the most derived claim, the priority, and `supports`."""
        candidates: list[Candidate] = []
        claims = self._claims(obj, jobs=store.prefix == JOBS)
        ranked = sorted(claims, key=lambda c: (c[1], -c[0].priority))
        best: tuple[int, int] | None = None
        accepted: list[BackendSpec] = []
        for spec, distance, claim in ranked:
            rank = (distance, -spec.priority)
            if best is not None and rank > best:
                candidates.append(Candidate(spec, claim, distance, "another one is closer"))
                continue
            adapter = self.adapter(spec)
            yes = self.call(
                "supports", adapter, store=store, meta=meta, obj=obj, name=name, options=options
            )
            candidates.append(
                Candidate(spec, claim, distance, "supports it" if yes else "does not support it")
            )
            if yes:
                best = rank
                accepted.append(spec)
        if len(accepted) == 1:
            return Route(accepted[0], tuple(candidates))
        if accepted:
            return Route(None, tuple(candidates), self._ambiguous(obj, name, accepted))
        return Route(None, tuple(candidates), self._nobody(obj, name, candidates))

    def takes(self, kind: str, obj: Any) -> bool:
        """Return whether a kind may store an object: it claims the type, or is chosen by name."""
        spec = self.spec(kind)
        return spec.types is None or any(claimant is spec for claimant, *_ in self._claims(obj))

    def _claims(self, obj: Any, *, jobs: bool = False) -> list[tuple[BackendSpec, int, str | None]]:
        """Return who may be asked, with the distance of its claim in the class hierarchy."""
        mro = type(obj).__mro__
        modules = sys.modules
        claims: list[tuple[BackendSpec, int, str | None]] = []
        for spec in list(self.plugins.specs.values()):
            if not spec.types:
                if spec.types is not None:
                    # Asked like one that claims the very class: its `supports` is its claim.
                    claims.append((spec, 0, None))
                continue
            closest, closest_claim = len(mro), None
            for claim in (*spec.types, *spec.job_types) if jobs else spec.types:
                module, path = _parsed(claim)
                # Of a module that nobody imported, there are no objects.
                target: Any = modules.get(module)
                if target is None:
                    continue
                for name in path:
                    target = getattr(target, name, None)
                if target in mro and mro.index(target) < closest:
                    closest, closest_claim = mro.index(target), claim
            if closest_claim is not None:
                claims.append((spec, closest, closest_claim))
        return claims

    def _ambiguous(self, obj: Any, name: str, specs: list[BackendSpec]) -> AmbiguousBackendError:
        takers = ", ".join(f"{s.kind!r} ({s.plugin} {s.version})" for s in specs)
        return AmbiguousBackendError(
            f"{name!r}, a {_type_name(obj)}, is taken with equal right by {takers}. "
            f"Say which when you put it: kind={specs[0].kind!r}."
        )

    def _nobody(self, obj: Any, name: str, candidates: list[Candidate]) -> NoBackendError:
        text = f"No enabled backend stores {name!r}, a {_type_name(obj)}. Nothing was stored."
        if candidates:
            asked = "; ".join(str(candidate) for candidate in candidates)
            text += f" Asked: {asked}."
        libraries = [cls.__module__.partition(".")[0] for cls in type(obj).__mro__]
        ids = [LIBRARIES[library] for library in libraries if library in LIBRARIES]
        if ids and not any(candidate.claim for candidate in candidates):
            text += self.plugins.missing(ids[0])
        elif not candidates:
            text += (
                " Convert it to something that a kind stores"
                f" ({', '.join(self.plugins.kinds)}), or install a plugin for it."
            )
        text += self.plugins.not_working()
        disabled = [plugin.id for plugin in self.plugins if plugin.state == "disabled"]
        if disabled and not candidates:
            text += f" Disabled, and so not asked: {', '.join(disabled)}."
        return NoBackendError(text)

    # --- options -----------------------------------------------------------------------------

    def options(self, spec: BackendSpec, method: str) -> frozenset[str]:
        """Return the options that a backend understands in its ``put`` or ``get``."""
        cls: type = self.adapter(spec).cls
        return _named_options(cls, method) | frozenset(spec.options or ())

    def check_options(
        self, spec: BackendSpec, method: str, name: str, options: Mapping[str, Any]
    ) -> None:
        """Refuse an option that the backend's method would not look at.

        Raises
        ------
        UnsupportedOptionError
            Names the option, the kind, and the closest option that there is.
        """
        if not options:
            return
        known = self.options(spec, method)
        for option in options:
            if option not in known:
                offered = ", ".join(sorted(known)) or "none"
                raise UnsupportedOptionError(
                    f"{method} of {name!r}: the kind {spec.kind!r} has no option {option!r}."
                    f"{suggestion(option, known)} Its options: {offered}."
                    f"{former_option(method, option)} Nothing was done."
                )


def _named(arguments: Mapping[str, Any]) -> str:
    """Return the name of the object that a call of a routed hook is about."""
    return str(next(arguments[key] for key in ("name", "modelname", "jobname") if key in arguments))


@cache
def _named_options(cls: type, method: str) -> frozenset[str]:
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(getattr(cls, method)).parameters.values()
    contract = {"self", "obj", "name", "attributes"}
    return frozenset(p.name for p in parameters if p.kind in named and p.name not in contract)


@cache
def _parsed(claim: str) -> tuple[str, tuple[str, ...]]:
    module, _, path = claim.partition(":")
    return module, tuple(path.split("."))


def _type_name(obj: Any) -> str:
    cls = type(obj)
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )
