"""The peak of the resident memory during a block, over what was resident before."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path
from types import TracebackType

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


class Peak:
    """Measures a block: ``with Peak() as peak: ...; peak.bytes``, None where it cannot be told.

    Meaningful at the first such block of a process: memory that libraries kept from earlier work
    is used again, without the resident memory growing.
    """

    bytes: int | None = None
    _before: int | None = None

    def __enter__(self) -> Peak:
        gc.collect()
        if _STATUS.exists():
            # What was freed goes back to the system first, or it would be used again unseen.
            ctypes.CDLL(None).malloc_trim(0)
            self._before = _kilobytes("VmRSS")
            _RESET.write_text("5", encoding="ascii")
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        peak = _kilobytes("VmHWM")
        if self._before is not None and peak is not None:
            self.bytes = (peak - self._before) * 1024


def _kilobytes(field: str) -> int | None:
    if not _STATUS.exists():
        return None
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
