"""``omega plugins``: who is installed, who is enabled, who stores what, who stands around it.

list, enable and disable import no plugin, so they work whatever is wrong with one.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..inspection.plugins import inspect
from ..terminal.options import Invocation, Json, invocation
from ..terminal.output import STATE_STYLES, sheet, table, verbatim, warn

if TYPE_CHECKING:
    from ...plugins.discovery import Plugin
    from ...plugins.registry import Plugins
    from ..inspection.ownership import Answer

app = typer.Typer(help="The installed plugins.", no_args_is_help=True, rich_markup_mode="rich")

Id = Annotated[str, typer.Argument(metavar="ID", help="The plugin's short id, as in `list`.")]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the installed plugins, and which of them are enabled. Imports none of them.

    So a plugin that cannot be imported counts as enabled here; `omega doctor` tries.
    """
    from ...plugins.discovery import discover

    call = invocation(ctx)
    plugins = discover(call.config().plugins)

    def view() -> list[Any]:
        if not plugins:
            hint = "No plugin is installed. For a start: pip install omega-pandas omega-sklearn"
            return [verbatim(hint, "dim")]
        rows = table("plugin", "state", "package", "version", "summary")
        for p in plugins:
            state = verbatim(p.state, STATE_STYLES.get(p.state, "red"))
            about = verbatim(p.error, "red") if p.error else verbatim(p.summary)
            rows.add_row(verbatim(p.id, "bold"), state, p.distribution, p.version, about)
        return [rows]

    call.show([_record(plugin) for plugin in plugins], view)


@app.command()
def info(ctx: typer.Context, id_: Id, as_json: Json = False) -> None:
    """Show what a plugin offers. Imports it, if it is enabled; 1 if it does not work."""
    call = invocation(ctx)
    plugin = inspect(call.config(), only=id_)[id_]
    record = _record(plugin) | {
        "kinds": [{"kind": s.kind, "summary": s.summary, "types": s.types} for s in plugin.specs],
        "schemes": plugin.schemes,
        "engines": plugin.engines,
        "wraps": plugin.wraps,
    }

    def view() -> list[Any]:
        error = plugin.error
        facts = {
            "package": f"{plugin.distribution} {plugin.version}",
            "summary": plugin.summary,
            "state": verbatim(plugin.state, STATE_STYLES.get(plugin.state, "red")),
            "error": verbatim(error, "red") if error else None,
            "entry point": plugin.target,
            "URI schemes": ", ".join(plugin.schemes),
            "engines": ", ".join(plugin.engines),
            "wraps": ", ".join(plugin.wraps),
        }
        lines: list[Any] = [sheet(facts, title=f"plugin {plugin.id}")]
        if plugin.specs:
            rows = table("kind", "takes", "summary")
            for spec in plugin.specs:
                takes = "only by kind=" if spec.types is None else "\n".join(spec.types)
                rows.add_row(verbatim(spec.kind, "bold"), takes or "asks each", spec.summary)
            lines += ["", rows]
        elif plugin.state == "disabled":
            lines.append(verbatim("What it offers is not known, as it is not imported.", "dim"))
        return lines

    call.show(record, view)
    if plugin.error is not None:
        raise typer.Exit(1)


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
    from ..inspection.ownership import explain, look_up

    call = invocation(ctx)
    config = call.config()
    plugins = inspect(config)
    known = explain(plugins, config.plugins, subject)
    if known is not None:
        answers = [known]
    else:
        with call.omega() as om:
            answers = look_up(om, plugins, subject)
    call.show([asdict(answer) for answer in answers], lambda: [_sheet(a) for a in answers])
    if any(answer.error for answer in answers):
        raise typer.Exit(1)


@app.command()
def order(ctx: typer.Context, as_json: Json = False) -> None:
    """Show the plugins that wrap operations, in the order in which they run, outermost first.

    The setting `order` in the section plugins decides.
    """
    call = invocation(ctx)
    chains = _wrappers(inspect(call.config()))

    def view() -> list[Any]:
        if not chains:
            return [verbatim("No enabled plugin wraps an operation.", "dim")]
        rows = table("operation", "outermost first")
        for hook, ids in chains.items():
            rows.add_row(verbatim(hook, "bold"), verbatim(" → ".join([*ids, "the backend"])))
        return [rows]

    call.show(chains, view)


@app.command()
def enable(ctx: typer.Context, id_: Id, as_json: Json = False) -> None:
    """Enable a plugin in the configuration file in use."""
    _edit(invocation(ctx), id_, enable=True)


@app.command()
def disable(ctx: typer.Context, id_: Id, as_json: Json = False) -> None:
    """Disable a plugin in the configuration file in use; it is not even imported then."""
    _edit(invocation(ctx), id_, enable=False)


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
    from rich.text import Text

    # The line breaks between reasons are ours, and stay.
    because = Text("\n").join(
        verbatim(line) for text in answer.reasons for line in text.split("\n")
    )
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


def _wrappers(plugins: Plugins) -> dict[str, list[str]]:
    """Return the ids of the plugins around each operation, the outermost first."""
    from ...plugins.hookspecs import ROUTED

    chains = {}
    for hook in ROUTED:
        # pluggy lists them in the order of registration, and calls the last one first.
        implementations = getattr(plugins.manager.hook, hook).get_hookimpls()
        ids = [impl.plugin_name for impl in reversed(implementations) if impl.wrapper]
        if ids:
            chains[hook] = ids
    return chains


def _edit(call: Invocation, id_: str, *, enable: bool) -> None:
    from ...config import PluginsConfig, edit_plugins

    config = call.config().plugins
    mentioned = id_ in (config.enabled or ()) or id_ in config.disabled
    if enable or not mentioned:
        _require_installed(id_, PluginsConfig())
    path = _file(call)
    before = path.read_bytes() if path.exists() else None
    if enable:
        already = id_ not in config.disabled and (config.enabled is None or id_ in config.enabled)
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

    call.show(document, view)
    after = call.config().plugins
    chosen = id_ not in after.disabled and (after.enabled is None or id_ in after.enabled)
    if chosen != enable:
        warn(
            f"{id_} is not {word} for all that: an environment variable (OMEGA_PLUGINS__ENABLED or "
            "OMEGA_PLUGINS__DISABLED) wins over the file. Unset it."
        )


def _require_installed(id_: str, config: Any) -> None:
    from ...errors import PluginNotFoundError, suggestion
    from ...plugins.discovery import discover
    from ...plugins.remedies import installation

    installed = [plugin.id for plugin in discover(config)]
    if id_ not in installed:
        raise PluginNotFoundError(
            f"No plugin {id_!r} is installed.{suggestion(id_, installed) or installation(id_)} "
            f"Installed: {', '.join(installed) or 'none'}."
        )


def _file(call: Invocation) -> Path:
    """Return the file in use, or the one to make."""
    source = call.config().source
    return Path(source) if source is not None else Path.cwd() / "omega.toml"
