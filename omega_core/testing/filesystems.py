"""The tests that the file system of a scheme has to pass.

Subclass, say where the tests may write, and pytest finds the rest::

    # tests/test_acme.py
    import pytest
    from omega_core.testing import FilesystemTests

    class TestAcmeFiles(FilesystemTests):
        @pytest.fixture
        def root(self):
            return "acme://bucket/tests/"
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from ..omega import Omega


class FilesystemTests:
    """The contract of a file system.

    Attributes
    ----------
    plugins
        The sections ``[plugins.<id>]`` that the file system needs.
    """

    plugins: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def root(self) -> str:
        """The URI of an empty place that the tests may write to; ends in a slash."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `root`")

    @pytest.fixture
    def om(self, make_omega: Callable[..., Omega], root: str) -> Omega:
        """An `Omega` that may write below `root`."""
        return make_omega(uris={"allow": [root]}, plugins=self.plugins)

    def test_bytes_come_back(self, om: Omega, root: str) -> None:
        meta = om.datasets.put(b"some bytes", "x", uri=root)
        assert (meta.uri or "").startswith(root), f"expected a URI below {root}, got {meta.uri}"
        with om.datasets.get("x") as file:
            assert file.read() == b"some bytes", "promise: what is written comes back"
