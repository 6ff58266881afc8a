"""What `dir`, and with it the tab key, shows of an object: what is for its users."""

from __future__ import annotations

from typing import ClassVar


class Visible:
    """Leaves out what begins with an underscore, and what a class keeps for the rest of the core.

    Attributes
    ----------
    _inner
        The names that other modules of the core use, and nobody else. They are hidden, not locked.
    """

    _inner: ClassVar[frozenset[str]] = frozenset()

    def __dir__(self) -> list[str]:
        inner = {name for cls in type(self).__mro__ for name in vars(cls).get("_inner", ())}
        return [n for n in super().__dir__() if not n.startswith("_") and n not in inner]
