"""omega_core with omega_pandas, through its public API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omega_core import Omega
from omega_core.errors import UnsupportedOptionError

from .base import MongoPeer, UnableError

if TYPE_CHECKING:
    import pandas as pd


class Peer(MongoPeer):
    def prepare(self, frame: pd.DataFrame) -> None:
        super().prepare(frame)
        self.om = Omega({"mongo": {"url": self.url}})
        self.om.datasets.put(frame.iloc[:10], "warm")
        self.om.datasets.get("warm")
        self.om.datasets.discard("warm")

    def clear(self, name: str) -> None:
        self.om.datasets.discard(name)

    def put(self, frame: pd.DataFrame, name: str) -> None:
        self.om.datasets.put(frame, name)

    def get(self, name: str) -> pd.DataFrame:
        return self.om.datasets.get(name)

    def column(self, name: str, column: str) -> pd.DataFrame:
        return self.om.datasets.get(name, columns=[column])

    def below(self, name: str, column: str, bound: float) -> pd.DataFrame:
        return self._where_it_can(name, filter={f"{column}__lt": bound})

    def append(self, frame: pd.DataFrame, name: str) -> None:
        try:
            self.om.datasets.put(frame, name, append=True)
        except UnsupportedOptionError as exc:
            raise UnableError("this release cannot append") from exc

    def _where_it_can(self, name: str, **options: Any) -> Any:
        try:
            return self.om.datasets.get(name, **options)
        except UnsupportedOptionError as exc:
            raise UnableError("this release has no filter") from exc

    def close(self) -> None:
        self.om.close()
        super().close()
