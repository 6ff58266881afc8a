"""The backend of `pandas.Series`, and of `pandas.Index` in all its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from omega_core import BaseDataBackend

from .index import INDEX_TYPES
from .payload import Payload, write_payload
from .schema import listing
from .tables import decode_lone_index, decode_series, encode_lone_index, encode_series

if TYPE_CHECKING:
    from omega_core import Metadata


class SeriesBackend(BaseDataBackend):
    """Stores a Series or an Index such that an equal one comes back."""

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether ``obj`` is of pandas' own class: a subclass would lose its own."""
        return type(obj) is pd.Series or type(obj) in INDEX_TYPES

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Store a Series or an Index.

        Raises
        ------
        UnsupportedValueError
            Before anything is written, naming what would not come back equal.
        """
        if isinstance(obj, pd.Index):
            encoded = encode_lone_index(obj, f"The Index {name!r}")
            levels = obj.levels if isinstance(obj, pd.MultiIndex) else [obj]
            labels, dtypes = list(obj.names), [level.dtype for level in levels]
        else:
            encoded = encode_series(obj, f"The Series {name!r}")
            labels, dtypes = [obj.name], [obj.dtype]
        meta = self.data_store.make_metadata(name, "pandas.series", attributes=attributes)
        meta.kind_meta = {**listing(len(obj), labels, dtypes), "class": type(obj).__name__}
        with self.data_store.create_file(meta, "arrow", uri=uri) as file:
            write_payload(encoded, file)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> Any:
        """Return the Series or the Index."""
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        with self.data_store.open_file(meta) as file:
            payload = Payload(file.read())
        decode = decode_lone_index if payload.header["object"] == "index" else decode_series
        return decode(payload.header, payload.table())
