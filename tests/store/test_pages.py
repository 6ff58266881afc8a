"""An object as a page: whole without a network, and harmless whatever is stored."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import ObjectNotFoundError

EVIL = (
    '<script>document.title="ran"</script>'
    '<img src="http://127.0.0.1:{port}/x" onerror=\'document.title="ran"\'>'
)


@pytest.fixture
def visited() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine, and who asked there for what."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(1000).decode("latin-1"))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def rendered(tmp_path: Path) -> Callable[[str], str]:
    """What a browser makes of a page: its document, after whatever would run has run."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("there is no chromium on this machine")

    def render(page: str) -> str:
        place = tmp_path / "page.html"
        place.write_text(page, encoding="utf-8")
        command = [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
            f"--user-data-dir={tmp_path / 'profile'}",
            *("--virtual-time-budget=2000", "--dump-dom", place.as_uri()),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    return render


def test_a_browser_runs_nothing_of_a_page_and_asks_for_nothing(
    om: Omega, visited: tuple[int, list[str]], rendered: Callable[[str], str]
) -> None:
    port, asked = visited
    evil = EVIL.format(port=port)
    om.datasets.put({evil: evil, "k": [evil]}, evil[:100], attributes={"note": evil})
    om.datasets.put([{"a": evil, "b": n} for n in range(20)], evil[:100], kind="python.rows")
    for version in (1, 2):
        page = om.datasets.page(evil[:100], version=version)
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page
    dom = rendered(page)
    assert "<title>datasets" in dom
    assert "<script" not in dom
    # What keeps them out twice: even as markup, nothing runs, and nothing is fetched.
    page = page.replace("</body>", f"{evil}</body>")
    dom = rendered(page)
    assert "<script>" in dom
    assert "<title>ran" not in dom
    assert asked == []
    # And the browser would have: without the policy, it does.
    policy = page.index("<meta http-equiv=")
    dom = rendered(page[:policy] + page[page.index(">", policy) + 1 :])
    assert "<title>ran" in dom
    assert asked


def test_a_page_has_what_there_is_to_know(om: Omega) -> None:
    items = [{"qty": n, "city": ["Rome", "Bari"][n % 2]} for n in range(50)]
    om.datasets.put(items, "sales", kind="python.rows", attributes={"team": {"name": "north"}})
    om.datasets.put(items, "sales", kind="python.rows")
    page = om.datasets.page("sales")
    assert "<h1>datasets &#x27;sales&#x27;, version 2</h1>" in page
    for heading in ("Some rows", "Distributions", "Attributes", "Versions"):
        assert f"<h2>{heading}</h2>" in page
    assert "<dt>team.name</dt><dd>north</dd>" in page
    assert "<title>Rome: 25</title>" in page
    assert page.count('class="bar"') == 22  # of the numbers 20, and of the cities 2
    assert "version 1</h1>" in om.datasets.page("sales", version=1)
    with pytest.raises(ObjectNotFoundError, match="No object 'sale'"):
        om.datasets.page("sale")


def test_what_cannot_be_read_is_left_out_with_the_reason(om: Omega) -> None:
    om.datasets.put([{"a": n} for n in range(3)], "r", kind="python.rows")
    meta = om.datasets.metadata("r")
    assert meta is not None
    om.datasets.mongodb[meta.collection].delete_one({"a": 1})
    page = om.datasets.page("r")
    assert '<h2>Some rows</h2><p class="note">IntegrityError: ' in page
    assert "<h2>Versions</h2>" in page


@pytest.mark.needs_plugins("pandas", "sklearn")
def test_frames_and_models_have_pages_with_their_lineage(om: Omega) -> None:
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": np.arange(3000.0), "b": np.arange(3000) % 3})
    om.datasets.put(frame, "X")
    om.datasets.put(frame["b"], "y")
    om.models.put(LinearRegression(), "m")
    om.runtime.model("m").fit("X", "y").get()
    om.runtime.model("m").predict("X", rName="out").get()
    page = om.datasets.page("X")
    assert "of 1,000 rows from several places" in page
    assert "<h2>Used by</h2>" in page
    model = om.models.page("m")
    assert "sklearn.linear_model._base.LinearRegression" in model
    assert "<h2>Lineage</h2>" in model
    assert "<dt>made of.X</dt><dd>&#x27;X&#x27;, version 1</dd>" in model
    result = om.datasets.page("out")
    assert result.count("<rect") >= 4
    assert "model of predict" in result


def test_what_a_notebook_shows_is_escaped(om: Omega) -> None:
    name = "<script>alert(1)</script>"
    om.datasets.put({name: 1}, name, attributes={name: name})
    om.datasets.put({name: 2}, name)
    made: dict[str, Any] = {
        "omega": om[name],
        "store": om.datasets,
        "metadata": om.datasets.metadata(name),
        "versions": om.datasets.versions(name),
        "summary": om.datasets.describe(name),
        "difference": om.datasets.diff(name, 1),
        "lineage": om.datasets.lineage(name),
    }
    for called, value in made.items():
        html = value._repr_html_()
        assert "<script" not in html, called
        assert "&lt;script&gt;alert(1)" in html, called


class Printer:
    """What IPython gives to objects that print themselves."""

    def __init__(self) -> None:
        self.printed = ""

    def text(self, text: str) -> None:
        self.printed += text


def printed(value: Any) -> str:
    value._repr_pretty_(printer := Printer(), False)
    return printer.printed


def test_stores_show_how_many_objects_there_are_and_the_first(om: Omega) -> None:
    for number in range(25):
        om.datasets.put(number, f"n{number:02}")
    om.datasets.put(1, ".hidden")
    html, text = om.datasets._repr_html_(), printed(om.datasets)
    for shown in (html, text):
        assert "25 objects" in shown
        assert "n19" in shown
        assert "n20" not in shown
        assert "5 more" in shown
        assert "hidden" not in shown
    assert "25 datasets, 0 models, 0 jobs" in printed(om)
    assert "version" in printed(om.datasets.versions("n01"))
    assert om._ipython_key_completions_() == ["default"]


def test_what_cannot_ask_the_server_says_so(make_omega: Callable[..., Omega]) -> None:
    om = make_omega()
    om.datasets.put(1, "x")
    store = om.datasets
    om.close()
    for value in (om, store):
        assert "This Omega is closed" in printed(value)
        assert "This Omega is closed" in value._repr_html_()


@pytest.mark.needs_plugins("sklearn")
def test_results_show_how_they_ended(om: Omega) -> None:
    from sklearn.linear_model import LinearRegression

    om.models.put(LinearRegression(), "m")
    om.datasets.put([[1.0], [2.0]], "X")
    result = om.runtime.model("m").predict("X")
    result.exception()
    html = result._repr_html_()
    assert "failure" in html
    assert "not fitted" in html
