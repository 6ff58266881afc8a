"""Actions on data that are larger than memory: chunk by chunk, over workers, as one object."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..backends.actions import Action
from ..columns import describe
from ..errors import StaleReadError, UnsupportedOptionError
from ..lineage.record import record_of
from ..protocol.acting import Acting, Reading
from ..protocol.lineage import LINEAGE
from ..protocol.metadata import Metadata
from ..protocol.naming import DATA, MODELS, Key
from .coordinated import Coordinator
from .engines import Engines
from .result import Result
from .task import Worker


@dataclass(frozen=True)
class Blocks:
    """One action of one model on a dataset, cut into chunks of rows.

    Attributes
    ----------
    X, Y, rName
        Names of datasets.
    submit
        Gives an engine the task of one chunk: takes ``rows``, and ``version`` or ``if_rev``.
    """

    omega: Worker
    action: Action
    model: str
    X: str
    Y: str | None
    rName: str | None
    chunksize: int
    version: int | str | None
    submit: Callable[..., Result]

    def start(self, engines: Engines, engine: str, temporary: dict[str, str]) -> Result:
        """Begin, and return at once; see `Coordinator`.

        Raises
        ------
        UnsupportedOptionError
            This action, or this dataset, cannot be taken chunk by chunk.
        ObjectNotFoundError
            There is no such model or dataset.
        """
        self._check()
        model = self.omega.models.metadata(self.model, version=self.version)
        if model is None:
            raise self.omega.models.not_found(self.model)
        X = self._dataset(self.X)
        rows = self._rows(X)
        if self.Y is not None and self._rows(self._dataset(self.Y)) != rows:
            raise UnsupportedOptionError(
                f"{self._what}: {self.X!r} has {rows} rows, and {self.Y!r} another number of them."
            )
        if self.action.fits is not None:
            return Coordinator(self.omega, (), temporary, lambda one: self._fit(one, rows)).start(
                engines, engine
            )
        assert self.rName is not None
        target = Key(self.omega.bucket, DATA, self.rName)
        return Coordinator(
            self.omega, [target], temporary, lambda one: self._ask(one, model, X, rows)
        ).start(engines, engine)

    # --- what can be asked -------------------------------------------------------------------

    @property
    def _what(self) -> str:
        return f"{self.action.name} of {self.model!r} with chunksize="

    def _check(self) -> None:
        if type(self.chunksize) is not int or self.chunksize < 1:
            raise UnsupportedOptionError(
                f"{self._what}: chunksize is {self.chunksize!r}, and has to be a number of rows "
                "from 1."
            )
        if self.action.fits == "anew":
            raise UnsupportedOptionError(
                f"{self._what}: a fit needs all of the data at once. partial_fit takes chunks."
            )
        if self.action.fits == "further":
            if self.version is not None:
                raise UnsupportedOptionError(
                    f"{self._what}: each chunk fits the version that the one before it made. "
                    f"Restore version {self.version} first."
                )
            return
        if "rName" not in self.action.parameters or "Yname" in self.action.parameters:
            raise UnsupportedOptionError(
                f"{self._what}: its result is not one row for each of X, so that those of chunks "
                "make no whole."
            )
        if self.rName is None:
            raise UnsupportedOptionError(
                f"{self._what}: the result of data larger than memory is stored. Name the dataset "
                "that takes it: rName=."
            )

    def _dataset(self, name: str) -> Metadata:
        meta = self.omega.datasets.metadata(name)
        if meta is None:
            raise self.omega.datasets.not_found(name)
        return meta

    def _rows(self, meta: Metadata) -> int:
        """Return how many rows a dataset has, by what its metadata show."""
        shape = meta.kind_meta.get("shape")
        rows = meta.kind_meta.get("rows", shape[0] if isinstance(shape, list) and shape else None)
        if type(rows) is not int:
            raise UnsupportedOptionError(
                f"{self._what}: {meta!r} does not say how many rows it has, so that it cannot be "
                "read in chunks. Store it as a frame, a series, an array, or a sparse csr matrix."
            )
        return rows

    def _ranges(self, rows: int) -> list[tuple[int, int]]:
        starts = range(0, max(rows, 1), self.chunksize)
        return [(start, min(start + self.chunksize, rows)) for start in starts]

    # --- asking ------------------------------------------------------------------------------

    def _ask(self, one: Coordinator, model: Metadata, X: Metadata, rows: int) -> Metadata:
        """Let workers answer for each chunk, and store the answers as one object."""
        datasets = self.omega.datasets
        answers = self._answers(one, model, X, rows)
        first = [next(answers)]
        kind = datasets.kind_for(first[0], str(self.rName))
        lineage = self._lineage(model, X, rows, first[0])

        def whole() -> Iterator[Any]:
            yield first.pop()  # and keep none
            yield from answers

        return datasets.put(whole(), str(self.rName), kind=kind, attributes={LINEAGE: lineage})

    def _answers(self, one: Coordinator, model: Metadata, X: Metadata, rows: int) -> Iterator[Any]:
        """Yield the answers in their order; a few tasks are under way beside the one that is next.

        So many chunks are in memory at most, here and in all workers together.
        """
        ahead = 1 + (self.omega.config.runtime.workers or os.cpu_count() or 1)
        todo = deque(self._ranges(rows))
        parts: deque[Result] = deque()
        one.parts = parts
        ranges: deque[tuple[int, int]] = deque()
        try:
            while todo or parts:
                while todo and len(parts) < ahead:
                    ranges.append(todo.popleft())
                    parts.append(self.submit(rows=ranges[-1], version=model.version))
                start, stop = ranges.popleft()
                yield self._checked(parts[0].get(), stop - start)
                parts.popleft()
                one.proceed(stop, rows)
        except Exception as exc:
            self._check_current(X, exc)
            raise
        self._check_current(X)

    def _checked(self, answer: Any, rows: int) -> Any:
        shape = getattr(answer, "shape", None)
        if not shape or shape[0] != rows:
            raise UnsupportedOptionError(
                f"{self._what}: the answer for {rows} rows is a {type(answer).__name__} that has "
                "not one row for each, so that those of chunks make no whole. Nothing was stored."
            )
        return answer

    def _check_current(self, X: Metadata, cause: Exception | None = None) -> None:
        """Raise `StaleReadError` where chunks may be of different versions of X."""
        now = self.omega.datasets.metadata(X.name)
        # What was appended meanwhile is no part of it, and changes nothing about the rest.
        if now is None or (now.gen, now.version) != (X.gen, X.version):
            raise StaleReadError(
                f"{X!r} was replaced while {self.action.name} read it chunk by chunk. Nothing was "
                "stored. Repeat it."
            ) from cause

    def _lineage(self, model: Metadata, X: Metadata, rows: int, answer: Any) -> dict[str, Any]:
        """Return the record that one action on all of X would leave on its result."""
        key = Key(X.bucket, DATA, X.name)
        acting = Acting(
            action=self.action.name,
            fits=None,
            who="",
            key=Key(model.bucket, model.prefix, model.name),
            home=MODELS,
            meta=model,
            datasets={"X": key},
        )
        sample = self.omega.datasets.get(X.name, version=X.version, rows=slice(0, 1))
        acting.readings[key] = Reading(X, {**describe(sample), "rows": rows}, True)
        distribution = (model.plugin or {}).get("distribution", "")
        return record_of(acting, "result", self.omega.datasets, distribution, answer)

    # --- fitting further ---------------------------------------------------------------------

    def _fit(self, one: Coordinator, rows: int) -> Metadata:
        """Fit the model on one chunk after another; each makes a version."""
        meta: Metadata | None = None
        for start, stop in self._ranges(rows):
            # Whoever else fitted it meanwhile has made another model of it.
            also = {} if meta is None else {"if_rev": meta.rev}
            part = self.submit(rows=(start, stop), **also)
            one.parts = [part]
            meta = part.get()
            one.proceed(stop, rows)
        assert meta is not None
        return meta
