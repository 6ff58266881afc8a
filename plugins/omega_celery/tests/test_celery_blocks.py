"""Data larger than memory, and many datasets, over the workers of Celery."""

from __future__ import annotations

import pytest

from omega_core.testing.engine_blocks import BlockTests


@pytest.mark.slow
class TestBlocks(BlockTests):
    """With the ``om`` of this directory."""
