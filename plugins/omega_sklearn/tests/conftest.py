"""What the tests of this plugin share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sklearn.linear_model import LogisticRegression

from omega_core import Omega
from omega_sklearn.formats.joblib_format import JoblibBackend
from omega_sklearn.formats.skops_format import SkopsBackend

Forge = Callable[..., None]


@pytest.fixture
def forge(monkeypatch: pytest.MonkeyPatch) -> Forge:
    """Return a function that stores any bytes as a model of a kind.

    As whoever can write to the database could, who uses no backend that asks questions.
    """
    backends = {backend.kind: backend for backend in (SkopsBackend, JoblibBackend)}

    def store(om: Omega, payload: bytes, name: str, claim: str = "sklearn.skops") -> None:
        with monkeypatch.context() as patch:
            patch.setattr(backends[claim], "dumps", lambda *_: payload)
            patch.setattr(backends[claim], "permit", lambda *_: None)
            om.models.put(LogisticRegression(), name, kind=claim)

    return store
