"""How a model acts: from its name and those of its data to what its backend makes of them.

Reads top to bottom: find the model, what it can do, what the call may ask of that; then the hook,
and a look at what came of it. What happens in between, the stores tell `Acting`.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from .answers import check_answer
from .backends.actions import Action
from .backends.base import ACTION_TABLE, implements
from .backends.store import Store
from .catalog import Catalog
from .errors import ConflictError, UnsupportedOptionError, suggestion
from .mongo.database import Database, answering
from .operations import Operations
from .plugins.adapters import Adapter
from .plugins.routing import Router
from .plugins.spec import BackendSpec
from .protocol.acting import Acting
from .protocol.metadata import Metadata
from .protocol.naming import DATA, Key, check_name
from .protocol.scope import Scope, acting_in


@dataclass(frozen=True)
class Call:
    """What somebody asks of a model.

    Attributes
    ----------
    given
        The arguments that any action may take, by the names of the contract.
    options
        What is passed on to the backend.
    version, if_rev, rows
        As `OmegaStore.perform` takes them.
    """

    action: str
    name: str
    given: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    version: int | str | None = None
    if_rev: int | None = None
    rows: tuple[int, int] | None = None


class Performing:
    """The actions of the models of one store."""

    def __init__(
        self, store: Store, database: Database, catalog: Catalog, operations: Operations
    ) -> None:
        self._store = store
        self._database = database
        self._catalog = catalog
        self._operations = operations

    def actions(self, name: str) -> dict[str, Action]:
        """Return what the model of this name offers, by the names of its actions.

        Raises
        ------
        ObjectNotFoundError
            There is none.
        """
        spec = self._operations.spec_of(self._catalog.existing(name))
        adapter = self._router.adapter(spec)
        return {n: act for n, act in adapter.actions.items() if implements(adapter.cls, n)}

    def perform(self, call: Call) -> Any:
        """Let a model act, and return what came of it."""
        with answering(self._database):
            meta = self._model(call)
            spec = self._operations.spec_of(meta)
            adapter = self._router.adapter(spec)
            action = self._action(call, adapter)
            arguments = self._arguments(call, action)
            self._operations.check_shape(adapter, meta)
            acting = self._acting(call, action, arguments, meta, adapter)
            scope = self._operations.scope(action.name, adapter, call.name, meta)
            scope.acting = acting
            with self._operations.operating(scope, spec):
                answer = self._answer(scope, spec, action, arguments, call.options)
                check_answer(
                    acting,
                    answer,
                    takes_result="rName" in action.parameters,
                    pure_python=arguments.get("pure_python") is not False,
                )
                return answer

    # --- what is asked -----------------------------------------------------------------------

    @property
    def _router(self) -> Router:
        return self._operations.router

    def _model(self, call: Call) -> Metadata:
        """Return the version that is to act: within another action, the one that acts there."""
        check_name(call.name)
        acting = acting_in(self._database, self._store.bucket)
        key = Key(self._store.bucket, self._store.prefix, call.name)
        found = None if acting is None else acting.pinned(key, call.version)
        return found or self._catalog.existing(call.name, call.version)

    def _action(self, call: Call, adapter: Adapter) -> Action:
        """Return the action, or raise what says why this kind has none of that name."""
        adapter.require_model(call.action, call.name)
        action = adapter.actions.get(call.action)
        if action is None:
            raise UnsupportedOptionError(
                f"Models of kind {adapter.spec.kind!r}, as {call.name!r}, have no action "
                f"{call.action!r}.{suggestion(call.action, adapter.actions)} "
                f"Actions: {', '.join(adapter.actions)}."
            )
        for option in call.options:
            if option not in (known := _options(adapter.cls, action.name) or {option: None}):
                raise UnsupportedOptionError(
                    f"{action.name} of {call.name!r}: the kind {adapter.spec.kind!r} has no option "
                    f"{option!r}.{suggestion(option, known)} Its options: "
                    f"{', '.join(known) or 'none'}. Nothing was done."
                )
        return action

    def _arguments(self, call: Call, action: Action) -> dict[str, Any]:
        """Return what the backend is given, or refuse what this action cannot be asked."""
        takes = action.parameters
        for parameter, value in call.given.items():
            called = parameter.removesuffix("name") if parameter[0] in "XY" else parameter
            if parameter not in takes:
                if value is not None and parameter != "pure_python":
                    raise UnsupportedOptionError(
                        f"{action.name} of {call.name!r} takes no {called}."
                    )
            elif value is None and takes[parameter].default is inspect.Parameter.empty:
                raise UnsupportedOptionError(f"{action.name} of {call.name!r} needs {called}.")
        if call.if_rev is not None and action.fits is None:
            raise UnsupportedOptionError(
                f"{action.name} of {call.name!r} takes no if_rev: it leaves the model as it is."
            )
        for parameter in ("Xname", "Yname", "rName"):
            if call.given.get(parameter) is not None:
                check_name(call.given[parameter], f"{parameter} of {action.name}")
        return {key: value for key, value in call.given.items() if key in takes}

    def _acting(
        self,
        call: Call,
        action: Action,
        arguments: dict[str, Any],
        meta: Metadata,
        adapter: Adapter,
    ) -> Acting:
        def key(parameter: str) -> Key | None:
            name = arguments.get(parameter)
            return None if name is None else Key(self._store.bucket, DATA, name)

        named = {letter: key(f"{letter}name") for letter in ("X", "Y")}
        rows = None if call.rows is None else _rows(call)
        datasets = {letter: found for letter, found in named.items() if found is not None}
        acting = Acting(
            action=action.name,
            fits=action.fits,
            who=self._who(action, adapter.spec),
            key=Key(meta.bucket, meta.prefix, meta.name),
            home=adapter.home,
            meta=meta,
            datasets=datasets,
            result=key("rName"),
            checks_columns=action.checks_columns and action.fits != "anew",
            by_name=bool(getattr(adapter.cls, "columns_by_name", False)),
            rows=rows,
            live=self._live(call, action, meta),
            outer=acting_in(self._database, self._store.bucket),
        )
        if rows is not None:
            for dataset in datasets.values():
                self._require_rows(call, dataset, acting)
        return acting

    def _who(self, action: Action, spec: BackendSpec) -> str:
        """Return who has a part in the action, for errors."""
        hook = action.name if action.name in ACTION_TABLE else "act"
        wrappers = [str(plugin) for plugin in self._router.plugins if hook in plugin.wraps]
        around = f"; within the wrappers of {', '.join(wrappers)}" if wrappers else ""
        return f"{spec.plugin} {spec.version}, kind {spec.kind!r}{around}"

    def _live(self, call: Call, action: Action, meta: Metadata) -> Metadata | None:
        """Return what must be current still when the model is stored, or None.

        What is fitted further would lose what another one has learned meanwhile.
        """
        if call.if_rev is None and action.fits != "further":
            return None
        live = meta if meta.is_current else self._catalog.existing(call.name)
        if call.if_rev is not None and live.rev != call.if_rev:
            raise ConflictError(
                f"{live!r} has revision {live.rev}, and {action.name} was to fit revision "
                f"{call.if_rev}. Nothing was done. Look at what changed, and repeat."
            )
        return live

    def _require_rows(self, call: Call, dataset: Key, acting: Acting) -> None:
        """Refuse ``rows=`` for a dataset of which no part can be read."""
        datasets = self._store.stores[DATA]
        meta = datasets.metadata(dataset.name)
        if meta is None:
            raise datasets.not_found(dataset.name)
        acting.pin(dataset, meta)
        if "rows" not in self._router.options(self._operations.spec_of(meta), "get"):
            raise UnsupportedOptionError(
                f"{call.action} of {call.name!r}: {meta!r} cannot be read by rows=, as its kind "
                "has no such option. Leave it out, or store the dataset as a frame."
            )

    # --- what is done ------------------------------------------------------------------------

    def _answer(
        self,
        scope: Scope,
        spec: BackendSpec,
        action: Action,
        arguments: dict[str, Any],
        options: dict[str, Any],
    ) -> Any:
        """Make the call: on the hook of the action, or on the one for all that have none."""
        adapter = self._router.adapter(spec)
        call = {"store": self._store, "meta": scope.meta, "modelname": scope.key.name}
        if action.name in ACTION_TABLE:
            return self._router.call(action.name, adapter, **call, options=options, **arguments)
        named = {"action": action.name, "arguments": arguments}
        return self._router.call("act", adapter, **call, options=options, **named)


def _rows(call: Call) -> slice:
    """Return the rows that are asked for, as a get takes them."""
    rows: Any = call.rows
    pair = isinstance(rows, tuple | list) and [type(row) for row in rows] == [int, int]
    if not pair or not 0 <= rows[0] <= rows[1]:
        raise UnsupportedOptionError(
            f"{call.action} of {call.name!r}: rows= takes the first row and the one after the "
            f"last, as (0, 1000), not {rows!r}."
        )
    return slice(*rows)


def _options(cls: type, action: str) -> dict[str, Any] | None:
    """Return the options that a backend's method names; None where it takes any."""
    parameters = inspect.signature(getattr(cls, action)).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    contract = {"self", "modelname", "Xname", "Yname", "rName", "pure_python"}
    return {name: p for name, p in parameters.items() if name not in contract}
