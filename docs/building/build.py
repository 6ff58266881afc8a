"""What the build of the site adds to MkDocs: pages from other places, generated ones, pictures.

The pages stay as they are read in the repository. A link to a file that is a page of the site
becomes a link to that page; one to a file that is none, such as source code, becomes its path.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import commands
import configuration
import mmdr
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]

ELSEWHERE = {
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    **{
        f"plugins/{path.name}/README.md": f"packages/{path.name}.md"
        for path in sorted((ROOT / "plugins").glob("omega_*"))
    },
    **{
        f"examples/{path.name}/README.md": f"examples/{path.name}.md"
        for path in sorted((ROOT / "examples").glob("omega_*"))
    },
}
"""Files of the repository that are pages, and where they stand in the site."""

SOURCES = {page: source for source, page in ELSEWHERE.items()}

GENERATED = {
    "<!-- generated: configuration -->": configuration.reference,
    "<!-- generated: commands -->": commands.reference,
}
"""What stands in a page for what is made of the code."""

LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
FENCED = re.compile(r"^(?P<fence>```+).*?^(?P=fence)$", re.M | re.S)
COMMENT = re.compile(r"^ *<!-- .*?-->\n", re.M | re.S)
"""What the tests are told of a page."""
MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.M | re.S)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that do not lie in ``docs/``."""
    for source, page in ELSEWHERE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in what is generated, draw the pictures, and turn the links."""
    for mark, generate in GENERATED.items():
        if mark in markdown:
            markdown = markdown.replace(mark, generate())
    uri = page.file.src_uri
    source = Path(SOURCES.get(uri, f"docs/{uri}"))
    markdown = _outside_of_code(markdown, lambda text: _turn_links(text, source, uri))
    return MERMAID.sub(lambda found: _picture(found[1]), markdown)


def _turn_links(text: str, source: Path, uri: str) -> str:
    """Lead the links of a file to pages of the site, and leave out what only tests are told."""

    def turned(found: re.Match[str]) -> str:
        path, hash, anchor = found["target"].partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return found[0]
        target = os.path.normpath(source.parent / path)
        page = site_page(target)
        if page is not None:
            there = os.path.relpath(page, Path(uri).parent)
            text = found["text"]
            if text == Path(target).name and text.endswith(".md"):
                text = _title(target)  # in the site, nobody knows the names of the files
            return f"[{text}]({there}{hash}{anchor})"
        if (ROOT / target).exists() and not target.startswith("docs/"):
            return found["text"] if "`" in found["text"] else f"{found['text']} (`{target}`)"
        return found[0]  # a mistake, of which MkDocs tells

    return LINK.sub(turned, COMMENT.sub("", text))


def _title(path: str) -> str:
    first = (ROOT / path).read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ")


def site_page(path: str) -> str | None:
    """Return where a file of the repository stands in the site, if it is a part of it."""
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/") and (ROOT / path).is_file():
        return path.removeprefix("docs/")
    return None


def _outside_of_code(markdown: str, change: Any) -> str:
    parts, end = [], 0
    for block in FENCED.finditer(markdown):
        parts += [change(markdown[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, change(markdown[end:])])


def _picture(source: str) -> str:
    """Draw a flowchart: in the page itself, so that nothing has to be loaded to see it."""
    return f'<div class="picture">{mmdr.render(source).svg()}</div>'
