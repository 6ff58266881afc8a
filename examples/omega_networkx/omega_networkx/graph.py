"""``networkx.graph``: a graph as one file of JSON, in the shape that networkx calls node-link."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import networkx as nx

from omega_core import BaseDataBackend, Metadata, Summary
from omega_core.errors import IntegrityError, UnsupportedValueError
from omega_core.shapes import CHECKSUM, fields, flag, integer, one_of

from .faithful import first_fault
from .node_link import CLASSES, order_of_edges, read, write

SHAPE = fields(
    {
        "format": one_of(1),
        "directed": flag,
        "multigraph": flag,
        "nodes": integer(),
        "edges": integer(),
    }
)


class GraphBackend(BaseDataBackend):
    """Stores what JSON brings back as it was, and refuses the rest before anything is written."""

    extension = "json"

    def put(
        self,
        obj: nx.Graph,
        name: str,
        attributes: dict[str, Any] | None = None,
        uri: str | None = None,
        **kwargs: Any,
    ) -> Metadata:
        fault, order = first_fault(obj), None
        if fault is None and (order := order_of_edges(obj)) is None:
            fault = "its nodes do not agree on the order of their edges: put a copy() of it."
        if order is None:
            raise UnsupportedValueError(f"{name!r}: {fault} Nothing was stored.")
        meta = self.data_store.make_metadata(name, "networkx.graph", attributes=attributes)
        meta.kind_meta = {
            "format": 1,
            "directed": obj.is_directed(),
            "multigraph": obj.is_multigraph(),
            "nodes": obj.number_of_nodes(),
            "edges": obj.number_of_edges(),
        }
        with self.data_store.create_file(meta, self.extension, uri=uri) as file:
            for line in write(obj, order):
                file.write(line)
        return meta.save()

    def misshapen(self, meta: Metadata) -> str | None:
        return SHAPE(meta.kind_meta, "kind_meta") or CHECKSUM(meta.integrity, "integrity")

    def get(self, name: str, **kwargs: Any) -> nx.Graph:
        meta = self.data_store.metadata(name)
        assert meta is not None
        told = meta.kind_meta
        graph = CLASSES[told["directed"], told["multigraph"]]()
        with self.data_store.open_file(meta) as file:
            try:
                read(file, graph)
            # What damage is, the file says itself; this is a file that somebody else wrote.
            except (ValueError, KeyError, TypeError, RecursionError, nx.NetworkXException) as exc:
                raise IntegrityError(f"{meta!r} is no graph in node-link JSON: {exc!r}") from exc
        if (len(graph), graph.number_of_edges()) != (told["nodes"], told["edges"]):
            raise IntegrityError(f"{meta!r}: it says {told}, and the file has {graph}.")
        return graph

    def describe(self, name: str, **kwargs: Any) -> Summary:
        meta = self.data_store.metadata(name)
        assert meta is not None
        told = {key: value for key, value in meta.kind_meta.items() if key != "format"}
        return replace(super().describe(name), details=told)
