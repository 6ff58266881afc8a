"""What JSON would not bring back of a graph, and where it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import networkx as nx

from .node_link import CLASSES, NODE, TAKEN

DEEPEST = 50
LARGEST = 2**4096  # json refuses to write, or to read, much longer numbers

STATE = frozenset(vars(nx.MultiDiGraph())) | frozenset(vars(nx.MultiGraph()))
"""What a graph has by itself."""
DERIVED = frozenset({"adj", "succ", "pred", "nodes", "edges", "degree", "in_edges", "out_edges"})
DERIVED |= {"in_degree", "out_degree", "__networkx_cache__"}
"""Views, which networkx keeps once they were asked for."""


def first_fault(graph: Any) -> str | None:
    """Return what of a graph would come back as something else, for people; None if nothing."""
    if type(graph) not in CLASSES.values():
        names = ", ".join(cls.__name__ for cls in CLASSES.values())
        return f"it is a {type(graph).__name__}, and this kind stores {names}, and no subclass."
    if nx.is_frozen(graph):
        return (
            "it is frozen, or a view of another graph, and would come back as neither: put a "
            "copy(), if that will do."
        )
    own = sorted(set(vars(graph)) - STATE - DERIVED)
    if own:
        return (
            f"it has an attribute {own[0]!r} of its own, which the format has no place for. Put "
            "it into graph.graph."
        )
    return next(_faults(graph), None)


def _faults(graph: nx.Graph) -> Iterator[str]:
    yield from _in_value(graph.graph, "graph.graph", 0)
    for label, data in graph.nodes(data=True):
        where = f"the node {label!r:.60}"
        yield from _in_label(label, where)
        yield from _in_data(data, where, {NODE})
    yield from _in_ends(graph)
    taken = TAKEN[graph.is_multigraph()]
    for source, neighbors in graph.adjacency():
        for target, found in neighbors.items():
            where = f"the edge from {source!r:.60} to {target!r:.60}"
            parallel = found.items() if graph.is_multigraph() else [(None, found)]
            for key, data in parallel:
                if graph.is_multigraph():
                    yield from _in_label(key, f"the key {key!r:.60} of {where}")
                yield from _in_data(data, where, taken)


def _in_ends(graph: nx.Graph) -> Iterator[str]:
    """Compare the labels at the ends of edges with those of the nodes, since 0 is also 0.0."""
    labels = {label: label for label in graph}
    for adjacency in (graph.adj, graph.pred) if graph.is_directed() else (graph.adj,):
        for neighbors in adjacency.values():
            for label in neighbors:
                if label is not labels[label] and repr(label) != repr(labels[label]):
                    yield (
                        f"the node {labels[label]!r} is called {label!r} by an edge. Relabel: "
                        "networkx.relabel_nodes(graph, str)."
                    )


def _in_label(value: Any, where: str) -> Iterator[str]:
    if type(value) in (str, int, float, bool):
        yield from _in_value(value, where, 0)
        return
    yield (
        f"{where} is of type {type(value).__name__}, and JSON has texts and numbers. Relabel: "
        "networkx.relabel_nodes(graph, str), or convert_node_labels_to_integers(graph)."
    )


def _in_data(data: dict[Any, Any], where: str, taken: Iterable[str]) -> Iterator[str]:
    for name in taken:
        if name in data:
            yield (
                f"{where} has an attribute {name!r}, which node-link JSON takes for itself. "
                "Rename it."
            )
    yield from _in_value(data, where, 0)


def _in_value(value: Any, where: str, depth: int) -> Iterator[str]:
    kind = type(value)
    if depth > DEEPEST:
        yield f"{where} is nested more than {DEEPEST} deep."
    elif kind is dict:
        for key, part in value.items():
            if type(key) is not str:
                yield (
                    f"{where} has the key {key!r:.60}, a {type(key).__name__}, and JSON makes "
                    "a text of it."
                )
            else:
                yield from _in_value(part, f"{where}, {key!r}", depth + 1)
    elif kind is list:
        for number, part in enumerate(value):
            yield from _in_value(part, f"{where}[{number}]", depth + 1)
    elif kind is float and not math.isfinite(value):
        yield f"{where} is {value}, which is no number of JSON."
    elif kind is int and abs(value) >= LARGEST:
        yield f"{where} is a number of {value.bit_length()} bits."
    elif value is not None and kind not in (str, int, float, bool):
        yield f"{where} is of type {kind.__name__}, which JSON does not have."
