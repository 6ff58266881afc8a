"""What both formats share: where the bytes of an estimator go, and where they come from."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import sklearn

from omega_core.errors import StoreError, UnsupportedValueError
from omega_core.shapes import CHECKSUM, fields, integer, text

from ..actions.estimator_actions import EstimatorActions

if TYPE_CHECKING:
    from omega_core import Metadata, Summary

_FORMAT = 1

_SHAPE = fields({"format": integer(1), "estimator": text(), "sklearn_version": text()})


class EstimatorBackend(EstimatorActions):
    """Stores an estimator as one file, in GridFS or at a URI.

    A format says how an estimator becomes bytes and back, and on what conditions.
    """

    kind: ClassVar[str]
    extension: ClassVar[str]

    @abstractmethod
    def dumps(self, model: Any, name: str) -> bytes:
        """Return ``model`` as bytes, or raise where it cannot be stored faithfully and safely."""

    @abstractmethod
    def loads(self, data: bytes, name: str) -> Any:
        """Return the model, or raise where this reader does not trust it."""

    def permit(self, name: str) -> None:
        """Raise where the configuration does not permit this format at all."""

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Store an estimator, fitted or not.

        Parameters
        ----------
        uri
            Where to write, outside MongoDB; must be permitted by ``[uris] allow``.

        Raises
        ------
        UntrustedFormatError
            Where the reader could not, or may not, load it safely. Nothing was stored.
        UnsupportedValueError
            Where it is no estimator, or would not come back equal. Nothing was stored.
        """
        self.permit(name)
        self._require_estimator(obj, name)
        data = self.dumps(obj, name)
        meta = self.model_store.make_metadata(name, self.kind, attributes=attributes)
        meta.kind_meta = {
            "format": _FORMAT,
            # For people who read it; nothing is ever imported by this name.
            "estimator": f"{type(obj).__module__}.{type(obj).__qualname__}",
            "sklearn_version": sklearn.__version__,
        }
        with self.model_store.create_file(meta, self.extension, uri=uri) as file:
            file.write(data)
        return meta.save()

    def misshapen(self, meta: Metadata) -> str | None:
        return _SHAPE(meta.kind_meta, "kind_meta") or CHECKSUM(meta.integrity, "integrity")

    def get(self, name: str, **kwargs: Any) -> Any:
        """Return the estimator, a new object at every call.

        Raises
        ------
        UntrustedFormatError
            Where reading it would need trust that this reader's configuration does not give.

        Warns
        -----
        sklearn.exceptions.InconsistentVersionWarning
            From scikit-learn itself, where another version of it wrote the estimator.
        """
        self.permit(name)
        meta = self.model_store.metadata(name)
        if meta is None:
            raise self.model_store.not_found(name)
        if meta.kind_meta.get("format") != _FORMAT:
            raise StoreError(
                f"The model {name!r} in bucket {meta.bucket!r} has format "
                f"{meta.kind_meta.get('format')!r} of {self.kind}, and this omega-sklearn reads "
                f"format {_FORMAT}. Upgrade it: pip install -U omega-sklearn"
            )
        # All of it before any of it is interpreted: the checksum is complete at the end only.
        with self.model_store.open_file(meta) as file:
            data = file.read()
        return self.loads(data, name)

    def describe(self, name: str, **kwargs: Any) -> Summary:
        """Return class, parameters and parts of the estimator, which is not loaded for that."""
        meta = self.model_store.metadata(name)
        assert meta is not None, "inside of a describe there is one"
        told = meta.kind_meta
        about = {"estimator": told["estimator"], "scikit-learn": told["sklearn_version"]}
        return replace(super().describe(name), details={**about, **self.contents(meta)})

    def contents(self, meta: Metadata) -> dict[str, Any]:
        """Return what else can be told of a stored model without running anything it carries."""
        return {}

    def _require_estimator(self, obj: Any, name: str) -> None:
        if isinstance(obj, type):
            raise UnsupportedValueError(
                f"{name!r}: {obj.__name__} is a class; store an instance of it, such as "
                f"{obj.__name__}(). Nothing was stored."
            )
        if not hasattr(obj, "fit"):
            raise UnsupportedValueError(
                f"{name!r}: {self.kind} stores estimators, and {type(obj).__name__} has no fit. "
                "Leave out kind= to let the store choose. Nothing was stored."
            )
