"""``omega plugins``: who is installed, who is enabled, who stores what, who stands around it.

list, enable and disable import no plugin, so they work whatever is wrong with one. What is for
authors of plugins stands in `authoring`.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..inspection.plugins import inspect, wrappers
from ..terminal.options import GlobalOptions, Json, global_options, group
from ..terminal.output import lines, sheet, table, verbatim, warn
from . import authoring

if TYPE_CHECKING:
    from rich.text import Text

    from ...config import PluginsConfig
    from ...plugins.discovery import Plugin
    from ...plugins.spec import BackendSpec
    from ..inspection.ownership import Answer

app = group("The installed plugins.")

_STATE_STYLES = {"enabled": "green", "disabled": "dim"}
"""How the state of a plugin is shown; every other state is a defect, and red."""

Id = Annotated[str, typer.Argument(metavar="ID", help="The plugin's short id, as in `list`.")]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the installed plugins, and which of them are enabled. Imports none of them.

    So a plugin that cannot be imported counts as enabled here; `omega doctor` tries.
    """
    from ...plugins.discovery import discover

    options = global_options(ctx)
    plugins = discover(options.config().plugins)

    def view() -> list[Any]:
        if not plugins:
            hint = "No plugin is installed. For a start: pip install omega-pandas omega-sklearn"
            return [verbatim(hint, "dim")]
        columns = ("plugin", "state", "package", "version", "summary")
        return [table(columns, map(_row, plugins))]

    options.show([_record(plugin) for plugin in plugins], view)


@app.command()
def info(ctx: typer.Context, id_: Id, as_json: Json = False) -> None:
    """Show what a plugin offers. Imports it, if it is enabled; 1 if it does not work."""
    options = global_options(ctx)
    plugin = inspect(options.config(), only=id_)[id_]
    record = _record(plugin) | {
        "kinds": [{"kind": s.kind, "summary": s.summary, "types": s.types} for s in plugin.specs],
        "schemes": plugin.schemes,
        "engines": plugin.engines,
        "file_formats": plugin.file_formats,
        "wraps": plugin.wraps,
    }

    def view() -> list[Any]:
        error = plugin.error
        facts = {
            "package": f"{plugin.distribution} {plugin.version}",
            "summary": plugin.summary,
            "state": _state(plugin),
            "error": verbatim(error, "red") if error else None,
            "entry point": plugin.target,
            "URI schemes": ", ".join(plugin.schemes),
            "engines": ", ".join(plugin.engines),
            "file formats": ", ".join(plugin.file_formats),
            "wraps": ", ".join(plugin.wraps),
        }
        shown: list[Any] = [sheet(facts, title=f"plugin {plugin.id}")]
        if plugin.specs:
            shown += ["", table(("kind", "takes", "summary"), map(_kind_row, plugin.specs))]
        elif plugin.state == "disabled":
            shown.append(verbatim("What it offers is not known, as it is not imported.", "dim"))
        return shown

    options.show(record, view, well=plugin.error is None)


@app.command()
def why(
    ctx: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(metavar="KIND_OR_NAME", help="A kind, or the name of an object."),
    ],
    as_json: Json = False,
) -> None:
    """Explain who stores a kind, or an object; who else would, and why that one does not.

    A name is looked for among the datasets, then the models, then the jobs. 1 if nobody stores it.
    """
    from ..inspection.ownership import explain_kind, explain_objects

    options = global_options(ctx)
    config = options.config()
    plugins = inspect(config)
    known = explain_kind(plugins, config.plugins, subject)
    if known is not None:
        answers = [known]
    else:
        with options.omega() as om:
            answers = explain_objects(om, plugins, subject)
    options.show(
        [asdict(answer) for answer in answers],
        lambda: map(_sheet, answers),
        well=not any(answer.error for answer in answers),
    )


@app.command()
def order(ctx: typer.Context, as_json: Json = False) -> None:
    """Show the plugins that wrap operations, in the order in which they run, outermost first.

    The setting `order` in the section plugins decides.
    """
    options = global_options(ctx)
    chains = wrappers(inspect(options.config()))

    def view() -> list[Any]:
        if not chains:
            return [verbatim("No enabled plugin wraps an operation.", "dim")]
        rows = (
            (verbatim(hook, "bold"), " → ".join([*ids, "the backend"]))
            for hook, ids in chains.items()
        )
        return [table(("operation", "outermost first"), rows)]

    options.show(chains, view)


