"""omegaml 0.18.0, as its documentation uses it."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from .base import MongoPeer

if TYPE_CHECKING:
    import pandas as pd


class Peer(MongoPeer):
    def prepare(self, frame: pd.DataFrame) -> None:
        super().prepare(frame)
        os.environ["OMEGA_MONGO_URL"] = self.url
        # It warns of every operator in a filter, also of those that it makes itself.
        warnings.simplefilter("ignore")
        import omegaml

        self.om = omegaml.setup(mongo_url=self.url)
        self.put(frame.iloc[:10], "warm")
        self.get("warm")
        self.clear("warm")

    def clear(self, name: str) -> None:
        self.om.datasets.drop(name, force=True)

    def put(self, frame: pd.DataFrame, name: str) -> None:
        # Its own chunks fail above 160,000 rows.
        self.om.datasets.put(frame, name, append=False, chunksize=None)

    def append(self, frame: pd.DataFrame, name: str) -> None:
        self.om.datasets.put(frame, name, append=True, chunksize=None)

    def get(self, name: str) -> pd.DataFrame:
        return self.om.datasets.get(name)

    def column(self, name: str, column: str) -> pd.DataFrame:
        return self.om.datasets.get(name, columns=[column])

    def below(self, name: str, column: str, bound: float) -> pd.DataFrame:
        return self.om.datasets.get(name, **{f"{column}__lt": bound})
