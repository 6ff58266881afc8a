"""What an examination of a plugin brings to light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One mistake of a plugin, for its author.

    Attributes
    ----------
    level
        ``error``: something does not work, or not as its author meant; ``warning``: it works, and
        may not for long, or not for everybody.
    code
        What kind of mistake it is, in a word or two: ``"forgotten-mark"``.
    subject
        What has it: a hook, a kind, a setting, a file.
    message
        What is wrong.
    remedy
        What to do; empty where the message says it.
    """

    level: Level
    code: str
    subject: str
    message: str
    remedy: str = ""
