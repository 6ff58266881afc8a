"""A connection to one bucket: the obstore store, and its failures in words for people.

An obstore error carries the whole answer of the server, which may repeat the access key and what
was signed with it. So none is passed on: the message is made anew from the code and the sentence
of the answer, and the original is not chained.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from obstore import exceptions
from obstore.store import S3Store

from omega_core.errors import ConfigError, IntegrityError

from .settings import S3Settings, check_endpoint

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Credential

# obstore runs its requests in threads of the process that imported it; a fork has none of them,
# and would wait for ever.
_PROCESS = os.getpid()

# The first two are of AWS; obstore would read the third by itself.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")

_CODE = re.compile(r"<Code>([A-Za-z0-9.]+)</Code>")
_STATUS = re.compile(r"status code: ([0-9]{3} [A-Za-z ]+)")
_REASONS = {
    "SignatureDoesNotMatch": "the secret access key is not the one of this access key",
    "InvalidAccessKeyId": "the access key is unknown there",
    "ExpiredToken": "the session token has expired",
    "AccessDenied": "the credentials do not permit this",
}


class Connection:
    """One bucket at one endpoint."""

    def __init__(self, bucket: str, settings: S3Settings) -> None:
        self.bucket = bucket
        self.endpoint = _endpoint(settings)
        self.part_size = _part_size(settings)
        self.store = S3Store(
            bucket,
            config=_config(bucket, self.endpoint, settings),
            client_options=_client_options(self.endpoint, settings),
            retry_config=_retry_config(settings),
            credential_provider=_credentials(settings),
        )

    @property
    def place(self) -> str:
        """Bucket and endpoint, for errors."""
        return f"bucket {self.bucket!r} at {self.endpoint or 'AWS'}"

    @contextmanager
    def explained(self, key: str) -> Iterator[None]:
        """Turn the errors of obstore into built-in ones that name key, bucket and endpoint."""
        if os.getpid() != _PROCESS:
            raise RuntimeError(
                "omega_s3 does not work in a process that was forked after its first use; start "
                "workers with multiprocessing's 'spawn' or 'forkserver'"
            )
        try:
            yield
        except (FileNotFoundError, exceptions.BaseError) as exc:
            raise self._failure(key, exc) from None

    def _failure(self, key: str, exc: Exception) -> Exception:
        text = str(exc)
        found = _CODE.search(text) or _STATUS.search(text)
        code = found[1].strip() if found else ""
        what = f"{key!r} in {self.place}"
        if code == "NoSuchBucket":
            # Not FileNotFoundError: that nobody made the bucket does not mean that an object
            # was deleted.
            return OSError(f"there is no {self.place}; create it, or correct the URI")
        if isinstance(exc, FileNotFoundError):
            return FileNotFoundError(f"no object {what}")
        if isinstance(exc, exceptions.AlreadyExistsError):
            return FileExistsError(f"there is already an object {what}")
        if isinstance(exc, exceptions.PreconditionError):
            return IntegrityError(f"the object {what} was replaced while it was being read")
        if isinstance(exc, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError):
            reason = _REASONS.get(code, "the credentials do not permit this")
            return PermissionError(
                f"no access to {what}: {reason} ({code or 'refused'}). Check access_key_id and "
                f"secret_access_key in [plugins.s3], or the AWS environment"
            )
        if code:
            return OSError(f"the server refused {what}: {code}")
        return ConnectionError(
            f"no answer about {what}. Check that the endpoint in [plugins.s3] is right and "
            f"reachable ({_last_words(text)})"
        )


def _last_words(text: str) -> str:
    """Return the reason from the first line of an obstore error, without its URL."""
    return text.partition("\n")[0].rpartition(" - ")[2].strip()[:200]


def _endpoint(settings: S3Settings) -> str | None:
    endpoint = settings.endpoint or next(
        (os.environ[name] for name in _ENDPOINTS if os.environ.get(name)),
        None,
    )
    if endpoint is None:
        return None
    check_endpoint(endpoint)
    return endpoint.rstrip("/")


def _part_size(settings: S3Settings) -> int:
    if not 5 <= settings.part_mb <= 5000:
        raise ConfigError(
            f"[plugins.s3] part_mb: S3 takes parts of 5 to 5000 MB, got {settings.part_mb}"
        )
    return settings.part_mb << 20


def _config(bucket: str, endpoint: str | None, settings: S3Settings) -> Any:
    virtual = settings.addressing == "virtual"
    # All that obstore would otherwise mix in from the environment is said here.
    config: dict[str, Any] = {
        "virtual_hosted_style_request": virtual,
        "skip_signature": settings.anonymous,
    }
    if settings.region is not None:
        config["region"] = settings.region
    if endpoint is not None:
        scheme, _, host = endpoint.partition("://")
        config["endpoint"] = f"{scheme}://{bucket}.{host}" if virtual else endpoint
    return config


def _client_options(endpoint: str | None, settings: S3Settings) -> ClientConfig:
    return {
        "allow_http": endpoint is not None and endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=settings.connect_timeout),
        "timeout": timedelta(seconds=settings.timeout),
    }


def _retry_config(settings: S3Settings) -> RetryConfig:
    return {
        "max_retries": settings.retries,
        "retry_timeout": timedelta(seconds=settings.timeout),
        "backoff": {
            "init_backoff": timedelta(seconds=0.1),
            "max_backoff": timedelta(seconds=2),
            "base": 2,
        },
    }


def _credentials(settings: S3Settings) -> Any:
    """Return a callable that reveals the credentials when a request is signed, or None."""
    key, secret, token = (
        settings.access_key_id,
        settings.secret_access_key,
        settings.session_token,
    )
    if settings.anonymous:
        if key or secret or token:
            raise ConfigError("[plugins.s3] anonymous = true and credentials: give one of them")
        return None
    if key is None and secret is None:
        if token is not None:
            raise ConfigError(
                "[plugins.s3] session_token needs access_key_id and secret_access_key"
            )
        return None
    if key is None or secret is None:
        missing = "access_key_id" if key is None else "secret_access_key"
        raise ConfigError(f"[plugins.s3] {missing} is missing: the two keys go together")

    def reveal() -> S3Credential:
        return {
            "access_key_id": key.reveal(),
            "secret_access_key": secret.reveal(),
            "token": None if token is None else token.reveal(),
            "expires_at": None,
        }

    # A reference that leads nowhere is told here; in a request it would look like a refusal.
    reveal()
    return reveal
