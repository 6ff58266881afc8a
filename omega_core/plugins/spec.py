"""What a plugin declares: light records that name a kind and where its backend lives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


# eq=False: pluggy and the router keep these in sets, where equal values must not collide.
@dataclass(frozen=True, eq=False)
class BackendSpec:
    """Declares that a plugin stores objects of one kind.

    Parameters
    ----------
    kind
        The string that the metadata of an object records, such as ``"pandas.dataframe"``.
    factory
        ``"package.module:Class"``, imported at the first use of the kind; or the class itself.
    types
        The classes that this backend claims, as ``"module:Class"``. They are looked up in
        `sys.modules` and never imported, so a claim costs nothing. A claim covers subclasses;
        the most derived claim wins. A backend without claims is asked about every object, through
        `supports`. With None it is asked about none: it is chosen by ``kind=`` alone.
    job_types
        Those that it claims in ``om.jobs`` besides: a path is a file elsewhere, and may be a job
        there.
    priority
        Decides between claims of the same class; the higher wins.
    summary
        One line for ``omega plugins info``.
    options
        Names of options of `put` and `get` that the backend reads from its ``**kwargs``. The
        named parameters of its methods are understood without being listed here.
    """

    kind: str
    factory: str | type
    types: Iterable[str] | None = ()
    priority: int = 0
    summary: str = ""
    options: Iterable[str] | None = None
    job_types: Iterable[str] = ()
    # Filled by discovery: who declared it. Not for authors.
    plugin: str = field(default="", repr=False)
    version: str = field(default="", repr=False)
    distribution: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or not self.kind:
            raise TypeError(f"BackendSpec: the kind must be a non-empty string, not {self.kind!r}")
        if isinstance(self.factory, str) and ":" not in self.factory:
            raise TypeError(
                f"BackendSpec({self.kind!r}): the factory must be a class or "
                f"'package.module:Class', not {self.factory!r}"
            )
        types = None if self.types is None else _strings(self.types)
        job_types = _strings(self.job_types)
        for claim in (*(types or ()), *job_types):
            if not isinstance(claim, str) or claim.count(":") != 1:
                raise TypeError(
                    f"BackendSpec({self.kind!r}): a type claim is 'module:Class', not {claim!r}"
                )
        object.__setattr__(self, "types", types)
        object.__setattr__(self, "job_types", job_types)
        object.__setattr__(self, "options", _strings(self.options or ()))

    def own(self, plugin: str, version: str, distribution: str = "") -> None:
        """Note who declared it; for discovery."""
        for field_, value in (
            ("plugin", plugin),
            ("version", version),
            ("distribution", distribution),
        ):
            object.__setattr__(self, field_, value)

    @property
    def writer(self) -> dict[str, str]:
        """What the metadata of an object remembers of who wrote it."""
        known = {"name": self.plugin, "version": self.version}
        return {**known, "distribution": self.distribution} if self.distribution else known


def _strings(values: Iterable[str]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)
