"""What a new plugin is to offer, and the names of its parts; whatever cannot be is refused here."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ...errors import OmegaError, suggestion
from ...plugins.builtin import builtin_specs
from ...plugins.hookspecs import DECLARED, ROUTED
from ...plugins.remedies import PACKAGES

_DISTRIBUTION = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?\Z")
_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z]([a-z0-9_-]*[a-z0-9])?)+\Z")
_TYPE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_LICENSE = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*\Z")

_IMPORTED = frozenset(
    {"Any", "BinaryIO", "Callable", "ClassVar", "Metadata", "Omega", "OmegaStore", "Path"}
    | {"BaseDataBackend", "BaseModelBackend", "StoreError", "UnsupportedValueError"}
)
"""Names that the modules of a new plugin have already."""

_OF_THE_CORE = frozenset({"python", "uri", "local", "runtime", "omega", "omega_core", "core"})
_SCHEMES = {"file": "the core", "s3": "the plugin 's3'", "http": "the web", "https": "the web"}


class ImpossiblePluginError(OmegaError):
    """There can be no plugin of this name, or with these parts; nothing was written."""


@dataclass(frozen=True)
class Plan:
    """A plugin to be written.

    Attributes
    ----------
    distribution
        What is installed, as ``acme-graph``.
    kind, type
        The kind that it stores, and the class whose objects go there: of a library, or, with None,
        one of the plugin's own. Both are None where it has no backend.
    model
        Whether the backend is one of models.
    engine, scheme, wrappers
        Whether it has an engine, the scheme of URIs that it serves, and what it stands around.
    license
        An expression of SPDX. Of MIT, the text is written as well.
    """

    distribution: str
    kind: str | None = None
    type: str | None = None
    model: bool = False
    engine: bool = False
    scheme: str | None = None
    wrappers: tuple[str, ...] = ()
    license: str = "MIT"

    @property
    def stem(self) -> str:
        """The name without what says that it is for omega_core."""
        return self.distribution.removeprefix("omega-")

    @property
    def package(self) -> str:
        """The package that is imported, as ``acme_graph``."""
        return self.distribution.replace("-", "_")

    @property
    def id(self) -> str:
        """The id of the plugin, which its kind begins with."""
        return self.stem if self.kind is None else self.kind.partition(".")[0]

    @cached_property
    def cls(self) -> str:
        """The class of the objects."""
        if self.type is not None:
            return self.type.partition(":")[2]
        name = camel((self.kind or self.stem).rpartition(".")[2])
        return f"{name}Object" if name in _IMPORTED else name

    def check(self) -> None:
        """Refuse what cannot work.

        Raises
        ------
        ImpossiblePluginError
            Says what to choose instead.
        """
        self._check_distribution()
        if self.kind is not None:
            self._check_kind(self.kind)
        self._check_names()
        if self.type is not None:
            self._check_type(self.type)
        if self.scheme is not None:
            self._check_scheme(self.scheme)
        for hook in self.wrappers:
            _check_wrapper(hook)
        if not _LICENSE.match(self.license):
            raise ImpossiblePluginError(
                f"{self.license!r} is no expression of SPDX, such as MIT or Apache-2.0: see "
                "https://spdx.org/licenses"
            )

    def _check_distribution(self) -> None:
        name = self.distribution
        if not _DISTRIBUTION.match(name) or "--" in name:
            better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")
            hint = f" Try {better!r}." if _DISTRIBUTION.match(better) else ""
            raise ImpossiblePluginError(
                f"{name!r} is no name for a package: small letters, digits and dashes, a letter "
                f"first.{hint}"
            )

    def _check_names(self) -> None:
        name, taken = self.distribution, None
        if keyword.iskeyword(self.package):
            taken = "a keyword of Python"
        elif self.package in sys.stdlib_module_names:
            taken = "a module of Python itself"
        elif self.package in ("omega_core", "pymongo", "fsspec", "tests", "test"):
            taken = "a module of another package"
        elif self.package == re.split(r"[.:]", self.type or "")[0]:
            taken = "the library itself, which it would hide"
        if taken is not None:
            raise ImpossiblePluginError(
                f"{name!r}: its package would be {self.package!r}, which is {taken}. Call it, say, "
                f"{'omega-' + self.stem!r}."
            )
        if self.id in _OF_THE_CORE or self.id in PACKAGES:
            owner = "the core" if self.id in _OF_THE_CORE else f"the package {PACKAGES[self.id]}"
            raise ImpossiblePluginError(
                f"{name!r}: the id of the plugin would be {self.id!r}, which belongs to {owner}. "
                f"Put a name of your own in front: 'acme-{self.stem}'."
            )

    def _check_kind(self, kind: str) -> None:
        if kind in {spec.kind for spec in builtin_specs()}:
            raise ImpossiblePluginError(f"{kind!r} is a kind of the core, and stays with it.")
        first = self.stem.partition("-")[0]
        last = re.sub(r"[^a-z0-9_-]", "_", kind.lower().rpartition(".")[2]) or "object"
        better = f"{first}.{last}"
        if not _KIND.match(kind):
            raise ImpossiblePluginError(
                f"{kind!r} is no kind: two words of small letters, with a dot between them, of "
                f"which the first is the id of the plugin. For {self.distribution}, say {better!r}."
            )
        own = self.id.replace("_", "-")
        if own != self.stem and not self.stem.startswith(f"{own}-"):
            raise ImpossiblePluginError(
                f"A kind begins with the id of its plugin, and {self.id!r} is none for "
                f"{self.distribution}: who lacks the plugin could not be told which is missing. "
                f"Say --kind {better}, or name the package {self.id}-{self.stem}."
            )

    def _check_type(self, type_: str) -> None:
        if not _TYPE.match(type_):
            raise ImpossiblePluginError(
                f"{type_!r} names no class: it is said as module:Class, such as networkx:Graph."
            )
        if self.cls in _IMPORTED:
            raise ImpossiblePluginError(
                f"{type_!r}: the new modules use the name {self.cls} already. Leave --type out, "
                "and write the class into the claim yourself."
            )
        core = {claim for spec in builtin_specs() for claim in spec.types or ()}
        if type_ in core or type_ == "builtins:object":
            raise ImpossiblePluginError(
                f"{type_!r} is stored by the core: the plugin would take all of them away from it. "
                "Leave --type out: the plugin then has a class of its own."
            )

    def _check_scheme(self, scheme: str) -> None:
        if not _SCHEME.match(scheme):
            raise ImpossiblePluginError(
                f"{scheme!r} is no scheme of URIs: small letters and digits, a letter first, and "
                "without '://'."
            )
        if scheme in _SCHEMES or scheme.startswith("mongodb"):
            owner = _SCHEMES.get(scheme, "MongoDB")
            raise ImpossiblePluginError(f"The scheme {scheme!r} belongs to {owner}.")


def _check_wrapper(hook: str) -> None:
    if hook in DECLARED:
        raise ImpossiblePluginError(f"{hook!r} declares, and cannot be wrapped. Wrap put, for one.")
    if hook not in ROUTED:
        raise ImpossiblePluginError(
            f"There is no operation {hook!r} to stand around.{suggestion(hook, ROUTED)} There are "
            f"{', '.join(ROUTED)}."
        )


def planned(
    distribution: str,
    *,
    kind: str | None,
    type_: str | None,
    model: bool,
    engine: bool,
    scheme: str | None,
    wrappers: Iterable[str],
    license_: str,
) -> Plan:
    """Return a plan that can be written: with a kind, where one is wanted and not named.

    Raises
    ------
    ImpossiblePluginError
        There can be no such plugin.
    """
    chosen = tuple(dict.fromkeys(wrappers))
    wants_backend = type_ is not None or model or not (engine or scheme or chosen)
    if kind is None and wants_backend:
        first, _, rest = distribution.removeprefix("omega-").partition("-")
        kind = f"{first}.{rest.replace('-', '_') or 'object'}"
    plan = Plan(distribution, kind, type_, model, engine, scheme, chosen, license_)
    plan.check()
    return plan


def camel(words: str) -> str:
    """Return words as the name of a class."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", words))
