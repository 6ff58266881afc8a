"""A model and its data in an empty store, as the tests of model backends let it act."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from ..backends.actions import Action
from ..errors import PluginContractError
from ..plugins.marker import hookimpl
from ..protocol.metadata import Metadata
from ..store import OmegaStore
from .backends import BackendTests
from .promises import Words, holds, there


class ActingTests(BackendTests):
    """Tests that let models act.

    Attributes
    ----------
    action_options
        Options that an action needs: ``{"partial_fit": {"classes": [0, 1]}}``.
    """

    action_options: ClassVar[dict[str, dict[str, Any]]] = {}


class Stage:
    """A model and its data, put into an empty store, and what can be done with them."""

    def __init__(self, store: OmegaStore, model: Any, X: Any, Y: Any, tests: ActingTests) -> None:
        self.store, self.datasets = store, store.omega.datasets
        self._model, self._tests = model, tests
        self.given = {"X": X} if Y is None else {"X": X, "Y": Y}
        for letter, value in self.given.items():
            self.datasets.put(value, letter)
        kind = self.put("m").kind
        spec = store.omega.plugins.specs[kind]
        self.cls: type[Any] = store.omega.router.adapter(spec).cls
        self.by_name = bool(self.cls.columns_by_name)

    def put(self, name: str, store: OmegaStore | None = None) -> Metadata:
        """Put the model as it is before any fit."""
        return self._tests._put(self.store if store is None else store, self._model, name)

    def meta(self, name: str = "m", store: OmegaStore | None = None) -> Metadata:
        """Return the metadata of an object that is there."""
        found = (self.store if store is None else store).metadata(name)
        return there(f"there is an object {name!r}", found)

    def version(self) -> int:
        return self.meta().version or 0

    def everything(self) -> dict[str, Any]:
        """Return the revision of every model and dataset."""
        stores = (self.store, self.datasets)
        metas = [meta for store in stores for meta in store.list(hidden=True, raw=True)]
        return {f"{meta.prefix}{meta.name}": (meta.version, meta.rev) for meta in metas}

    def letters(self, action: Action) -> list[str]:
        """Return which of X and Y the action is given."""
        return [letter for letter in self.given if f"{letter}name" in action.parameters]

    def perform(self, name: str, store: OmegaStore | None = None, **arguments: Any) -> Any:
        """Let the model ``m`` act on its data."""
        # Not ``store or``: an empty store is false.
        store = self.store if store is None else store
        action = store.actions(arguments.get("model", "m"))[name]
        data = dict.fromkeys(("X", "Y")) | {letter: letter for letter in self.letters(action)}
        taken = {**data, **self._tests.action_options.get(name, {}), **arguments}
        model = taken.pop("model", "m")
        try:
            return store.perform(name, model, **taken)
        except PluginContractError as exc:
            pytest.fail(f"The promise of {name!r} is broken: {exc}")

    def outcome(self, name: str, model: str) -> Any:
        """Return the answer of a model, or the class of the error."""
        try:
            return self.perform(name, model=model)
        except Exception as exc:
            return type(exc)

    def fit(self, name: str = "m", store: OmegaStore | None = None) -> None:
        """Fit a model by the first action that fits."""
        action = next(iter(self._fits(self.store.actions("m"))), None)
        if action is not None:
            self.perform(action.name, store, model=name)

    def fitting(self) -> list[Action]:
        """Return the actions that fit, and that this very model offers."""
        return [*filter(self._is_offered, self._fits(self.store.actions("m")))]

    def asking(self) -> list[Action]:
        """Fit the model, and return the actions that ask it, and that it offers."""
        self.fit()
        asked = [act for act in self.store.actions("m").values() if act.fits is None]
        return [*filter(self._is_offered, asked)]

    def _fits(self, offered: dict[str, Action]) -> list[Action]:
        return [action for action in offered.values() if action.fits is not None]

    def _is_offered(self, action: Action) -> bool:
        """Return whether this model, of all that the kind stores, offers an action."""
        try:
            self.perform(action.name)
        except NotImplementedError:
            return False
        return True

    @contextmanager
    def interrupted(self, meanwhile: Callable[[], object]) -> Iterator[None]:
        """Let something happen in another thread when X is read for the first time."""
        other = threading.Thread(target=meanwhile)

        class Meanwhile:
            @hookimpl(wrapper=True)
            def get(self, store: OmegaStore, name: str) -> Generator[None, Any, Any]:
                if name == "X" and store.prefix == "data/" and other.ident is None:
                    other.start()
                    other.join()
                return (yield)

        manager = self.store.omega.plugins.manager
        plugin = Meanwhile()
        manager.register(plugin)
        try:
            yield
        finally:
            manager.unregister(plugin)
        holds(
            "what fits reads X", other.ident is not None, expected="a get of X", got=Words("none")
        )
