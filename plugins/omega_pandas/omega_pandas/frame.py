"""The backend of `pandas.DataFrame`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from omega_core import BaseDataBackend

from .payload import Payload, write_payload
from .schema import listing
from .tables import decode_frame, encode_frame, field_names, select

if TYPE_CHECKING:
    from omega_core import Metadata


class DataFrameBackend(BaseDataBackend):
    """Stores a DataFrame such that an equal one comes back, to the dtype, index and label.

    Examples
    --------
    >>> om.datasets.put(frame, "sales")                        # doctest: +SKIP
    >>> om.datasets.get("sales", columns=["qty", "state"])     # doctest: +SKIP
    """

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        """Return whether ``obj`` is a DataFrame itself: a subclass would come back as its base."""
        return type(obj) is pd.DataFrame

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        """Store a DataFrame.

        Raises
        ------
        UnsupportedValueError
            Before anything is written, naming what would not come back equal.
        """
        encoded = encode_frame(obj, f"The DataFrame {name!r}")
        meta = self.data_store.make_metadata(name, "pandas.dataframe", attributes=attributes)
        meta.kind_meta = listing(len(obj), list(obj.columns), list(obj.dtypes))
        with self.data_store.create_file(meta, "arrow", uri=uri) as file:
            write_payload(encoded, file)
        return meta.save()

    def get(self, name: str, columns: Any = None, **kwargs: Any) -> Any:
        """Return the DataFrame.

        Parameters
        ----------
        name
            The name of the object.
        columns
            A list of column labels: only these are decoded, and come in this order.
        """
        meta = self.data_store.metadata(name)
        assert meta is not None, "inside a get there is one"
        with self.data_store.open_file(meta) as file:
            payload = Payload(file.read())
        header = payload.header
        positions, labels = select(header, columns, f"The DataFrame {name!r}")
        table = payload.table(lambda names: field_names(names, positions))
        return decode_frame(header, table, positions, labels)
