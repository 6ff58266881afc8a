"""Graphs of networkx in an omega_core store. This module only declares: it imports no networkx."""

from __future__ import annotations

from omega_core import BackendSpec, hookimpl


@hookimpl
def backends() -> list[BackendSpec]:
    return [
        BackendSpec(
            "networkx.graph",
            "omega_networkx.graph:GraphBackend",
            types=["networkx:Graph"],
            summary="A graph, directed or not, with parallel edges or not, as node-link JSON.",
        )
    ]
