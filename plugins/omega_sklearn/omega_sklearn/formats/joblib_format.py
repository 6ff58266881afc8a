"""The kind ``sklearn.joblib``: pickled estimators, only where the configuration permits pickle."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

import joblib

from omega_core import require_pickle_allowed
from omega_core.errors import UnsupportedValueError

from .estimator_backend import EstimatorBackend

if TYPE_CHECKING:
    from omega_core import Metadata


class JoblibBackend(EstimatorBackend):
    """Stores estimators as joblib files, which run code when they are read.

    The gate is asked at put and at get, before the payload is so much as opened.
    """

    kind = "sklearn.joblib"
    extension = "joblib"

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return False: this kind is never guessed, only asked for by ``kind=``."""
        return False

    def permit(self, name: str) -> None:
        require_pickle_allowed(self.model_store, kind=self.kind, name=name)

    def contents(self, meta: Metadata) -> dict[str, Any]:
        permitted = self.model_store.config.security.pickle == "allow"
        return {"reading runs code": True, "this configuration permits that": permitted}

    def dumps(self, model: Any, name: str) -> bytes:
        buffer = io.BytesIO()
        try:
            joblib.dump(model, buffer, compress=("zlib", 1))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            # Pickle has a type for this, and raises the other two where a lambda or an open file
            # is in the way.
            raise UnsupportedValueError(
                f"The model {name!r} ({type(model).__name__}) cannot be pickled: {error}. "
                "Nothing was stored."
            ) from error
        return buffer.getvalue()

    def loads(self, data: bytes, name: str) -> Any:
        return joblib.load(io.BytesIO(data))
