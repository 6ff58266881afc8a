"""Whatever is shown is text, whoever wrote it: no value becomes markup, or moves a cursor."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omega_core.html.document import document
from omega_core.html.graph import Edge, graph
from omega_core.html.histogram import frequencies, histogram
from omega_core.html.markup import element, facts, framed, grid
from omega_core.text import printable, shown, table

OURS = {
    *("html", "head", "meta", "title", "style", "body", "div", "h1", "h2", "p", "table", "thead"),
    *("tbody", "tr", "th", "td", "dl", "dt", "dd", "span", "figure", "figcaption"),
    *("svg", "g", "rect", "text", "path"),
}
ODD = ["<script>alert(1)</script>", '" onload="alert(1)', "</style><img src=x onerror=y>", "&amp;"]
texts = st.text() | st.sampled_from(ODD)
values = texts | st.integers() | st.floats() | st.none() | st.binary() | st.lists(texts)


class Reader(HTMLParser):
    """Notes the elements of a page, their attributes, and all of its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@given(title=texts, key=texts, value=values, number=st.integers(0, 9))
def test_no_value_becomes_an_element_or_an_attribute(
    title: str, key: str, value: Any, number: int
) -> None:
    parts = [
        facts({key: value}),
        grid((title, key), [(value, key), (None, title)], note=key),
        element("p", value, class_=key),
        histogram([number, 0], key, value),
        frequencies([(value, number), (key, 1)]),
        graph({key: (title, key), "!": ("x", title)}, [Edge(key, "!", title)])
        if key != "!" else element("p"),
    ]  # fmt: skip
    for html in (framed(title, *parts), document(title, [(key, p) for p in parts], below=title)):
        html.encode("utf-8")
        seen = read(html)
        assert set(seen.tags) <= OURS
        assert not [name for name in seen.attributes if name.startswith("on") or name == "src"]


@given(text=st.text())
def test_text_comes_out_as_it_went_in_but_for_what_is_not_printable(text: str) -> None:
    assert read(element("p", printable(text))).text == printable(text)


def test_a_name_that_is_a_script_is_shown() -> None:
    html = framed("<script>alert(1)</script>")
    assert "<script>" not in html
    assert "<script>alert(1)</script>" in read(html).text


@given(rows=st.lists(st.tuples(values, values), max_size=4))
def test_a_table_of_text_has_a_line_for_each_row(rows: list[tuple[Any, Any]]) -> None:
    lines = table(("one", "two"), rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)


@given(value=values)
def test_a_value_is_one_line(value: Any) -> None:
    assert shown(value).isprintable()
    assert len(shown(value, 10)) <= 10 * 10 or isinstance(value, float)


def test_a_box_stands_right_of_all_that_lead_to_it() -> None:
    boxes = {key: (key, "") for key in "abcd"}
    edges = [Edge("a", "b", ""), Edge("b", "c", ""), Edge("a", "c", ""), Edge("d", "c", "")]
    svg = graph(boxes, edges)
    xs = {}
    for part in svg.split("<g>")[1:]:
        if "<rect" in part:
            key = part.split("<title>")[1][0]
            xs[key] = int(part.split('x="')[1].split('"')[0])
    assert xs["a"] < xs["b"] < xs["c"]
    assert xs["d"] < xs["c"]


def test_a_graph_that_goes_in_circles_is_drawn_as_well() -> None:
    boxes = {key: (key, "") for key in "ab"}
    assert "<svg" in graph(boxes, [Edge("a", "b", ""), Edge("b", "a", "")])
