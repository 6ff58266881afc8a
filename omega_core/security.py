"""The gate: what may run code while it is read, decided in one place for all plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import JobsDeniedError, UntrustedFormatError

if TYPE_CHECKING:
    from .backends.store import Store


def require_pickle_allowed(store: Store, *, kind: str, name: str) -> None:
    """Return if the reader's configuration permits formats that run code when they are loaded.

    A backend of such a format calls this before it writes, and before it reads.

    Raises
    ------
    UntrustedFormatError
        Unless ``[security] pickle = "allow"``.
    """
    if store.config.security.pickle != "allow":
        raise UntrustedFormatError(
            f"{store.prefix}{name!r} in bucket {store.bucket!r} is of kind {kind!r}, a format that "
            "can run any code when it is loaded. It is neither written nor read. Use a safe kind, "
            "or, if you trust everybody who can write to this store, set "
            '[security] pickle = "allow".'
        )


def require_jobs_allowed(store: Store, *, kind: str, name: str) -> None:
    """Return if the configuration of this process permits that jobs run in it.

    The core calls this before any job runs; reading and writing one runs nothing.

    Raises
    ------
    JobsDeniedError
        Unless ``[security] run_jobs = "allow"``.
    """
    if store.config.security.run_jobs != "allow":
        raise JobsDeniedError(
            f"The job {name!r} in bucket {store.bucket!r}, of kind {kind!r}, is code, and was not "
            "run: this process runs none. If you trust everybody who can write to this store, set "
            '[security] run_jobs = "allow" where jobs run, which is here.'
        )
