"""Looks at the built site: whether it loads anything from elsewhere, and leads somewhere.

``python docs/building/check.py site`` reads each page. Where there is a chromium, it visits some as
well, as files and from a server, and searches.
"""

from __future__ import annotations

import http.server
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "use": "href",
}
"""Which attribute of an element names something that is loaded with the page."""

VISITED = (
    "index.html",
    "tutorial/frames.html",
    "hooks/put.html",
    "reference/stores.html",
    "architecture.html",
)
SEARCHED, FOUND = "index.html?q=champion", "versions.html?h=champion"
WAITING = f"""
<iframe src="{SEARCHED}"></iframe><img src="wait">
<script>addEventListener("load", () => document.body.insertAdjacentHTML("beforeend",
document.querySelector("iframe").contentDocument.body.innerHTML))</script>
"""
"""Looks at the page once its worker is done, for which a browser without a window does not wait."""

RESULTS = re.compile(r'<ol class="md-search-result__list".*?</ol>', re.S)

ELSEWHERE = re.compile(r"(?i)^(?:https?:)?//")
IN_STYLE = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


class Page(HTMLParser):
    """What a page loads, where it leads, and where one can get to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.in_style = tag == "style"
        self.loads += styled(given.get("style", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(given.get("href", ""))
        elif tag in LOADS and LOADS[tag] in given:
            self.loads.append(given[LOADS[tag]])

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self.loads += styled(data)


def styled(text: str) -> list[str]:
    """Return what a style loads; of a picture inside of it, nothing."""
    found = (first or second for first, second in IN_STYLE.findall(text))
    return [url for url in found if not url.startswith(("data:", "#"))]


def read(site: Path) -> Iterator[str]:
    """Yield what is wrong with the files of the site."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in pages.items():
        where = path.relative_to(site)
        for url in page.loads:
            if ELSEWHERE.match(url):
                yield f"{where} loads {url}"
            elif not url.startswith("data:") and not _target(site, path, url).exists():
                yield f"{where} loads {url}, which is not there"
        for url in page.links:
            if re.match(r"[a-z]+:", url):
                continue
            target, anchor = _target(site, path, url), unquote(urldefrag(url).fragment)
            if not target.exists():
                yield f"{where} leads to {url}, which is not there"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                yield f"{where} leads to {url}, and there is no such place in it"
    for path in site.rglob("*.css"):
        for url in styled(path.read_text(encoding="utf-8")):
            if ELSEWHERE.match(url):
                yield f"{path.relative_to(site)} loads {url}"
    if len(pages) < 60:
        yield f"there are only {len(pages)} pages"


def _target(site: Path, page: Path, url: str) -> Path:
    path = unquote(urldefrag(url).url.partition("?")[0])
    if path.startswith("/"):
        return site / path[1:]
    return (page.parent / path).resolve() if path else page


class Recording(http.server.SimpleHTTPRequestHandler):
    """Serves the site, and keeps what it could not serve."""

    failed: list[str]

    def do_GET(self) -> None:
        if self.path not in ("/waiting.html", "/wait"):
            super().do_GET()
            return
        if self.path == "/wait":
            time.sleep(4)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(WAITING.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        if self.path != "/favicon.ico":  # which a browser asks for where a page names none
            self.failed.append(f"{self.path} is answered with {code}")
        super().send_error(code, message, explain)


def visit(site: Path, browser: str) -> Iterator[str]:
    """Yield what goes wrong in a browser that has no network but this site."""
    handler = type("Handler", (Recording,), {"failed": []})
    with (
        tempfile.TemporaryDirectory() as profile,
        _outside() as (proxy, asked),
        http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(handler, directory=str(site))
        ) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served = f"http://127.0.0.1:{server.server_port}/"
        for base, searched in ((served, "waiting.html"), (f"{site.as_uri()}/", SEARCHED)):
            for page in (*VISITED, searched):
                dom, errors = _rendered(browser, f"{base}{page}", profile, proxy)
                yield from (f"{base}{page}: {error}" for error in errors)
                if "md-content" not in dom:
                    yield f"{base}{page} is empty"
                if page == searched and FOUND not in "".join(RESULTS.findall(dom)):
                    yield f"{base}{page} does not find {FOUND}"
        server.shutdown()
    yield from handler.failed  # type: ignore[attr-defined]
    yield from (f"somebody asked for {request}" for request in asked)


def _rendered(browser: str, url: str, profile: str, proxy: int) -> tuple[str, list[str]]:
    """Return the document once its scripts have run, and what the browser complained of."""
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
            *("--disable-sync", "--disable-default-apps", "--enable-logging=stderr", "--v=0"),
            # Whatever is not on this machine is asked of the proxy, which takes note.
            f"--proxy-server=http://127.0.0.1:{proxy}",
            f"--user-data-dir={profile}",
            *([] if url.endswith("waiting.html") else ["--virtual-time-budget=8000"]),
            *("--dump-dom", url),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = re.findall(r":CONSOLE[^\]]*\] (.*)$", done.stderr, re.M)
    return done.stdout, console


@contextmanager
def _outside() -> Iterator[tuple[int, list[str]]]:
    """Stand in for all other machines: a port, and who asked there for what."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    line = connection.recv(1000).decode("latin-1").partition("\r\n")[0]
                    if not re.search(r"google|gvt1", line):  # the browser itself
                        asked.append(line)

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], asked
        server.shutdown(socket.SHUT_RDWR)


def main() -> int:
    site = Path(sys.argv[1]).resolve()
    wrong = [*read(site)]
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("There is no chromium on this machine: the site was read, and not visited.")
    else:
        wrong += visit(site, browser)
    print("\n".join(wrong) or "The site is whole: it loads nothing from elsewhere.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
