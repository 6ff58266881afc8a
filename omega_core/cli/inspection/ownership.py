"""Why a kind, or an object, is stored by the plugin that stores it, and not by another one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import ObjectNotFoundError, PluginError, PluginNotFoundError, suggestion
from .plugins import declarations

if TYPE_CHECKING:
    from ...config import PluginsConfig
    from ...omega import Omega
    from ...plugins.registry import Plugins
    from ...protocol.metadata import Metadata


@dataclass
class Answer:
    """Who stores one kind, and why.

    Attributes
    ----------
    object
        The object that was asked about, where it was one.
    chosen, version, factory
        The plugin that stores the kind, or None, and what of it does.
    claims
        The types whose objects go to this kind; None: it is chosen by ``kind=`` alone.
    reasons
        Why this plugin, and what became of each other one.
    error
        Why nobody stores it.
    """

    kind: str
    chosen: str | None = None
    version: str | None = None
    factory: str | None = None
    claims: tuple[str, ...] | None = ()
    reasons: list[str] = field(default_factory=list)
    error: str | None = None
    object: str | None = None


def explain_kind(
    plugins: Plugins, config: PluginsConfig, kind: str, writer: dict[str, Any] | None = None
) -> Answer | None:
    """Return who stores a kind; None where no plugin ever spoke of it."""
    declared = declarations(plugins).get(kind, [])
    winner = config.kinds.get(kind)
    try:
        spec = plugins.spec(kind, writer=writer)
    except PluginNotFoundError as exc:
        if writer is None and not declared and kind.partition(".")[0] not in plugins:
            return None
        return Answer(kind, error=str(exc))
    except PluginError as exc:
        reasons = [f"{id_} declares it" for id_ in declared]
        return Answer(kind, reasons=reasons, error=str(exc))
    reasons = [f"{spec.plugin} declares it" + (", built into the core" if not declared else "")]
    if winner == spec.plugin:
        reasons.append(f"the configuration says so: kinds in [plugins] gives it to {winner}")
    for id_ in declared:
        if id_ != spec.plugin:
            by = f"the configuration gives it to {winner}" if winner else "it was declared first"
            reasons.append(f"not {id_}, which declares it too: {by}")
    for plugin in plugins:
        if plugin.state != "enabled":
            why = plugin.error or "what it declares is not known, as it is not imported"
            reasons.append(f"not {plugin.id}, which is {plugin.state}: {why}")
    factory = spec.factory if isinstance(spec.factory, str) else spec.factory.__qualname__
    claims = None if spec.types is None else tuple(spec.types)
    return Answer(kind, spec.plugin, spec.version, factory, claims, reasons)


def explain_objects(om: Omega, plugins: Plugins, name: str) -> list[Answer]:
    """Return who stores the objects of this name.

    Raises
    ------
    ObjectNotFoundError
        There is none, and it is no kind either.
    """
    answers = []
    stores = (om.datasets, om.models, om.jobs)
    for store in stores:
        meta: Metadata | None = store.metadata(name)
        if meta is None:
            continue
        answer = explain_kind(plugins, om.config.plugins, meta.kind, meta.plugin)
        assert answer is not None
        writer = meta.plugin or {}
        wrote = f"{writer.get('name')} {writer.get('version')}"
        answer.object = f"{meta.prefix}{meta.name} in bucket {meta.bucket!r}, stored by {wrote}"
        answers.append(answer)
    if not answers:
        known = [*plugins.kinds, *(n for store in stores for n in store.list(hidden=True))]
        raise ObjectNotFoundError(
            f"{name!r} is neither a kind nor an object of bucket {om.bucket!r}."
            f"{suggestion(name, known)} Kinds: {', '.join(plugins.kinds)}."
        )
    return answers
