"""The certificates of ``[plugins.dask]``, as Dask takes them."""

from __future__ import annotations

import ssl
from typing import Literal

from distributed import Security

from omega_core.errors import ConfigError

from .settings import DaskSettings

Role = Literal["client", "worker"]


def security(settings: DaskSettings, role: Role) -> Security | None:
    """Return who a client or a worker is, and whom it trusts; None without TLS.

    Raises
    ------
    ConfigError
        A certificate cannot be read, or does not belong to its key.
    """
    if not settings.encrypted:
        return None
    assert settings.tls_ca is not None
    assert settings.tls_cert is not None
    assert settings.tls_key is not None
    identity = {
        f"tls_{role}_cert": settings.tls_cert.reveal(),
        f"tls_{role}_key": settings.tls_key.reveal(),
    }
    found = Security(require_encryption=True, tls_ca_file=settings.tls_ca.reveal(), **identity)
    try:
        found.get_connection_args(role)
    except (OSError, ssl.SSLError, ValueError) as exc:
        raise ConfigError(
            f"[plugins.dask] tls_ca, tls_cert and tls_key cannot be used: {exc}. Each is the path "
            "of a PEM file, or a secret that holds the PEM text."
        ) from None
    return found
