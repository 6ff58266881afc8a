"""``omega plugins new`` and ``check``: what is for those who write plugins."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
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
    from ..scaffolding.project import Project

PANEL = "For authors"
"""Where the help of the group lists these commands."""

_ON_DISK = typer.Option("--directory", metavar="PATH", help="Where to write it; else here.")
_LEVEL_STYLES = {"error": "bold red", "warning": "yellow"}


def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The name of its package, as acme-graph.")],
    kind: Annotated[
        str | None,
        typer.Option(help="The kind that it stores, which begins with its id: acme.graph."),
    ] = None,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="MODULE:CLASS",
            help="The class whose objects go there, as networkx:Graph; else one of its own.",
        ),
    ] = None,
    model: Annotated[bool, typer.Option("--model", help="Store models, which fit.")] = False,
    engine: Annotated[bool, typer.Option("--engine", help="Add an engine of the runtime.")] = False,
    scheme: Annotated[str | None, typer.Option(help="Add a scheme of URIs, as acme.")] = None,
    wrapper: Annotated[
        list[str] | None,
        typer.Option(metavar="OPERATION", help="Stand around an operation, as put. Repeatable."),
    ] = None,
    license_: Annotated[
        str, typer.Option("--license", metavar="SPDX", help="Of MIT, the text is written as well.")
    ] = "MIT",
    directory: Annotated[Path, _ON_DISK] = Path(),
    as_json: Json = False,
) -> None:
    """Write a plugin that works: code, tests of the kit, README, CI. Its tests pass at once.

    By itself, it stores one kind of objects; the options add to it, and can be combined. Nothing is
    written where something of its name is there already.
    """
    from ..scaffolding.plan import ImpossiblePluginError, planned
    from ..scaffolding.project import write

    options = global_options(ctx)
    try:
        plan = planned(
            name,
            kind=kind,
            type_=type_,
            model=model,
            engine=engine,
            scheme=scheme,
            wrappers=wrapper or (),
            license_=license_,
        )
        project = write(plan, directory)
    except ImpossiblePluginError as exc:
        raise typer.BadParameter(str(exc), ctx) from None
    steps = _next_steps(project)
    document = {
        "directory": str(project.directory),
        "distribution": plan.distribution,
        "package": plan.package,
        "id": plan.id,
        "kind": plan.kind,
        "type": plan.type,
        "files": project.files,
        "next": steps,
    }

    def view() -> Iterable[Any]:
        yield verbatim(f"✓ wrote {len(project.files)} files to {project.directory}", "green")
        yield verbatim("")
        yield from (
            verbatim(f"    {step}") if step in _commands(project) else verbatim(step)
            for step in steps
        )

    options.show(document, view)


def _commands(project: Project) -> list[str]:
    plan = project.plan
    return [
        f"cd {shlex.quote(str(project.directory))}",
        "pip install -e . --group test",
        "pytest",
        f"omega plugins check {plan.distribution}",
    ]


def _next_steps(project: Project) -> list[str]:
    plan, library = project.plan, project.library
    steps = ["Its tests pass as it stands (in an environment of its own, with pip 25.1 or later):"]
    steps += _commands(project)
    steps.append("Then make it yours:")
    if library is not None and not library.known:
        steps.append(
            f"- {library.module} is not installed here, so that nobody has looked at its class: "
            "see in pyproject.toml whether its package is called so, and from which release on."
        )
    if library is not None:
        steps.append(
            f"- {plan.package}/format.py: dump() and load() write the state of an object as JSON, "
            f"and refuse what is more than that. Put the format of {library.module} in their place."
        )
    elif plan.kind is not None:
        steps.append(
            f"- {plan.package}/objects.py and format.py: the class that it stores, and its file."
        )
    if plan.engine:
        steps.append(f"- {plan.package}/engine.py: your scheduler in the place of the processes.")
    if plan.scheme is not None:
        steps.append(f"- {plan.package}/filesystem.py: your service in the place of a directory.")
    if plan.wrappers:
        steps.append(
            f"- {plan.package}/wrappers.py: what is done around {', '.join(plan.wrappers)}."
        )
    if plan.license != "MIT":
        steps.append(f"- LICENSE: the text of {plan.license}, and license-files in pyproject.toml.")
    return [*steps, "The rest, up to the wheel: docs/publishing.md"]


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
    chosen = _chosen(options.config().plugins) if package is None else ([installed(package)], [])
    plugins, disabled = chosen
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
