"""The section ``[plugins.dask]`` of the configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass

from omega_core import Secret

_ADDRESS = re.compile(r"(tcp|tls)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


@dataclass(frozen=True, kw_only=True)
class DaskSettings:
    """Which cluster, and how it is reached.

    Attributes
    ----------
    scheduler
        ``"tls://host:port"`` or ``"tcp://host:port"`` of a scheduler that runs. Absent: processes
        of this machine, which start with the first task, and end with the `Omega`.
    processes
        How many of those; absent, as many as there are cores.
    timeout
        Seconds after which a scheduler that does not answer is given up.
    tls_ca, tls_cert, tls_key
        For ``tls://``: the authority that all parties trust, and who this party is. Each is the
        path of a PEM file, or a secret that holds the PEM text.
    joblib
        Let what scikit-learn does in parallel within one fit, as a grid search, run on all workers
        of the cluster. Data and code of that fit then travel between workers as Dask does it.
    """

    scheduler: str | None = None
    processes: int | None = None
    timeout: float = 10.0
    tls_ca: Secret | None = None
    tls_cert: Secret | None = None
    tls_key: Secret | None = None
    joblib: bool = False

    def __post_init__(self) -> None:
        if self.scheduler is not None and not _ADDRESS.fullmatch(self.scheduler):
            raise ValueError(
                "scheduler: expected 'tls://host:port' or 'tcp://host:port', and nothing else."
            )
        if self.processes is not None and self.processes < 1:
            raise ValueError("processes: at least 1.")
        if self.timeout <= 0:
            raise ValueError("timeout: more than 0 seconds.")
        certificates = (self.tls_ca, self.tls_cert, self.tls_key)
        if self.encrypted != all(certificates) or any(certificates) != all(certificates):
            raise ValueError(
                "tls_ca, tls_cert and tls_key go together, and with a scheduler at tls://."
            )

    @property
    def encrypted(self) -> bool:
        """Whether the scheduler is reached by TLS; the own processes bring certificates along."""
        return self.scheduler is not None and self.scheduler.startswith("tls://")
