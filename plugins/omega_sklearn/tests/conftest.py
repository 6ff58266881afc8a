"""What the tests of this plugin share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omega_core import BackendSpec, BaseModelBackend, Omega

Forge = Callable[..., None]


class Forger(BaseModelBackend):
    """Writes any bytes as the payload of a kind, as whoever could write to the database could."""

    def put(
        self,
        obj: Any,
        name: str,
        attributes: dict[str, Any] | None = None,
        claim: str = "sklearn.skops",
        **kwargs: Any,
    ) -> Any:
        meta = self.model_store.make_metadata(name, claim, attributes=attributes)
        meta.kind_meta = {"format": 1, "estimator": "sklearn.linear_model.LogisticRegression"}
        with self.model_store.create_file(meta, "forged") as file:
            file.write(obj)
        return meta.save()


@pytest.fixture
def forge() -> Forge:
    """Return a function that stores bytes under a name, as the payload of a kind."""

    def store(om: Omega, payload: bytes, name: str, claim: str = "sklearn.skops") -> None:
        om.models.register_backend(BackendSpec("test.forger", Forger, types=None))
        om.models.put(payload, name, kind="test.forger", claim=claim)

    return store
