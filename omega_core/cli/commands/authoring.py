"""``omega plugins check``: what is for those who write plugins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.options import Json, global_options
from ..terminal.output import table, verbatim
from ..terminal.progress import waiting

if TYPE_CHECKING:
    from rich.text import Text

    from ...config import PluginsConfig
    from ...plugins.discovery import Plugin
    from ...plugins.examination import Examination
    from ...plugins.findings import Finding

PANEL = "For authors"
"""Where the help of the group lists these commands."""

_LEVEL_STYLES = {"error": "bold red", "warning": "yellow"}


def check(
    ctx: typer.Context,
    package: Annotated[
        str | None,
        typer.Argument(help="An installed plugin, by its id or its package; else all enabled."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check what its author should change in a plugin: all that shows without an object of it.

    Imports the plugin, and the classes that it names and claims, in a process of its own. A plugin
    that is named is checked also where the configuration disables it. 1 if there is an error; a
    warning alone is none. What takes objects is for the tests: docs/testing.md.
    """
    from concurrent.futures import ThreadPoolExecutor

    from ...plugins.examination import examined, installed

    options = global_options(ctx)
    plugins, disabled = (
        _chosen(options.config().plugins) if package is None else ([installed(package)], [])
    )
    with waiting("checking", len(plugins)) as advance, ThreadPoolExecutor(2) as pool:
        examinations = []
        for examination in pool.map(examined, plugins):
            examinations.append(examination)
            advance()
    document = {
        "plugins": [_record(examination) for examination in examinations],
        "disabled": [plugin.id for plugin in disabled],
    }
    well = all(examination.well for examination in examinations)
    options.show(document, lambda: _view(examinations, disabled), well=well)


def _chosen(config: PluginsConfig) -> tuple[list[Plugin], list[Plugin]]:
    """Return the plugins to be checked, and the disabled ones, which are not even imported."""
    from ...plugins.discovery import discover

    found = discover(config)
    disabled = [plugin for plugin in found if plugin.state == "disabled"]
    return [plugin for plugin in found if plugin not in disabled], disabled


def _record(examination: Examination) -> dict[str, Any]:
    plugin = examination.plugin
    return {
        "id": plugin.id,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "import_milliseconds": examination.milliseconds,
        "findings": [asdict(finding) for finding in examination.findings],
    }


def _view(examinations: Sequence[Examination], disabled: Sequence[Plugin]) -> Iterable[Any]:
    for examination in examinations:
        plugin, cost = examination.plugin, examination.milliseconds
        took = "" if cost is None else f"; imported in {cost:.1f} ms"
        who = f"{plugin.id} ({plugin.distribution} {plugin.version})"
        if not examination.findings:
            yield verbatim(f"✓ {who}: nothing found{took}", "green")
            continue
        rows = map(_row, examination.findings)
        title = f"{who}: {_counted(examination.findings)}{took}"
        yield table(("", "subject", "what", "remedy"), rows, title=title)
    if not examinations and not disabled:
        yield verbatim("No plugin is installed.", "dim")
    if disabled:
        names = ", ".join(plugin.id for plugin in disabled)
        yield verbatim(f"Disabled, and so not checked unless they are named: {names}", "dim")


def _row(finding: Finding) -> tuple[Text, str, str, str]:
    level = verbatim(finding.level, _LEVEL_STYLES[finding.level])
    return level, finding.subject, finding.message, finding.remedy


def _counted(findings: Sequence[Finding]) -> str:
    levels = [finding.level for finding in findings]
    counts = [(levels.count(level), level) for level in ("error", "warning")]
    return ", ".join(f"{n} {level}{'s' if n > 1 else ''}" for n, level in counts if n)
