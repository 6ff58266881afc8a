"""``foo.mean``: a model, and what it does with datasets."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from omega_core import BaseModelBackend, Metadata
from omega_core.errors import StoreError

from .types import FooMean


class FooMeanBackend(BaseModelBackend):
    """Stores a model that is one number, and so has no payload beside its metadata."""

    def put(
        self, obj: FooMean, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.model_store.make_metadata(name, "foo.mean", attributes=attributes)
        meta.kind_meta = {"mean": obj.mean}
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> FooMean:
        meta = self.model_store.metadata(name)
        assert meta is not None
        return FooMean(**meta.kind_meta)

    def fit(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        model = FooMean(fmean(self.data_store.get(Xname if Yname is None else Yname)))
        return self.model_store.put(model, modelname)

    def predict(
        self,
        modelname: str,
        Xname: str,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        mean = self.model_store.get(modelname).mean
        if mean is None:
            raise StoreError(f"The model {modelname!r} is not fitted. Fit it first.")
        result = [mean for _ in self.data_store.get(Xname)]
        return result if rName is None else self.data_store.put(result, rName)