@app.command()
def enable(ctx: typer.Context, id_: Id, as_json: Json = False) -> None:
    """Enable a plugin in the configuration file in use."""
    _edit(global_options(ctx), id_, enable=True)


@app.command()
def disable(ctx: typer.Context, id_: Id, as_json: Json = False) -> None:
    """Disable a plugin in the configuration file in use; it is not even imported then."""
    _edit(global_options(ctx), id_, enable=False)


for _command in (authoring.new, authoring.check):
    app.command(rich_help_panel=authoring.PANEL)(_command)


def _row(plugin: Plugin) -> tuple[object, ...]:
    about = verbatim(plugin.error, "red") if plugin.error else plugin.summary
    name = verbatim(plugin.id, "bold")
    return name, _state(plugin), plugin.distribution, plugin.version, about


def _state(plugin: Plugin) -> Text:
    return verbatim(plugin.state, _STATE_STYLES.get(plugin.state, "red"))


def _kind_row(spec: BackendSpec) -> tuple[object, ...]:
    takes = ("only by kind=",) if spec.types is None else spec.types or ("asks each",)
    return verbatim(spec.kind, "bold"), lines(takes), spec.summary


def _record(plugin: Plugin) -> dict[str, Any]:
    error = plugin.error
    cause = error.__cause__ if error is not None else None
    return {
        "id": plugin.id,
        "state": plugin.state,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "summary": plugin.summary,
        "target": plugin.target,
        "error": None if error is None else str(error),
        "cause": None if cause is None else f"{type(cause).__name__}: {cause}",
    }


def _sheet(answer: Answer) -> Any:
    # The line breaks in reasons are ours, and stay.
    because = lines("\n".join(answer.reasons).split("\n"))
    claims = "only by kind=" if answer.claims is None else ", ".join(answer.claims)
    chosen = verbatim(f"{answer.chosen} {answer.version}", "green") if answer.chosen else None
    facts = {
        "object": answer.object,
        "kind": verbatim(answer.kind, "bold"),
        "stored by": chosen or verbatim("nobody", "red"),
        "backend": answer.factory,
        "claims": (claims or "no type; is asked about each object") if chosen else None,
        "because": because or None,
        "error": verbatim(answer.error, "red") if answer.error else None,
    }
    return sheet(facts)


def _edit(options: GlobalOptions, id_: str, *, enable: bool) -> None:
    from ...config import edit_plugins

    loaded = options.config()
    config = loaded.plugins
    mentioned = id_ in (config.enabled or ()) or id_ in config.disabled
    if enable or not mentioned:
        _require_installed(id_)
    # The file in use, or the one to make.
    path = Path(loaded.source) if loaded.source is not None else Path.cwd() / "omega.toml"
    before = path.read_bytes() if path.exists() else None
    if enable:
        already = _is_enabled(config, id_)
    else:
        already = id_ in config.disabled and id_ not in (config.enabled or ())
    if not already:
        edit_plugins(path, enable=[id_] if enable else [], disable=[] if enable else [id_])
    changed = not already and before != path.read_bytes()
    word = "enabled" if enable else "disabled"
    document = {"id": id_, "enabled": enable, "file": str(path), "changed": changed}

    def view() -> list[Any]:
        if not changed:
            return [verbatim(f"{id_} is {word} already; nothing was changed.", "dim")]
        return [verbatim(f"✓ {word} {id_} in {path}", "green")]

    options.show(document, view)
    if _is_enabled(options.config().plugins, id_) != enable:
        warn(
            f"{id_} is not {word} for all that: an environment variable (OMEGA_PLUGINS__ENABLED or "
            "OMEGA_PLUGINS__DISABLED) wins over the file. Unset it."
        )


def _is_enabled(config: PluginsConfig, id_: str) -> bool:
    return id_ not in config.disabled and (config.enabled is None or id_ in config.enabled)


def _require_installed(id_: str) -> None:
    from ...config import PluginsConfig
    from ...errors import PluginNotFoundError, suggestion
    from ...plugins.discovery import discover
    from ...plugins.remedies import installation

    installed = [plugin.id for plugin in discover(PluginsConfig())]
    if id_ not in installed:
        raise PluginNotFoundError(
            f"No plugin {id_!r} is installed.{suggestion(id_, installed) or installation(id_)} "
            f"Installed: {', '.join(installed) or 'none'}."
        )
