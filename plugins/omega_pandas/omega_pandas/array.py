"""The backend of `numpy.ndarray`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .columnar import ColumnarBackend
from .objects.header import FORMAT
from .objects.numpy_arrays import Array, decode_ndarray, encode_ndarray
from .segments.segment_pieces import joined
from .segments.stored_table import Stored

if TYPE_CHECKING:
    from omega_core import Metadata


class ArrayBackend(ColumnarBackend):
    """Stores an array: dtype, shape, values and memory order."""

    kind = "numpy.ndarray"
    called = "array"
    encode = staticmethod(encode_ndarray)

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether ``obj`` is an array itself, neither masked, matrix nor recarray."""
        return type(obj) is np.ndarray

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Store an array.

        Raises
        ------
        UnsupportedValueError
            Before anything is written, for a dtype that would not come back equal.
        """
        encoded = encode_ndarray(obj, f"The array {name!r}")
        shown = {"format": FORMAT, "shape": list(obj.shape), "dtype": str(obj.dtype)}
        return self.put_encoded(encoded, name, shown, attributes, uri=uri)

    def get(self, name: str, **kwargs: Any) -> Array:
        """Return the array, writable and in memory of its own."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        if meta.uri is not None:
            payload = self.read_payload(meta)
            return decode_ndarray(payload.header, payload.table())
        stored = Stored(self.data_store.segments, meta)
        pieces = stored.pieces()
        segments = stored.fetch(pieces, ["bytes"])
        return decode_ndarray(stored.header, pa.table({"bytes": joined("bytes", pieces, segments)}))
