"""The tests that an engine has to pass: every action, error, option and hint, with equal results.

Subclass, give ``om``, and pytest finds the rest::

    # tests/test_acme_engine.py
    import pytest
    from omega_core.testing import EngineTests

    class TestAcme(EngineTests):
        @pytest.fixture
        def om(self, engine_kit, make_omega):
            om = make_omega(runtime={"engine": "acme"})
            with workers_of(om.config):              # which read the same database
                yield om

Workers that are started after the fixture `engine_kit` was asked for find the small model that acts
here, by the ``PYTHONPATH``. Each test has a bucket of its own, so one ``om``, with its workers, may
serve them all.
"""

from __future__ import annotations

from .engine_ends import EndTests
from .engine_results import ResultTests
from .engine_stage import PATIENCE, Gate, until
from .engine_waits import WaitTests

__all__ = ["PATIENCE", "EngineTests", "Gate", "until"]


class EngineTests(ResultTests, WaitTests, EndTests):
    """The contract of an engine.

    Attributes
    ----------
    workers
        How many tasks are executed at the same time.
    hints
        Values of hints for which there is a worker, beside those of timeout, retries and priority.
    patience
        Seconds after which a test gives up; none takes so long.
    """
