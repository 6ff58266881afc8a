"""The kernel of a run: that of IPython, with ``om`` among its names.

Started by the guardian as ``python -m omega_notebook.kernel <pid of the guardian> -f <file>``.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys

from . import pipe

_SET_PARENT_DEATH_SIGNAL = 1


def main() -> None:
    """Become the kernel."""
    guardian = int(sys.argv[1])
    if sys.platform == "linux":
        # Should the guardian be killed, who would end this one?
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != guardian:
        sys.exit("The guardian of this kernel is gone.")
    config, bucket = pickle.loads(pipe.read())  # of the worker, which nobody else writes to

    from ipykernel import kernelapp

    from omega_core import Omega

    from .forked_output import ForkedOutput

    kernelapp.IOPubThread = ForkedOutput  # type: ignore[attr-defined]
    om = Omega(config, bucket=bucket)
    app = kernelapp.IPKernelApp.instance(user_ns={"om": om})
    app.initialize([*sys.argv[2:], "--HistoryManager.enabled=False"])
    try:
        app.start()
    finally:
        om.close()


if __name__ == "__main__":
    main()
