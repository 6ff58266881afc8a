"""A graph comes back equal, or is refused before anything is written."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core import Omega, OmegaStore
from omega_core.errors import IntegrityError, UnsupportedValueError
from omega_core.testing import DataBackendTests

CLASSES = [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph]


def described(graph: nx.Graph) -> str:
    """Return all that a graph is, with every order that it has, and types that compare."""
    multi = graph.is_multigraph()
    neighbors = [
        (u, [(v, list(found.items()) if multi else found) for v, found in adjacent.items()])
        for u, adjacent in graph.adjacency()
    ]
    before = [(v, list(graph.pred[v])) for v in graph] if graph.is_directed() else None
    return repr((type(graph), graph.graph, list(graph.nodes(data=True)), neighbors, before))


def same(one: nx.Graph, other: nx.Graph) -> bool:
    return described(one) == described(other)


class TestGraphs(DataBackendTests):
    capabilities = frozenset({"uri", "describe"})

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        details = {"directed": True, "multigraph": True, "nodes": 2, "edges": 2}
        return {"details": details}

    @pytest.fixture
    def store(self, om: Omega) -> OmegaStore:
        return om.datasets

    @pytest.fixture
    def objects(self) -> list[Any]:
        roads = nx.MultiDiGraph(name="roads", since=1848)
        roads.add_edge("Bern", "Thun", key="A6", km=26.5)
        roads.add_edge("Bern", "Thun", key="old", tags=["scenic", {"open": True}])
        return [roads, nx.karate_club_graph(), nx.DiGraph(), nx.path_graph(3)]

    def same(self, one: Any, other: Any) -> bool:
        return same(one, other)


# --- equal, or refused ---------------------------------------------------------------------------

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
odd = st.sampled_from(
    [
        (1, 2),
        {1},
        b"x",
        dt.date(2026, 1, 1),
        float("nan"),
        float("inf"),
        1j,
        OrderedDict(a=1),
        {1: 2},
        object,
    ]
)
values = plain | odd
labels = st.integers(-3, 3) | st.text(max_size=2) | st.floats(allow_nan=False, allow_infinity=False)
odd_labels = st.tuples(st.integers()) | st.frozensets(st.integers()) | st.dates()


@st.composite
def graphs(draw: Any, label: Any, value: Any) -> nx.Graph:
    graph = draw(st.sampled_from(CLASSES))()
    data = st.dictionaries(
        st.text(max_size=3) | st.sampled_from(["id", "key", "source"]), value, max_size=2
    )
    graph.graph.update(draw(data))
    for node in draw(st.lists(label, max_size=5)):
        graph.add_node(node)
        graph.nodes[node].update(draw(data))
    for source, target, key in draw(st.lists(st.tuples(label, label, label), max_size=12)):
        if graph.is_multigraph():
            graph.add_edge(source, target, key)
            graph.edges[source, target, key].update(draw(data))
        else:
            graph.add_edge(source, target)
            graph.edges[source, target].update(draw(data))
    for edge in list(graph.edges)[::4]:
        graph.remove_edge(*edge)
    return graph


shared = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@shared
@given(graph=graphs(labels, plain) | graphs(labels | odd_labels, values))
def test_any_graph_comes_back_equal_or_is_refused_before_anything_is_written(
    om: Omega, graph: nx.Graph
) -> None:
    om.datasets.drop("g", missing_ok=True)
    before = described(graph)
    try:
        om.datasets.put(graph, "g")
    except UnsupportedValueError:
        assert om.datasets.metadata("g") is None
        return
    got = om.datasets.get("g")
    assert type(got) is type(graph)
    assert described(got) == before
    assert nx.utils.graphs_equal(got, graph)


@shared
@given(graph=graphs(st.integers(-3, 3) | st.text(max_size=2), plain))
def test_graphs_of_texts_and_numbers_are_not_refused(om: Omega, graph: nx.Graph) -> None:
    taken = {"id", "key", "source"}
    parts = [data for _, data in graph.nodes(data=True)] + [d for *_, d in graph.edges(data=True)]
    if any(taken & data.keys() for data in parts):
        return
    om.datasets.put(graph, "g")
    assert same(om.datasets.get("g"), graph)


def changed(change: Callable[[nx.Graph], object], cls: Any = nx.Graph) -> nx.Graph:
    graph = cls([("a", "b")])
    change(graph)
    return graph


def turned(graph: nx.Graph) -> None:
    """Give a node its neighbors in an order that nobody can have added them in."""
    nx.add_cycle(graph, "abcd")
    graph._adj["a"] = dict(reversed(graph._adj["a"].items()))


@pytest.mark.parametrize(
    ("graph", "told"),
    [
        (nx.grid_2d_graph(2, 2), r"the node \(0, 0\) is of type tuple.*Relabel"),
        (changed(lambda g: g.add_node(dt.date(2026, 1, 1))), "is of type date"),
        (changed(lambda g: g.nodes["a"].update(at=(1, 2))), "node 'a', 'at' is of type tuple"),
        (changed(lambda g: g.nodes["a"].update(id=1)), "node 'a' has an attribute 'id'.*Rename"),
        (changed(lambda g: g.edges["a", "b"].update(source=1)), "attribute 'source'"),
        (changed(lambda g: g.edges["a", "b"].update(w=float("nan"))), "'w' is nan"),
        (changed(lambda g: g.edges["a", "b"].update({7: 1})), "the key 7, a int"),
        (
            changed(lambda g: g.graph.update(at=[dt.date(2026, 1, 1)])),
            r"graph, 'at'\[0\] is of type date",
        ),
        (changed(lambda g: g.graph.update(n=10**5000)), "a number of 16610 bits"),
        (changed(lambda g: g.graph.update(own=g.graph)), "is nested more than 50 deep"),
        (
            changed(lambda g: g.add_edge("a", "b", (1, 2)), nx.MultiGraph),
            "the key .* is of type tuple",
        ),
        (changed(lambda g: g.edges["a", "b", 0].update(key=1), nx.MultiGraph), "attribute 'key'"),
        (changed(lambda g: setattr(g, "mine", 1)), "an attribute 'mine' of its own"),
        (nx.Graph([(0, 1), (2, 0.0)]), r"the node 0 is called 0\.0 by an edge. Relabel"),
        (nx.DiGraph([(0, 1), (True, 2)]), r"the node 1 is called True by an edge"),
        (changed(nx.freeze), "it is frozen, or a view"),
        (nx.path_graph(4).subgraph([0, 1]), "it is frozen, or a view"),
        (type("Ours", (nx.Graph,), {})(), "it is a Ours, and this kind stores Graph, DiGraph"),
        (
            changed(turned),
            "do not agree on the order",
        ),
    ],
    ids=str,
)
def test_what_json_would_change_is_refused_in_words(om: Omega, graph: nx.Graph, told: str) -> None:
    with pytest.raises(UnsupportedValueError, match=told):
        om.datasets.put(graph, "g")
    assert om.datasets.list(hidden=True) == []


def test_scalars_of_numpy_are_refused(om: Omega) -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(UnsupportedValueError, match="'w' is of type float64"):
        om.datasets.put(changed(lambda g: g.nodes["a"].update(w=numpy.float64(1.5))), "g")


# --- files ---------------------------------------------------------------------------------------


def test_what_is_exported_is_json_that_networkx_reads_itself(om: Omega, tmp_path: Path) -> None:
    roads = nx.MultiDiGraph([("Bern", "Thun", "A6", {"km": 26.5})], name="roads")
    om.datasets.put(roads, "roads")
    path = om.datasets.export("roads", tmp_path / "roads.zip")
    with zipfile.ZipFile(path) as archive:
        (payload,) = [
            name for name in archive.namelist() if name.endswith(".json") and "payload" in name
        ]
        document = json.loads(archive.read(payload))
    assert same(nx.node_link_graph(document, edges="edges"), roads)


def test_it_says_how_large_it_is(om: Omega) -> None:
    om.datasets.put(nx.complete_graph(4, nx.DiGraph), "g")
    told = om.datasets.describe("g")
    assert told.details == {"directed": True, "multigraph": False, "nodes": 4, "edges": 12}


def test_it_lies_at_a_uri_and_damage_is_told(
    make_omega: Callable[..., Omega], tmp_path: Path
) -> None:
    om = make_omega(uris={"allow": [f"{tmp_path.as_uri()}/"]})
    meta = om.datasets.put(nx.path_graph(2000), "g", uri=f"{tmp_path.as_uri()}/{{key}}")
    path = Path(str(meta.uri).removeprefix("file://"))
    assert path.suffix == ".json"
    assert same(om.datasets.get("g"), nx.path_graph(2000))
    text = path.read_text("utf-8")
    assert text.count('"target": 77}') == 1
    path.write_text(text.replace('"target": 77}', '"target": 78}'), "utf-8")
    with pytest.raises(IntegrityError, match=r"'g'.*damaged"):
        om.datasets.get("g")


@pytest.mark.parametrize(
    ("cut", "told"),
    [
        (lambda text: text.replace('"directed": false', '"directed": true'), "another class"),
        (lambda text: text.replace('{"id": 1},\n', ""), None),
        (lambda text: text.replace('{"id": 2}\n', ""), None),
        (lambda text: text.replace('"source": 1, ', ""), "KeyError"),
        (lambda text: text[:-4], "ends too early"),
        (lambda text: text + "more", "more after its end"),
        (lambda text: text.replace('"edges"', '"links"'), "links"),
        (lambda text: "[" * 100_000, "no graph"),
        (lambda text: "", "no graph"),
        (lambda text: text.replace('{"id": 2}', '{"id": [1]}'), "TypeError"),
    ],
)
def test_a_file_that_somebody_else_wrote_is_an_error_and_no_other_graph(
    om: Omega, monkeypatch: pytest.MonkeyPatch, cut: Callable[[str], str], told: str | None
) -> None:
    from omega_networkx import graph as backend

    def write(*given: Any) -> list[bytes]:
        return [cut(b"".join(original(*given)).decode()).encode()]

    original = backend.write
    monkeypatch.setattr(backend, "write", write)
    om.datasets.put(nx.path_graph(3), "g")
    if told is None:  # an edge brings its nodes
        assert set(om.datasets.get("g")) == {0, 1, 2}
        return
    with pytest.raises(IntegrityError, match=told):
        om.datasets.get("g")


def test_to_declare_it_imports_no_networkx() -> None:
    code = "import sys, omega_networkx; sys.exit('networkx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
