"""The section ``[plugins.s3]`` of the configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from omega_core import Secret
from omega_core.errors import ConfigError

_ENDPOINT = re.compile(
    r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
)


@dataclass(frozen=True, kw_only=True)
class S3Settings:
    """Where the buckets are, and who asks.

    Attributes
    ----------
    endpoint
        ``http://host:port`` of a server other than AWS. Absent: ``AWS_ENDPOINT_URL_S3`` or
        ``AWS_ENDPOINT_URL`` of the environment, else AWS. Plain HTTP is used only where the
        endpoint says so.
    region
        Absent: ``AWS_REGION`` or ``AWS_DEFAULT_REGION``, else ``us-east-1``.
    access_key_id, secret_access_key, session_token
        Absent: the AWS environment, which is variables, web identity, container and instance
        roles. Profiles in ``~/.aws`` are not read.
    anonymous
        Sign nothing, for public buckets.
    addressing
        ``"path"``: ``endpoint/bucket/key``; ``"virtual"``: ``bucket.endpoint/key``.
    part_mb
        Megabytes in a part of an upload. S3 takes 10,000 parts, so 8 is enough for 80 GB.
    connect_timeout, timeout
        Seconds to reach the server, and for one request with its answer.
    retries
        How often a request that failed is repeated.
    """

    endpoint: str | None = None
    region: str | None = None
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    anonymous: bool = False
    addressing: Literal["path", "virtual"] = "path"
    part_mb: int = 8
    connect_timeout: float = 3.0
    timeout: float = 60.0
    retries: int = 3

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            check_endpoint(self.endpoint)


def check_endpoint(endpoint: str) -> None:
    """Raise `ConfigError` for what is no endpoint. It is not repeated: it may hold a password."""
    if not _ENDPOINT.fullmatch(endpoint):
        raise ConfigError(
            "endpoint (or AWS_ENDPOINT_URL): expected 'http://host:port' or 'https://host', and "
            "nothing else; credentials go into access_key_id and secret_access_key of "
            "[plugins.s3]. What is there is not shown, as it may hold a password."
        )
