"""A model backend of a third party, written as the documentation has it: it fits and predicts."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from omega_core import BaseModelBackend, Metadata, Omega, action


class Total:
    """A model that remembers the sum of what it was fitted on."""

    def __init__(self, total: float | None = None) -> None:
        self.total = total


class TotalBackend(BaseModelBackend):
    KIND = "test.total"
    TYPES = (f"{__name__}:Total",)
    Model = Total
    meanwhile: ClassVar[Any] = None

    def put(
        self,
        obj: Total,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        label: str = "",
        **kwargs: Any,
    ) -> Metadata:
        meta = self.model_store.make_metadata(name, self.KIND, attributes=attributes)
        meta.kind_meta = {"label": label}
        with self.model_store.create_file(meta, "total", uri=uri) as file:
            file.write(repr(obj.total).encode())
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Total:
        meta = self.model_store.metadata(name)
        assert meta is not None
        with self.model_store.open_file(meta) as file:
            text = file.read().decode()
        return Total(None if text == "None" else float(text))

    def fit(
        self, modelname: str, Xname: str, Yname: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Metadata:
        return self.model_store.put(Total(self.sum(Xname, **kwargs)), modelname)

    def partial_fit(
        self, modelname: str, Xname: str, Yname: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Metadata:
        before = self.model_store.get(modelname).total or 0.0
        return self.model_store.put(Total(before + self.sum(Xname, **kwargs)), modelname)

    def predict(
        self, modelname: str, Xname: str, rName: Any = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        result = [self.model_store.get(modelname).total, self.sum(Xname, **kwargs)]
        return result if rName is None else self.data_store.put(result, rName)

    @action
    def columns(self, modelname: str, Xname: str, pure_python: bool = True) -> Any:
        """Return the columns of X, as the backend sees them."""
        return [*self.data_store.get(Xname).columns]

    @action
    def script(self, modelname: str, Xname: str, pure_python: bool = True, **kwargs: Any) -> Any:
        """Do what a test says."""
        return type(self).meanwhile(self, modelname, Xname, **kwargs)

    def sum(self, name: str, **options: Any) -> float:
        return total(self.data_store.get(name, **options))


def total(value: Any) -> float:
    """Return the sum of a list, of a frame, of an iterator of frames, or of one that is lazy."""
    if hasattr(value, "to_pandas"):
        value = value.to_pandas()
    if hasattr(value, "to_numpy"):
        return float(value.to_numpy().sum())
    return float(sum(map(total, value))) if hasattr(value, "__next__") else float(sum(value))


@pytest.fixture
def backend() -> type[TotalBackend]:
    """The class, with what its script does next."""

    class Scripted(TotalBackend):
        """One of its own for each test."""

    Scripted.__qualname__ = TotalBackend.__qualname__
    return Scripted


@pytest.fixture
def om(om: Omega, backend: type[TotalBackend]) -> Omega:
    """With the model ``m`` and the dataset ``X``."""
    om.models.register_backend(backend)
    om.models.put(Total(), "m")
    om.datasets.put([1.0, 2.0], "X")
    return om
