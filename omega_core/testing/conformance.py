"""The tests that a backend has to pass: those of its puts and gets, versions, commits and options.

Subclass, give the fixtures, and pytest finds the rest::

    # tests/test_acme.py
    import pytest
    from omega_core.testing import DataBackendTests

    class TestThings(DataBackendTests):
        capabilities = {"append", "uri"}

        @pytest.fixture
        def objects(self):
            return [Thing(1), Thing(2)]

Load the fixtures of `omega_core.testing.fixtures` for ``om``, an `Omega` on a real MongoDB.
"""

from __future__ import annotations

from .capabilities import CapabilityTests
from .commits import CommitTests
from .round_trips import ODD_NAMES, RoundTripTests
from .versioning import VersionTests
from .wrappers import StubBackend, StubObject, WrapperTests

__all__ = ["ODD_NAMES", "DataBackendTests", "StubBackend", "StubObject", "WrapperTests"]


class DataBackendTests(RoundTripTests, VersionTests, CommitTests, CapabilityTests):
    """The contract of a backend. Model backends store as data backends do, and pass it too.

    Attributes
    ----------
    kind
        Passed to every put; None: the objects find their backend by type.
    options
        Passed to every put.
    capabilities
        What the backend can do beyond `put` and `get`, of `CAPABILITIES`.
    """
