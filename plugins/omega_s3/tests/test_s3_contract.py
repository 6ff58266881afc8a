"""S3 keeps the contract of file systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from omega_core.testing import FilesystemTests

from .conftest import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from omega_core import Omega


class TestS3Files(FilesystemTests):
    capabilities = ("list", "processes", "atomic")
    large: ClassVar[int] = (8 << 20) + 100_000  # more than a part

    @pytest.fixture
    def root(self, moto: Server, moto_bucket: str) -> str:
        return f"s3://{moto_bucket}/"

    @pytest.fixture
    def om(self, make_omega: Callable[..., Omega], root: str, moto: Server) -> Any:
        return make_omega(plugins={"s3": moto.section()}, uris={"allow": [root]})

    @pytest.fixture(autouse=True)
    def no_upload_is_left(self, om: Omega, moto: Server, moto_bucket: str) -> Any:
        yield
        assert moto.unfinished(moto_bucket) == []
