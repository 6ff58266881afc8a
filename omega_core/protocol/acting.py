"""What an action of a model has read and stored so far, and what names mean to it meanwhile.

A backend says ``self.data_store.get(Xname)`` and knows nothing of versions, lineage or columns. The
stores ask here what that name means, and tell what came of it: of the thread of the action alone,
for other threads do not inherit what is under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import GeneratorType
from typing import Any

from ..columns import UNKNOWN, Description, check_columns, describe
from ..errors import ColumnMismatchError, PluginContractError
from .lineage import columns_at_fit
from .metadata import Metadata
from .naming import JOBS, Key


@dataclass
class Reading:
    """A dataset, or another model, as the action has read it."""

    meta: Metadata
    description: Description
    whole: bool

    def join(self, description: Description, whole: bool) -> None:
        """Add another reading of the same version: all of it, or some columns more."""
        before = self.description
        if whole or self.whole:
            self.description = description if whole else before
        else:
            known = before["columns"] or []
            new = [
                (label, dtype)
                for label, dtype in zip(
                    description["columns"] or [], description["dtypes"] or [], strict=False
                )
                if label not in known
            ]
            before["columns"] = [*known, *(label for label, _ in new)] or before["columns"]
            before["dtypes"] = [*(before["dtypes"] or []), *(t for _, t in new)] or before["dtypes"]
        self.whole = self.whole or whole


# eq=False: two actions are the same only if they are one.
@dataclass(eq=False)
class Acting:
    """One action under way.

    Attributes
    ----------
    action, fits
        Its name, and ``"anew"``, ``"further"`` or None, as it is declared.
    who
        The plugin, its version and the kind, for errors.
    key, home, meta
        The model; the prefix of the store that its backend calls its own; the version that acts.
    datasets
        The keys of X and Y, by these letters.
    result
        The key of the dataset that takes the result, where one does.
    checks_columns
        Whether X has to have the columns of the fit.
    by_name
        Whether the backend goes by the names of columns, whatever their order.
    rows
        The part of X and Y that the action sees; None for all.
    live
        What must be current still when the model is stored; None where it does not matter.
    params
        What a job is given, where it is one that acts: then ``home`` is ``jobs/``.
    outer
        The action in which this one was asked for.
    """

    action: str
    fits: str | None
    who: str
    key: Key
    home: str
    meta: Metadata
    datasets: Mapping[str, Key]
    result: Key | None = None
    checks_columns: bool = True
    by_name: bool = False
    rows: slice | None = None
    live: Metadata | None = None
    params: Mapping[str, Any] | None = None
    outer: Acting | None = None

    def __post_init__(self) -> None:
        self.started = datetime.now(UTC)
        self._clock = time.perf_counter()
        self.readings: dict[Key, Reading] = {}
        self.committed: dict[Key, list[Metadata]] = {}
        self.seen: dict[type, None] = {}
        self._pins: dict[Key, Metadata] = {}
        self._failures: dict[Key, BaseException] = {}
        record = self.meta.lineage if self.checks_columns else None
        self._columns, self._as_text = columns_at_fit(record)
        self.pin(self.key, self.meta)

    @property
    def what(self) -> str:
        """What acts, for people."""
        return "job" if self.home == JOBS else "model"

    @property
    def duration(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self._clock

    # --- what names mean ---------------------------------------------------------------------

    def meant(self, key: Key) -> Key:
        """Return the object that a backend means: in its own store, the model that acts.

        A model that is kept among the jobs or the datasets acts as if it were in the models.
        """
        if key.prefix == self.home and key.name == self.key.name:
            return self.key
        return key

    def knows(self, key: Key) -> bool:
        """Return whether this is the model, or its data."""
        return key == self.key or key in self.datasets.values()

    def metadata(self, key: Key, stored: Callable[[], Metadata | None]) -> Metadata | None:
        """Return the metadata of the version that a name means until the action ends."""
        found = self.pinned(key)
        if found is None:
            found = stored()
            if found is not None:
                self.pin(key, found)
        return found

    def pinned(self, key: Key, version: int | str | None = None) -> Metadata | None:
        """Return the version that a name means, if that is settled, and is the one asked for."""
        found = self._pins.get(key)
        if found is None and self.outer is not None:
            found = self.outer.pinned(key)
        if found is None or version in (None, found.version, *found.aliases):
            return found
        return None

    def pin(self, key: Key, meta: Metadata) -> None:
        """Settle which version a name of this action means; of other names, nothing is settled."""
        if self.knows(key):
            self._pins.setdefault(key, meta)
        if self.outer is not None:
            self.outer.pin(key, meta)

    # --- what is read ------------------------------------------------------------------------

    def options_to_read(self, key: Key, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a get by the backend: with the rows that the action is about."""
        if self.rows is None or key not in self.datasets.values():
            return options
        return {"rows": self.rows, **options}

    def failed(self, key: Key, error: BaseException) -> None:
        """Note that a dataset could not be read."""
        if key in self.datasets.values():
            self._failures[key] = error

    def observed(self, key: Key, meta: Metadata, options: Mapping[str, Any], value: Any) -> Any:
        """Note what the backend is about to be given, and return it with the columns of the fit.

        Raises
        ------
        ColumnMismatchError
            For another X than the model was fitted on.
        """
        if not isinstance(self._failures.get(key), ColumnMismatchError):
            self._failures.pop(key, None)
        if key == self.key:
            self.seen[type(value)] = None
            return value
        if isinstance(value, GeneratorType) and options.get("chunksize") is not None:
            return self._observed_in_pieces(key, meta, options, value)
        # By ``columns=`` the backend chooses itself.
        whole = options.get("columns") is None
        value = self._checked(key, value) if whole else value
        if self.fits is None and self.result is None:
            description = dict(UNKNOWN)  # of what is only asked, there is no record
        else:
            description = describe(value, count=options.get("filter") is None)
        self._note(key, meta, description, whole)
        self.seen[type(value)] = None
        return value

    def _observed_in_pieces(
        self, key: Key, meta: Metadata, options: Mapping[str, Any], pieces: Iterator[Any]
    ) -> Iterator[Any]:
        whole = options.get("columns") is None
        known: Description = dict(UNKNOWN)
        self._note(key, meta, known, whole)

        def observed() -> Iterator[Any]:
            known["rows"] = 0
            for piece in pieces:
                piece = self._checked(key, piece) if whole else piece
                told = describe(piece)
                known.update(told, rows=known["rows"] + (told["rows"] or 0))
                self.seen[type(piece)] = None
                yield piece

        return observed()

    def _checked(self, key: Key, value: Any) -> Any:
        if key != self.datasets.get("X"):
            return value
        try:
            return check_columns(
                value,
                self._columns,
                dataset=key.name,
                model=self.key.name,
                by_name=self.by_name,
                as_text=self._as_text,
            )
        except ColumnMismatchError as exc:
            self._failures[key] = exc
            raise

    def _note(self, key: Key, meta: Metadata, description: Description, whole: bool) -> None:
        before = self.readings.get(key)
        if before is None:
            self.readings[key] = Reading(meta, description, whole)
        elif before.meta.gen == meta.gen:
            # What an action stores under the name of its own X, and reads again, is no input.
            before.join(description, whole)

    # --- what is stored ----------------------------------------------------------------------

    def stores(self, key: Key) -> str | None:
        """Return what the backend is about to store: the ``"model"``, the ``"result"``, or neither.

        Raises
        ------
        PluginContractError
            Where it went on though it could not read its data, or stores what is not its own.
        """
        if key == self.key:
            if self.home == JOBS:
                raise self.broken(
                    f"it stores the job {key.name!r} itself, which a run leaves as it is. Nothing "
                    "was stored"
                )
            if self.fits is None:
                raise self.broken(
                    f"it stores the model {key.name!r} anew, and {self.action!r} asks a model "
                    "without changing it. An action that fits is declared so: "
                    '@action(fits="anew"), or "further". Nothing was stored'
                )
            self.require_data("Nothing was stored")
            return "model"
        if key == self.result:
            self.require_data("No result was stored")
            return "result"
        for letter, dataset in self.datasets.items():
            if key == dataset:
                raise self.broken(
                    f"it stores another dataset under the name of its {letter}, {key.name!r}. An "
                    "action leaves its data as they are, and stores its result under rName. "
                    "Nothing was stored"
                )
        return None

    def drops(self, key: Key) -> None:
        """Raise `PluginContractError` where the backend drops the model or the data."""
        own = {self.what: self.key, **self.datasets}
        for called, dropped in own.items():
            if key == dropped:
                raise self.broken(
                    f"it drops its {called}, {key.name!r}, which an action leaves. Nothing was "
                    "dropped"
                )

    def stored(self, key: Key, meta: Metadata) -> None:
        """Note what was committed: from now on, the name means that."""
        self.committed.setdefault(key, []).append(meta)
        if key in self._pins:
            self._pins[key] = meta
        if self.live is not None and key == self.key:
            self.live = meta
        if self.outer is not None:
            self.outer.stored(key, meta)

    def require_data(self, outcome: str) -> None:
        """Raise `PluginContractError` where the backend went on without data it could not read."""
        for letter, key in self.datasets.items():
            error = self._failures.get(key)
            if error is not None:
                raise self.broken(
                    f"its {letter}, {key.name!r}, could not be read ({type(error).__name__}: "
                    f"{error}), and it went on. Let the error of self.data_store.get pass. "
                    f"{outcome}"
                ) from error

    def broken(self, promise: str) -> PluginContractError:
        """Return the error that names plugin, version, kind and action, and the promise."""
        return PluginContractError(
            f"{self.action} of {self.key.name!r}: the backend ({self.who}) does not keep the "
            f"contract of {self.action!r}: {promise}."
        )
