"""The certificates of ``[plugins.dask]``, as Dask takes them."""

from __future__ import annotations

import ssl

from distributed import Security

from omega_core.errors import ConfigError

from .settings import DaskSettings


def security(settings: DaskSettings) -> Security | None:
    """Return who this party is, and whom it trusts; None without TLS.

    A worker is a client, too, when joblib spreads over it what one fit does.

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
    cert, key = settings.tls_cert.reveal(), settings.tls_key.reveal()
    found = Security(
        require_encryption=True,
        tls_ca_file=settings.tls_ca.reveal(),
        tls_client_cert=cert,
        tls_client_key=key,
        tls_worker_cert=cert,
        tls_worker_key=key,
    )
    try:
        found.get_connection_args("client")
    except (OSError, ssl.SSLError, ValueError) as exc:
        raise ConfigError(
            f"[plugins.dask] tls_ca, tls_cert and tls_key cannot be used: {exc}. Each is the path "
            "of a PEM file, or a secret that holds the PEM text."
        ) from None
    return found
