"""The section ``[plugins.notebook]`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NotebookSettings:
    """How notebooks run here.

    Attributes
    ----------
    outputs
        Bytes of outputs that a run keeps, of all cells together. What goes beyond is left out, and
        the cell says so; errors stay.
    startup
        Seconds after which a kernel that does not come up is given up.
    time_limit
        Seconds that a run may take where it names no limit of its own; None: any.
    """

    outputs: int = 16 * 1024**2
    startup: float = 60.0
    time_limit: float | None = None

    def __post_init__(self) -> None:
        if self.outputs < 0:
            raise ValueError(f"outputs is {self.outputs}, and has to be a number of bytes from 0.")
        if self.startup <= 0:
            raise ValueError(f"startup is {self.startup}, and has to be above 0.")
        if self.time_limit is not None and self.time_limit <= 0:
            raise ValueError(f"time_limit is {self.time_limit}, and has to be above 0.")
