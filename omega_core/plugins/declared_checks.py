"""What is wrong with what a plugin declares, one declaration after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .backend_checks import check_class
from .binding import Hooks
from .discovery import Plugin
from .factory_checks import check_engine, check_file_format, check_filesystem, resolved
from .findings import Finding
from .kind_checks import check_claims, check_kind
from .registry import Plugins, implementations
from .settings_checks import check_settings, marked_settings

Doing = Callable[[str], None]


def check_declared(
    plugins: Plugins, plugin: Plugin, hooks: Hooks, doing: Doing, *, claims: bool
) -> Iterator[Finding]:
    """Yield what is wrong with the declarations of one plugin; imports all that they name.

    Parameters
    ----------
    plugins
        In which this plugin is loaded.
    doing
        Told what is about to be imported, as that may end the process.
    claims
        Whether the modules of the claimed classes are imported as well.
    """
    declared = implementations(plugins.manager, hooks)
    yield from check_settings(declared.get("settings"), plugin)
    if plugin.error is not None:
        return
    settings = marked_settings(plugins.settings(plugin.id))
    others = {other.id for other in plugins} - {plugin.id}
    for spec in plugin.specs:
        yield from check_kind(spec, plugin, others)
        if claims:
            yield from check_claims(spec, doing)
    for spec in plugin.specs:
        yield from check_class(spec, plugin, settings, doing)
    for what, offered, check in (
        ("scheme", plugins.filesystems, check_filesystem),
        ("engine", plugins.engines, check_engine),
        ("file format", plugins.file_formats, check_file_format),
    ):
        for key, (owner, factory) in offered.items():
            if owner is plugin:
                subject = f"{what} {key!r}"
                found, made = yield from resolved(subject, plugin, factory, doing)
                if found:
                    yield from check(key, subject, made)
