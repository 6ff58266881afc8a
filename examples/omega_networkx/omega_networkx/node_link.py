"""Node-link JSON, a node or an edge to a line, so that neither side holds all of it as text."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import networkx as nx

CLASSES: dict[tuple[bool, bool], type[nx.Graph]] = {
    (False, False): nx.Graph,
    (True, False): nx.DiGraph,
    (False, True): nx.MultiGraph,
    (True, True): nx.MultiDiGraph,
}
"""By whether it is directed, and whether edges may be parallel."""

NODE, SOURCE, TARGET, KEY = "id", "source", "target", "key"
"""The names of networkx."""
TAKEN = {False: (SOURCE, TARGET), True: (SOURCE, TARGET, KEY)}


def write(graph: nx.Graph, order: Iterable[tuple[Any, Any]]) -> Iterator[bytes]:
    """Return the lines of a file that ``networkx.node_link_graph`` reads as well."""
    about = {
        "directed": graph.is_directed(),
        "multigraph": graph.is_multigraph(),
        "graph": graph.graph,
    }
    yield f"{json.dumps(about)[:-1]},\n".encode()
    yield b'"nodes": [\n'
    yield from _items({NODE: label, **data} for label, data in graph.nodes(data=True))
    yield b'],\n"edges": [\n'
    yield from _items(_edges(graph, order))
    yield b"]}\n"


def read(lines: Iterable[bytes] | BinaryIO, graph: nx.Graph) -> None:
    """Add to a graph what `write` wrote of one of its class."""
    left = iter(lines)
    about = json.loads(next(left, b"").rstrip(b",\n") + b"}")
    if CLASSES[about["directed"], about["multigraph"]] is not type(graph):
        raise ValueError(f"it is of another class than {type(graph).__name__}")
    graph.graph.update(about["graph"])
    _expect(left, b'"nodes": [\n')
    graph.add_nodes_from((node.pop(NODE), node) for node in _parsed(left, b"],\n"))
    _expect(left, b'"edges": [\n')
    names = TAKEN[graph.is_multigraph()]
    graph.add_edges_from(
        (*[edge.pop(name) for name in names], edge) for edge in _parsed(left, b"]}\n")
    )
    if next(left, None) is not None:
        raise ValueError("there is more after its end")


def order_of_edges(graph: nx.Graph) -> list[tuple[Any, Any]] | None:
    """Return the pairs that have edges, in an order in which they can be added to get the graph.

    Then each node has its neighbors in the order that it has now. An edge is added to both of its
    ends at a time: so it comes next when it is the next one at both ends. None where there is no
    such order, which takes somebody who has changed the inside of a graph.
    """
    directed = graph.is_directed()
    leaving = {node: deque(neighbors) for node, neighbors in graph.adjacency()}
    arriving = {node: deque(graph.pred[node]) for node in graph} if directed else leaving
    order = []
    asked = deque(graph)
    while asked:
        source = asked.popleft()
        while leaving[source]:
            target = leaving[source][0]
            if arriving[target][0] != source:
                break  # and it is asked again, when that other one is done
            order.append((source, target))
            leaving[source].popleft()
            if directed or source != target:
                arriving[target].popleft()
            if arriving[target]:
                asked.append(arriving[target][0])
    return None if any(leaving.values()) else order


def _edges(graph: nx.Graph, order: Iterable[tuple[Any, Any]]) -> Iterator[dict[str, Any]]:
    for source, target in order:
        found = graph.adj[source][target]
        if not graph.is_multigraph():
            yield {SOURCE: source, TARGET: target, **found}
            continue
        for key, data in found.items():
            yield {SOURCE: source, TARGET: target, KEY: key, **data}


def _items(values: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    before = ""
    for value in values:
        yield f"{before}{json.dumps(value)}".encode()
        before = ",\n"
    if before:
        yield b"\n"


def _parsed(lines: Iterator[bytes], end: bytes) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line == end:
            return
        yield json.loads(line.rstrip(b",\n"))
    raise ValueError("it ends too early")


def _expect(lines: Iterator[bytes], expected: bytes) -> None:
    line = next(lines, None)
    if line != expected:
        raise ValueError(f"expected {expected!r}, and found {line!r:.60}")
