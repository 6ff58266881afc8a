"""Who does something, for people to read: the user and the machine."""

from __future__ import annotations

import getpass
import os
import socket


def user_at_host() -> str:
    """Return ``"user@host"``; of a user whom the system has no name for, the number."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return f"{user}@{socket.gethostname()}"
