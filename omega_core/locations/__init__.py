"""Files at URIs: which may be touched, and how they are written, read and deleted."""

from .locations import FileSystems, Locations

__all__ = ["FileSystems", "Locations"]
