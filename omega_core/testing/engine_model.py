"""A small model whose actions wait, fail and tell their progress as a test says.

It needs nothing but the core. What a test says, it says in options, and by files in a directory
that the test and the workers both see: a worker that comes to a gate leaves a file there, named for
its process, and waits for the file ``go``.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..backends.base import BaseModelBackend
from ..errors import ConflictError, ServerError
from ..protocol.metadata import Metadata

_PATIENCE = 180.0


@dataclass
class KitModel:
    """Knows the sum of the numbers that it was fitted on, and how many they were."""

    total: float = 0.0
    count: int = 0

    @property
    def mean(self) -> float:
        return self.total / self.count


class KitError(Exception):
    """Takes more than a message."""

    def __init__(self, code: int, *, place: str) -> None:
        super().__init__(f"error {code} at {place}")
        self.code = code
        self.place = place


class KitBackend(BaseModelBackend):
    """Every action; each takes the options of `_directed` beside its own ``factor``."""

    def put(
        self, obj: KitModel, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.model_store.make_metadata(name, "kit.model", attributes=attributes)
        meta.kind_meta = {"total": obj.total, "count": obj.count}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> KitModel:
        meta = self.model_store.metadata(name)
        assert meta is not None
        return KitModel(**meta.kind_meta)

    # --- acting ------------------------------------------------------------------------------

    def fit(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        return self._fitted(KitModel(), modelname, Xname, Yname, kwargs)

    def partial_fit(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        return self._fitted(self.model_store.get(modelname), modelname, Xname, Yname, kwargs)

    def fit_transform(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        self._fitted(KitModel(), modelname, Xname, Yname, {})
        return self.transform(modelname, Xname, rName, pure_python, **kwargs)

    def transform(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        factor, model = self._directed(kwargs), self.model_store.get(modelname)
        rows = [(x - model.mean) * factor for x in self.data_store.get(Xname)]
        return self._returned(rows, rName, pure_python)

    def predict(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        factor, model = self._directed(kwargs), self.model_store.get(modelname)
        rows = [model.mean * factor for _ in self.data_store.get(Xname)]
        return self._returned(rows, rName, pure_python)

    def predict_proba(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        self._directed(kwargs)
        rows = [[0.25, 0.75] for _ in self.data_store.get(Xname)]
        return self._returned(rows, rName, pure_python)

    def decision_function(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        return self.transform(modelname, Xname, rName, pure_python, **kwargs)

    def score(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        factor, model = self._directed(kwargs), self.model_store.get(modelname)
        rows = self.data_store.get(Yname if Yname is not None else Xname)
        score = factor * sum(abs(x - model.mean) for x in rows)
        return score if rName is None else self.data_store.put(score, rName)

    # --- its parts ---------------------------------------------------------------------------

    def _fitted(
        self, model: KitModel, modelname: str, Xname: str, Yname: str | None, options: Any
    ) -> Metadata:
        after = options.pop("after", None)
        factor = self._directed(options)
        for name in (Xname,) if Yname is None else (Xname, Yname):
            rows = self.data_store.get(name)
            model = KitModel(model.total + factor * sum(rows), model.count + len(rows))
        meta = self.model_store.put(model, modelname)
        if after is not None:
            _pass_gate(Path(after))
        return meta

    def _returned(self, rows: list[Any], rName: str | None, pure_python: bool) -> Any:
        if rName is not None:
            return self.data_store.put(rows, rName)
        return rows if pure_python else tuple(rows)

    def _directed(self, options: dict[str, Any]) -> float:
        """Do what the options of a test say, and return the factor that the action is asked for.

        Parameters
        ----------
        steps
            The progress to tell, of ten.
        gate
            The directory of a gate to wait at.
        aside
            A dataset to put beside what the action is about.
        fail
            Which error to raise.
        flaky
            A directory; the first two that come there fail as if the server did not answer.
        """
        factor: float = options.pop("factor", 1)
        if (steps := options.pop("steps", None)) is not None:
            self.progress(steps, 10)
        if (gate := options.pop("gate", None)) is not None:
            _pass_gate(Path(gate))
        if (aside := options.pop("aside", None)) is not None:
            self.data_store.put([factor], aside)
        if (flaky := options.pop("flaky", None)) is not None:
            came = len(list(Path(flaky).iterdir()))
            (Path(flaky) / uuid.uuid4().hex).touch()
            if came < 2:
                raise ServerError("The server does not answer; so says the test.")
        if (fail := options.pop("fail", None)) is not None:
            _fail(fail)
        if options:
            raise TypeError(f"The kit model has no option {sorted(options)[0]!r}.")
        return factor


def _pass_gate(directory: Path) -> None:
    """Say which process has come, and wait until it may go on."""
    arriving = directory / f"{uuid.uuid4().hex}.arriving"
    arriving.write_text(str(os.getpid()))
    arriving.rename(arriving.with_suffix(".begun"))
    deadline = time.monotonic() + _PATIENCE
    while directory.exists() and not (directory / "go").exists():  # the test may have ended
        if time.monotonic() > deadline:
            raise TimeoutError("The test did not open the gate.")
        time.sleep(0.01)


def _fail(how: str) -> None:
    class LocalError(Exception):
        """No other process can know this class."""

    if how == "several arguments":
        raise KitError(7, place="here")
    if how == "conflict":
        raise ConflictError("Somebody was faster; so says the test.")
    if how == "unknown class":
        raise LocalError("nobody knows me")
    if how == "exit":
        sys.exit(3)
    if how == "group":
        raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])
    if how == "long":
        raise ValueError("x" * 1_000_000)
    error = ValueError(how)
    error.add_note("so says the test")
    raise error
